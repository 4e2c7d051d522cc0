"""Settings of rekeying: everything but secrets, so that those of an archive may travel to workers."""

from pathlib import Path

from raypp.errors import OptionError
from raypp.ingest.settings import owner_side
from raypp.io.filesystem import is_url
from raypp.io.settings import AbsolutePath, AbsolutePlace, AbsolutePlaces, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.schema import ENCRYPTED_TABLES, PLAIN_TABLES, ArchiveHeader
from raypp.veil.encoder_file import ENCODER_FILE
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key
from raypp.veil.renaming import RekeyedEncoder
from raypp.veil.spec import LearnedSpec


class ArchiveRekeying(FrozenSettings):
    """Places and keys of a translation. Keys are named by path or URL, and read where they are needed.

    Attributes:
        archive: the archive under the old key, a folder or a URL.
        out: the archive to write under the new key, a folder or a URL.
        private, out_private: the owner's sides of both.
        old_key_path, new_key_path: the owner's keys.
        old_spec, new_spec: the veil's spec under either key.
        data_key_path: key of the Parquet encryption of both, or None for plain shards.
    """

    archive: AbsolutePlace
    out: AbsolutePlace
    private: AbsolutePath
    out_private: AbsolutePath
    old_key_path: AbsoluteKeyPlace
    new_key_path: AbsoluteKeyPlace
    old_spec: LearnedSpec
    new_spec: LearnedSpec
    data_key_path: AbsoluteKeyPlace | None = None

    def load_keys(self) -> tuple[VeilKey, VeilKey]:
        """Read the old and the new key; raises KeyFileError."""
        return load_owner_key(self.old_key_path), load_owner_key(self.new_key_path)

    def load_data_key(self) -> DataKey | None:
        """Read the key of Parquet encryption, if any; raises KeyFileError."""
        return None if self.data_key_path is None else DataKey.load(self.data_key_path)

    def header(self, old: ArchiveHeader, key: VeilKey) -> ArchiveHeader:
        """Return the header that `raypp veil` writes with the new key.

        Args:
            old: the header of the archive under the old key.
            key: the new one.
        """
        return old.model_copy(
            update={
                "schema_version": ENCRYPTED_TABLES if old.encrypted else PLAIN_TABLES,
                "veil_id": key.veil_id(self.new_spec),
                "spec": self.new_spec.model_dump(mode="json"),
                "public_key": key.public_key.hex(),
            }
        )


class RekeySettings(FrozenSettings):
    """A veil and whatever else is rekeyed, from which key to which. Keys are named by path or URL, never carried.

    Attributes:
        old_key_path, new_key_path: the owner's keys.
        encoder_path: the learned veil's encoder file under the old key.
        out: folder of the encoder and the models under the new key.
        models: bundles under the old key.
        archive: a veiled archive under the old key, a folder or a URL; None for none.
        archive_out: the archive to write; by default a folder of its name in `out`.
        private, out_private: the owner's sides of both archives; by default beside them.
        data_key_path: data key of both archives, or None.
        sources: where datasets of the archive are.
        cameras: SITE/CAMERA of those that models are for.
        mean_of_sub_keys: let a model that was trained on sub-keys apart read all of them by their mean.
        reveals_mapping: write things under both keys, or a model and an archive, into one folder.
    """

    old_key_path: AbsoluteKeyPlace
    new_key_path: AbsoluteKeyPlace
    encoder_path: AbsolutePath
    out: AbsolutePath
    models: tuple[AbsolutePath, ...] = ()
    archive: AbsolutePlace | None = None
    archive_out: AbsolutePlace | None = None
    private: AbsolutePath | None = None
    out_private: AbsolutePath | None = None
    data_key_path: AbsoluteKeyPlace | None = None
    sources: AbsolutePlaces = ()
    cameras: tuple[str, ...] = ()
    mean_of_sub_keys: bool = False
    reveals_mapping: bool = False

    def check(self) -> None:
        """Raise OptionError for values that contradict each other."""
        names = [path.name for path in self.models]
        if len(set(names)) < len(names):
            raise OptionError(f"`models` {names[0]} and another have one name; give each a name of its own")
        if ENCODER_FILE in names:
            raise OptionError(f"`models` {ENCODER_FILE} is the name of the encoder's file; give the model another")
        for name in ("archive_out", "private", "out_private", "data_key_path", "sources"):
            if self.archive is None and getattr(self, name):
                raise OptionError(f"`{name}` is of an archive; name that with `archive`, or leave it out")
        for site, camera in self.camera_names():
            if not site or not camera:
                raise OptionError(f"`cameras` {site or camera} is no camera of a site; give SITE/CAMERA")

    def load_keys(self) -> tuple[VeilKey, VeilKey]:
        """Read the old and the new key; raises KeyFileError, or OptionError if both are the same."""
        old, new = load_owner_key(self.old_key_path), load_owner_key(self.new_key_path)
        if old.public_key == new.public_key:
            raise OptionError(
                f"`new_key_path` is the same key as `old_key_path`: {old.fingerprint}; make a new one with "
                "`raypp keygen`"
            )
        return old, new

    def camera_names(self) -> list[tuple[str, str]]:
        """Return site and name of each camera."""
        return [(site, camera) for site, _, camera in (name.partition("/") for name in self.cameras)]

    def translated(self, veil: RekeyedEncoder) -> ArchiveRekeying | None:
        """Return the settings of the archive's translation, or None where there is none."""
        if self.archive is None:
            return None
        out = self.archive_out or str(self.out / self.archive.rstrip("/").rpartition("/")[2])
        return ArchiveRekeying(
            archive=self.archive,
            out=out,
            private=self.private or _side(self.archive, "private"),
            out_private=self.out_private or _side(out, "out_private"),
            old_key_path=self.old_key_path,
            new_key_path=self.new_key_path,
            old_spec=veil.old,
            new_spec=veil.new,
            data_key_path=self.data_key_path,
        )


def _side(place: str, option: str) -> Path:
    if is_url(place):
        raise OptionError(f"archive {place} is a URL; say with `{option}` which local folder holds the owner's side")
    return owner_side(place)
