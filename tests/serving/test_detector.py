"""A frame's detections are the same in any company, lie in the source's frame, and are exact in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch

from raypp.detect.checkpoint import load_bundle
from raypp.detect.engines.name import Engine, Precision
from raypp.detect.ultralytics import non_max_suppression
from raypp.errors import ModelError
from raypp.geometry.letterbox import Letterbox
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from tests.serving.bundles import CLASSES, HEIGHT, SIZE, SPEC, VEIL, WIDTH, some_block, write_eager_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_eager_bundle(tmp_path_factory.mktemp("bundle") / "tools.model")


@pytest.fixture(scope="module", params=[Engine.TORCH, Engine.ONNXRUNTIME, Engine.OPENVINO])
def detector(bundle: Path, request: pytest.FixtureRequest) -> BundleDetector:
    return BundleDetector.load(bundle, DetectionSettings(batch=4, engine=request.param, precision=Precision.FLOAT32))


def _part(block: FrameBlock, chosen: slice) -> FrameBlock:
    return FrameBlock(block.codes[chosen], block.sub_key, block.width, block.height)


def test_a_frame_is_found_the_same_in_any_company_and_place(detector: BundleDetector) -> None:
    mine, others = some_block(5, seed=1), some_block(7, seed=2, sub_key=2, width=200, height=300)
    (alone,) = detector.detect([mine])
    assert sum(map(len, alone)) > 10
    one_by_one = [detector.detect([_part(mine, slice(index, index + 1))])[0][0] for index in range(5)]
    assert tuple(one_by_one) == alone
    for before in range(4):
        ahead, behind = _part(others, slice(0, before)), _part(others, slice(before, None))
        assert detector.detect([ahead, mine, behind])[1] == alone


def test_every_batch_shape_finds_nearly_the_same(bundle: Path, detector: BundleDetector) -> None:
    block = some_block(4)
    (expected,) = detector.detect([block])
    (single,) = BundleDetector.load(bundle, DetectionSettings(batch=1, engine=Engine.TORCH)).detect([block])
    for ours, theirs in zip(expected, single, strict=True):
        assert len(ours) == pytest.approx(len(theirs), abs=1)
        assert ours[0].x1 == pytest.approx(theirs[0].x1, abs=1e-3)


def test_detections_are_the_librarys_mapped_to_the_source(bundle: Path, detector: BundleDetector) -> None:
    block = some_block(1)
    model, about = load_bundle(bundle)
    grid = SIZE // SPEC.patch
    square = np.full((1, SPEC.channels + 1, grid, grid), 255, dtype=np.uint8)
    box = Letterbox(SIZE, SPEC.patch, WIDTH, HEIGHT)
    square[0, :-1, box.row_offset : box.row_offset + box.rows] = block.codes[0]
    square[0, -1] = block.sub_key
    with torch.inference_mode():
        (kept,) = non_max_suppression(model(torch.from_numpy(square)), 0.1, 0.7, max_det=100, max_time_img=1e9)
    ((detections,),) = detector.detect([block])
    best = kept[kept[:, 4].argmax()].double().numpy()
    x1, y1, x2, y2 = np.clip(box.to_source(best[None, :4])[0] / [WIDTH, HEIGHT, WIDTH, HEIGHT], 0, 1)
    got = detections[0]
    assert (got.x1, got.y1, got.x2, got.y2) == pytest.approx((x1, y1, x2, y2), abs=1e-4)
    assert got.confidence == pytest.approx(best[4], abs=1e-4)
    assert got.class_id == int(best[5])
    assert CLASSES[got.class_id] == about.classes[int(best[5])]


def test_detections_are_exact_in_float32_and_in_range(detector: BundleDetector) -> None:
    for frame in detector.detect([some_block(6, seed=3)])[0]:
        assert [detection.confidence for detection in frame] == sorted(
            (detection.confidence for detection in frame), reverse=True
        )
        for detection in frame:
            for value in (detection.confidence, detection.x1, detection.y1, detection.x2, detection.y2):
                assert float(np.float32(value)) == value
            assert 0 <= detection.x1 < detection.x2 <= 1
            assert 0 <= detection.y1 < detection.y2 <= 1
            assert detection.confidence >= 0.1 - 1 / 65536
            assert detection.confidence <= 1


def test_a_model_says_what_it_is(detector: BundleDetector) -> None:
    about = detector.about
    assert (about.veil_id, about.size, about.classes, about.spec) == (VEIL, SIZE, CLASSES, SPEC)
    assert len(about.model_id) == 64
    assert about.engine.split()[0] in set(Engine)
    assert about.grid(WIDTH, HEIGHT).shape == (SPEC.channels, 12, 20)


def test_codes_of_another_grid_are_refused(detector: BundleDetector) -> None:
    block = some_block(2)
    with pytest.raises(ModelError, match="640x480 frame has"):
        detector.detect([FrameBlock(block.codes, 0, 640, 480)])


def test_only_a_model_that_keeps_the_meaning_of_streams_may_replace_another(bundle: Path, tmp_path: Path) -> None:
    running = BundleDetector.load(bundle).about

    def offered(**other: object) -> str | None:
        path = write_eager_bundle(tmp_path / "other.model", seed=5, **other)
        return BundleDetector.load(path, DetectionSettings(engine=Engine.TORCH)).about.may_replace(running)

    assert offered() is None
    assert offered(classes=(*CLASSES, "drill")) is None
    assert offered(classes=CLASSES[:1]) is None, "so that what was added can be rolled back"
    assert "classes" in offered(classes=("saw", "hammer"))
    assert "veil" in offered(veil_id="cd" * 16)


def test_a_bundle_that_is_replaced_while_it_is_read_does_not_bear_the_others_name(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tools.model"
    path.write_bytes(bundle.read_bytes())

    def replaced(place: Path) -> object:
        write_eager_bundle(place, seed=5)
        return load_bundle(place)

    monkeypatch.setattr("raypp.serving.detector.load_bundle", replaced)
    with pytest.raises(ModelError, match="replaced while it was read"):
        BundleDetector.load(path)
    with pytest.raises(ModelError, match="No such file"):
        BundleDetector.load(tmp_path / "nowhere.model")
