"""Scales, regions, intervals, sizes and focus: each by its own rules."""

import json

import cv2
import numpy as np
import pytest

from raypp.counting.focus import measure_focus
from raypp.counting.interval import count_interval
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.region import RegionSet, in_region
from raypp.counting.sizes import box_diameter, calibrate_sizes, size_summary
from raypp.demo.micrographs.render import draw_micrograph
from raypp.demo.micrographs.specimen import Specimen, draw_specimen
from raypp.detect.count_calibration import ClassCalibration
from raypp.errors import OptionError

_SIZE = 640, 480


@pytest.mark.parametrize(("text", "um"), [("0.8um/px", 0.8), ("250 nm/px", 0.25), ("1mm/px", 1000), ("0.5µm/px", 0.5)])
def test_a_scale_is_read_in_micrometres(text, um):
    assert PixelScale.parse(text) == PixelScale(pytest.approx(um), "um")


@pytest.mark.parametrize("text", ["0.8", "0.8um", "um/px", "-1um/px", "0um/px", "1e9mm/px"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(OptionError, match="`scale`"):
        PixelScale.parse(text)


def test_without_a_scale_sizes_are_pixels():
    assert PixelScale.parse(None) == PixelScale(1.0, "px")


def test_a_region_counts_what_has_its_middle_in_it(tmp_path):
    path = tmp_path / "rois.json"
    path.write_text(json.dumps({"a.png": [[[0, 0], [100, 0], [100, 100]]], "*": [[[0, 0], [10, 0], [10, 10]]]}))
    regions = RegionSet.load(path)
    polygons = regions.of("a.png", 640, 480)
    assert in_region((60, 10, 100, 30), polygons)
    assert not in_region((10, 60, 30, 100), polygons)
    assert regions.of("b.png", 640, 480) == (((0, 0), (10, 0), (10, 10)),)
    with pytest.raises(OptionError, match=r"region 1 of a.png has a corner at \(100, 0\), outside"):
        regions.of("a.png", 80, 480)
    with pytest.raises(OptionError, match=r"names a\.png, which is not counted"):
        regions.check_names(("b.png",))


@pytest.mark.parametrize("text", ["[]", '{"a": [[[0, 0], [1, 1]]]}', '{"a": [[[0, 0], [1, "x"], [1, 1]]]}', "no"])
def test_what_holds_no_regions_is_refused(tmp_path, text):
    path = tmp_path / "rois.json"
    path.write_text(text)
    with pytest.raises(OptionError, match="`roi`"):
        RegionSet.load(path)


def test_an_interval_holds_the_count_and_grows_with_the_errors():
    right = ClassCalibration(threshold=0.3, counted=(20,) * 30, truth=(20,) * 30)
    assert count_interval([20, 22], right) == (42, 42)
    near = ClassCalibration(threshold=0.3, counted=(20,) * 30, truth=(19, 20, 21) * 10)
    far = ClassCalibration(threshold=0.3, counted=(20,) * 30, truth=(15, 20, 25) * 10)
    low, high = count_interval([20] * 4, near)
    assert low < 80 < high
    assert count_interval([20] * 4, far).low < low
    assert count_interval([20] * 4, near) == (low, high), "the same whenever it is asked"


def test_an_interval_shows_a_detector_that_misses():
    misses = ClassCalibration(threshold=0.3, counted=(18,) * 30, truth=(20, 21) * 15)
    assert count_interval([18] * 10, misses).low > 180


def test_calibrated_sizes_have_the_true_mean_and_spread():
    generator = np.random.default_rng(0)
    true = np.exp(generator.normal(3.4, 0.3, 4000))
    sides = 1.1 * true * np.exp(generator.normal(0, 0.1, 4000))
    boxes = [(0.0, 0.0, side, side) for side in sides.tolist()]
    calibration = calibrate_sizes(boxes, true.tolist())
    assert calibration.bias == pytest.approx(0.1, abs=0.02)
    measured = np.log([box_diameter(box, calibration) for box in boxes])
    assert measured.mean() == pytest.approx(3.4, abs=0.02)
    assert measured.std() == pytest.approx(0.3, abs=0.02)
    assert calibrate_sizes(boxes[:1], true[:1].tolist()) is None


def test_a_summary_of_sizes_has_deciles_and_a_histogram_of_all():
    summary = size_summary([float(value) for value in range(101)])
    assert (summary.d10, summary.d50, summary.d90) == (10, 50, 90)
    assert sum(summary.counts) == 101
    assert size_summary([]) is None


def _focus(specimen, blur_px):
    grey = draw_micrograph(specimen, _SIZE, np.random.default_rng(1), blur_px)
    return measure_focus(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


def test_a_blurred_field_is_less_sharp_and_an_empty_one_has_less_contrast():
    for seed in range(3):
        specimen = draw_specimen(_SIZE, 1.0, np.random.default_rng(seed))
        sharp, blurred = _focus(specimen, 0.9), _focus(specimen, 6.0)
        empty = _focus(Specimen((), ()), 0.9)
        assert blurred.sharpness < 0.5 * sharp.sharpness
        assert empty.contrast < 0.3 * sharp.contrast
