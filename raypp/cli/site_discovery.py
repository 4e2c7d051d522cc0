"""The `raypp site discover` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.flags import with_flags
from raypp.cli.json_file import json_option, write_json
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.edge.onvif.camera import DiscoveredCamera


def discover(
    addresses: Annotated[
        list[str] | None, typer.Argument(help="Cameras: hosts, or URLs of device services (default: ask all).")
    ] = None,
    credentials_file: Annotated[
        Path | None,
        typer.Option(
            help="Lines `user:password` or `host user:password`, mode 0600 (default: RAYPP_CAMERA_USER, ..._PASSWORD)."
        ),
    ] = None,
    interface: Annotated[str | None, typer.Option(help="IPv4 address of the interface to ask on.")] = None,
    seconds: Annotated[float, typer.Option(help="To wait for answers, and for each camera.", min=0.5, max=120)] = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="A new cameras file for `raypp stream --config`, with passwords, mode 0600.")
    ] = None,
    size: Annotated[int, typer.Option(help="The veil's size in pixels: the profile for --out has as many.")] = 640,
    json_file: Annotated[Path | None, json_option("the cameras, without passwords")] = None,
) -> None:
    """List the cameras of this network that speak ONVIF: name, model, profiles, streams. Shows no password.

    The exit status is 3 where a camera cannot be used as it is.

    Example: raypp site discover --credentials-file cameras.secret --out cameras.yaml

    Example: raypp site discover 10.0.0.5 10.0.0.6:8080
    """
    from raypp.edge.onvif.credentials import read_users
    from raypp.edge.onvif.discovery import DiscoverySettings, discover_cameras, write_cameras_file

    users = read_users(credentials_file)
    settings = DiscoverySettings(tuple(addresses or ()), interface, seconds)
    discovery = discover_cameras(settings, users)
    console = Console(soft_wrap=True)
    for camera in discovery.cameras:
        for line in _lines(camera):
            console.print(with_flags(line), highlight=False, markup=False)
    bad = sum(bool(camera.problem) for camera in discovery.cameras)
    notes = error_console()
    notes.print(
        f"{counted(len(discovery.cameras), 'camera')} answered"
        + (f", {bad} cannot be used as they are" if bad else ""),
        highlight=False,
        markup=False,
    )
    if out is not None:
        written = write_cameras_file(out, discovery, size)
        says = f"wrote {counted(written, 'camera')} to {out}" if written else f"{out} is not written: no camera streams"
        notes.print(says, highlight=False, markup=False)
    write_json(json_file, discovery)
    end_with_attention(bool(bad))


def _lines(camera: "DiscoveredCamera") -> list[str]:
    head = "  ".join(filter(None, (camera.host, camera.name, camera.model)))
    lines = [f"{head}: {camera.problem}" if camera.problem else head]
    if camera.is_skewed and not camera.problem:
        lines.append(f"  its clock is {camera.clock_offset_s:+.0f} s off this machine's; set it")
    for profile in camera.profiles:
        rate = "" if profile.fps is None else f" at {profile.fps:g}/s"
        url = profile.url or "no stream"
        lines.append(f"  {profile.name}  {profile.codec} {profile.width}x{profile.height}{rate}  {url}")
    return lines
