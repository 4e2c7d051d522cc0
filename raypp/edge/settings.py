"""Settings of an agent: everything but secrets."""

from dataclasses import dataclass
from pathlib import Path

from raypp.edge.cameras_file import CameraSettings, check_camera
from raypp.edge.capture.job import KEY_REMEDY, CapturedView, CaptureJob
from raypp.edge.capture.position import Position
from raypp.edge.sources import is_live
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.uplink.retry import RetryPolicy
from raypp.errors import OptionError, WireError
from raypp.key_sources.place import KeyPlace
from raypp.media.capture_time import CaptureClock
from raypp.media.masks import load_masks
from raypp.veil.encoder_file import open_encoder
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_key
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec
from raypp.wire.messages import check_wire_name

_RETRY = RetryPolicy()
OWNERS_KEY = (
    "this is the owner's key, which opens every veil and belongs to no camera: have the owner derive a site key "
    "(where the owner's key is kept: `raypp keygen --site`), use that, and delete this one here"
)


@dataclass(frozen=True)
class AgentSettings:
    """Settings of an agent.

    Attributes:
        site: name of the site.
        connection: how to reach the service.
        key_path: the site's key, or the owner's.
        spool: folder of what is captured and not yet committed.
        spec: the veil; None takes a site key's own, or the default.
        encoder_path: the encoder file, for a learned veil.
        size: side of the square, in pixels, as the model has it.
        masks_path: privacy masks, or None.
        limit_bytes: bytes that one camera's spool may take.
        policy: what happens when it is full.
        chunk_frames, chunk_s: a chunk is sent with so many frames, or so long after its first.
        hang_s: a live capture that says nothing for so long is killed.
        open_timeout_s: how long a live source may take to open, and to give its next packet.
        retry: when to connect again.
        device: name of the agent among those of its site.
        trial_s: how long cameras may take to give a frame with a new configuration, until it is rolled back.
    """

    site: str
    connection: ServiceConnection
    key_path: KeyPlace
    spool: Path
    spec: VeilSpec | None = None
    encoder_path: Path | None = None
    size: int = 640
    masks_path: Path | None = None
    limit_bytes: int = 10 << 30
    policy: DropPolicy = DropPolicy.BLOCK
    chunk_frames: int = 8
    chunk_s: float = 4.0
    hang_s: float = 30.0
    open_timeout_s: float = 10.0
    retry: RetryPolicy = _RETRY
    device: str = "agent"
    trial_s: float = 60.0

    def check(self) -> None:
        """Raise OptionError for a value out of range."""
        try:
            check_wire_name(self.site, "`site`")
            check_wire_name(self.device, "`device`")
        except WireError as error:
            raise OptionError(str(error)) from None
        self.connection.check()
        if self.chunk_frames < 1 or self.chunk_s <= 0:
            raise OptionError(f"`chunk_frames` {self.chunk_frames} and `chunk_s` {self.chunk_s} must be above 0")
        patch = self.veil_spec().patch
        if self.size % patch or not patch <= self.size <= 4096:
            raise OptionError(f"`size` {self.size} is no multiple of the veil's patch {patch} up to 4096")
        if self.masks_path is not None:
            load_masks(self.masks_path)
        spec = self.veil_spec()
        if isinstance(spec, LearnedSpec):
            if self.encoder_path is None:
                raise OptionError("the site key is of a learned veil; give its encoder file with `spec`")
            open_encoder(self.encoder_path, spec, load_key(self.key_path, remedy=KEY_REMEDY))

    def veil_spec(self) -> VeilSpec:
        """The veil's spec; raises KeyFileError if the key cannot be read."""
        if self.spec is not None:
            return self.spec
        key = load_key(self.key_path, remedy=KEY_REMEDY)
        return key.spec if isinstance(key, SiteKey) else PatchSpec()

    def veil_id(self, spec: VeilSpec, cameras: dict[str, CameraSettings]) -> str:
        """Name of the veil; raises RayppError if the key is not for it, or not for one of the cameras."""
        key = load_key(self.key_path, remedy=KEY_REMEDY)
        for name, camera in cameras.items():
            check_camera(name, camera)
            CaptureClock.parse(camera.time_from, camera.timezone)
            for stream in camera.streams(name):
                key.stream(spec, self.site, stream)
        return key.veil_id(spec)

    def check_masks(self, cameras: dict[str, CameraSettings]) -> None:
        """Raise OptionError if a mask is for a view: what a camera's own mask hides is hidden in all of its views."""
        if self.masks_path is None:
            return
        masks = load_masks(self.masks_path).masks
        for name, camera in cameras.items():
            for stream in camera.streams(name).keys() - {name}:
                if {stream, f"{self.site}/{stream}"} & masks.keys():
                    raise OptionError(
                        f"masks file {self.masks_path} has a mask for the view {stream}; draw it on the whole frame, "
                        f"for {name}: it holds in the camera's views"
                    )

    @property
    def owner(self) -> bytes:
        """The owner's raw Ed25519 public key, which the site's key holds; raises KeyFileError."""
        return load_key(self.key_path, remedy=KEY_REMEDY).public_key

    @property
    def has_owners_key(self) -> bool:
        """Whether the key is the owner's, which opens everything and belongs to no camera; raises KeyFileError."""
        return isinstance(load_key(self.key_path, remedy=KEY_REMEDY), VeilKey)

    def job(self, name: str, camera: CameraSettings, spec: VeilSpec) -> CaptureJob:
        """Return the job of a camera's capture process."""
        return CaptureJob(
            site=self.site,
            camera=name,
            sources=camera.source,
            live=is_live(camera.source[0]),
            rate=camera.fps,
            realtime=camera.realtime,
            time_from=camera.time_from,
            timezone=camera.timezone,
            masks_path=self.masks_path,
            key_path=self.key_path,
            spec=spec,
            encoder_path=self.encoder_path,
            size=self.size,
            watch=camera.watch,
            chunk_frames=self.chunk_frames,
            chunk_s=self.chunk_s,
            position=Position(),
            open_timeout_s=self.open_timeout_s,
            parts=tuple(CapturedView(stream, part) for stream, part in camera.streams(name).items() if part),
            whole=camera.whole,
        )
