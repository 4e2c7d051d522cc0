"""Whether a detector learnt from a veiled frame is told by its loss, and by nothing where it learnt nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from raypp.audit.attacks.identify.membership import Membership
from raypp.audit.core.model import Case, Decisions, Floats, Images, Trial
from raypp.audit.core.row import Estimate
from raypp.audit.footage.members import gather_trial, trial_digest
from raypp.audit.metrics import scores
from raypp.audit.targets import baselines
from raypp.audit.targets.detector import VeiledDetector
from raypp.detect.checkpoint import build_model
from raypp.detect.inputs.batch import NO_CELL
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import OptionError
from raypp.geometry.boxes import Box
from tests.audit.images import shapes

CLASSES = ("nut", "bolt")
MIX = baselines.linear_mix(8, 0)


class Remembering:
    """A detector whose loss is given: what an image is like, and less for what it remembers."""

    def __init__(self, remembers: float) -> None:
        self.remembers = remembers

    def losses(self, images: Images) -> Floats:
        hard = images.frames[:, 0, 0, 0].astype(float)
        learnt = np.array([camera == "member" for camera in images.cameras])
        return hard - self.remembers * learnt

    def further(self, images: Images, steps: int, seed: int) -> "Remembering":  # noqa: ARG002
        assert set(images.cameras) == {"own"}
        return Remembering(self.remembers / 2)


def marked(name: str, seed: int, count: int = 50) -> Images:
    images = shapes(count, (32, 32), seed)
    images.frames[:, 0, 0, 0] = np.random.default_rng(seed).integers(0, 256, count)
    return replace(images, cameras=(name,) * count)


def auc(decisions: Decisions) -> Estimate:
    return scores.auc(decisions.so, decisions.not_so)


def test_a_low_loss_tells_little_of_frames_of_unlike_difficulty_and_forgetting_all() -> None:
    trial = Trial(marked("member", 0), marked("stranger", 1), marked("own", 2))
    case = Case(replace(MIX, detector=Remembering(60.0)), trial.own, trial.own, trial=trial)
    plain, calibrated = (auc(Membership(calibrated).decide(case)) for calibrated in (False, True))
    assert 0.55 < plain.mean < 0.75
    assert calibrated.mean == 1
    nothing = replace(case, target=replace(MIX, detector=Remembering(0.0)))
    assert auc(Membership(calibrated=True).decide(nothing)).mean == 0.5


def test_without_detector_or_trial_it_says_what_it_needs(known: Images) -> None:
    with pytest.raises(OptionError, match="give `model` and `members`"):
        Membership(calibrated=False).decide(Case(MIX, known, known))


def labelled(count: int, seed: int) -> Images:
    """Images of 64x96 pixels, in each a box of either class somewhere."""
    chance = np.random.default_rng(seed)
    boxes = []
    for _ in range(count):
        x, y = chance.uniform(0.3, 0.7, 2)
        boxes.append(((CLASSES[int(chance.integers(2))], Box(0, x, y, 0.4, 0.5)),))
    return replace(shapes(count, (64, 96), seed), boxes=tuple(boxes))


@pytest.fixture(scope="module")
def detector() -> VeiledDetector:
    torch.manual_seed(0)
    info = ModelInfo(
        architecture="yolov8p",
        classes=CLASSES,
        channels=4,
        bits=3,
        patch=8,
        size=96,
        veil_id="0" * 32,
        dataset_version="0" * 64,
        labels_version="tools-v1",
        schedule=TrainingSchedule(epochs=1, batch=1, steps=1),
    )
    return VeiledDetector(build_model(info).eval(), info, baselines.noise(8, 4, 8, 0).encode, 0)


def test_a_detector_learns_further_and_the_given_one_stays_as_it_is(detector: VeiledDetector) -> None:
    learnt = labelled(4, 0)
    before = detector.losses(learnt)
    after = detector.further(learnt, 6, seed=0).losses(learnt)
    assert (after < before).all()
    assert np.array_equal(detector.losses(learnt), before)
    assert np.array_equal(detector.losses(learnt.take([2])), before[2:3])


def test_frames_lie_in_the_square_as_in_training(detector: VeiledDetector) -> None:
    images = labelled(2, 3)
    batch = detector._batch(images, [1])
    assert batch.inputs.shape == (1, 5, 12, 12)
    assert np.array_equal(batch.inputs[0, :4, 2:10].numpy(), detector.encode(images.take([1]))[0])
    assert set(batch.inputs[0, :4, :2].unique().tolist()) == {NO_CELL}
    ((name, box),) = images.boxes[1]
    assert batch.class_of_M.tolist() == [CLASSES.index(name)]
    assert batch.boxes_M4[0].tolist() == pytest.approx([box.x, (16 + box.y * 64) / 96, box.w, box.h * 64 / 96])


def write_dataset(root: Path, train: int, val: int, odd: int = 0) -> None:
    """Images of 80x60, each with one box; `odd` of train's stand upright."""
    for split, count in (("train", train), ("val", val)):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        for number in range(count):
            size = (80, 60) if split == "train" and number < odd else (60, 80)
            pixels = np.random.default_rng((number, count)).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "images" / split / f"{number}.png")
            (root / "labels" / split / f"{number}.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [nut, bolt]\n")


def test_members_are_of_train_and_strangers_of_val(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", 20, 44, odd=2)
    trial = gather_trial((str(tmp_path),), 64, 8, 30, 0)
    assert trial is not None
    assert (len(trial.members), len(trial.strangers), len(trial.own)) == (18, 22, 22)
    assert trial.members.frames.shape[1:] == (48, 64, 3)
    ((name, box),) = trial.members.boxes[0]
    assert (name, box.x, box.w) == ("bolt", 0.5, 0.5)
    every = {frame.tobytes() for part in (trial.members, trial.strangers, trial.own) for frame in part.frames}
    assert len(every) == 62
    assert gather_trial((str(tmp_path),), 64, 8, 8, 0) is None
    again = gather_trial((str(tmp_path),), 64, 8, 30, 0)
    assert again is not None
    assert trial_digest(again) == trial_digest(trial)


def test_footage_without_splits_has_no_members(tmp_path: Path) -> None:
    write_dataset(tmp_path / "few", 20, 30)
    assert gather_trial((str(tmp_path),), 64, 8, 30, 1) is None
    assert gather_trial(("s3://bucket/videos",), 64, 8, 30, 1) is None
