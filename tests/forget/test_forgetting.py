"""What is forgotten is in no byte of an archive, the rest is as it was, and a rerun veils nothing of it again."""

import json
from pathlib import Path

import pytest

from raypp.bench.sample_bundle import sample_info, write_sample_bundle
from raypp.detect.checkpoint import build_model
from raypp.errors import ConflictError, KeyFileError, ModelError, OptionError, RayppError, ShardError
from raypp.forget.run import ForgetSummary, forget_frames
from raypp.ingest.plan_file import load_plan
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.rekey.run import run_rekey
from raypp.shards.encryption import DataKey
from raypp.shards.labels import dataset_version, read_labels
from raypp.shards.manifest import read_manifest
from raypp.shards.store import Store
from raypp.shards.tags import remove_tag, write_tag
from raypp.shards.verify_archive import verify_archive
from raypp.sql.archive_views import ArchiveRows
from raypp.sql.engine import SqlEngine
from raypp.sql.results import rows_of
from tests.command import archive_bytes
from tests.forget.places import BEGUN, BEGUN_US, copy_of, frames_of, settings_for, traces, veil_again
from tests.rekey.places import HERE, NEW, OLD, SPEC, settings_of, veil, write_place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_place(tmp_path_factory.mktemp("place"))
    veil_again(place, place / "veiled")
    return place


def _forget(place: Path, archive: Path, **fields: object) -> ForgetSummary:
    return forget_frames(settings_for(place, archive, **fields), HERE)


def _in_sql(archive: Path, view: str) -> set[str]:
    """Sample_ids that a query of an archive gives."""
    with SqlEngine(ArchiveRows([str(archive)], None).views()) as engine:
        return {row[0] for row in rows_of(engine.run(f"select sample_id from {view}"))}  # noqa: S608


def _verified(archive: Path) -> bool:
    report = verify_archive(str(archive), None, OLD.fingerprint, HERE)
    return report.problems == () and report.signed_by == OLD.fingerprint


def test_an_image_is_in_no_byte_and_the_rest_is_as_it_was(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    labels = read_labels(Store(str(archive)), "tools-v1").rows
    before = frames_of(archive)
    summary = _forget(place, archive, sources=("train/001.jpg",))
    after = frames_of(archive)
    gone = [before[name] for name in before.keys() - after.keys()]
    assert len(gone) == summary.receipt.frames == 1
    assert traces(place / "veiled", gone), "the search finds what is there"
    assert traces(tmp_path, gone) == []
    assert _in_sql(archive, "frames") | _in_sql(archive, "variants") == set(after)
    assert _in_sql(archive, "labels") <= set(after)
    assert gone[0]["sample_id"] in _in_sql(place / "veiled", "labels")
    assert after == {name: row for name, row in before.items() if name in after}
    kept = read_labels(Store(str(archive)), "tools-v1").rows
    assert kept == tuple(row for row in labels if row.sample_id in after)
    assert len(kept) == len(labels) - 1
    assert not any(gone[0]["source"] in receipt.sources for receipt in read_manifest(Store(str(archive))).receipts)
    assert _verified(archive)


@pytest.mark.parametrize(
    ("fields", "frames"),
    [
        ({"camera": "crane"}, 4),
        pytest.param({"camera": "gate.right"}, 8, marks=pytest.mark.slow),
        pytest.param({"camera": "gate"}, 16, marks=pytest.mark.slow),
        ({"from_us": BEGUN_US + 1_000_000, "to_us": BEGUN_US + 1_500_000}, 6),
        pytest.param({"camera": "gate", "from_us": BEGUN_US + 500_000}, 12, marks=pytest.mark.slow),
        pytest.param({"site": "plant"}, 37, marks=pytest.mark.slow),
    ],
)
def test_a_rerun_veils_nothing_of_it_again_and_says_so(place, tmp_path, fields, frames):
    archive = copy_of(place / "veiled", tmp_path)
    before = frames_of(archive)
    assert _forget(place, archive, **fields).receipt.frames == frames
    after = frames_of(archive)
    assert len(before) - len(after) == frames
    assert _verified(archive)
    kept = archive_bytes(archive)
    veil_again(place, archive)
    assert archive_bytes(archive) == kept
    assert traces(tmp_path, [before[name] for name in before.keys() - after.keys()]) == []


def test_a_lost_shard_comes_back_without_what_was_forgotten(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    _forget(place, archive, camera="gate", from_us=BEGUN_US + 500_000, to_us=BEGUN_US + 750_000)
    after = frames_of(archive)
    for shard in (archive / "shards").rglob("*.parquet"):
        shard.unlink()
    veil_again(place, archive)
    assert frames_of(archive) == after
    assert _verified(archive)


def test_a_copied_file_is_known_again(place, tmp_path):
    sources = tmp_path / "in" / "crane"
    sources.mkdir(parents=True)
    (sources / "2.mp4").write_bytes((place / "in" / "crane" / "2.mp4").read_bytes())
    archive = copy_of(place / "veiled", tmp_path)
    _forget(place, archive, sources=("crane/2.mp4",))
    kept = archive_bytes(archive)
    settings = VeilSettings(
        out=archive, key_path=place / "old.key", spec=SPEC, encoder_path=place / "encoder.veil", size=80,
        site="plant", time_from=BEGUN, views_path=place / "views.json",
    )  # fmt: skip
    summary = run_veil(settings, [str(tmp_path / "in")], HERE)
    assert summary.forgotten == 1
    assert "forgotten     1 source left out: `raypp forget-archive` forgot them" in str(summary)
    assert archive_bytes(archive) == kept
    assert b"crane" not in (tmp_path / "veiled-private" / "plan.parquet").read_bytes()


@pytest.mark.slow
def test_an_encrypted_archive_of_plain_names(place, tmp_path):
    archive = tmp_path / "veiled"
    veil_again(place, archive, data_key_path=place / "data.key", plain_names=True)
    data_key = DataKey.load(place / "data.key")
    before = frames_of(archive, data_key)
    names = {"data_key_path": place / "data.key"}
    summary = _forget(place, archive, sources=("crane/2.mp4",), **names)
    assert summary.signed
    after = frames_of(archive, data_key)
    gone = [before[name] for name in before.keys() - after.keys()]
    assert {row["source"].rpartition("/")[2] for row in gone} == {"2.mp4"}
    assert len(gone) == 4
    assert traces(tmp_path, gone, data_key) == []
    assert verify_archive(str(archive), place / "data.key", OLD.fingerprint, HERE).problems == ()
    with pytest.raises(ShardError, match=r"is encrypted; give its data key"):
        _forget(place, archive, camera="gate")


@pytest.mark.slow
def test_it_names_what_held_it_and_which_models_learned_from_it(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    store = Store(str(archive))
    held = dataset_version(read_manifest(store), read_labels(store, "tools-v1"))
    info = sample_info("yolov8p", SPEC, 80, OLD.veil_id(SPEC))
    for name, update in {
        "on-it.model": {"dataset_version": held, "labels_version": "tools-v1"},
        "older.model": {"dataset_version": "0" * 32, "labels_version": "tools-v1"},
        "other.model": {"dataset_version": held, "veil_id": "1" * 32},
    }.items():
        of_this = type(info).model_validate(info.model_dump() | update)
        write_sample_bundle(tmp_path / name, of_this, build_model(of_this))
    models = tuple(tmp_path / name for name in ("on-it.model", "older.model", "other.model"))
    summary = _forget(place, archive, sources=("train/001.jpg",), models=models)
    (dataset,) = summary.receipt.datasets
    assert (dataset.dataset_version, dataset.frames) == (held, {"train": 1})
    assert [model.trained for model in summary.receipt.models] == [True, None, False]
    later = _forget(place, archive, sources=("train/002.jpg",), models=models[:1])
    assert later.receipt.models[0].trained, "the dataset version of before held this image, too"
    assert summary.receipt.is_true()
    assert json.loads(summary.receipt_path.read_text())["frames"] == 1
    (tmp_path / "no.model").write_bytes(b"x" * 40)
    with pytest.raises(ModelError, match=r"no\.model is no detector bundle"):
        _forget(place, archive, sources=("train/004.jpg",), models=(tmp_path / "no.model",))


def test_a_dry_run_says_the_same_and_changes_nothing(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    before = archive_bytes(tmp_path)
    dry = forget_frames(settings_for(place, archive, camera="gate"), HERE, dry_run=True)
    assert archive_bytes(tmp_path) == before
    assert dry.receipt_path is None
    done = _forget(place, archive, camera="gate")
    assert (dry.receipt.frames, dry.receipt.segments, dry.receipt.datasets) == (
        done.receipt.frames, done.receipt.segments, done.receipt.datasets,
    )  # fmt: skip
    again = _forget(place, archive, camera="gate")
    assert again.before
    assert again.receipt == done.receipt


@pytest.mark.slow
def test_a_quarantined_source_goes_from_receipt_and_quarantine(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    assert b"broken.jpg" in (tmp_path / "veiled-private" / "quarantine.json").read_bytes()
    summary = _forget(place, archive, sources=("broken.jpg",))
    assert (summary.receipt.frames, summary.receipt.sources, summary.receipt.segments) == (0, 1, 1)
    assert not any(receipt.quarantined for receipt in read_manifest(Store(str(archive))).receipts)
    assert b"broken.jpg" not in (tmp_path / "veiled-private" / "quarantine.json").read_bytes()
    assert _verified(archive)


@pytest.mark.slow
def test_sources_of_unknown_capture_time_are_left_alone_and_counted(place, tmp_path):
    archive = tmp_path / "veiled"
    veil(place, archive)
    summary = _forget(place, archive, from_us=0)
    assert summary.receipt.frames == 0
    assert summary.undated == 15


@pytest.mark.slow
def test_the_rest_is_rekeyed_and_half_of_it_is_not(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    _forget(place, archive, sources=("train/001.jpg",))
    _forget(place, archive, camera="gate", to_us=BEGUN_US + 500_000)
    out = tmp_path / "team" / "veiled"
    run_rekey(settings_of(place, out=tmp_path / "fit-2", archive=archive, archive_out=out), HERE)
    assert len(frames_of(out)) == len(frames_of(archive)) == 37 - 1 - 4
    assert verify_archive(str(out), None, NEW.fingerprint, HERE).problems == ()
    (tmp_path / "veiled-private" / "forgetting.json").write_text("{}")
    for stops in (
        lambda: veil_again(place, archive),
        lambda: run_rekey(settings_of(place, archive=archive, archive_out=tmp_path / "x" / "y"), HERE),
    ):
        with pytest.raises(ConflictError, match=r"half forgotten.*run it again first"):
            stops()


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({}, OptionError, "say what to forget"),
        ({"sources": ("nobody.mp4",)}, OptionError, "nobody.mp4 is no source of archive"),
        ({"sources": ("1.jpg", "0.jpg", "000.jpg")}, None, ""),
        ({"camera": "door"}, OptionError, "door is none of archive .* its cameras are: bench, crane, gate"),
        ({"site": "mill"}, OptionError, "mill is none of archive .* its sites are: plant"),
        ({"from_us": 5, "to_us": 5}, OptionError, "is not before"),
        ({"camera": "gate", "key_path": "new.key"}, KeyFileError, "use that key and its epoch"),
        ({"camera": "gate", "private": "none"}, ShardError, "there is no plan of archive"),
        ({"camera": "gate", "owner_public_key": "9" * 16}, OptionError, "is of an `order`"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    place: Path, tmp_path: Path, fields: dict[str, object], error: type[RayppError] | None, words: str
) -> None:
    archive = copy_of(place / "veiled", tmp_path)
    before = archive_bytes(archive)
    for name in ("key_path", "private"):
        if name in fields:
            fields = fields | {name: place / str(fields[name])}
    if error is None:
        assert _forget(place, archive, **fields).receipt.sources == 3
        return
    with pytest.raises(error, match=words) as raised:
        _forget(place, archive, **fields)
    assert len(str(raised.value).splitlines()) == 1
    assert archive_bytes(archive) == before


def test_what_a_tag_pins_is_refused_with_its_name(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    store = Store(str(archive))
    write_tag(store, "release", read_manifest(store), read_labels(store, "tools-v1"))
    before = archive_bytes(archive)
    with pytest.raises(ConflictError, match=r"tag release of archive .* pins what is to be forgotten.*dataset untag"):
        _forget(place, archive, camera="gate")
    assert archive_bytes(archive) == before
    remove_tag(store, "release")
    assert _forget(place, archive, camera="gate").receipt.frames == 16
    assert _verified(archive)


def test_an_altered_archive_is_refused(place, tmp_path):
    archive = copy_of(place / "veiled", tmp_path)
    (tmp_path / "veiled-private" / "signed.json").unlink()
    signature = json.loads((archive / "signature.json").read_text())
    (archive / "signature.json").write_text(json.dumps(signature | {"manifest": "0" * 64}))
    with pytest.raises(ConflictError, match="not as its owner signed it"):
        _forget(place, archive, camera="gate")
    assert load_plan(tmp_path / "veiled-private").source_count == 15
