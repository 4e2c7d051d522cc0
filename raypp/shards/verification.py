"""Verifying an archive: nothing missing, nothing twice, nothing altered; needs no veil key."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import RayppError, ShardError
from raypp.geometry.window import Window
from raypp.shards.encryption import DataKey
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.manifest import Manifest, pending_receipts, read_manifest
from raypp.shards.ordering import RowOrder
from raypp.shards.reader import open_shard
from raypp.shards.receipt import Receipt
from raypp.shards.schema import HEADER_FILE, ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.tags import tag_problems
from raypp.shards.vouching import check_signature
from raypp.shards.writer import ContentDigest
from raypp.text.printable import printable
from raypp.veil.packing import packed_size

_CHUNK = 1 << 20


class VerificationReport(BaseModel):
    """Result of `raypp verify`."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    shards: int
    frames: int = Field(description="frames of sources")
    variants: int = Field(description="variants of those frames")
    bytes: int
    quarantined: int = Field(description="sources that could not be veiled, by the receipts")
    label_versions: tuple[str, ...]
    signature: str = Field(description="who signed the archive, or that nobody did")
    signed_by: str | None = Field(description="fingerprint of the key that signed it; none where no signature holds")
    problems: tuple[str, ...] = Field(description="one line each; empty if the archive is whole")


@dataclass(frozen=True)
class ShardCheck:
    """Content of one shard, as verified.

    Attributes:
        segment_id: its segment.
        problems: one line each.
        sample_ids: identities of its rows.
        variants: for each row, which variant of its frame it is.
        timestamps: per source, first and last presentation time.
        cameras: names of its rows' cameras: the source's own, and those of its views.
    """

    segment_id: str
    problems: tuple[str, ...] = ()
    sample_ids: tuple[str, ...] = ()
    variants: tuple[int, ...] = ()
    timestamps: dict[str, tuple[int, int]] = field(default_factory=dict)
    cameras: frozenset[str] = frozenset()


CheckShards = Callable[[Sequence[Receipt]], Iterable[ShardCheck]]


def verify(
    root: str,
    encryption: DataKey | None = None,
    progress: Callable[[int, int], None] | None = None,
    check_shards: CheckShards | None = None,
    fingerprint: str | None = None,
) -> VerificationReport:
    """Check every receipt, shard, digest, schema, label and the signature of an archive.

    Args:
        root: the archive.
        encryption: data key of encrypted shards.
        progress: called with (shards checked, shards in all).
        check_shards: checks receipts' shards elsewhere, in any order; here, one after another, if None.
        fingerprint: of the key that must have signed the archive; None for any, or none.

    Raises:
        ShardError: if there is no readable manifest, or the shards are encrypted and no key was given.
    """
    store = Store(root, encryption)
    manifest = read_manifest(store)
    problems: list[str] = []
    if manifest.header.encrypted and encryption is None and check_shards is None:
        raise ShardError(f"archive {root} is encrypted; give its data key with `data_key`")
    waiting = pending_receipts(store)
    if waiting:
        problems.append(f"{len(waiting)} receipts are in no manifest: a job is running or was stopped; run it again")
    _check_header(store, manifest, problems)
    with_shard = [receipt for receipt in manifest.receipts if receipt.shard]
    checks: list[ShardCheck] = []
    results = check_shards(with_shard) if check_shards else _here(store, manifest.header, encryption, with_shard)
    for check in results:
        checks.append(check)
        problems += check.problems
        if progress:
            progress(len(checks), len(with_shard))
    samples = _samples(checks, problems)
    _check_parts(manifest, {check.segment_id: check for check in checks}, problems)
    _check_files(store, (*manifest.receipts, *waiting), problems)
    versions = list_versions(store)
    digests: dict[str, str] = {}
    for version in versions:
        _check_labels(store, version, manifest, samples, problems, digests)
    problems += tag_problems(store, manifest)
    vouching = check_signature(store, manifest, digests, fingerprint)
    problems += vouching.problems
    return VerificationReport(
        veil_id=manifest.header.veil_id,
        shards=len(with_shard),
        frames=sum(receipt.source_frames for receipt in manifest.receipts),
        variants=sum(receipt.variants for receipt in manifest.receipts),
        bytes=sum(receipt.shard_bytes for receipt in manifest.receipts),
        quarantined=sum(len(receipt.quarantined) for receipt in manifest.receipts),
        label_versions=tuple(versions),
        signature=vouching.statement,
        signed_by=vouching.fingerprint,
        problems=tuple(problems),
    )


def check_shard(store: Store, header: ArchiveHeader, encryption: DataKey | None, receipt: Receipt) -> ShardCheck:
    """Check one shard against its receipt: bytes, schema, rows, and that its codes fit its frames."""
    assert receipt.shard is not None  # noqa: S101 - callers pass receipts with a shard
    where = f"shard {receipt.shard}"
    wrong = _bytes_problem(store, receipt, where)
    if wrong:
        return ShardCheck(receipt.segment_id, (wrong,))
    problems: list[str] = []
    digest, order = ContentDigest(), RowOrder(header.variants)
    ids: list[str] = []
    variants: list[int] = []
    times: dict[str, tuple[int, int]] = {}
    cameras: set[str] = set()
    try:
        with open_shard(store, receipt.shard, header, encryption) as file:
            for batch in file.iter_batches(64, use_threads=False):
                for row in map(_row, batch.to_pylist()):
                    digest.add(row)
                    ids.append(row.sample_id)
                    variants.append(row.variant)
                    cameras.add(row.camera)
                    if row.width < 1 or row.height < 1:
                        problems.append(f"{where}: sample {row.sample_id} is of a frame {row.width}x{row.height}")
                        continue
                    problems += [f"{where}: {problem}" for problem in order.add(row)]
                    times[row.source] = (times.get(row.source, (row.timestamp_us, 0))[0], row.timestamp_us)
                    window = Window(header.size, header.patch, row.width, row.height)
                    expected = packed_size(header.channels * window.rows * window.columns, header.bits)
                    if len(row.code) != expected:
                        problems.append(
                            f"{where}: sample {row.sample_id} has {len(row.code)} code bytes, not {expected}"
                        )
    except RayppError as error:
        return ShardCheck(receipt.segment_id, (str(error),))
    except (pa.ArrowException, OSError) as error:
        return ShardCheck(
            receipt.segment_id, (f"{where} cannot be read ({printable(str(error).splitlines()[0])}); try again",)
        )
    problems += [f"{where}: {problem}" for problem in order.close()]
    problems += _against(receipt, header, times)
    frames = variants.count(0)
    if (frames, len(ids)) != (receipt.source_frames, receipt.frames):
        problems.append(
            f"{where} holds {frames} frames and {len(ids) - frames} variants, "
            f"its receipt says {receipt.source_frames} and {receipt.variants}"
        )
    if digest.hex() != receipt.content_sha256:
        problems.append(f"{where}: the content digest of its rows is not its receipt's")
    return ShardCheck(receipt.segment_id, tuple(problems), tuple(ids), tuple(variants), times, frozenset(cameras))


def _bytes_problem(store: Store, receipt: Receipt, where: str) -> str | None:
    """Return the fault of a shard's bytes, if any."""
    assert receipt.shard is not None  # noqa: S101
    try:
        size = store.size(receipt.shard)
        if size is None:
            return f"{where} is missing; run `raypp veil` again"
        if size != receipt.shard_bytes or _sha256(store, receipt.shard) != receipt.shard_sha256:
            return f"{where} was altered: its digest is not its receipt's; veil it again"
    except (RayppError, OSError) as error:
        return f"{where} cannot be read ({printable(str(error).splitlines()[0])}); try again"
    return None


def _against(receipt: Receipt, header: ArchiveHeader, times: dict[str, tuple[int, int]]) -> Iterable[str]:
    """Return the claims of a receipt that its shard's rows contradict."""
    if receipt.veil_id != header.veil_id:
        yield f"receipt of segment {receipt.segment_id} is of veil {receipt.veil_id}, not {header.veil_id}"
    strangers = sorted(set(times) - set(receipt.sources))
    if strangers:
        yield f"shard {receipt.shard} holds source {strangers[0]}, which its receipt does not name"
    spans = list(times.values())
    if spans and (spans[0][0], spans[-1][1]) != (receipt.first_timestamp_us, receipt.last_timestamp_us):
        yield f"shard {receipt.shard} does not cover the time that its receipt says"


def _here(
    store: Store, header: ArchiveHeader, encryption: DataKey | None, receipts: Iterable[Receipt]
) -> Iterable[ShardCheck]:
    for receipt in receipts:
        yield check_shard(store, header, encryption, receipt)


def _samples(checks: Iterable[ShardCheck], problems: list[str]) -> dict[str, int]:
    """All samples, each with the variant that it is."""
    seen: dict[str, int] = {}
    for check in checks:
        for name, variant in zip(check.sample_ids, check.variants, strict=True):
            if name in seen:
                problems.append(f"sample {name} is there twice")
            seen[name] = variant
    return seen


def _check_parts(manifest: Manifest, checks: dict[str, ShardCheck], problems: list[str]) -> None:
    """Every part of every source is there once, and their times follow one another."""
    by_source: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in manifest.receipts:
        if receipt.parts > 1:
            by_source[receipt.sources[0]].append(receipt)
    for source, receipts in sorted(by_source.items()):
        for layer in _layers(receipts, checks):
            problems += _part_problems(source, layer, checks)


def _layers(receipts: list[Receipt], checks: dict[str, ShardCheck]) -> list[list[Receipt]]:
    """Parts of a source that belong together: views that were added later have parts of their own.

    A part without rows, of which nobody can tell whose it is, goes where one is missing.
    """
    by_cameras: dict[frozenset[str], list[Receipt]] = defaultdict(list)
    unknown: list[Receipt] = []
    for receipt in receipts:
        check = checks.get(receipt.segment_id)
        if check is not None and check.cameras:
            by_cameras[check.cameras].append(receipt)
        else:
            unknown.append(receipt)
    layers = list(by_cameras.values()) or [[]]
    for receipt in unknown:
        lacking = (layer for layer in layers if receipt.part not in {other.part for other in layer})
        layer = next(lacking, None)
        if layer is None:
            layers.append([receipt])
        else:
            layer.append(receipt)
    return layers


def _part_problems(source: str, receipts: list[Receipt], checks: dict[str, ShardCheck]) -> Iterable[str]:
    receipts.sort(key=lambda receipt: receipt.part)
    present = [receipt.part for receipt in receipts]
    missing = sorted(set(range(receipts[0].parts)) - set(present))
    if missing:
        yield f"source {source}: parts {missing} of {receipts[0].parts} are missing; run `raypp veil` again"
    if len(set(present)) != len(present):
        yield f"source {source}: a part is there twice"
    last = -1
    for receipt in receipts:
        check = checks.get(receipt.segment_id)
        if check is None or source not in check.timestamps:
            continue
        first, end = check.timestamps[source]
        if first <= last:
            yield f"source {source}: part {receipt.part} begins before the part before it ends"
        last = end


def _check_header(store: Store, manifest: Manifest, problems: list[str]) -> None:
    if not store.exists(HEADER_FILE):
        problems.append(f"{HEADER_FILE} is missing; run `raypp veil` again")
        return
    try:
        header = ArchiveHeader.from_bytes(store.read(HEADER_FILE), HEADER_FILE)
    except RayppError as error:
        problems.append(str(error))
        return
    if header != manifest.header:
        problems.append(
            f"{HEADER_FILE} is of veil {header.veil_id}, the manifest of {manifest.header.veil_id}, "
            "or their settings differ; do not mix archives"
        )


def _check_files(store: Store, receipts: Iterable[Receipt], problems: list[str]) -> None:
    expected = {receipt.shard for receipt in receipts}
    strangers = (relative for relative in store.listing("shards") if relative not in expected)
    problems.extend(f"{relative} is in no receipt; remove it, or run `raypp veil` again" for relative in strangers)


def _check_labels(
    store: Store,
    version: str,
    manifest: Manifest,
    samples: dict[str, int],
    problems: list[str],
    digests: dict[str, str],
) -> None:
    try:
        table = read_labels(store, version)
    except RayppError as error:
        problems.append(str(error))
        return
    digests[version] = table.digest
    if table.veil_id != manifest.header.veil_id:
        problems.append(f"labels {version} are of veil {table.veil_id}, the archive of {manifest.header.veil_id}")
    rows = table.rows
    unknown = sum(row.sample_id not in samples for row in rows)
    if unknown:
        problems.append(f"labels {version}: {unknown} labelled samples are in no shard")
    others = sum(samples.get(row.sample_id, row.variant) != row.variant for row in rows)
    if others:
        problems.append(f"labels {version}: {others} labelled samples are other variants than the shards say")
    beyond = sum(not 0 <= box.class_id < len(table.classes) for row in rows for box in row.boxes)
    if beyond:
        problems.append(f"labels {version}: {beyond} boxes have a class beyond its {len(table.classes)}")


def _row(values: dict[str, object]) -> ShardRow:
    return ShardRow(**values)  # type: ignore[arg-type]


def _sha256(store: Store, relative: str) -> str:
    digest = hashlib.sha256()
    with store.open_input(relative) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
