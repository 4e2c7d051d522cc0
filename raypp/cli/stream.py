"""The `raypp stream` command and `raypp site doctor`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.options import CameraName, JsonFile, key_option
from raypp.edge.spool.drop_policy import DropPolicy

_ServerOption = Annotated[str | None, typer.Option(help="The service, HOST:PORT.  [required]")]
_TokenOption = Annotated[Path | None, typer.Option("--token-file", help="File with the site's token.  [required]")]
_SiteOption = Annotated[str | None, typer.Option(help="Name of the site.  [required]")]
_SpoolOption = Annotated[
    Path | None, typer.Option(help="Folder for what is captured and not yet committed.  [required]")
]
_KeyOption = Annotated[str | None, key_option("The site's key (default: RAYPP_KEY_FILE).")]
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
    device: Annotated[
        str, typer.Option(help="Name of this agent at its site; each agent of a site needs a name of its own.")
    ] = "agent",
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
    import asyncio
    from dataclasses import replace

    from raypp.cli.site_agent import agent_settings, cameras_of, connect, find_place, line_printer, parse_fps, run_agent
    from raypp.edge.settings import OWNERS_KEY

    console = error_console()
    place = find_place(server, token_file, site, spool, key, named=bool(config or (sources and camera)))
    cameras = cameras_of(sources or [], camera, config, parse_fps(fps), realtime, time_from, timezone, watch)
    connection = connect(place, tls, ca, cert, cert_key, server_name, insecure)
    settings = replace(
        agent_settings(place, connection, spec, size, masks),
        limit_bytes=int(spool_mb * 1e6),
        policy=when_full,
        chunk_frames=chunk_frames,
        chunk_s=chunk_seconds,
        hang_s=hang_seconds,
        device=device,
    )
    settings.check()
    settings.check_masks(cameras)
    say = line_printer(console)
    settings.veil_id(settings.veil_spec(), cameras)
    if settings.has_owners_key:
        say(f"warning: {OWNERS_KEY}")
    if settings.connection.is_open_to_all:
        say(f"warning: {server} is reached without TLS: whoever is on the way reads token and codes")
    status = asyncio.run(run_agent(settings, size, cameras, config, say))
    for line in status.lines():
        console.print(line, highlight=False, markup=False)
    states = status.cameras.values()
    if waiting := sum(state.waiting_frames for state in states):
        refused = any(state.refused for state in states)
        remedy = "see to what the service refuses, as told above, then " if refused else ""
        say(f"{waiting} frames wait in {place.spool}; {remedy}run the same command again to send them")
    write_json(json_file, status)
    bad = any(state.dropped_frames or state.aside_frames or state.refused for state in states)
    end_with_attention(bad or bool(status.lost))


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
    import asyncio
    from fractions import Fraction

    from raypp.cli.site_agent import agent_settings, cameras_of, connect, find_place, print_findings
    from raypp.edge.doctor import examine

    place = find_place(server, token_file, site, spool, key, named=bool(config or (sources and camera)))
    cameras = cameras_of(sources or [], camera, config, Fraction(2), False, None, "UTC", False)
    connection = connect(place, tls, ca, cert, cert_key, server_name, insecure)
    findings = asyncio.run(examine(agent_settings(place, connection, spec, size, masks), cameras, size))
    print_findings(findings, Console())
    end_with_attention(any(finding.is_wrong for finding in findings))
