"""Check one by one all that a site's agent needs."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import grpc
import grpc.aio

from protos import raypp_pb2 as pb
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.capture.live import open_live
from raypp.edge.losses import LossCheck
from raypp.edge.settings import OWNERS_KEY, AgentSettings
from raypp.edge.sources import is_live, list_recordings, open_recording
from raypp.edge.status import STATUS_FILE, SiteStatus
from raypp.edge.uplink.client import CLOCK_ALARM_US, clock_says
from raypp.edge.uplink.connection import ServiceConnection, is_not_served_yet, what_failed
from raypp.edge.uplink.model_query import DescribedModel, describe_model
from raypp.errors import MediaError, RayppError, SiteError
from raypp.geometry.rectangle import Rectangle
from raypp.media.camera_views import View
from raypp.media.capture_time import CaptureClock
from raypp.media.container import error_line
from raypp.media.masks import load_masks
from raypp.media.orientation import Orientation
from raypp.text.address import redacted_camera
from raypp.text.finding import CheckResult, Finding
from raypp.wire.clock_offset import ClockOffset

_CAMERA_S = 20.0
_LEAST_FREE_BYTES = 1 << 30


async def examine(
    settings: AgentSettings, cameras: dict[str, CameraSettings], size: int | None = None
) -> list[Finding]:
    """Check key, masks, link, token, clock, veil, cameras and disk; a thing that is wrong hides no other.

    Args:
        settings: of the agent, all but the size.
        cameras: to look at.
        size: what was asked for; None takes the model's.
    """
    findings = [_key(settings, cameras)]
    if settings.masks_path is not None:
        masks = settings.masks_path
        findings.append(_found("masks", lambda: _masks(masks, settings, cameras)))
    findings.append(_disk(settings.spool))
    linked, answer = await _connection(settings.connection, _veil_id(settings, cameras))
    findings += linked
    if answer is not None:
        findings.append(_clock(answer.clock))
        findings.append(_found("veil", lambda: _veil(settings, cameras, size, answer.response.model)))
        findings += await _committed(settings)
    findings += _remembered(settings.spool)
    looked = await asyncio.gather(*(_camera(name, camera) for name, camera in cameras.items()))
    return findings + [finding for own in looked for finding in own]


def _found(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, CheckResult.GOOD, look())
    except RayppError as error:
        return Finding(what, CheckResult.WRONG, str(error))


def _veil_id(settings: AgentSettings, cameras: dict[str, CameraSettings]) -> str:
    """The veil to ask the service for; any, where the key cannot be used, which is told elsewhere."""
    try:
        return settings.veil_id(settings.veil_spec(), cameras)
    except RayppError:
        return ""


def _key(settings: AgentSettings, cameras: dict[str, CameraSettings]) -> Finding:
    try:
        streams = sorted(stream for name, camera in cameras.items() for stream in camera.streams(name))
        says = f"veil {settings.veil_id(settings.veil_spec(), cameras)} of {', '.join(streams)}"
        if settings.has_owners_key:
            return Finding("key", CheckResult.DOUBTFUL, f"{says}: {OWNERS_KEY}")
    except RayppError as error:
        return Finding("key", CheckResult.WRONG, str(error))
    return Finding("key", CheckResult.GOOD, says)


def _masks(path: Path, settings: AgentSettings, cameras: dict[str, CameraSettings]) -> str:
    settings.check_masks(cameras)
    return f"{path}: masks of {', '.join(sorted(load_masks(path).masks))}"


def _disk(spool: Path) -> Finding:
    place = next(path for path in (spool, *spool.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    says = f"{free / 1e9:.1f} GB free for the spool {spool}"
    try:
        probe = place / ".raypp-doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding("disk", CheckResult.WRONG, f"{place}: {error.strerror}; choose a writable `spool`")
    return Finding("disk", CheckResult.GOOD if free >= _LEAST_FREE_BYTES else CheckResult.DOUBTFUL, says)


def _remembered(spool: Path) -> list[Finding]:
    """Return the clock's jumps that the agent of this spool has recorded."""
    try:
        status = SiteStatus.model_validate_json((spool / STATUS_FILE).read_bytes())
    except (OSError, ValueError):
        return []  # no agent has run there yet, or one of another version
    return [
        Finding(f"clock, {name}", CheckResult.DOUBTFUL, camera.clock_said)
        for name, camera in sorted(status.cameras.items())
        if camera.clock_said
    ]


async def _committed(settings: AgentSettings) -> list[Finding]:
    """Return whether the service still has what it said is committed of this spool."""
    check = LossCheck(settings.connection, settings.site, settings.spool)
    try:
        answered, again = await check.compare({})
    except RayppError as error:
        return [Finding("committed", CheckResult.DOUBTFUL, str(error))]
    if not answered:
        return [Finding("committed", CheckResult.DOUBTFUL, "the service is older and does not tell what it has")]
    lost = [Finding("committed", CheckResult.WRONG, chunks.says(settings.spool)) for chunks in check.lost]
    waits = [Finding("committed", CheckResult.DOUBTFUL, line) for line in again]
    return [*lost, *waits] or [Finding("committed", CheckResult.GOOD, "the service has all that it said is committed")]


async def _connection(connection: ServiceConnection, veil_id: str) -> tuple[list[Finding], DescribedModel | None]:
    """Check link, TLS and token by one call that changes nothing."""
    try:
        connection.metadata()
    except SiteError as error:
        return [Finding("token", CheckResult.WRONG, str(error))], None
    try:
        answer = await describe_model(connection, veil_id)
    except SiteError as error:
        return [Finding("link", CheckResult.WRONG, str(error))], None
    except grpc.aio.AioRpcError as error:
        return _faults(connection, error), None
    version = answer.response.service_version or "unknown"
    return [
        _reached(connection, f"answers in {answer.took_us / 1000:.0f} ms"),
        Finding("token", CheckResult.GOOD, f"accepted; the service's version is {version}"),
    ], answer


def _reached(connection: ServiceConnection, says: str) -> Finding:
    """Return the finding for a connection over which the service answers."""
    says = f"{connection.server} {says}, {'TLS' if connection.tls else 'no TLS'}"
    if connection.is_open_to_all:
        return Finding("link", CheckResult.DOUBTFUL, f"{says}: whoever is on the way reads token and codes")
    return Finding("link", CheckResult.GOOD, says)


def _faults(connection: ServiceConnection, error: grpc.aio.AioRpcError) -> list[Finding]:
    details = what_failed(error.code(), error.details())
    if error.code() in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return [
            _reached(connection, "answers"),
            Finding(
                "token", CheckResult.WRONG, f"{error.code().name}: {details}; ask the service's operator for a new one"
            ),
        ]
    if is_not_served_yet(error.code(), error.details()):
        return [
            Finding(
                "link",
                CheckResult.WRONG,
                f"{connection.server} answers, but the service is not served yet; wait for it",
            )
        ]
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return [
            _reached(connection, "answers"),
            Finding("token", CheckResult.GOOD, "accepted"),
            Finding("veil", CheckResult.WRONG, f"{details}; use that model's key and `spec`, or have this veil served"),
        ]
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        remedy = "check address, port and firewall" + (", CA and certificate" if connection.tls else ", or give `tls`")
        return [Finding("link", CheckResult.WRONG, f"{connection.server} cannot be reached ({details}); {remedy}")]
    return [Finding("link", CheckResult.WRONG, f"{connection.server}: {error.code().name}: {details}")]


def _clock(offset: ClockOffset | None) -> Finding:
    if offset is None:
        return Finding(
            "clock",
            CheckResult.DOUBTFUL,
            "the service is older and does not tell its time; see what `raypp stream` says",
        )
    says = clock_says(offset)
    if abs(offset.certain_us) > CLOCK_ALARM_US:
        return Finding("clock", CheckResult.WRONG, f"{says}; see to time synchronisation")
    if offset.error_us > CLOCK_ALARM_US:
        return Finding("clock", CheckResult.DOUBTFUL, f"{says}: the service took long to answer; look again later")
    return Finding("clock", CheckResult.GOOD, says)


def _veil(settings: AgentSettings, cameras: dict[str, CameraSettings], size: int | None, model: pb.Model) -> str:
    ours = settings.veil_id(settings.veil_spec(), cameras)
    if model.veil_id != ours:
        raise SiteError(
            f"the service's model reads veil {model.veil_id}, this site makes {ours}; use that model's key and `spec`"
        )
    if size not in (None, model.size):
        raise SiteError(
            f"the service's model reads {model.size} pixels, this site would make {size}; give `size` {model.size}"
        )
    return f"the service's model reads it at {model.size} pixels; it knows {', '.join(model.classes)}"


async def _camera(name: str, camera: CameraSettings) -> list[Finding]:
    what = f"camera {name}"
    try:
        async with asyncio.timeout(_CAMERA_S):
            says, shown = await asyncio.to_thread(_look, camera)
    except TimeoutError:
        source = redacted_camera(camera.source[0])
        return [Finding(what, CheckResult.WRONG, f"{source} gives no image within {_CAMERA_S:.0f} s")]
    except RayppError as error:
        return [Finding(what, CheckResult.WRONG, f"{redacted_camera(camera.source[0])}: {error}")]
    says += "" if camera.whole else "; only its views are streamed"
    views = [_view(stream, part, *shown) for stream, part in camera.streams(name).items() if part]
    return [Finding(what, CheckResult.GOOD, says), *views]


def _look(camera: CameraSettings) -> tuple[str, tuple[int, int]]:
    """Return what a camera gives, and width and height of its frames as shown."""
    source = camera.source[0]
    if not is_live(source):
        recordings = list_recordings(camera.source)
        return f"{len(recordings)} recordings", _shown(recordings) if camera.views else (0, 0)
    with open_live(source, _CAMERA_S / 2) as container:
        try:
            frame = next(container.decode(video=0))
        except (av.FFmpegError, OSError, StopIteration) as error:
            raise SiteError(f"no image comes ({error_line(error)})") from None
        shown = Orientation.of_frame(frame).shown_size(frame.width, frame.height)
        return f"{redacted_camera(source)} gives {frame.width}x{frame.height}", shown


def _shown(recordings: list[str]) -> tuple[int, int]:
    """Return width and height of the first recording that can be used."""
    clock, reason = CaptureClock.parse(None, "UTC"), ""
    for url in recordings:
        try:
            info = open_recording(url, clock).info
        except MediaError as error:
            reason = reason or str(error)
        else:
            return info.width, info.height
    raise MediaError(reason)


def _view(stream: str, part: Rectangle, width: int, height: int) -> Finding:
    """Say how large a view is, and how much finer than the whole frame it is veiled."""
    what = f"view {stream}"
    try:
        shape = View(stream, rectangle=part).shape(width, height)
    except MediaError as error:
        return Finding(what, CheckResult.WRONG, str(error))
    finer = max(width, height) / max(shape)
    says = f"{shape[0]}x{shape[1]} pixels of {width}x{height}, veiled {finer:.1f} times as fine as the whole frame"
    return Finding(what, CheckResult.GOOD, says)
