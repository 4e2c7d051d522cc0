"""Facts of a veiled archive: what was collected, by which cameras, who can read what, and what was forgotten."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from raypp.dpia.section import EvidencedFact, Section, unknown
from raypp.forget.receipt import ForgetReceipt, kept_receipts
from raypp.ingest.tombstones import FORGETTING_FILE
from raypp.ledger.times import shown_time
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.text.wording import counted
from raypp.veil.key import fingerprint

_COLUMNS = ("site", "camera", "captured_at_us", "variant")
_ROWS = 8192


def collected(reader: ShardReader) -> Section:
    """Return what an archive holds, counted in its shards.

    Raises:
        ShardError: if it is damaged.
    """
    header, manifest = reader.header, reader.manifest
    evidence = f"counted in the shards; manifest {manifest.digest[:16]}"
    cameras: Counter[tuple[str, str]] = Counter()
    captured: list[int] = []
    undated = variants = 0
    for batch in reader.iterate(_COLUMNS, _ROWS):
        for row in batch.rows.to_pylist():
            if row["variant"]:
                variants += 1
                continue
            cameras[row["site"], row["camera"]] += 1
            if row["captured_at_us"] is None:
                undated += 1
            else:
                captured.append(row["captured_at_us"])
    facts = [EvidencedFact(name="veiled frames", value=f"{cameras.total():,}", evidence=evidence)]
    facts += [
        EvidencedFact(name=f"site {site}, camera {camera}", value=counted(count, "frame"), evidence=evidence)
        for (site, camera), count in sorted(cameras.items())
    ]
    if captured:
        span = f"{shown_time(min(captured))} to {shown_time(max(captured))}"
        facts.append(EvidencedFact(name="captured", value=span, evidence=evidence))
    if undated or not captured:
        facts.append(unknown(f"capture time of {counted(undated, 'frame')}", "their sources do not say"))
    if variants:
        facts.append(EvidencedFact(name="altered copies of frames", value=f"{variants:,}", evidence=evidence))
    facts.append(EvidencedFact(name="sampling", value=header.sampling, evidence="header of the archive"))
    facts += _labels(reader)
    facts.append(unknown("who is to be seen", "a veiled frame does not show it, and nobody counted people"))
    return Section(
        title="What is collected",
        facts=tuple(facts),
        questions=("Whom do the cameras see, and do they know?", "For which purposes is it collected?"),
    )


def readers(reader: ShardReader) -> Section:
    """Return what those can read who hold the files of an archive."""
    header = reader.header
    public = fingerprint(bytes.fromhex(header.public_key))
    tables = "encrypted, too" if header.encrypts_tables else "open"
    held = "encrypted under the data key" if header.encrypted else "open to whoever has the files"
    names = "pseudonyms" if header.source_names == "pseudonym" else "plain names of files"
    facts = (
        EvidencedFact(name="veil", value=header.veil_id, evidence="header of the archive"),
        EvidencedFact(name="veiled under the key of fingerprint", value=public, evidence="header of the archive"),
        EvidencedFact(name="codes of frames", value=held, evidence="header of the archive"),
        EvidencedFact(
            name="labels and list of shards", value=f"{tables if header.encrypted else 'open'}", evidence="header"
        ),
        EvidencedFact(name="names of sources in the shards", value=names, evidence="header of the archive"),
        EvidencedFact(name="names of sites and cameras in the shards", value="plain", evidence="schema of the archive"),
        unknown("who holds copies of the archive", "raypp does not see copies"),
        unknown("who holds the owner's key and the sources", "raypp does not see copies of keys"),
    )
    return Section(
        title="Who can read what",
        facts=facts,
        questions=(
            "Who holds the owner's key, the data key, the sources, and copies of the archive?",
            "Which processors and sub-processors take part, under which contracts?",
        ),
    )


def forgotten(reader: ShardReader, private: Path | None) -> Section:
    """Return what was forgotten of an archive, by the signed receipts in the owner's folder."""
    title, veil_id = "What was forgotten", reader.header.veil_id
    if private is None or not private.is_dir():
        where = "the owner's folder of the archive was not given" if private is None else f"there is no {private}"
        return Section(title=title, facts=(unknown("orders of forgetting", where),))
    receipts = sorted(
        (receipt for receipt in kept_receipts(private) if receipt.veil_id == veil_id), key=lambda each: each.begun_at
    )
    evidence = f"{private.name}/forgotten"
    facts = [EvidencedFact(name="forgettings that ended", value=str(len(receipts)), evidence=evidence)]
    facts += list(_receipts(receipts))
    if (private / FORGETTING_FILE).exists():
        facts.append(EvidencedFact(name="forgettings that were stopped half-way", value="1", evidence=FORGETTING_FILE))
    facts.append(unknown("copies that followed the orders", "receipts of their holders are kept by you"))
    return Section(title=title, facts=tuple(facts))


def _receipts(receipts: list[ForgetReceipt]) -> Iterator[EvidencedFact]:
    for receipt in receipts:
        signed = f"signed by {receipt.fingerprint}" if receipt.is_true() else "its SIGNATURE DOES NOT HOLD"
        yield EvidencedFact(
            name=f"order {receipt.order[:16]}, {receipt.begun_at}",
            value=f"{counted(receipt.frames, 'frame')} of {counted(receipt.segments, 'segment')}",
            evidence=f"receipt, {signed}",
        )


def _labels(reader: ShardReader) -> Iterator[EvidencedFact]:
    versions = list_versions(reader.store)
    if not versions:
        yield EvidencedFact(name="labels", value="none", evidence="the archive has no label version")
    for version in versions:
        table = read_labels(reader.store, version)
        yield EvidencedFact(
            name=f"labels {version}",
            value=f"{counted(len(table.rows), 'frame')}; classes: {', '.join(table.classes)}",
            evidence=f"label version of digest {table.digest[:16]}",
        )
