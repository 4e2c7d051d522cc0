"""A frozen trunk does not change by a bit while its adapter learns the codes of another key."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from raypp.bench.sample_bundle import sample_info, write_sample_bundle
from raypp.detect.checkpoint import build_model
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import Freeze, TrainingSchedule
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ConflictError, ModelError, OptionError
from raypp.train.frozen_trunk import load_trunk
from raypp.train.initial_weights import check_initial_weights
from raypp.train.settings import TrainSettings
from raypp.train.trainer import Trainer
from raypp.veil.spec import PatchSpec
from tests.train.scenes import batches_of, draw_scenes

_SPEC = PatchSpec(channels=4, bits=2, sub_keys=1)
_OLD, _NEW = "ab" * 16, "cd" * 16
_CLASSES = ("zero", "three")
_ADAPTER = "model.3."


def _info(veil_id: str, spec: PatchSpec = _SPEC, classes: tuple[str, ...] = _CLASSES) -> ModelInfo:
    schedule = TrainingSchedule(epochs=3, batch=8, steps=2, close_mosaic=3, freeze=Freeze.TRUNK)
    info = sample_info("yolov8n", spec, 96, veil_id, classes)
    return info.model_copy(update={"schedule": schedule})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DetectionModel]:
    """A detector under the old key, as a bundle."""
    torch.manual_seed(1)
    model = build_model(_info(_OLD))
    for name, tensor in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    return write_sample_bundle(tmp_path_factory.mktemp("old") / "old.model", _info(_OLD), model), model


def _same(mine: DetectionModel, theirs: DetectionModel) -> dict[str, bool]:
    others = theirs.state_dict()
    return {name: torch.equal(tensor, others[name]) for name, tensor in mine.state_dict().items()}


def test_only_the_adapter_learns(trained):
    path, old = trained
    torch.manual_seed(0)
    model = build_model(_info(_NEW))
    load_trunk(model, path, _info(_NEW))
    fresh = _same(model, old)
    assert [name for name, same in fresh.items() if not same] == [f"{_ADAPTER}embed.weight"]
    trainer = Trainer(model, _info(_NEW).schedule, torch.device("cpu"))
    losses = [trainer.train_epoch(batches_of(draw_scenes(), epoch)) for epoch in range(3)]
    assert len({round(sum(epoch.losses.values()), 6) for epoch in losses}) == 3
    for learned in (trainer.model, trainer.ema.ema):
        changed = {name for name, same in _same(learned, old).items() if not same}
        assert changed
        assert all(name.startswith(_ADAPTER) for name in changed), changed


def test_a_class_branch_of_the_width_of_public_weights_is_taken(trained, tmp_path):
    _, old = trained
    wide, info = build_model(_info(_OLD)), _info(_OLD)
    head = DetectionModel(deepcopy(wide.yaml), ch=3, nc=80, verbose=False).model[-1]
    for branch in head.cv3:
        branch[-1] = torch.nn.Conv2d(80, 2, 1)
    wide.model[-1].cv3 = head.cv3
    path = write_sample_bundle(tmp_path / "wide.model", info, wide)
    model = build_model(_info(_NEW))
    load_trunk(model, path, _info(_NEW))
    assert [name for name, same in _same(model, wide).items() if not same] == [f"{_ADAPTER}embed.weight"]
    assert _same(model, wide).keys() == _same(old, old).keys()


def test_frames_of_the_same_veil_begin_with_its_whole_adapter(trained):
    path, old = trained
    model = build_model(_info(_OLD))
    load_trunk(model, path, _info(_OLD))
    assert all(_same(model, old).values())


def test_codes_of_other_channels_keep_the_trunk(trained):
    path, old = trained
    info = _info(_NEW, PatchSpec(channels=8, bits=2, sub_keys=1))
    model = build_model(info)
    load_trunk(model, path, info)
    theirs = old.state_dict()
    assert all(
        torch.equal(tensor, theirs[name])
        for name, tensor in model.state_dict().items()
        if not name.startswith(_ADAPTER)
    )


def test_a_trunk_that_is_another_is_refused(trained, tmp_path):
    path, _ = trained
    with pytest.raises(ConflictError, match="classes zero, three, the training three, zero"):
        check_initial_weights(_info(_NEW, classes=_CLASSES[::-1]), path)
    (tmp_path / "public.pt").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="no bundle of a trained detector"):
        check_initial_weights(_info(_NEW), tmp_path / "public.pt")


def test_a_frozen_trunk_needs_weights(tmp_path):
    with pytest.raises(OptionError, match="`freeze` needs `weights`"):
        TrainSettings(archive=str(tmp_path), out=tmp_path / "run", freeze=Freeze.TRUNK).check()


def test_a_training_of_everything_is_stored_as_before():
    assert "freeze" not in TrainingSchedule(epochs=1, batch=1, steps=1).model_dump_json()
    assert TrainingSchedule.model_validate_json(_info(_NEW).schedule.model_dump_json()).freeze is Freeze.TRUNK


def test_cells_of_another_size_need_another_trunk(trained):
    path, _ = trained
    info = _info(_NEW, PatchSpec(patch=4, channels=4, bits=2, sub_keys=1))
    with pytest.raises(ModelError, match="the trunk of patch 8 does not fit one of patch 4"):
        load_trunk(build_model(info), path, info)
