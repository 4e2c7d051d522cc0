"""The options of `raypp stream` and `raypp site doctor`, made into an agent's settings, and the agent run."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.console import JsonConsole
from raypp.cli.flags import with_flags
from raypp.edge.agent import Agent
from raypp.edge.cameras_file import CameraSettings, SiteCameras, rate_of
from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.settings import AgentSettings
from raypp.edge.sizing import settle_size
from raypp.edge.status import SiteStatus
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import OptionError
from raypp.io.tracing import start as start_tracing
from raypp.io.tracing import stop as stop_tracing
from raypp.key_sources.place import KeyPlace, key_place
from raypp.text.finding import Finding
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import KEY_VARIABLE


@dataclass(frozen=True)
class Place:
    """Options that every agent needs."""

    server: str
    token_path: Path
    site: str
    spool: Path
    key_path: KeyPlace


def print_findings(findings: list[Finding], console: Console) -> None:
    """Print the doctor's findings as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("check", "", "finding"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(escape(finding.what), finding.verdict.value, escape(with_flags(finding.says)))
    console.print(table, highlight=False, markup=False)


def line_printer(console: Console) -> Callable[[str], None]:
    """Return what prints one line to the operator, with the time of day."""

    def say(text: str) -> None:
        moment = "" if isinstance(console, JsonConsole) else f"{time.strftime('%H:%M:%S')} "
        console.print(with_flags(f"{moment}{text}"), highlight=False, markup=False)

    return say


async def run_agent(
    settings: AgentSettings,
    size: int | None,
    cameras: dict[str, CameraSettings],
    config: Path | None,
    say: Callable[[str], None],
) -> SiteStatus:
    """Run the agent until its recordings end or a signal stops it; returns what became of each camera's frames."""
    start_tracing("agent")
    try:
        settled, message = await settle_size(settings, size, cameras)
        settled.check()
        if message:
            say(message)
        return await Agent(settled, cameras, say, config).run()
    finally:
        stop_tracing()


def find_place(
    server: str | None, token_file: Path | None, site: str | None, spool: Path | None, key: str | None, *, named: bool
) -> Place:
    """Check that all is given, and tell at once what is not. No key is looked for where an owner's would lie."""
    key = key or os.environ.get(KEY_VARIABLE)
    if server and token_file and site and spool and key and named:
        return Place(server, token_file, site, spool, key_place(key))
    wanted = {
        "sources and --camera, or --config with the cameras of the site": named,
        "--site with the site's name": site,
        "--key with the site key that the owner derived": key,
        "--server HOST:PORT": server,
        "--token-file with the site's token": token_file,
        "--spool with a folder for what waits to be sent": spool,
    }
    raise OptionError(f"give {'; '.join(what for what, value in wanted.items() if not value)}")


def cameras_of(
    sources: list[str],
    camera: str | None,
    config: Path | None,
    rate: Fraction | None,
    realtime: bool,
    time_from: str | None,
    timezone: str,
    watch: bool,
) -> dict[str, CameraSettings]:
    """Return the settings of each camera: of those in the file, or of the one that the options describe.

    Raises:
        OptionError: if both are given, or the file cannot be read.
    """
    if config is not None:
        if sources or camera:
            raise OptionError("--config names the cameras; leave out the sources and --camera")
        return SiteCameras.load(config).cameras
    assert camera is not None  # noqa: S101 - the caller has checked
    settings = CameraSettings(
        source=tuple(sources),
        fps=rate,
        realtime=realtime,
        time_from=time_from,
        timezone=timezone,
        watch=CameraHealthSettings() if watch else None,
    )
    return {camera: settings}


def agent_settings(
    place: Place, connection: ServiceConnection, spec: Path | None, size: int | None, masks: Path | None
) -> AgentSettings:
    """Return the settings of an agent at a place; without a spec, the site key's own veil is used."""
    chosen, encoder = spec_and_encoder(spec) if spec else (None, None)
    return AgentSettings(
        site=place.site,
        connection=connection,
        key_path=place.key_path,
        spool=place.spool,
        spec=chosen,
        encoder_path=encoder,
        size=size or AgentSettings.size,
        masks_path=masks,
    )


def connect(
    place: Place,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    cert_key: Path | None,
    server_name: str | None,
    insecure: bool,
) -> ServiceConnection:
    """Return how the service is reached; raises OptionError for options that do not go together."""
    connection = ServiceConnection(
        server=place.server,
        token_path=place.token_path,
        tls=tls or ca is not None or cert is not None,
        ca_path=ca,
        cert_path=cert,
        cert_key_path=cert_key,
        server_name=server_name,
        insecure=insecure,
    )
    connection.check()
    return connection


def parse_fps(text: str) -> Fraction | None:
    """Read a rate such as 2 or 1/5; None for every frame. Raises OptionError."""
    try:
        return rate_of(text)
    except ValueError as error:
        raise OptionError(f"--fps {error}") from None
