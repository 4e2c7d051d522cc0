"""The state of a training is one form: written whole, read without running code, older forms too."""

import pickle
import stat
from pathlib import Path

import pytest
import torch

from raypp.detect import training_state
from raypp.detect.training_state import TrainingState, copy_state, read_averages, read_state, write_state
from raypp.errors import ModelError

_STATE = TrainingState(
    epoch=3,
    model={"weight": torch.arange(4.0)},
    ema={"weight": torch.arange(4.0) / 2},
    updates=7,
    optimizer={"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.01, "params": [0]}]},
    scaler={},
    extra={"curve": [(1, 0.5, 0.25)], "fitted": None},
)
_VERSION_1 = {name: getattr(_STATE, name) for name in ("model", "ema", "updates", "optimizer", "scaler", "epoch")}


def _same(state: TrainingState, extra: dict[str, object]) -> None:
    assert (state.epoch, state.updates, state.scaler, state.extra) == (3, 7, {}, extra)
    assert torch.equal(state.model["weight"], _STATE.model["weight"])
    assert torch.equal(state.ema["weight"], _STATE.ema["weight"])
    assert torch.equal(state.optimizer["state"][0]["momentum_buffer"], torch.ones(2))
    assert state.optimizer["param_groups"] == _STATE.optimizer["param_groups"]


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_state(tmp_path, _STATE)
    _same(read_state(tmp_path), _STATE.extra)
    weights, epochs = read_averages(tmp_path)
    assert torch.equal(weights["weight"], _STATE.ema["weight"])
    assert epochs == 3


def test_states_of_version_1_are_read(tmp_path: Path) -> None:
    torch.save(_VERSION_1, tmp_path / "state.pt")
    _same(read_state(tmp_path), {})
    own = {"seconds": [1.5, 2.5], "curve": [(1, 0.5, 0.25)], "fitted": None}
    torch.save({"trainer": _VERSION_1, **own}, tmp_path / "state.pt")
    _same(read_state(tmp_path), own)
    assert read_averages(tmp_path)[1] == 3


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    torch.save({**_VERSION_1, "version": 3}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="is of version 3, and this raypp reads up to 2; upgrade raypp"):
        read_state(tmp_path)


@pytest.mark.parametrize("name", _VERSION_1)
def test_a_state_without_a_field_is_damaged(tmp_path: Path, name: str) -> None:
    torch.save({other: value for other, value in _VERSION_1.items() if other != name}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match=f"is damaged .it has no '{name}'."):
        read_state(tmp_path)


@pytest.mark.parametrize("stored", [5, [1, 2], {"trainer": 5}])
def test_what_holds_no_state_is_damaged(tmp_path: Path, stored: object) -> None:
    torch.save(stored, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="is damaged"):
        read_state(tmp_path)


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_state_runs_no_code(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    torch.save({**_VERSION_1, "extra": _Trap(trap)}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="is damaged"):
        read_state(tmp_path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(_Trap(trap)))  # noqa: S301
    assert trap.exists(), "the control: it would have run"


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(tmp_path, _STATE)
    save = torch.save

    def fail(stored: object, path: Path) -> None:
        save(stored, path)
        raise OSError("the disk is full")

    monkeypatch.setattr(training_state.torch, "save", fail)
    with pytest.raises(OSError, match="full"):
        write_state(tmp_path, TrainingState(**{**vars(_STATE), "epoch": 4}))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert read_state(tmp_path).epoch == 3


def test_a_private_state_is_its_users_alone(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    write_state(tmp_path, _STATE, private=True)
    copy_state(tmp_path, tmp_path / "copy", private=True)
    modes = [stat.S_IMODE((folder / "state.pt").stat().st_mode) for folder in (tmp_path, tmp_path / "copy")]
    assert modes == [0o600, 0o600]
    _same(read_state(tmp_path / "copy"), _STATE.extra)
