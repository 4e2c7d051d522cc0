"""Each engine gives a frame the same bits in any company, at any time, and nearly those of torch."""

import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from raypp.detect.checkpoint import build_model
from raypp.detect.engines.load import load_network
from raypp.detect.engines.name import (
    Engine,
    EngineSettings,
    Precision,
    choose_engine,
    describe_engines,
    engine_named,
    require_engine,
)
from raypp.detect.engines.network import EngineNetwork
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError
from tests.serving.bundles import eager_model


def _cpu_flags() -> str:
    return Path("/proc/cpuinfo").read_text()


_HAS_GPU = torch.cuda.is_available()
_NEEDS_TENSORRT = pytest.mark.skipif(
    not (_HAS_GPU and find_spec("tensorrt")), reason="needs an NVIDIA GPU, and NVIDIA's package tensorrt"
)
FLOAT32 = [
    pytest.param(Engine.TORCH, Precision.AUTO, id="torch"),
    pytest.param(Engine.ONNXRUNTIME, Precision.AUTO, id="onnxruntime"),
    pytest.param(Engine.OPENVINO, Precision.FLOAT32, id="openvino"),
    pytest.param(Engine.TENSORRT, Precision.AUTO, id="tensorrt", marks=_NEEDS_TENSORRT),
]
_NEEDS_BFLOAT16 = pytest.mark.skipif("avx512_bf16" not in _cpu_flags(), reason="needs a CPU that computes in bfloat16")
BFLOAT16 = pytest.param(Engine.OPENVINO, Precision.BFLOAT16, id="openvino-bfloat16", marks=_NEEDS_BFLOAT16)
ENGINES = [*FLOAT32, BFLOAT16]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A detector takes its threads for the whole process."""
    yield
    torch.set_num_threads(1)


_model = cache(eager_model)


def _load(engine: Engine, precision: Precision, threads: int = 1, batch: int | None = None) -> EngineNetwork:
    model, info = _model()
    return load_network(deepcopy(model), info, EngineSettings(engine, precision, threads, batch))


def _codes(count: int, seed: int = 0) -> Tensor:
    """Codes of frames, some with empty rows, of all sub-keys."""
    _, info = _model()
    side, chance = info.size // info.patch, np.random.default_rng(seed)
    codes = chance.integers(0, 1 << info.bits, (count, info.channels + 1, side, side), dtype=np.uint8)
    codes[:, :-1, : side // 5] = 255
    codes[:, -1] = (np.arange(count) % info.sub_keys)[:, None, None]
    return torch.from_numpy(codes)


def _same(mine: Tensor, other: Tensor) -> bool:
    return torch.equal(mine.cpu(), other.cpu())


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(("engine", "precision"), ENGINES)
def test_a_frame_gives_the_same_bits_in_any_company_and_place(engine, precision, batch):
    if engine is Engine.TORCH:
        batch = 1  # in more, its places differ in the ninth digit; detections are rounded to the fifth
    network, codes = _load(engine, precision, batch=batch), _codes(6)
    together = network(codes)
    assert together.shape[0] == 6
    assert not _same(together[0], together[1])
    alone = torch.cat([network(frame[None]) for frame in codes])
    assert _same(alone, together)
    assert _same(network(codes.flip(0)).flip(0), together)
    others = _codes(3, seed=9)
    for before in range(4):
        assert _same(network(torch.cat([others[:before], codes, others[before:]]))[before : before + 6], together)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("engine", "precision"), ENGINES)
def test_a_frame_gives_the_same_bits_again_and_after_another_load(engine, precision, threads):
    codes = _codes(3)
    network = _load(engine, precision, threads)
    first = network(codes)
    assert all(_same(network(codes), first) for _ in range(5))
    if engine is not Engine.TENSORRT:  # it times its kernels at each load, and takes the fastest
        assert _same(_load(engine, precision, threads)(codes), first)


@pytest.mark.parametrize(("engine", "precision"), FLOAT32)
def test_an_engine_in_float32_gives_what_the_trained_network_gives(engine, precision):
    (model, _), codes = _model(), _codes(4)
    with torch.inference_mode():
        wanted = model(codes)[0]
    got = _load(engine, precision)(codes).cpu()
    assert got.shape == wanted.shape
    assert float((got[:, :4] - wanted[:, :4]).abs().max()) < 1e-2  # pixels
    assert float((got[:, 4:] - wanted[:, 4:]).abs().max()) < 1e-3
    assert float(wanted[:, 4:].max()) > 0.5


@pytest.mark.parametrize(("engine", "precision"), [BFLOAT16])
def test_bfloat16_moves_boxes_and_confidences_a_little(engine, precision):
    (model, _), codes = _model(), _codes(4)
    with torch.inference_mode():
        wanted = model(codes)[0]
    network = _load(engine, precision)
    assert network.engine.endswith(", bfloat16")
    got = network(codes)
    sure = wanted[:, 4:].amax(1) > 0.1
    assert int(sure.sum()) > 50
    moved = (got - wanted).abs().movedim(1, 2)[sure]
    assert 0 < float(moved[:, :4].mean()) < 0.5  # pixels
    assert float(moved[:, 4:].mean()) < 0.05


@pytest.mark.parametrize(
    "architecture", ["yolov5n", "yolov7p", "yolov8n", "yolov9t", "yolov10n", "yolo11n", "yolo12n", "yolo26n"]
)
def test_every_family_runs_on_onnxruntime(architecture):
    info = _info(architecture, patch=8, sub_keys=1)
    torch.manual_seed(1)
    model = build_model(info).eval()
    network = load_network(deepcopy(model), info, EngineSettings(Engine.ONNXRUNTIME))
    _is_near(network, model, info)


@pytest.mark.parametrize("patch", [4, 16])
def test_every_patch_and_sub_key_runs_on_onnxruntime(patch):
    info = _info("yolov8n", patch, sub_keys=3)
    torch.manual_seed(1)
    model = build_model(info).eval()
    network = load_network(deepcopy(model), info, EngineSettings(Engine.ONNXRUNTIME))
    _is_near(network, model, info)


def _is_near(network: EngineNetwork, model: DetectionModel, info: ModelInfo) -> None:
    side = info.size // info.patch
    codes = torch.randint(0, 1 << info.bits, (3, info.channels + 1, side, side), dtype=torch.uint8)
    codes[:, -1] = torch.tensor([0, info.sub_keys - 1, 255])[:, None, None]  # the last as no training has it
    with torch.inference_mode():
        wanted = model(codes)[0]
    got = network(codes)
    assert network.end2end == model.end2end
    assert float((got - wanted).abs().max()) < 1e-2


def _info(architecture: str, patch: int, sub_keys: int) -> ModelInfo:
    return ModelInfo(
        architecture=architecture,
        classes=("hammer", "saw"),
        channels=6,
        bits=2,
        patch=patch,
        sub_keys=sub_keys,
        size=128,
        veil_id="ab" * 16,
        dataset_version="cd" * 16,
        labels_version="tools-v1",
        schedule=TrainingSchedule(epochs=1, batch=1, steps=1),
    )


def test_auto_is_onnxruntime_on_a_cpu_and_torch_on_a_gpu():
    assert choose_engine(Engine.AUTO, gpu=False) is Engine.ONNXRUNTIME
    assert choose_engine(Engine.AUTO, gpu=True) is Engine.TORCH
    assert choose_engine(Engine.TORCH, gpu=False) is Engine.TORCH
    network = _load(Engine.AUTO, Precision.AUTO)
    assert network.engine.startswith("torch 2" if _HAS_GPU else "onnxruntime 1")
    assert network.engine.endswith(", float32")


def test_an_engine_that_is_unknown_or_missing_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ModelError, match="`engine` 'onnx' is none; give auto, torch, onnxruntime, openvino, tensorrt"):
        engine_named("onnx")
    assert engine_named("openvino") is Engine.OPENVINO
    require_engine(Engine.AUTO)
    require_engine(Engine.TORCH)
    monkeypatch.setattr(
        "raypp.detect.engines.name.find_spec", lambda name: None if name == "openvino" else find_spec(name)
    )
    with pytest.raises(ModelError, match=r"openvino is not installed here; install raypp\[cluster,openvino\], or"):
        require_engine(Engine.OPENVINO)
    assert "not here: openvino (install raypp[cluster,openvino])" in describe_engines()
    with pytest.raises(ModelError, match="`engine` openvino is not installed"):
        _load(Engine.OPENVINO, Precision.AUTO)


def test_a_precision_that_an_engine_has_not_is_refused():
    with pytest.raises(ModelError, match="`engine` onnxruntime computes in float32 alone; choose `engine` openvino"):
        _load(Engine.ONNXRUNTIME, Precision.BFLOAT16)


@pytest.mark.skipif(_HAS_GPU, reason="of a machine without a GPU")
def test_tensorrt_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("raypp.detect.engines.name.find_spec", lambda _name: object())
    with pytest.raises(ModelError, match="tensorrt needs an NVIDIA GPU, and torch finds none; choose `engine` auto"):
        _load(Engine.TENSORRT, Precision.AUTO)


def test_names_of_engines_are_looked_at_without_loading_one():
    heavy = ("torch", "onnxruntime", "openvino", "tensorrt", "ultralytics", "numpy")
    script = (
        "import sys, raypp.detect.engines.name as name; name.describe_engines(); "
        f"print([module for module in {heavy} if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
