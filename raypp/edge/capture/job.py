"""Messages to and from a capture process: small values without a secret or plain image."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.capture.clock import ClockState
from raypp.edge.capture.position import Position
from raypp.geometry.rectangle import Rectangle
from raypp.key_sources.place import KeyPlace
from raypp.usage.observation import Observation
from raypp.veil.spec import VeilSpec

KEY_REMEDY = "give the site key that the owner derived for this site and its cameras, with `key_path`"
"""The remedy at a camera where a key cannot be used. The owner's own key never comes there."""


@dataclass(frozen=True)
class CapturedView:
    """One stream of a camera's frames: the whole of them, or a part.

    Attributes:
        camera: the stream's name, by which the key gives its secrets.
        rectangle: the part; None for the whole.
        position: where to go on.
    """

    camera: str
    rectangle: Rectangle | None
    position: Position = Position()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class CaptureJob:
    """One camera to capture.

    Attributes:
        site, camera: names, by which the key gives its secrets.
        sources: one live source, or recordings.
        live: which of the two.
        rate: frames per second to sample; None for every frame.
        realtime: read recordings at the pace of their own time.
        time_from, timezone: where the capture time of recordings comes from.
        masks_path: privacy masks, or None.
        key_path: the site's key, read where it is used.
        spec, size: the veil, and the square's side in pixels.
        encoder_path: the encoder file of a learned veil, read where it is used.
        watch: how the camera's health is watched, or None.
        chunk_frames, chunk_s: a chunk is full with so many frames, or this long after its first.
        position: where to go on.
        memory: what the watch of a killed process remembered, or None.
        clock: what such a process knew of the site's clock, or None.
        open_timeout_s: how long a live source may take to open, and to give its next packet.
        parts: views of parts of its frames.
        whole: whether whole frames are veiled, too.
    """

    site: str
    camera: str
    sources: tuple[str, ...] = field(repr=False)  # its URLs may hold passwords
    live: bool
    rate: Fraction | None
    realtime: bool
    time_from: str | None
    timezone: str
    masks_path: Path | None
    key_path: KeyPlace
    spec: VeilSpec
    encoder_path: Path | None
    size: int
    watch: CameraHealthSettings | None
    chunk_frames: int
    chunk_s: float
    position: Position
    memory: bytes | None = None
    clock: ClockState | None = None
    open_timeout_s: float = 10.0
    parts: tuple[CapturedView, ...] = ()
    whole: bool = True

    @property
    def views(self) -> tuple[CapturedView, ...]:
        """All that its frames are veiled as; reports give the place of one in here."""
        whole = CapturedView(self.camera, None, self.position)
        return (whole, *self.parts) if self.whole else self.parts

    def at(self, positions: Sequence[Position]) -> "CaptureJob":
        """Return the job with the place where each view goes on."""
        first, *others = positions if self.whole else (self.position, *positions)
        pairs = zip(self.parts, others, strict=True)
        return replace(self, position=first, parts=tuple(replace(part, position=at) for part, at in pairs))


@dataclass(frozen=True)
class SourceShape:
    """A view's frames from here on: width and height after rotation, and the stream's sub-key.

    `anew` asks for a new epoch in any case: other recordings were given than those that the spool knows.
    """

    width: int
    height: int
    sub_key: int
    anew: bool = False
    view: int = 0


@dataclass(frozen=True)
class Captured:
    """One frame: its packed code, or none where the camera saw nothing."""

    frame_index: int
    timestamp_us: int
    observation: Observation
    packed: bytes | None


@dataclass(frozen=True)
class Chunk:
    """Frames of a view in order, and where the capture and its clock stand after them; answered by Taken."""

    frames: tuple[Captured, ...]
    position: Position
    clock: ClockState | None = None
    view: int = 0


@dataclass(frozen=True)
class Alive:
    """The capture is not stuck."""


@dataclass(frozen=True)
class LogLine:
    """Something that the operator should read."""

    text: str


@dataclass(frozen=True)
class ClockChanged:
    """A jump of the site's clock was believed.

    Attributes:
        text: for the operator.
        doubtful_frames: frames before it whose times are wrong if the clock is right now.
    """

    text: str
    doubtful_frames: int = 0


@dataclass(frozen=True)
class Remembered:
    """Memory of the camera's health, for the process that follows if this one is killed."""

    memory: bytes


@dataclass(frozen=True)
class Finished:
    """A view has all of the recordings."""

    position: Position
    view: int = 0


@dataclass(frozen=True)
class Failed:
    """The capture cannot go on; the next try may."""

    reason: str


@dataclass(frozen=True)
class Taken:
    """The chunk is in the spool. To the capture."""


@dataclass(frozen=True)
class Stop:
    """Hand over what is held, and end. To the capture."""


CaptureReport = SourceShape | Chunk | Alive | LogLine | ClockChanged | Remembered | Finished | Failed
Instruction = Taken | Stop
