"""A bundle is the checkpoint in one file: the same detections, sealed if wanted, and never mistaken for another."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from raypp.api import describe_file
from raypp.cli.export import export
from raypp.detect.bundle import Bundle, read_bundle, write_bundle
from raypp.detect.bundle_header import SEALED_MAGIC
from raypp.detect.checkpoint import build_model, load_bundle, load_detector, read_model_info, write_checkpoint
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import read_state
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ConflictError, ModelError, OptionError, ShardError
from raypp.io.private import write_private
from raypp.veil.spec import PatchSpec
from tests.detect.states import state_of

_SPEC = PatchSpec(channels=4, bits=2).model_dump(mode="json")
_INFO = ModelInfo(
    architecture="yolov8n",
    classes=("hammer", "saw"),
    channels=4,
    bits=2,
    patch=8,
    sub_keys=2,
    size=96,
    veil_id="ab" * 16,
    spec=_SPEC,
    dataset_version="cd" * 16,
    labels_version="tools-v1",
    schedule=TrainingSchedule(epochs=3, batch=4, steps=5),
)
_RESULTS = """epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),metrics/recall(B),\
metrics/mAP50(B),metrics/mAP50-95(B),lr/pg0
1,1,1,1,1,0.1,0.1,0.1,0.1,0.1
2,2,1,1,1,0.5,0.6,0.7,0.4,0.1
3,3,1,1,1,0.2,0.2,0.2,0.2,0.1
"""
wrong = lambda: "wrong"
never = lambda: pytest.fail("an open bundle needs no passphrase")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose best epoch is its second, with tensors in memory as training leaves them."""
    run = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    model = build_model(_INFO)
    for name, tensor in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    model.to(memory_format=torch.channels_last)
    (run / "detector").mkdir()
    write_checkpoint(run / "detector", _INFO, state_of(model, epoch=2))
    (run / "results.csv").write_text(_RESULTS)
    return run


@pytest.fixture(scope="module")
def bundle(run: Path) -> Path:
    export(run, run / "tools.model")
    return run / "tools.model"


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> tuple[DetectionModel, ModelInfo]:
    return load_bundle(bundle, never)


@pytest.fixture(scope="module")
def sealed(run: Path) -> Path:
    write_private(run / "phrase", b"a long phrase\n")
    export(run, run / "sealed.model", passphrase_file=run / "phrase")
    return run / "sealed.model"


def _detections(model: DetectionModel) -> torch.Tensor:
    chance = np.random.default_rng(0)
    codes = chance.integers(0, 4, (2, 5, 12, 12), dtype=np.uint8)
    codes[:, -1] = chance.integers(0, 2, (2, 1, 1))
    with torch.no_grad():
        return model(torch.from_numpy(codes))[0]


def test_detections_are_the_checkpoints_bit_for_bit(
    run: Path, bundle: Path, loaded: tuple[DetectionModel, ModelInfo]
) -> None:
    before, info = load_detector(run / "detector")
    after, same = loaded
    assert same == info == read_model_info(bundle) == _INFO
    assert torch.equal(_detections(after), _detections(before))
    assert after.names == {0: "hammer", 1: "saw"}
    assert not after.training


def test_a_sealed_bundle_opens_to_the_same_and_shows_nothing(
    run: Path, bundle: Path, sealed: Path, loaded: tuple[DetectionModel, ModelInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYPP_MODEL_PASSPHRASE_FILE", str(run / "phrase"))
    opened, info = load_detector(sealed)
    assert info == read_model_info(sealed) == _INFO
    assert torch.equal(_detections(opened), _detections(loaded[0]))
    content = sealed.read_bytes()
    assert b"yolov8n" in bundle.read_bytes()
    assert b"yolov8n" not in content
    assert _INFO.veil_id.encode() not in content


def test_half_is_half_the_size_and_nearly_the_same(
    run: Path, bundle: Path, loaded: tuple[DetectionModel, ModelInfo], tmp_path: Path
) -> None:
    export(run, tmp_path / "half.model", half=True)
    assert (tmp_path / "half.model").stat().st_size < 0.51 * bundle.stat().st_size
    model, _ = load_bundle(tmp_path / "half.model")
    assert all(tensor.dtype != torch.float16 for tensor in model.state_dict().values())
    whole = _detections(loaded[0])
    difference = (_detections(model) - whole).abs().max()
    assert 0 < difference < 0.01 * whole.abs().max()


def test_inspect_tells_what_it_is_of_without_torch(run: Path, bundle: Path, sealed: Path) -> None:
    description = describe_file(bundle)
    assert description["architecture"] == "yolov8n"
    assert description["classes"] == "hammer, saw"
    assert description["veil_id"] == _INFO.veil_id
    assert json.loads(description["spec"]) == _SPEC
    assert description["epochs"] == "2"
    assert description["scores"].startswith("mAP50 0.700, mAP50-95 0.400")
    assert "passphrase" in describe_file(sealed)["sealed"]
    without = "import sys; sys.modules['torch'] = None; from raypp.api import describe_file; from pathlib import Path"
    command = f"{without}; print(describe_file(Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", command, bundle], capture_output=True, text=True, check=True)
    assert "yolov8n" in done.stdout


def test_a_file_that_is_there_stays(run: Path, bundle: Path) -> None:
    before = bundle.read_bytes()
    with pytest.raises(ConflictError, match=r"tools\.model exists"):
        export(run, bundle, half=True)
    assert bundle.read_bytes() == before
    export(run, bundle, force=True)
    assert bundle.read_bytes() == before, "the same weights give the same bytes"
    assert [path.name for path in run.glob(".*")] == []


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _refused(path: Path, content: bytes, match: str, passphrase: Callable[[], str] = never) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=match) as caught:
        load_bundle(path, passphrase)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.9999])
def test_one_bit_altered_anywhere_is_found(share: float, bundle: Path, sealed: Path, tmp_path: Path) -> None:
    for path, phrase in ((bundle, never), (sealed, lambda: "a long phrase")):
        content = path.read_bytes()
        place = 60 + int(share * (len(content) - 61))
        _refused(tmp_path / "altered.model", _flip(content, place), "altered|damaged", phrase)


def test_an_altered_header_is_found(bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    assert content.count(b"tools-v1") == 1
    _refused(tmp_path / "a.model", content.replace(b"tools-v1", b"tools-v9"), "altered")


@pytest.mark.parametrize("kept", [0, 5, 9, 2000, -1])
def test_a_bundle_cut_short_is_told(kept: int, bundle: Path, sealed: Path, tmp_path: Path) -> None:
    _refused(tmp_path / "cut.model", bundle.read_bytes()[:kept], "cut short|no detector bundle")
    content = sealed.read_bytes()[:kept]
    expected = "does not open" if content.startswith(SEALED_MAGIC) else "no detector bundle"
    _refused(tmp_path / "cut.model", content, expected, lambda: "a long phrase")


def test_a_wrong_passphrase_is_told_and_not_shown(sealed: Path, tmp_path: Path) -> None:
    message = _refused(tmp_path / "s.model", sealed.read_bytes(), "wrong passphrase", lambda: "not this one")
    assert "not this one" not in message


def test_no_passphrase_names_its_variable(sealed: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYPP_MODEL_PASSPHRASE_FILE", raising=False)
    with pytest.raises(ModelError, match="RAYPP_MODEL_PASSPHRASE_FILE"):
        load_detector(sealed)
    write_private(run / "empty", b"\n")
    with pytest.raises(OptionError, match="is empty"):
        export(run, run / "x.model", passphrase_file=run / "empty")
    write_private(run / "short", b"eleven char\n")
    with pytest.raises(OptionError, match="holds 11 characters, and at least 12") as caught:
        export(run, run / "x.model", passphrase_file=run / "short")
    assert "eleven" not in str(caught.value)
    assert not (run / "x.model").exists()


@pytest.mark.parametrize("content", [b"", b"text of somebody\n", b'{"a": 1}', b"PAR1", bytes(64)])
def test_what_is_no_bundle_is_told(content: bytes, tmp_path: Path) -> None:
    _refused(tmp_path / "other.file", content, "no detector bundle of raypp")


def test_tensors_of_somebody_else_are_told(tmp_path: Path) -> None:
    content = safetensors.torch.save({"w": torch.zeros(3)}, {"format": "pt"})
    _refused(tmp_path / "other.safetensors", content, "holds tensors, but is no detector bundle")


def test_a_newer_format_is_told(bundle: Path, sealed: Path, tmp_path: Path) -> None:
    newer = bundle.read_bytes().replace(b'\\"format_version\\":1', b'\\"format_version\\":7')
    assert newer != bundle.read_bytes()
    _refused(tmp_path / "new.model", newer, "format version 7, this raypp reads up to 5")
    with pytest.raises(ModelError, match="format version 7"):
        describe_file(tmp_path / "new.model")
    place = len(SEALED_MAGIC)
    content = sealed.read_bytes()
    _refused(tmp_path / "new.model", content[:place] + b"\x07" + content[place + 1 :], "format version 7", wrong)


def test_a_run_that_does_not_hold_its_spec_needs_the_archive(run: Path, tmp_path: Path) -> None:
    old = _INFO.model_copy(update={"spec": {}})
    (tmp_path / "run" / "detector").mkdir(parents=True)
    write_checkpoint(tmp_path / "run" / "detector", old, read_state(run / "detector"))
    with pytest.raises(ModelError, match="by `archive`"):
        export(tmp_path / "run", tmp_path / "x.model")
    with pytest.raises(ModelError, match="no run"):
        export(tmp_path / "nowhere", tmp_path / "x.model")
    assert not (tmp_path / "x.model").exists()


def test_an_unwritable_place_is_one_line(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShardError, match="cannot write"):
        export(run, tmp_path / "file" / "x.model")


def test_tensors_that_do_not_fit_are_told(bundle: Path, tmp_path: Path) -> None:
    whole = read_bundle(bundle)
    dropped = min(name for name in whole.tensors if name.endswith(".weight"))
    fewer = {name: tensor for name, tensor in whole.tensors.items() if name != dropped}
    write_bundle(Bundle.of(whole.header, fewer), tmp_path / "b.model")
    with pytest.raises(ModelError, match=r"b\.model do not fit yolov8n"):
        load_bundle(tmp_path / "b.model")


def test_a_run_that_has_not_ended_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is damaged"):
        read_state(tmp_path)
    (tmp_path / "checkpoint_1").mkdir()
    with pytest.raises(ModelError, match=r"has not ended; run it again, or name one of its checkpoint_ folders"):
        read_state(tmp_path)


def _with(bundle: Path, path: Path, **changed: object) -> Path:
    """The same bundle with another header, and a digest that fits: as somebody would write it on purpose."""
    whole = read_bundle(bundle)
    info = whole.header.info.model_copy(update=changed)
    write_bundle(Bundle.of(whole.header.model_copy(update={"info": info}), whole.tensors), path)
    return path


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("architecture", "delivered/yolov8n", "about.architecture"),
        ("classes", ("hammer", "s\x1b[2Jaw"), r"about.classes: 's\\x1b\[2Jaw' holds a character"),
        ("classes", ("hammer", "\u202esaw"), "about.classes"),
        ("classes", ("hammer", "s" * 101), "about.classes: a name has 1 to 100"),
        ("classes", ("hammer", ""), "about.classes"),
        ("classes", (), "about.classes: there must be 1 to 2000"),
        ("classes", tuple(map(str, range(2001))), "about.classes: there must be 1 to 2000"),
        ("channels", 10**9, "channels"),
        ("patch", 7, "patch"),
        ("size", 10**9, "size"),
        ("sub_keys", -1, "sub_keys"),
        ("veil_id", "x" * 32, "veil_id"),
        ("labels_version", "a\nb", "about.labels_version"),
    ],
)
def test_a_header_that_cannot_be_served_is_refused_by_field(
    field: str, value: object, message: str, bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message) as refused:
        load_bundle(_with(bundle, tmp_path / "other.model", **{field: value}))
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_checkpoint_names_its_architecture_and_no_place(run: Path, tmp_path: Path) -> None:
    info = json.loads((run / "detector" / "about.json").read_text())
    (tmp_path / "about.json").write_text(json.dumps(info | {"architecture": "delivered/yolov8n"}))
    with pytest.raises(ModelError, match="architecture"):
        read_model_info(tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        b'{"a":' + b"[" * 200_000,
        b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e9]}}',
        b'{"a":[],"__metadata__":{"raypp":"{}"}}',
        b'{"__metadata__":{"raypp":"' + b"[" * 100_000 + b'","sha256":""}}',
        b'{"__metadata__":{"raypp":{"format_version":1},"sha256":""}}',
        b'{"__metadata__":{"raypp":"{\\"format_version\\":[]}","sha256":""}}',
        b'{"__metadata__":[]}',
    ],
)
def test_a_malformed_index_is_one_line(index: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.model"
    _refused(path, len(index).to_bytes(8, "little") + index + bytes(16), "altered|damaged")


def test_tensors_of_a_type_that_numpy_lacks_are_told(bundle: Path, tmp_path: Path) -> None:
    whole = read_bundle(bundle)
    other = {
        name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in whole.tensors.items()
    }
    content = Bundle(whole.header, other).to_bytes()
    (tmp_path / "b.model").write_bytes(content)
    model, _ = load_bundle(tmp_path / "b.model")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32, torch.int64}


def test_a_bundle_that_the_first_version_sealed_opens(bundle: Path, tmp_path: Path) -> None:
    head, salt, nonce = SEALED_MAGIC + b"\x01", bytes(16), bytes(12)
    key = Scrypt(salt=salt, length=32, n=1 << 15, r=8, p=1).derive(b"a long phrase")
    (tmp_path / "old.model").write_bytes(head + salt + nonce + AESGCM(key).encrypt(nonce, bundle.read_bytes(), head))
    assert read_bundle(tmp_path / "old.model", lambda: "a long phrase").header == read_bundle(bundle).header
