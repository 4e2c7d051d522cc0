"""A generator learns a small archive, draws another, and goes on where it was stopped."""

from pathlib import Path

import pytest
import torch

import raypp.synthesis.archive
import raypp.synthesis.training
from raypp.errors import ConflictError, ShardError
from raypp.shards.archive import open_frames
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.schema import Origin
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.synthesis.run import SynthesisSummary, run_synthesis
from raypp.synthesis.settings import SynthesisSettings
from tests.synthesis.archives import CLASSES, learned_spec, renamed, write_real

pytestmark = pytest.mark.slow

_FRAMES, _EPOCHS = 100, 10


def _settings(real: Path, out: Path, **fields: object) -> SynthesisSettings:
    return SynthesisSettings(
        **({"archive": real, "out": out, "frames": _FRAMES, "epochs": _EPOCHS, "amp": False} | fields)
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("synthesis")
    write_real(place / "real", spec=learned_spec(2))
    return place


@pytest.fixture(scope="module")
def drawn(place: Path) -> SynthesisSummary:
    """The synthetic archive of a small real one of two sub-keys, and its report."""
    torch.set_num_threads(1)
    return run_synthesis(_settings(place / "real", place / "synthetic"), place / "report.json")


def _share_of_right_cells(archive: Path) -> float:
    """Share of labelled cells whose names are those of their class."""
    right = cells = 0
    for frame in open_frames(ShardReader(str(archive))):
        codes = renamed(frame.codes_CRW, frame.sub_key)
        for box in frame.labels.boxes:
            column, row = (box.x - box.w / 2) * 8, (box.y - box.h / 2) * 8 - 1
            inside = codes[:, round(row) : round(row + 2 * box.h * 4), round(column) : round(column + 2 * box.w * 4)]
            right += int(((inside[0] == 2) & (inside[1] == 2 + box.class_id)).sum())
            cells += inside[0].size
    return right / cells


def test_the_archive_is_whole_and_says_what_it_is(place: Path, drawn: SynthesisSummary) -> None:
    report = verify(str(place / "synthetic"))
    assert not report.problems
    assert (report.frames, report.label_versions) == (_FRAMES, ("things",))
    header = ShardReader(str(place / "synthetic")).header
    assert (header.origin, header.generator) == (Origin.SYNTHETIC, drawn.generator)
    assert {frame.sub_key for frame in open_frames(ShardReader(str(place / "synthetic")))} == {0, 1}


def test_labels_fit_what_is_drawn(place: Path, drawn: SynthesisSummary) -> None:
    assert _share_of_right_cells(place / "real") == 1
    assert _share_of_right_cells(place / "synthetic") > 0.5


def test_the_report_judges_frames_and_generator(place: Path, drawn: SynthesisSummary) -> None:
    assert drawn.report is not None
    assert drawn.report.nearness is not None
    assert drawn.report.membership is not None
    assert drawn.report.utility is None
    assert drawn.report.nearness.synthetic_frames == _FRAMES
    assert drawn.report.membership.passed == (drawn.report.membership.auc <= 0.55)
    assert "not anonymous" in (place / "report.md").read_text()


def test_the_same_run_again_changes_nothing(place: Path, drawn: SynthesisSummary) -> None:
    again = run_synthesis(_settings(place / "real", place / "synthetic"))
    assert (again.generator, again.manifest_digest) == (drawn.generator, drawn.manifest_digest)


def test_a_stopped_run_goes_on_to_the_same_bytes(
    place: Path, drawn: SynthesisSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write, judge = raypp.synthesis.archive.write_segment, raypp.synthesis.training.judge_epoch

    def stops_drawing(*arguments: object) -> object:
        if written:
            raise KeyboardInterrupt
        written.append("one")
        return write(*arguments)

    epochs: list[int] = []

    def stops_training(*arguments: object) -> object:
        epochs.append(1)
        if len(epochs) == 4:
            raise KeyboardInterrupt
        return judge(*arguments)

    settings = _settings(place / "real", place / "stopped")
    with monkeypatch.context() as patch:
        patch.setattr("raypp.synthesis.training.judge_epoch", stops_training)
        with pytest.raises(KeyboardInterrupt):
            run_synthesis(settings)
    with monkeypatch.context() as patch:
        patch.setattr("raypp.synthesis.archive.write_segment", stops_drawing)
        with pytest.raises(KeyboardInterrupt):
            run_synthesis(settings)
    summary = run_synthesis(settings)
    assert (summary.generator, summary.manifest_digest) == (drawn.generator, drawn.manifest_digest)


def test_real_frames_go_in_beside(place: Path, drawn: SynthesisSummary) -> None:
    labels = ShardReader(str(place / "real"))
    rows = [SampleLabels(f"{number:032x}", "train" if number < 24 else "val", ()) for number in (*range(24), 250, 251)]
    write_labels(Store(str(place / "real")), "tenth", CLASSES, labels.header.veil_id, rows)
    settings = _settings(
        place / "real",
        place / "mixed",
        labels_version="things",
        mix="tenth",
        generator=place / "synthetic-private" / "generator",
    )
    summary = run_synthesis(settings)
    assert (summary.generator, summary.mixed_frames) == (drawn.generator, 26)
    report = verify(str(place / "mixed"))
    assert (report.problems, report.frames) == ((), _FRAMES + 26)
    splits = [frame.labels.split for frame in open_frames(ShardReader(str(place / "mixed")))]
    assert (splits.count("train"), splits.count("val")) == (_FRAMES + 24, 2)


def test_other_frames_are_not_drawn_into_it(place: Path, drawn: SynthesisSummary) -> None:
    with pytest.raises(ConflictError, match="another number or seed"):
        run_synthesis(_settings(place / "real", place / "synthetic", frames=50, labels_version="things"))
    with pytest.raises(ConflictError, match="begun on other data, epochs or seed"):
        run_synthesis(_settings(place / "real", place / "synthetic", epochs=3, labels_version="things"))


def test_no_generator_learns_from_synthetic_frames(place: Path, drawn: SynthesisSummary) -> None:
    archive = place / "longer"
    if not archive.exists():
        run_synthesis(
            _settings(
                place / "real",
                archive,
                frames=256,
                labels_version="things",
                generator=place / "synthetic-private" / "generator",
            )
        )
    with pytest.raises(ShardError, match="synthetic: a generator learns from recorded frames alone"):
        run_synthesis(_settings(archive, place / "second"))
