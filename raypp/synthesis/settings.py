"""Settings of synthetic frames: what the generator learns from, and what it draws."""

from pathlib import Path

from raypp.errors import KeyFileError, OptionError
from raypp.ingest.settings import owner_side
from raypp.io.filesystem import is_url
from raypp.io.settings import AbsolutePath, AbsolutePlace, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.place import enclosing_archive
from raypp.train.options import check_counts
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key

_MOST_FRAMES, _MOST_GUIDANCE = 1_000_000, 10


class SynthesisSettings(FrozenSettings):
    """Settings of a generator and of the archive that it draws.

    Attributes:
        archive: the real archive that the generator learns from.
        labels_version: its label version, or None for the only one.
        out: folder of the synthetic archive.
        frames: synthetic frames to draw, all splits together.
        mix: label version of the real archive whose frames go into the archive, too; None for none.
        generator: the owner's folder of the generator; by default in the owner's side of `out`.
        epochs: passes over the training frames; the best one by frames kept aside is used.
        batch: frames of a step.
        leave_out_rare: leave out frames with boxes of rare classes, in the place of refusing them.
        guidance: how far frames are moved towards their labels, from 0 to 10.
        seed: of weights, masks, layouts and frames.
        amp: mixed precision; None for wherever a GPU or AMX is.
        data_key_path: data key of both archives, or None.
        key_path: the owner's key, which signs the synthetic archive; None to leave it unsigned.
    """

    archive: AbsolutePlace
    out: AbsolutePath
    frames: int
    labels_version: str | None = None
    mix: str | None = None
    generator: AbsolutePath | None = None
    epochs: int = 40
    batch: int = 16
    leave_out_rare: bool = False
    guidance: float = 0.0
    seed: int = 0
    amp: bool | None = None
    data_key_path: AbsoluteKeyPlace | None = None
    key_path: AbsoluteKeyPlace | None = None

    def check(self) -> None:
        """Raise OptionError for a value out of range, or an output within an archive."""
        check_counts({"frames": self.frames, "epochs": self.epochs, "batch": self.batch})
        if self.frames > _MOST_FRAMES:
            raise OptionError(f"`frames` {self.frames} must be at most {_MOST_FRAMES:,}")
        if not 0 <= self.seed < 1 << 63:
            raise OptionError(f"`seed` {self.seed} must be from 0 to {(1 << 63) - 1}")
        if not 0 <= self.guidance <= _MOST_GUIDANCE:
            raise OptionError(f"`guidance` {self.guidance} must be from 0 to {_MOST_GUIDANCE}")
        _refuse_within(self.out, "out", self.archive)
        _refuse_within(self.generator_folder, "generator", self.archive)
        if self.generator_folder.is_relative_to(self.out):
            raise OptionError(
                f"`generator` {self.generator_folder} lies within `out` {self.out}, which is handed out, and a "
                "generator is a model of private data; choose a folder elsewhere"
            )

    @property
    def generator_folder(self) -> Path:
        """Folder of the generator, which stays inside the perimeter."""
        return self.generator or owner_side(str(self.out)) / "generator"

    def load_data_key(self) -> DataKey | None:
        """Read the key of Parquet encryption, if any; raises KeyFileError."""
        return None if self.data_key_path is None else DataKey.load(self.data_key_path)

    def load_key(self, public_key: str) -> VeilKey | None:
        """Read the owner's key, if any, which must be that of the real archive.

        Args:
            public_key: that the archive's header names, hex.

        Raises:
            KeyFileError: if it is unreadable, a site's key, or another one.
        """
        if self.key_path is None:
            return None
        key = load_owner_key(self.key_path)
        if key.public_key.hex() != public_key:
            raise KeyFileError(
                f"key {self.key_path} is not the one that archive {self.archive} was veiled with; give that one, so "
                "that the same owner signs"
            )
        return key


def _refuse_within(place: Path, name: str, archive: str) -> None:
    folder = place.resolve()
    is_archive = not is_url(archive) and folder == Path(archive).resolve()
    enclosing = folder if is_archive else enclosing_archive(folder.parent)
    if enclosing is not None:
        raise OptionError(f"`{name}` {place} lies within the archive {enclosing}; choose a folder elsewhere")
