"""Functions on files of any kind: describe."""

from pathlib import Path

from raypp.api.arguments import data_key_of
from raypp.errors import RayppError


def describe_file(path: str | Path, *, data_key: str | Path | None = None) -> dict[str, str]:
    """Describe a spec, key, shard, manifest, label table, detector bundle or archive; of keys, what is public.

    Args:
        path: file or folder.
        data_key: data key of encrypted shards: its file, or the URL of its source.

    Returns:
        Names and values, in the order in which they are read.

    Raises:
        RayppError: if the path holds none of these, or is damaged.
    """
    from raypp.detect.bundle_header import is_bundle  # noqa: PLC0415
    from raypp.detect.description import describe_detector_file  # noqa: PLC0415
    from raypp.dual_control.description import describe_split  # noqa: PLC0415
    from raypp.shards.description import describe_archive, describe_table, is_parquet  # noqa: PLC0415
    from raypp.shards.encryption import DataKey  # noqa: PLC0415
    from raypp.veil.description import describe_key, describe_spec  # noqa: PLC0415
    from raypp.veil.keyfile import DATA_MAGIC, SHARE_MAGIC, SPLIT_MAGIC, is_key_file, kind_of  # noqa: PLC0415

    path, key = Path(path), data_key_of(data_key)
    if path.is_dir():
        return describe_archive(path, key)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise RayppError(f"{path}: {error.strerror}; give the path of a file or archive of raypp") from None
    if is_parquet(head):
        return describe_table(path, head, key)
    if is_key_file(path):
        if kind_of(path) in (SHARE_MAGIC, SPLIT_MAGIC):
            return describe_split(path)
        if kind_of(path) == DATA_MAGIC:
            DataKey.load(path)
        return describe_key(path)
    return describe_detector_file(path) if is_bundle(path) else describe_spec(path)
