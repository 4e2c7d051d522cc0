"""Discovery: all cameras that answer on the network, or at addresses, and the file of cameras for an agent."""

import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict

from raypp.edge.onvif.camera import DiscoveredCamera, StreamProfile, describe_camera
from raypp.edge.onvif.credentials import CameraUsers
from raypp.edge.onvif.probe import ProbeAnswer, probe_network
from raypp.errors import OptionError
from raypp.io.private import create_secret

_AT_ONCE = 32
_STEP_S = 5.0
_PATH = "/onvif/device_service"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class DiscoverySettings:
    """Where to look for cameras, and for how long.

    Attributes:
        addresses: hosts, or URLs of device services; none: all that answer to multicast.
        interface: IPv4 address of the interface to ask on; None: the system's choice.
        seconds: to wait for answers, and at most for all calls of one camera.
    """

    addresses: tuple[str, ...] = ()
    interface: str | None = None
    seconds: float = 5.0


class DiscoveredCameras(BaseModel):
    """All cameras that answered, by host."""

    model_config = ConfigDict(frozen=True)

    cameras: tuple[DiscoveredCamera, ...]


def discover_cameras(settings: DiscoverySettings, users: CameraUsers) -> DiscoveredCameras:
    """Look for cameras, and ask each what it is; a camera that answers badly does not stop the others.

    Args:
        settings: where, and for how long.
        users: of the cameras.

    Raises:
        OptionError: if an address or the interface cannot be used.
    """
    if settings.addresses:
        answers = [_named(address) for address in dict.fromkeys(settings.addresses)]
    else:
        answers = probe_network(settings.interface, settings.seconds)

    def described(answer: ProbeAnswer) -> DiscoveredCamera:
        if answer.problem:
            return DiscoveredCamera(name=answer.name, host=answer.host, problem=answer.problem)
        credentials = users.of(answer.host)
        return describe_camera(
            answer.service, answer.name, credentials, settings.seconds, min(_STEP_S, settings.seconds)
        )

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return DiscoveredCameras(cameras=tuple(threads.map(described, answers)))


def chosen_profile(camera: DiscoveredCamera, side: int) -> StreamProfile | None:
    """Choose the smallest profile whose long side has as many pixels as the veil takes, or else the largest.

    Args:
        camera: the camera.
        side: in pixels, of the veil's square.
    """
    able = [profile for profile in camera.profiles if profile.source]
    large = [profile for profile in able if max(profile.width, profile.height) >= side]
    size = {profile.name: profile.width * profile.height for profile in able}
    if large:
        return min(large, key=lambda profile: size[profile.name])
    return max(able, key=lambda profile: size[profile.name], default=None)


def write_cameras_file(path: Path, discovery: DiscoveredCameras, side: int) -> int:
    """Write the file of cameras that `raypp stream --config` reads, mode 0600: sources hold their passwords.

    Args:
        path: a new file.
        discovery: the cameras; those without a stream are left out.
        side: in pixels, of the veil's square.

    Returns:
        how many cameras it has.

    Raises:
        OptionError: if it is there already, or cannot be written.
    """
    cameras: dict[str, dict[str, object]] = {}
    for camera in discovery.cameras:
        profile = chosen_profile(camera, side)
        if profile is not None:
            name = _camera_name(camera, cameras)
            cameras[name] = {"source": profile.source, "fps": 2}
    if not cameras:
        return 0
    with create_secret(path, "cameras file", OptionError) as file:
        yaml.safe_dump({"cameras": cameras}, file, sort_keys=False, allow_unicode=True, width=1000)
    return len(cameras)


def _camera_name(camera: DiscoveredCamera, taken: Collection[str]) -> str:
    """Name a camera as the wire allows: its own name, or else its host."""
    base = _NO_NAME.sub("-", camera.name).strip("-.")[:80] or f"camera-{_NO_NAME.sub('-', camera.host)}"
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _named(address: str) -> ProbeAnswer:
    """Read an address: a host, host:port, or the URL of a device service."""
    url = address if "://" in address else f"http://{address}{_PATH}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and "@" not in parts.netloc and url.isprintable() and " " not in url
    except ValueError:
        usable = False
    if not usable:
        shown = "an address with a user or a password" if "@" in address else f"address {address!r}"
        raise OptionError(f"{shown} cannot be used; give a host, host:port, or http://HOST{_PATH}")
    return ProbeAnswer(parts.hostname or "", url if parts.path else url + _PATH)
