"""The `raypp stream` command and `raypp site doctor`."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.flags import with_flags
from raypp.cli.json_file import write_json
from raypp.cli.options import CameraName, JsonFile
from raypp.edge.agent import Agent
from raypp.edge.cameras_file import CameraSettings, SiteCameras, rate_of
from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.doctor import Finding, examine
from raypp.edge.settings import OWNERS_KEY, AgentSettings
from raypp.edge.sizing import settle_size
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.status import SiteStatus
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import OptionError
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import KEY_VARIABLE

_ServerOption = Annotated[str | None, typer.Option(help="The service, HOST:PORT.  [required]")]
_TokenOption = Annotated[Path | None, typer.Option("--token-file", help="File with the site's token.  [required]")]
_SiteOption = Annotated[str | None, typer.Option(help="Name of the site.  [required]")]
_SpoolOption = Annotated[
    Path | None, typer.Option(help="Folder for what is captured and not yet committed.  [required]")
]
_KeyOption = Annotated[Path | None, typer.Option(help="The site's key (default: RAYPP_KEY_FILE).")]
_SpecOption = Annotated[
    Path | None,
    typer.Option(help="Veil spec, JSON, or the encoder file of a learned veil (default: the site key's own)."),
]
_SizeOption = Annotated[
    int | None, typer.Option(help="Side of the square frames are letterboxed into (default: the model's, as served).")
]
_MasksOption = Annotated[Path | None, typer.Option(help="Privacy masks: polygons per camera, JSON or YAML.")]
_ConfigOption = Annotated[Path | None, typer.Option(help="Cameras of the site, YAML; read again whenever it changes.")]
_TlsOption = Annotated[bool, typer.Option("--tls", help="Speak TLS, trusting the system's certificates.")]
_CaOption = Annotated[Path | None, typer.Option(help="Speak TLS, trusting this CA.")]
_CertOption = Annotated[Path | None, typer.Option(help="The site's own certificate, for mutual TLS.")]
_CertKeyOption = Annotated[Path | None, typer.Option("--cert-key", help="Key of that certificate.")]
_InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Send token and codes over a network without TLS, for everybody to read.")
]
_NameOption = Annotated[str | None, typer.Option("--server-name", help="Name in the service's certificate.")]


def stream(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Videos, folders, URLs; or one camera: rtsp://, http://, /dev/video0.")
    ] = None,
    camera: CameraName = None,
    server: _ServerOption = None,
    token_file: _TokenOption = None,
    site: _SiteOption = None,
    spool: _SpoolOption = None,
    config: _ConfigOption = None,
    key: _KeyOption = None,
    spec: _SpecOption = None,
    size: _SizeOption = None,
    fps: Annotated[str, typer.Option(help="Frames to send per second, such as 2 or 1/5, or every.")] = "2",
    realtime: Annotated[bool, typer.Option("--realtime", help="Read recordings at their own pace.")] = False,
    time_from: Annotated[
        str | None, typer.Option(help="Capture time of recordings: metadata, name:PATTERN, or an ISO start time.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of those times, such as Europe/Berlin.")] = "UTC",
    masks: _MasksOption = None,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Report a covered, frozen or moved camera as not observed.")
    ] = True,
    tls: _TlsOption = False,
    ca: _CaOption = None,
    cert: _CertOption = None,
    cert_key: _CertKeyOption = None,
    server_name: _NameOption = None,
    insecure: _InsecureOption = False,
    spool_mb: Annotated[float, typer.Option(help="Megabytes that a camera's spool may take.", min=1)] = 10_000,
    when_full: Annotated[DropPolicy, typer.Option(help="What happens when it is full.")] = DropPolicy.BLOCK,
    chunk_frames: Annotated[int, typer.Option(help="Frames of a chunk.", min=1)] = 8,
    chunk_seconds: Annotated[float, typer.Option(help="Longest time that a frame waits for its chunk.")] = 4.0,
    hang_seconds: Annotated[float, typer.Option(help="A camera silent for so long is opened anew.", min=1)] = 30.0,
    json_file: JsonFile = None,
) -> None:
    """Watch, veil and stream cameras to the service; nothing captured is lost while the link is down.

    Recordings are streamed once, to their end, and the command ends with them; it may be killed and run again at any
    moment. Live cameras are streamed until the command is stopped; with --config it always goes on.

    Example: raypp stream rtsp://camera/1 --site plant-1 --camera gate --key plant-1.key --server raypp:443 --ca ca.pem
    --token-file token --spool /var/lib/raypp/spool

    Example: raypp stream --config cameras.yaml --site plant-1 --server raypp:443 --tls --token-file token --spool spool
    """
    console = Console(stderr=True, soft_wrap=True)
    place = _place(server, token_file, site, spool, key, named=bool(config or (sources and camera)))
    cameras = _cameras(sources or [], camera, config, _fps(fps), realtime, time_from, timezone, watch)
    connection = _connection(place, tls, ca, cert, cert_key, server_name, insecure)
    settings = replace(
        _settings(place, connection, spec, size, masks),
        limit_bytes=int(spool_mb * 1e6),
        policy=when_full,
        chunk_frames=chunk_frames,
        chunk_s=chunk_seconds,
        hang_s=hang_seconds,
    )
    settings.check()
    say = _sayer(console)
    settings.veil_id(settings.veil_spec(), cameras)
    if settings.has_owners_key:
        say(f"warning: {OWNERS_KEY}")
    if settings.connection.is_open_to_all:
        say(f"warning: {server} is reached without TLS: whoever is on the way reads token and codes")
    status = asyncio.run(_run(settings, size, cameras, config, say))
    for line in status.lines():
        console.print(line, highlight=False, markup=False)
    if waiting := sum(camera_status.waiting_frames for camera_status in status.cameras.values()):
        refused = any(camera_status.refused for camera_status in status.cameras.values())
        remedy = "see to what the service refuses, as told above, then " if refused else ""
        say(f"{waiting} frames wait in {place.spool}; {remedy}run the same command again to send them")
    write_json(json_file, status)
    end_with_attention(any(one.dropped_frames or one.aside_frames or one.refused for one in status.cameras.values()))


def doctor(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources of one camera, as for `raypp stream`.")] = None,
    camera: CameraName = None,
    server: _ServerOption = None,
    token_file: _TokenOption = None,
    site: _SiteOption = None,
    spool: _SpoolOption = None,
    config: _ConfigOption = None,
    key: _KeyOption = None,
    spec: _SpecOption = None,
    size: _SizeOption = None,
    masks: _MasksOption = None,
    tls: _TlsOption = False,
    ca: _CaOption = None,
    cert: _CertOption = None,
    cert_key: _CertKeyOption = None,
    server_name: _NameOption = None,
    insecure: _InsecureOption = False,
) -> None:
    """Check all that a site's agent needs: clock, link, token, key and veil, cameras, disk. Changes nothing.

    Takes the options of `raypp stream`; exits with 3 if the agent would not work.

    Example: raypp site doctor --config cameras.yaml --site plant-1 --server raypp:443 --tls --token-file token
    --spool spool
    """
    place = _place(server, token_file, site, spool, key, named=bool(config or (sources and camera)))
    cameras = _cameras(sources or [], camera, config, Fraction(2), False, None, "UTC", False)
    connection = _connection(place, tls, ca, cert, cert_key, server_name, insecure)
    findings = asyncio.run(examine(_settings(place, connection, spec, size, masks), cameras, size))
    print_findings(findings, Console())
    end_with_attention(any(finding.is_wrong for finding in findings))


def print_findings(findings: list[Finding], console: Console) -> None:
    """Print what the doctor found as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("check", "", "finding"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(escape(finding.what), finding.verdict.value, escape(with_flags(finding.says)))
    console.print(table, highlight=False, markup=False)


def _sayer(console: Console) -> Callable[[str], None]:
    """Say one line to the operator, with the time of day."""
    return lambda text: console.print(with_flags(f"{time.strftime('%H:%M:%S')} {text}"), highlight=False, markup=False)


async def _run(
    settings: AgentSettings,
    size: int | None,
    cameras: dict[str, CameraSettings],
    config: Path | None,
    say: Callable[[str], None],
) -> SiteStatus:
    settled, told = await settle_size(settings, size, cameras)
    settled.check()
    if told:
        say(told)
    return await Agent(settled, cameras, say, config).run()


@dataclass(frozen=True)
class _Place:
    """What every agent needs to be told."""

    server: str
    token_path: Path
    site: str
    spool: Path
    key_path: Path


def _place(
    server: str | None, token_file: Path | None, site: str | None, spool: Path | None, key: Path | None, *, named: bool
) -> _Place:
    """Check that all is given, and tell at once what is not. No key is looked for where an owner's would lie."""
    variable = os.environ.get(KEY_VARIABLE)
    key = key or (Path(variable) if variable else None)
    if server and token_file and site and spool and key and named:
        return _Place(server, token_file, site, spool, key)
    wanted = {
        "sources and --camera, or --config with the cameras of the site": named,
        "--site with the site's name": site,
        "--key with the site key that the owner derived": key,
        "--server HOST:PORT": server,
        "--token-file with the site's token": token_file,
        "--spool with a folder for what waits to be sent": spool,
    }
    raise OptionError(f"give {'; '.join(what for what, value in wanted.items() if not value)}")


def _cameras(
    sources: list[str],
    camera: str | None,
    config: Path | None,
    rate: Fraction | None,
    realtime: bool,
    time_from: str | None,
    timezone: str,
    watch: bool,
) -> dict[str, CameraSettings]:
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


def _settings(
    place: _Place, connection: ServiceConnection, spec: Path | None, size: int | None, masks: Path | None
) -> AgentSettings:
    chosen, encoder = spec_and_encoder(spec) if spec else (None, None)  # none: the site key's own
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


def _connection(
    place: _Place,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    cert_key: Path | None,
    server_name: str | None,
    insecure: bool,
) -> ServiceConnection:
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


def _fps(text: str) -> Fraction | None:
    try:
        return rate_of(text)
    except ValueError as error:
        raise OptionError(f"--fps {error}") from None
