"""A site's private rounds on an archive: each unit counts once and is clipped, and a round is noised once."""

from pathlib import Path

import numpy as np
import pytest

from raypp.collective.local_training import LocalTraining, initial_model
from raypp.collective.noise import NoiseSource
from raypp.collective.noised_round import NOISED_FILE, NoisedRound, SpentError
from raypp.collective.plan import CollectivePlan
from raypp.collective.privacy_budget import PrivacyBudget
from raypp.collective.private_training import PrivateTraining, training_of
from raypp.collective.settings import JoinSettings
from raypp.collective.shared_layers import SharedLayers
from raypp.collective.unit_training import UnitTraining
from raypp.detect.bundle_header import read_index
from raypp.detect.description import describe_detector_file
from raypp.errors import OptionError
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from tests.collective.private import options
from tests.datasets.archives import DRILL, HAMMER, TRAIN, VAL, grow, label
from tests.shards.archives import header

BASE, OTHER = "ab" * 32, "cd" * 32
VIDEOS = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of two training frames each; frames of two lie apart in the archive."""
    root = tmp_path_factory.mktemp("archive")
    store = Store(str(root / "veiled"))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    for number in range(VIDEOS):
        grow(store, number)
    for version, frames in (("v1", (0, 1)), ("with-times", (0, 2))):
        rows = {10 * video + frame: (TRAIN, (HAMMER, DRILL)) for video in range(VIDEOS) for frame in frames}
        label(store, version, rows | {3: (VAL, ())}, ("hammer", "drill"))
    return root / "veiled"


def plan(**fields: object) -> CollectivePlan:
    dp = options(**{"units": VIDEOS, "layers": ("adapter", "head-last"), "noise": 4.0} | fields)
    return CollectivePlan(
        name="t", sites={f"plant-{number}": f"{number:016x}" for number in (1, 2, 3)}, classes=("hammer", "drill"),
        size=64, architecture="yolov8p", rounds=4, epochs=1, batch=2, dp=dp,
    )  # fmt: skip


def training(archive: Path, out: Path, labels: str = "v1", **fields: object) -> PrivateTraining:
    settings = JoinSettings(archive=str(archive), out=out, labels_version=labels, budget=out / "budget.jsonl")
    opened = training_of(plan(**fields), settings)
    assert isinstance(opened, PrivateTraining)
    return opened


def start_of(opened: LocalTraining) -> np.ndarray:
    return opened.layers.read(initial_model(opened.plan).state_dict())


def test_a_round_is_noised_once_whatever_stops(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path)
    common = start_of(opened)
    first = opened.vector(1, BASE, common)
    assert first.dtype == np.uint32
    assert len(first) == opened.layers.size + 1
    assert (tmp_path / NOISED_FILE).stat().st_mode & 0o777 == 0o600
    again = training(archive, tmp_path).vector(1, BASE, common)
    assert np.array_equal(first, again), "after a stop the same noise, not a second look at the same units"
    assert len(list(PrivacyBudget(tmp_path / "budget.jsonl")._read())) == 1
    with pytest.raises(SpentError, match=r"asks for round 1 from model cdcdcdcdcdcd.* spend the round's privacy twice"):
        opened.vector(1, OTHER, common)
    second = opened.vector(2, BASE, common)
    assert np.count_nonzero(first[:-1] == second[:-1]) < 10, "another round has noise of its own"
    with pytest.raises(SpentError, match="asks for round 1"):
        opened.vector(1, BASE, common)
    assert len(list(PrivacyBudget(tmp_path / "budget.jsonl")._read())) == 2
    content = (tmp_path / NOISED_FILE).read_bytes()
    for damaged in (content[:-30], b"", b"PK" + content[2:100]):
        (tmp_path / NOISED_FILE).write_bytes(damaged)
        with pytest.raises(SpentError, match="cannot be read; restore it, or leave the training"):
            opened.vector(3, BASE, common)


def test_no_round_is_noised_beyond_the_plan_or_anew_in_another_folder(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path)
    with pytest.raises(SpentError, match="asks for round 5, and the plan has 4: more would spend more"):
        opened.vector(5, BASE, start_of(opened))
    assert not (tmp_path / NOISED_FILE).exists()
    opened.vector(1, BASE, start_of(opened))
    (tmp_path / NOISED_FILE).unlink()
    with pytest.raises(SpentError, match="1 round of this plan had noise before, which"):
        opened.vector(1, BASE, start_of(opened))
    with pytest.raises(SpentError, match="noise anew would spend their privacy twice; go on in the folder"):
        opened.vector(2, BASE, start_of(opened))


def test_units_are_whole_files_and_one_more_moves_a_sum_by_the_clip_at_most(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = training(archive, tmp_path)
    assert opened.count_units() == VIDEOS
    assert [sum(map(len, batches)) for batches in opened.units.batches(1)] == [2] * VIDEOS
    monkeypatch.setattr(NoiseSource, "gaussian", lambda _self, _deviation, count: np.zeros(count, dtype=np.int64))
    whole, _ = opened._of_units(start_of(opened), NoiseSource(), None, _Quiet())
    batches = list(opened.units.batches(2))
    monkeypatch.setattr("raypp.collective.units.ArchiveUnits.batches", lambda _self, _size: iter(batches[1:]))
    without, _ = opened._of_units(start_of(opened), NoiseSource(), None, _Quiet())
    moved = np.linalg.norm((whole - without).astype(np.float64))
    assert 0 < moved <= opened.plan.ring().radius


class _Quiet:
    def say(self, line: str) -> None:
        """Say nothing."""


def test_a_units_own_training_moves_the_chosen_layers_alone(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path, rate=5.0)
    model = initial_model(opened.plan, opened.dataset.codes)
    chosen = SharedLayers.of(model, ("head-last",))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    units = UnitTraining(model, chosen, 5.0, 2)
    first, second = (units.change(batches) for batches in list(opened.units.batches(2))[:2])
    again = units.change(next(iter(opened.units.batches(2))))
    assert np.array_equal(first, again), "each unit starts from the same weights"
    assert not np.array_equal(first, second)
    names = {name for name, _ in chosen.shapes}
    after = model.state_dict()
    assert set() < {name for name in before if not before[name].equal(after[name])} <= names
    assert np.linalg.norm(first) > 0.1, "longer than the clip"
    ring = opened.plan.ring()
    assert np.linalg.norm(ring.clipped(first).astype(np.float64)) == pytest.approx(ring.radius, rel=1e-3)


def test_the_model_says_what_it_spent_and_holds_no_statistics_of_private_frames(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path)
    common = start_of(opened)
    opened.vector(1, BASE, common)
    path = opened.write_model(common + 1)
    privacy = read_index(path).header.privacy
    assert (privacy.rounds, privacy.unit, privacy.adapter) == (4, "file", True)
    assert 2 < privacy.epsilon < 8
    assert "epsilon" in describe_detector_file(path)["privacy"]
    assert "all weights" in describe_detector_file(path)["privacy"]
    model = initial_model(opened.plan, opened.dataset.codes)
    bundle = opened._model(common + 1, NoisedRound.read(tmp_path)).state_dict()
    start = model.state_dict()
    assert all(bundle[name].equal(start[name]) for name in start if "running_" in name)
    adapter = [name for name in start if ".embed." in name]
    assert adapter
    assert not any(bundle[name].equal(start[name]) for name in adapter), "it has learnt, under noise of its own"


def test_what_an_archive_cannot_give_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"has 3 units \(file\), and the plan's dp takes 2; agree on more"):
        training(archive, tmp_path, units=2)
    with pytest.raises(OptionError, match="frames without a time of capture, so days cannot be told apart"):
        training(archive, tmp_path, unit="camera-day", units=99)
    assert not (tmp_path / NOISED_FILE).exists()


def test_a_day_of_a_camera_is_one_unit_whatever_its_files(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path, "with-times", unit="camera-day", units=9)
    assert opened.count_units() == 1
    assert [sum(map(len, batches)) for batches in opened.units.batches(4)] == [2 * VIDEOS]


@pytest.mark.slow
def test_a_site_as_the_unit_trains_as_ever_and_sends_its_change_clipped_with_noise(
    archive: Path, tmp_path: Path
) -> None:
    fields = {"unit": "site", "units": 1, "layers": ("head",), "noise": 4.0}
    opened = training(archive, tmp_path, **fields)
    assert opened.count_units() is None
    common, ring = start_of(opened), opened.plan.ring()
    vector = opened.vector(1, BASE, common)
    assert np.array_equal(vector, training(archive, tmp_path, **fields).vector(1, BASE, common))
    sent = vector[:-1].astype(np.int32).astype(np.float64)
    assert vector[-1] == 1
    assert sent.std() == pytest.approx(ring.deviation, rel=0.05)
    change = opened.layers.read(opened._own(2)) - common
    assert np.linalg.norm(change) > opened.dp.clip, "longer than the clip before it"
    privacy = read_index(opened.write_model(common)).header.privacy
    assert privacy is not None
    assert not privacy.adapter
    assert "all weights but the adapter's" in describe_detector_file(tmp_path / "collective.model")["privacy"]


def test_an_owner_hears_of_what_an_earlier_plan_spent(archive: Path, tmp_path: Path) -> None:
    opened = training(archive, tmp_path)
    opened.vector(1, BASE, start_of(opened))
    assert opened.warnings() == ()
    later = training(archive, tmp_path, noise=5.0)
    (line,) = later.warnings()
    assert "data of this veil were used before: t has spent epsilon 1." in line
    assert "in 1 rounds; with this plan it is" in line
