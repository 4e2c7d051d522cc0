"""Programs for other software: the detector's own detections, its header inside, the same bytes each time."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch

from raypp.cli.export import export
from raypp.detect.bundle_header import BundleHeader
from raypp.detect.checkpoint import load_detector, write_checkpoint
from raypp.errors import ConflictError, OptionError
from raypp.train.export import ExportFormat, write_export
from tests.detect.states import state_of
from tests.serving.bundles import SIZE, SPEC, VEIL, eager_model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    model, info = eager_model()
    (folder / "detector").mkdir()
    write_checkpoint(folder / "detector", info, state_of(model, epoch=1))
    return folder


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    export(run, run / "tools.model", "bundle, onnx,openvino")
    return run


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    side = SIZE // SPEC.patch
    codes = np.random.default_rng(3).integers(0, SPEC.levels, (1, SPEC.channels + 1, side, side), dtype=np.uint8)
    codes[:, -1] = 2
    return codes


def _wanted(run: Path, codes: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        wanted: np.ndarray = load_detector(run / "detector")[0](torch.from_numpy(codes))[0].numpy()
    return wanted


def _check_header(text: str) -> None:
    header = BundleHeader.model_validate_json(text)
    assert (header.info.veil_id, header.info.size, header.info.classes) == (VEIL, SIZE, ("hammer", "saw"))


def test_onnx_gives_the_detectors_detections_and_tells_what_it_is(exported, codes):
    document = onnx.load(exported / "tools.onnx")
    onnx.checker.check_model(document)
    _check_header({prop.key: prop.value for prop in document.metadata_props}["raypp"])
    session = onnxruntime.InferenceSession(exported / "tools.onnx", providers=["CPUExecutionProvider"])
    (detections,) = session.run(["detections"], {"codes": codes})
    assert np.abs(detections - _wanted(exported, codes)).max() < 5e-2
    assert detections[:, 4:].max() > 0.5


def test_openvino_gives_the_detectors_detections_and_tells_what_it_is(exported, codes):
    core = openvino.Core()
    network = core.read_model(exported / "tools.xml")
    _check_header(network.get_rt_info("raypp").value)
    compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    detections = compiled(codes)[0]
    assert np.abs(detections - _wanted(exported, codes)).max() < 5e-2


def test_the_same_weights_give_the_same_files_and_the_summary_names_them(run, exported, tmp_path):
    formats = [ExportFormat.BUNDLE, ExportFormat.ONNX]
    summary = write_export(run, tmp_path / "other.model", formats=formats)
    assert [(Path(file.path).name, file.format) for file in summary.files] == [
        ("other.model", "bundle"),
        ("other.onnx", "onnx"),
    ]
    assert (summary.out, summary.bytes) == (str(tmp_path / "other.model"), (tmp_path / "other.model").stat().st_size)
    assert (tmp_path / "other.onnx").read_bytes() == (exported / "tools.onnx").read_bytes()
    assert not (tmp_path / "other.xml").exists()


def test_a_program_alone_needs_no_bundle_and_replaces_nothing_unasked(run, tmp_path):
    summary = write_export(run, tmp_path / "tools.onnx", formats=[ExportFormat.ONNX])
    assert [path.name for path in tmp_path.iterdir()] == ["tools.onnx"]
    assert json.loads(summary.model_dump_json())["files"][0]["format"] == "onnx"
    with pytest.raises(ConflictError, match=r"tools\.onnx exists"):
        write_export(run, tmp_path / "tools.model", formats=[ExportFormat.BUNDLE, ExportFormat.ONNX])
    assert [path.name for path in tmp_path.iterdir()] == ["tools.onnx"]
    write_export(run, tmp_path / "tools.onnx", formats=[ExportFormat.ONNX], force=True)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["onnx", "pickle"], {}, "`formats` 'pickle' is none; give some of bundle, onnx, openvino"),
        ([], {}, "`formats` names none; give some of bundle"),
        (["onnx"], {"half": True}, "`half` is of bundles alone; leave onnx out of `formats`"),
        (["bundle", "openvino"], {"passphrase": "a long one"}, "`passphrase_file` is of bundles alone; leave openvino"),
        (["bundle", "onnx"], {"out": "tools.onnx"}, "is the bundle's name and the program's; give one such as"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(run, tmp_path, names, options, message):
    options = dict(options)
    out = tmp_path / options.pop("out", "tools.model")
    with pytest.raises(OptionError, match=message):
        write_export(run, out, formats=ExportFormat.of(names), **options)
    assert not list(tmp_path.iterdir())
