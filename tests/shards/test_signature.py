"""An archive's signature tells what somebody altered on purpose, who vouches for it, and that nobody does."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.shards.labels import SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.manifest import compile_manifest, read_manifest
from raypp.shards.schema import HEADER_FILE
from raypp.shards.signature import SIGNATURE_FILE, ArchiveSignature, sign_archive
from raypp.shards.store import Store
from raypp.shards.verification import VerificationReport, verify
from raypp.shards.vouching import check_fingerprint
from raypp.veil.key import Keyring, SiteKey, VeilKey
from raypp.veil.spec import PatchSpec
from tests.shards.archives import VEIL_ID, header, row, write_segment

OWNER, STRANGER = VeilKey(bytes(range(32))), VeilKey(bytes(32))
SITE = SiteKey.derive_from(OWNER, PatchSpec(), "north", ["gate"])
HEADER = header().model_copy(update={"public_key": OWNER.public_key.hex()})


def sign(store: Store, key: Keyring = OWNER, written: tuple[str, ...] = ()) -> ArchiveSignature | None:
    digests = {name: read_labels(store, name).digest for name in list_versions(store)}
    return sign_archive(store, read_manifest(store), {name: digests[name] for name in written}, digests, key)


def label(store: Store, version: str, split: str = "train") -> None:
    write_labels(store, version, ("saw",), VEIL_ID, [SampleLabels(row(3).sample_id, split, ())])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A signed archive of one video in two parts, with labels v1."""
    opened = Store(str(tmp_path / "out"))
    opened.write_atomic(HEADER_FILE, HEADER.to_bytes())
    for part in range(2):
        write_segment(opened, part, [row(part * 4 + number) for number in range(4)], part, 2, archive=HEADER)
    compile_manifest(opened, HEADER)
    label(opened, "v1")
    sign(opened, written=("v1",))
    return opened


def checked(store: Store, wanted: str | None = None) -> VerificationReport:
    return verify(store.root, fingerprint=wanted)


def test_a_signed_archive_says_who_vouches_for_it(store: Store) -> None:
    report = checked(store)
    assert report.problems == ()
    assert report.signed_by == OWNER.fingerprint
    assert report.signature == f"signed by {OWNER.fingerprint} (compare with the owner's fingerprint)"
    assert checked(store, OWNER.fingerprint).signature == f"signed by {OWNER.fingerprint} (the key you gave)"


def test_another_key_than_the_one_that_was_given_is_a_problem(store: Store) -> None:
    report = checked(store, STRANGER.fingerprint)
    assert report.problems == (f"the archive is signed by {OWNER.fingerprint}, not by {STRANGER.fingerprint}",)
    assert report.signed_by is None


def zero_a_code(store: Store) -> None:
    """Alter a code and a capture time, and write shard, receipt and manifest anew, as one without a key can."""
    rows = [row(number) for number in range(4)]
    rows[1] = replace(rows[1], code=bytes(len(rows[1].code)), captured_at_us=0)
    write_segment(store, 0, rows, 0, 2, archive=HEADER)
    compile_manifest(store, HEADER)


def alter_the_header(store: Store) -> None:
    changed = HEADER.model_copy(update={"sampling": "keyframes"})
    store.write_atomic(HEADER_FILE, changed.to_bytes())
    for part in range(2):
        rows = [row(part * 4 + number) for number in range(4)]
        write_segment(store, part, rows, part, 2, archive=changed)
    compile_manifest(store, changed)


@pytest.mark.parametrize("alter", [zero_a_code, alter_the_header])
def test_what_somebody_altered_with_all_its_digests_is_told(alter: Callable[[Store], None], store: Store) -> None:
    alter(store)
    (problem,) = checked(store).problems
    assert f"the manifest is not the one that {OWNER.fingerprint} signed: it was altered" in problem
    store.delete(SIGNATURE_FILE)
    unsigned = checked(store)
    assert unsigned.problems == (), "the control: without a signature nothing tells"
    assert unsigned.signature == "unsigned: only accidents are told, not what somebody altered on purpose"
    assert unsigned.signed_by is None
    (problem,) = checked(store, OWNER.fingerprint).problems
    assert "the archive is unsigned" in problem


def test_altered_labels_are_told_and_added_ones_are_named_as_not_signed(store: Store) -> None:
    label(store, "mine")
    report = checked(store)
    assert report.problems == ()
    assert report.signature.endswith("; not signed: labels mine")
    store.delete("labels/v1/labels.parquet")
    report = checked(store)
    assert report.problems == (), "an archive may be handed over without its labels"
    assert report.signature.endswith("; not signed: labels mine; signed, but not here: labels v1")
    label(store, "v1", split="val")
    assert checked(store).problems == (f"labels v1 are not those that {OWNER.fingerprint} signed; they were altered",)


def test_signed_again_by_a_stranger_it_is_not_the_owners(store: Store) -> None:
    manifest = read_manifest(store)
    forged = ArchiveSignature(public_key=STRANGER.public_key.hex(), manifest=manifest.digest, labels={})
    signed = forged.model_copy(update={"signature": STRANGER.sign(forged.message()).hex()})
    store.write_atomic(SIGNATURE_FILE, signed.to_bytes())
    (problem,) = checked(store).problems
    assert problem == f"the archive is signed by {STRANGER.fingerprint}, which is not the key that its header names"


@pytest.mark.parametrize("field", ["manifest", "labels", "signature", "public_key"])
def test_a_false_signature_is_told(field: str, store: Store) -> None:
    document = json.loads(store.read(SIGNATURE_FILE))
    if field == "labels":
        document["labels"] = {}
    elif field == "public_key":
        document["public_key"] = STRANGER.public_key.hex()
    else:
        value = document[field]
        document[field] = ("0" if value[0] != "0" else "1") + value[1:]
    store.write_atomic(SIGNATURE_FILE, json.dumps(document).encode())
    (problem,) = checked(store).problems
    assert "signature.json is false" in problem


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": 2}', b"\xff"])
def test_a_damaged_signature_is_one_line(content: bytes, store: Store) -> None:
    store.write_atomic(SIGNATURE_FILE, content)
    (problem,) = checked(store).problems
    assert "is damaged or of another raypp" in problem
    assert "\n" not in problem


def test_signing_again_gives_the_same_bytes_and_keeps_labels_of_earlier_jobs(store: Store) -> None:
    before = store.read(SIGNATURE_FILE)
    sign(store)
    assert store.read(SIGNATURE_FILE) == before
    label(store, "v2")
    signed = sign(store, written=("v2",))
    assert signed is not None
    assert sorted(signed.labels) == ["v1", "v2"]
    label(store, "planted")
    signed = sign(store)
    assert signed is not None
    assert sorted(signed.labels) == ["v1", "v2"], "never a version that a job did not write"


def test_a_site_cannot_sign_and_what_it_adds_takes_the_signature_away(store: Store) -> None:
    assert sign(store, SITE) is not None, "nothing changed, so the owner's signature holds"
    write_segment(store, 2, [row(100, "other")], archive=HEADER)
    compile_manifest(store, HEADER)
    assert sign(store, SITE) is None
    assert checked(store).signature.startswith("unsigned")


@pytest.mark.parametrize("text", ["", "9ea2", "z" * 16, OWNER.public_key.hex()])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="`fingerprint`"):
        check_fingerprint(text)
    assert check_fingerprint(f" {OWNER.fingerprint.upper()}\n") == OWNER.fingerprint
