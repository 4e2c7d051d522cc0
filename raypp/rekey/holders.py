"""One folder is one holder: what is under the old key and under the new one is not put together without a word."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from raypp.detect.bundle_header import is_bundle, is_sealed, read_index
from raypp.errors import OptionError, RayppError
from raypp.io.filesystem import is_url
from raypp.shards.manifest import read_archive_header
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store

_MODEL, _ARCHIVE = "model", "archive"


class Holding(NamedTuple):
    """Something that a folder holds, or will hold: a model or an archive.

    Attributes:
        kind: which of both.
        place: path or URL.
        veil_id: its veil.
    """

    kind: str
    place: str
    veil_id: str

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        if is_url(self.place):
            return self.place.rstrip("/").rpartition("/")[0]
        return str(Path(self.place).resolve().parent)


def model_holding(path: Path, veil_id: str) -> Holding:
    """Return what a model's file is to its holder."""
    return Holding(_MODEL, str(path), veil_id)


def archive_holding(place: str, veil_id: str) -> Holding:
    """Return what an archive is to its holder."""
    return Holding(_ARCHIVE, place, veil_id)


def check_holders(before: list[Holding], after: list[Holding]) -> None:
    """Refuse to write what would show its holder how names of the old key and of the new one go together.

    Whoever has a model or an archive under both keys knows which old name is which new one.

    Args:
        before: models and archives under the old key that are rekeyed.
        after: models and archives under the new key that are to be written.

    Raises:
        OptionError: if something would be written over what it comes from, if a folder would hold something under
            either key, or a model and an archive under the new one.
    """
    given = {(holding.folder, Path(holding.place).name) for holding in before}
    same = next((holding for holding in after if (holding.folder, Path(holding.place).name) in given), None)
    if same is not None:
        raise OptionError(f"{same.place} is what is rekeyed, and stays as it is; write it into another folder")
    for folder in {holding.folder for holding in after}:
        written = [holding for holding in after if holding.folder == folder]
        new = written[0].veil_id
        there = [holding for holding in (*before, *_lying_in(folder)) if holding.folder == folder]
        old = next((holding for holding in there if holding.veil_id == before[0].veil_id), None)
        if old is not None:
            raise OptionError(
                f"{written[0].place} would lie beside {old.place}, and whoever has something under both keys learns "
                "which old name is which new one; write it into another folder, or say so with `reveals_mapping`"
            )
        kinds = {holding.kind: holding.place for holding in (*there, *written) if holding.veil_id == new}
        if len(kinds) > 1:
            raise OptionError(
                f"{kinds[_MODEL]} and {kinds[_ARCHIVE]} would go to one holder, who has had one of them under the old "
                "key and so learns which old name is which new one; write them into two folders, or say so with "
                "`reveals_mapping`"
            )


def _lying_in(folder: str) -> Iterator[Holding]:
    """Models and archives of a local folder, as far as they can be read without a key."""
    if is_url(folder) or not Path(folder).is_dir():
        return
    for path in sorted(Path(folder).iterdir()):
        try:
            if (path / HEADER_FILE).is_file():
                yield archive_holding(str(path), read_archive_header(Store(str(path))).veil_id)
            elif path.is_file() and is_bundle(path) and not is_sealed(path):
                yield model_holding(path, read_index(path).header.info.veil_id)
        except (RayppError, OSError):
            continue  # something else, which shows nothing of names
