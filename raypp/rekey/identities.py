"""Who sources are under another key: a keyed hash of each file's ends, so files are read there and never decoded."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from raypp.errors import ConflictError, MediaError
from raypp.ingest.archive_id import source_identity
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planner import name_in_dataset
from raypp.ingest.probing import in_order
from raypp.ingest.segment import Item
from raypp.media.container import probe
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.source import SourceKind
from raypp.progress import Progress
from raypp.text.address import redacted
from raypp.veil.key import VeilKey

Identities = Mapping[bytes, bytes]
"""Identity of each source under the new key by that under the old one, 32 bytes each."""
_THREADS, _FILES_EACH = 8, 64
_Keys = tuple[VeilKey, VeilKey]


def rekey_identities(plan: VeilPlan, sources: Sequence[str], keys: _Keys, progress: Progress) -> Identities:
    """Identify the sources of a plan under another key, having seen by the old one that they are the same files.

    Args:
        plan: the archive's plan under the old key.
        sources: where its datasets are, since an image's place in its dataset is part of its identity.
        keys: the owner's old key, and the new one.
        progress: is told how far it is.

    Raises:
        ConflictError: if a source is not the file that was veiled.
        MediaError: if one cannot be read, or `sources` hold nothing.
    """
    names = _names_in_datasets(sources)
    total = plan.source_count
    identities: dict[bytes, bytes] = {}
    with progress.task("naming sources", total) as advance, ThreadPoolExecutor(_THREADS) as pool:

        def begin(items: tuple[Item, ...]) -> Callable[[], list[bytes]]:
            return pool.submit(partial(_identities_of, items, names, keys)).result

        planned = plan.items()
        groups = iter(lambda: tuple(islice(planned, _FILES_EACH)), ())
        for items, new_names in in_order(groups, begin, 4 * _THREADS):
            identities |= {bytes.fromhex(item.identity): new for item, new in zip(items, new_names, strict=True)}
            advance(len(items), f"{len(identities)}/{total} sources", 0)
    return identities


def _names_in_datasets(sources: Sequence[str]) -> dict[str, str]:
    if not sources:
        return {}
    discovery = discover(sources)
    return {
        image.file.url: name_in_dataset(dataset, image) for dataset in discovery.datasets for image in dataset.images
    }


def _identities_of(items: Sequence[Item], names: Mapping[str, str], keys: _Keys) -> list[bytes]:
    return [_identity(item, names.get(item.url), keys) for item in items]


def _identity(item: Item, in_dataset: str | None, keys: _Keys) -> bytes:
    old, new = keys
    try:
        stream = open_source(item.url)
        try:
            index = probe(stream).fingerprint if item.kind is SourceKind.VIDEO else b""
            for name in ("",) if in_dataset is None else (in_dataset, ""):
                if source_identity(old, item.site, stream, index, name).hex() == item.identity:
                    return source_identity(new, item.site, stream, index, name)
        finally:
            stream.close()
    except MediaError as error:
        raise MediaError(
            f"{error}; names under another key need the files themselves (their first and last 64 KB, undecoded)"
        ) from None
    where = redacted(item.url)
    if item.kind is SourceKind.IMAGE and in_dataset is None:
        raise ConflictError(
            f"{where} is of a dataset, or has changed since it was veiled; name its dataset with `sources`, as "
            "`raypp veil` had it"
        )
    raise ConflictError(f"{where} has changed since it was veiled; restore it, or veil it anew")
