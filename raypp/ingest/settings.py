"""Settings of a veil job: everything but secrets, so that they may travel to workers."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from raypp.errors import OptionError
from raypp.ingest.defaults import DEFAULT_SHARD_MB, DEFAULT_SIZE, MOST_VARIANTS
from raypp.ingest.source_views import NO_VIEWS, ViewSet, load_views
from raypp.io.filesystem import is_url
from raypp.io.settings import AbsolutePath, FrozenSettings, Place
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.media.masks import MaskSet, load_masks
from raypp.media.sampling import Sampling, SamplingMode
from raypp.shards.encryption import DataKey
from raypp.shards.schema import ENCRYPTED_TABLES, PLAIN_TABLES, PREPARED, ArchiveHeader
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_key
from raypp.veil.preparation import Preparation
from raypp.veil.spec import PatchSpec, VeilSpec
from raypp.veil.veil import CPU_DEVICE


def owner_side(archive: str) -> Path:
    """Where the owner's side of a local archive lies unless `private` says otherwise; raises OptionError for a URL."""
    if is_url(archive):
        raise OptionError(
            f"`out` {archive} is a URL; say with `private` which local folder holds the owner's side of it"
        )
    return Path(_absolute(archive) + "-private")


def _absolute(place: str) -> str:
    return place if is_url(place) else os.path.abspath(place)  # noqa: PTH100 - resolve() would follow a link


class VeilSettings(FrozenSettings):
    """Settings of a veil job. Keys are named by path and read where they are needed, never carried.

    Attributes:
        out: the archive to write, a folder or a URL.
        private: the owner's side of the archive: plan, plain names, quarantine. Never leaves the perimeter. By
            default `OUT-private`.
        key_path: the owner's key, or a site's.
        data_key_path: key of Parquet encryption, or None for plain shards.
        spec: the veil's spec.
        encoder_path: the encoder file, for a learned veil.
        size: side of the square that frames are letterboxed into, in pixels; a multiple of the patch.
        fps: frames to sample per second; None for every frame.
        keyframes: sample keyframes only.
        site: name of the site, where the source does not say.
        camera: name of the camera, or None to take the name of the folder or dataset.
        masks_path: privacy masks, or None.
        views_path: parts of cameras' frames that are veiled as cameras of their own, or None.
        time_from: where capture time comes from; None for unknown.
        timezone: IANA name of the site's time zone.
        plain_names: write plain source names into shards instead of pseudonyms.
        variants: how many variants of each training image are veiled beside it.
        shard_mb: aimed size of a shard, in megabytes.
        segment_s: longest presentation time of a segment, in seconds.
        device: where frames are veiled: "numpy" for the CPU (onnxruntime for a learned veil), or a torch device.
        preparation: what is done to frames before they are veiled.
    """

    out: Annotated[Place, AfterValidator(_absolute)]
    private: Path = Field(default_factory=lambda values: owner_side(values["out"]))
    key_path: AbsoluteKeyPlace
    data_key_path: AbsoluteKeyPlace | None = None
    spec: VeilSpec = PatchSpec()
    encoder_path: AbsolutePath | None = None
    size: int = DEFAULT_SIZE
    fps: Fraction | None = None
    keyframes: bool = False
    site: str = "site"
    camera: str | None = None
    masks_path: AbsolutePath | None = None
    views_path: AbsolutePath | None = None
    time_from: str | None = None
    timezone: str = "UTC"
    plain_names: bool = False
    variants: int = 0
    shard_mb: float = DEFAULT_SHARD_MB
    segment_s: float = 600.0
    device: str = CPU_DEVICE
    preparation: Preparation = Preparation()

    def check(self) -> None:
        """Raise OptionError for a value out of range or two that contradict each other."""
        patch = self.spec.patch
        if self.size % patch or not patch <= self.size <= 4096:
            nearest = max(patch, round(self.size / patch) * patch)
            raise OptionError(
                f"`size` {self.size} is no multiple of the veil's patch {patch} up to 4096; use {nearest}"
            )
        if self.fps is not None and self.fps <= 0:
            raise OptionError(f"`fps` {self.fps} must be above 0; leave it out to veil every frame")
        if self.fps is not None and self.keyframes:
            raise OptionError(f"`fps` {self.fps} and `keyframes` exclude each other; give one")
        if not 0 <= self.variants <= MOST_VARIANTS:
            raise OptionError(f"`variants` {self.variants} must be 0 to {MOST_VARIANTS}")
        self.preparation.check()
        if self.shard_mb <= 0 or self.segment_s <= 0:
            raise OptionError("`shard_mb` and `segment_s` must be above 0")
        for name, value in (("site", self.site), ("camera", self.camera)):
            if value is not None and (not value or len(value) > 200 or not value.isprintable()):
                raise OptionError(f"`{name}` {value!r} must be 1 to 200 printable characters")

    @property
    def sampling(self) -> Sampling:
        """Which frames of a video are veiled."""
        if self.keyframes:
            return Sampling(SamplingMode.KEYFRAMES)
        if self.fps is not None:
            return Sampling(SamplingMode.RATE, self.fps)
        return Sampling(SamplingMode.EVERY)

    @property
    def sampling_name(self) -> str:
        """The sampling as written into the archive's header: "every", "keyframes" or "2/1 fps"."""
        if self.fps is not None:
            return f"{self.fps.numerator}/{self.fps.denominator} fps"
        return "keyframes" if self.keyframes else "every"

    def load_key(self) -> VeilKey | SiteKey:
        """Read the key file; raises KeyFileError."""
        return load_key(self.key_path)

    def load_data_key(self) -> DataKey | None:
        """Read the key of Parquet encryption, if any; raises KeyFileError."""
        return None if self.data_key_path is None else DataKey.load(self.data_key_path)

    def load_masks(self) -> MaskSet | None:
        """Read the privacy masks, if any; raises OptionError or MediaError."""
        return None if self.masks_path is None else load_masks(self.masks_path)

    def load_views(self) -> ViewSet:
        """Read the views of cameras, if any; raises OptionError."""
        return NO_VIEWS if self.views_path is None else load_views(self.views_path)

    @property
    def _schema_version(self) -> Literal[2, 3, 4]:
        if self.preparation:
            return PREPARED
        return PLAIN_TABLES if self.data_key_path is None else ENCRYPTED_TABLES

    def header(self, key: VeilKey | SiteKey) -> ArchiveHeader:
        """Return the archive header that these settings ask for."""
        return ArchiveHeader(
            veil_id=key.veil_id(self.spec),
            spec=self.spec.model_dump(mode="json"),
            public_key=key.public_key.hex(),
            size=self.size,
            sampling=self.sampling_name,
            source_names="plain" if self.plain_names else "pseudonym",
            encrypted=self.data_key_path is not None,
            schema_version=self._schema_version,
            variants=self.variants,
            preparation=self.preparation,
        )
