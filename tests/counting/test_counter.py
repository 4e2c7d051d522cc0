"""Counting in this process: veiled in memory, alike each time, within regions; what cannot be seen is never a 0."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.api import describe_file
from raypp.counting.accuracy import measure_counting
from raypp.counting.calibrate import calibrate_counting
from raypp.counting.calibrated_bundle import write_calibrated
from raypp.counting.counted_object import DetectedBox
from raypp.counting.counter import ImageCounter, without_members
from raypp.counting.opening import CountSettings, open_counter
from raypp.counting.plain_image import PlainImage, held_image, read_image
from raypp.counting.region import RegionSet
from raypp.counting.truth import read_truth
from raypp.detect.bundle import read_bundle
from raypp.detect.checkpoint import load_bundle
from raypp.errors import ConflictError, OptionError
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key


@pytest.fixture(scope="module")
def counting(place: Path) -> Path:
    """The detector with its counting calibrated."""
    out = place / "counts.model"
    if not out.exists():
        settings = CountSettings(place / "eager.model", place / "owner.key", scale="0.8um/px")
        truth = read_truth(str(place / "micrographs"), "val")
        write_calibrated(place / "eager.model", calibrate_counting(open_counter(settings, calibrates=True), truth), out)
    return out


@pytest.fixture(scope="module")
def counter(place: Path, counting: Path) -> ImageCounter:
    return open_counter(CountSettings(counting, place / "owner.key", scale="0.8um/px"))


@pytest.fixture(scope="module")
def image(place: Path) -> PlainImage:
    return read_image(str(place / "micrographs" / "images" / "test" / "test-0000.png"))


def _as_png(pixels: np.ndarray, name: str = "x.png") -> PlainImage:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return held_image(content.getvalue(), name)


def test_a_calibrated_bundle_is_the_same_detector_and_knows_how_it_counts(place: Path, counting: Path) -> None:
    before, after = read_bundle(place / "eager.model"), read_bundle(counting)
    assert before.header.counting is None
    assert after.header.format_version == 4
    assert len(after.header.counting.classes) == 2
    assert (after.header.counting.agglomerate, after.header.counting.member) == (1, 0)
    assert after.header.counting.image_px == 640
    assert all((before.tensors[name] == tensor).all() for name, tensor in after.tensors.items())
    assert describe_file(counting)["counting"].startswith("crystal from 0.")
    assert load_bundle(counting)[1] == load_bundle(place / "eager.model")[1]
    with pytest.raises(ConflictError, match="exists"):
        write_calibrated(place / "eager.model", after.header.counting, counting)


def test_a_image_counts_alike_each_time_and_by_its_content(counter: ImageCounter, image: PlainImage) -> None:
    count = counter.count(image)
    assert count.cannot_tell is None
    assert count.objects == counter.count(replace(image, name="other.png")).objects
    assert all(0 <= each.edges[0] < each.edges[2] <= 640 for each in count.objects)
    assert {each.members is None for each in count.objects if each.class_name == "crystal"} <= {True}
    assert sum(count.counts.values()) == len(count.objects) > 0


def test_a_region_keeps_those_with_their_middle_in_it(counter: ImageCounter, image: PlainImage) -> None:
    half = RegionSet("rois.json", {"*": (((0, 0), (320, 0), (320, 480), (0, 480)),)})
    kept = replace(counter, regions=half).count(image).objects
    whole = counter.count(image).objects
    assert [each.edges for each in kept] == [each.edges for each in whole if (each.edges[0] + each.edges[2]) / 2 < 320]
    assert 0 < len(kept) < len(whole)
    with pytest.raises(OptionError, match="outside of the image's"):
        replace(counter, regions=RegionSet("r", {"*": (((0, 0), (900, 0), (9, 9)),)})).count(image)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_field_is_no_zero(counter: ImageCounter, grey: int) -> None:
    noise = np.random.default_rng(0).normal(grey, 2, (480, 640)).clip(0, 255).astype(np.uint8)
    count = counter.count(_as_png(noise))
    assert "empty" in count.cannot_tell
    assert count.objects == ()


def test_a_blurred_field_is_no_zero(counter: ImageCounter, image: PlainImage) -> None:
    import cv2

    blurred = cv2.GaussianBlur(image.pixels_HW3, (0, 0), 9)
    assert "out of focus" in counter.count(_as_png(blurred)).cannot_tell


def test_a_small_image_is_seen_at_the_scale_of_the_large_ones(counter: ImageCounter, image: PlainImage) -> None:
    """Its window has the cells that the same objects have in the whole image."""
    small = _as_png(image.pixels_HW3[:200, :240])
    seen = []

    class Watching:
        def detect(self, block):
            seen.append((block.width, block.height, block.codes.shape[2:]))
            return ()

    detector = replace(counter.detector, detector=Watching())
    assert replace(counter, detector=detector).detect(small) == []
    assert seen == [(640, 200, (7, 20))]


def test_a_large_image_is_cut_and_boxes_lie_where_they_are(counter: ImageCounter, image: PlainImage) -> None:
    large = _as_png(np.tile(image.pixels_HW3, (2, 2, 1)))
    tiles = counter.tiles(large)
    assert len(tiles) >= 4
    boxes = counter.detect(large)
    assert max(box.edges[2] for box in boxes) > 800
    assert all(0 <= box.edges[0] < box.edges[2] <= 1280 for box in boxes)


def test_members_within_an_agglomerate_are_left_to_it() -> None:
    whole = DetectedBox(1, 0.9, (0, 0, 100, 100))
    inside, beside = DetectedBox(0, 0.8, (10, 10, 40, 40)), DetectedBox(0, 0.8, (80, 80, 140, 140))
    assert without_members([whole, inside, beside], 1, 0) == [whole, beside]
    assert without_members([inside, beside], 1, 0) == [inside, beside]


def test_accuracy_tells_totals_from_single_images(place: Path, counter: ImageCounter) -> None:
    truth = read_truth(str(place / "micrographs"), "val")
    accuracy, counts = measure_counting(counter, truth)
    crystal = accuracy.classes[0]
    assert crystal.counted == sum(count.counts["crystal"] for count in counts)
    assert crystal.truth == sum(each.class_id == 0 for image in truth.images for each in image.objects)
    assert crystal.totals == pytest.approx(1 - abs(crystal.counted - crystal.truth) / crystal.truth)
    assert crystal.per_image <= crystal.totals + 1e-9
    assert crystal.ks is not None


def test_a_model_without_calibration_says_what_to_do(place: Path) -> None:
    settings = CountSettings(place / "eager.model", place / "owner.key")
    with pytest.raises(OptionError, match="has no calibrated thresholds; run `raypp count calibrate`"):
        open_counter(settings)
    counter = open_counter(replace(settings, threshold=0.5))
    assert counter.rules.thresholds == (0.5, 0.5)
    with pytest.raises(OptionError, match="`threshold` 1"):
        open_counter(replace(settings, threshold=1.0))


def test_another_owners_key_is_refused(place: Path, counting: Path, tmp_path: Path) -> None:
    save_owner_key(VeilKey.generate(), tmp_path / "other.key")
    with pytest.raises(ConflictError, match="reads veil"):
        open_counter(CountSettings(counting, tmp_path / "other.key"))


def test_sizes_need_a_scale_and_classes_must_agree(place: Path) -> None:
    truth = read_truth(str(place / "micrographs"), "val")
    counter = open_counter(CountSettings(place / "eager.model", place / "owner.key"), calibrates=True)
    with pytest.raises(OptionError, match="give the images' `scale`"):
        calibrate_counting(counter, truth)
    with pytest.raises(OptionError, match="the dataset has classes a, b"):
        calibrate_counting(counter, replace(truth, classes=("a", "b")))
