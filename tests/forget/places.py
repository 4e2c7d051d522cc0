"""A veiled archive of every kind of source, from which something is forgotten; and a search of every byte of it."""

import shutil
from pathlib import Path
from typing import Any

from raypp.forget.selection import ArchiveSelection
from raypp.forget.settings import ForgetSettings
from raypp.shards.encryption import DataKey
from raypp.shards.parquet import open_parquet
from raypp.shards.reader import ShardReader
from tests.rekey.places import veil

BEGUN = "2026-11-02T06:00"
BEGUN_US = 1_793_599_200_000_000
"""Capture time of presentation time 0 of every video, and of every image."""


def copy_of(archive: Path, folder: Path) -> Path:
    """Copy an archive with its owner's side into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in (archive, archive.with_name(f"{archive.name}-private")):
        shutil.copytree(part, folder / part.name)
    return folder / archive.name


def settings_for(place: Path, archive: object, **fields: Any) -> ForgetSettings:
    """Settings by which the owner forgets; fields of a selection are put into one."""
    names = ArchiveSelection.model_fields
    selection = {name: fields.pop(name) for name in list(fields) if name in names}
    given = {"archive": archive, "key_path": place / "old.key", "selection": ArchiveSelection(**selection)}
    return ForgetSettings(**(given | fields))


def veil_again(place: Path, archive: Path, **fields: Any) -> None:
    """Run the veil job anew, on all of the place's sources."""
    veil(place, archive, time_from=BEGUN, **fields)


def frames_of(archive: Path, data_key: DataKey | None = None) -> dict[str, dict[str, Any]]:
    """Rows of an archive by sample_id."""
    rows = [row for batch in ShardReader(str(archive), data_key).iterate() for row in batch.rows.to_pylist()]
    return {row["sample_id"]: row for row in rows}


def traces(folder: Path, rows: list[dict[str, Any]], data_key: DataKey | None = None) -> list[str]:
    """Name every file of a folder, hidden and partial ones too, that holds a sample_id or a code of some rows.

    Files are searched byte for byte, and those of Parquet once more by what their columns hold.
    """
    wanted = [form for row in rows for form in (*_forms(row["sample_id"]), row["code"])]
    holding = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content[:4] in (b"PAR1", b"PARE"):
            decryption = data_key.decryption() if data_key and content[:4] == b"PARE" else None
            table = open_parquet(path, decryption).read()
            content += b"\0".join(_bytes(value) for column in table.columns for value in _flat(column.to_pylist()))
        if any(form in content for form in wanted):
            holding.append(str(path.relative_to(folder)))
    return holding


def _forms(sample_id: str) -> tuple[bytes, bytes]:
    return sample_id.encode(), bytes.fromhex(sample_id)


def _flat(values: list[Any]) -> list[Any]:
    return [part for value in values for part in (_flat(value) if isinstance(value, list) else [value])]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
