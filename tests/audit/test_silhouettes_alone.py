"""Outlines of labelled things are cut out of plain images, and leak where things are, not what is inside."""

import numpy as np
import pytest

from raypp.audit.core.model import Frames, Images
from raypp.audit.footage.evidence import Evidence
from raypp.audit.metrics.measure import BlindBaseline
from raypp.audit.metrics.outlines import Outline
from raypp.audit.metrics.silhouettes import silhouettes_on
from raypp.audit.verdict.assumptions import SILHOUETTES_DETAIL, SILHOUETTES_EDGES, SILHOUETTES_WORST, TONED_DETAIL
from raypp.geometry.boxes import Box

SIDE = 96
Labels = tuple[tuple[str, Box], ...]


def disc(frame: Frames, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> Box:
    down, right = np.ogrid[:SIDE, :SIDE]
    frame[(down - y) ** 2 + (right - x) ** 2 < radius**2] = colour
    return Box(class_id=0, x=x / SIDE, y=y / SIDE, w=2 * radius / SIDE, h=2 * radius / SIDE)


def scene(chance: np.random.Generator, light: bool, busy: int = 0) -> tuple[Frames, Labels]:
    """Two discs on a ground of another tone, with a camera's noise; `busy` lines lie on all of it."""
    ground, thing = ((60, 70, 80), (200, 190, 160)) if light else ((200, 190, 160), (60, 70, 80))
    frame = np.full((SIDE, SIDE, 3), ground, dtype=np.uint8)
    boxes = [disc(frame, *(int(each) for each in chance.integers(low, low + 8, 2)), 17, thing) for low in (20, 66)]
    for row in chance.integers(0, SIDE, busy):
        frame[row] = chance.integers(0, 256, 3)
    noisy = np.clip(frame + chance.normal(0, 2, frame.shape), 0, 255).astype(np.uint8)
    return noisy, tuple(("disc", box) for box in boxes)


def scenes(count: int, seed: int, light: bool = True, busy: int = 0) -> Images:
    chance = np.random.default_rng(seed)
    taken = [scene(chance, light, busy) for _ in range(count)]
    return Images(np.stack([frame for frame, _ in taken]), ("c",) * count, tuple(labels for _, labels in taken))


def figures(known: Images, victims: Images) -> dict[str, float]:
    return silhouettes_on(Evidence(known, victims, 0), BlindBaseline.of(known, victims, 8))


def test_a_thing_is_cut_out_along_its_outline() -> None:
    frame = np.full((SIDE, SIDE, 3), (60, 70, 80), dtype=np.uint8)
    box = disc(frame, 40, 50, 20, (200, 190, 160))
    thing = frame[:, :, 0] == 200
    outline = Outline.of(frame, box)
    assert outline is not None
    assert np.count_nonzero(outline.thing ^ thing) < 0.05 * np.count_nonzero(thing)
    assert not (outline.thing & outline.surroundings).any()
    assert np.count_nonzero(outline.thing | outline.surroundings) == 40 * 40


def test_where_nothing_surrounds_its_box_the_thing_is_the_box() -> None:
    frame = scene(np.random.default_rng(0), light=True)[0]
    outline = Outline.of(frame, Box(class_id=0, x=0.5, y=0.5, w=1, h=1))
    assert outline is not None
    assert outline.thing.all()
    assert not outline.surroundings.any()


def test_a_box_of_few_pixels_or_beyond_the_image_has_no_outline() -> None:
    frame = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    assert Outline.of(frame, Box(class_id=0, x=0.5, y=0.5, w=0.02, h=0.5)) is None
    assert Outline.of(frame, Box(class_id=0, x=1, y=0.5, w=0.06, h=0.5)) is None


def test_plain_things_on_plain_ground_leak_by_their_outlines_alone() -> None:
    plain = figures(scenes(6, 0), scenes(4, 1))
    assert plain[SILHOUETTES_DETAIL] > 0.8
    assert plain[SILHOUETTES_WORST] >= plain[SILHOUETTES_DETAIL]
    assert plain[SILHOUETTES_EDGES] > 0.5
    assert figures(scenes(6, 0), scenes(4, 1)) == plain
    busy = figures(scenes(6, 0), scenes(4, 1, busy=40))
    assert busy[SILHOUETTES_DETAIL] < 0.2, "what lies inside and around is not in an outline"


def test_the_tones_are_those_of_known_images_unless_they_are_the_things_own() -> None:
    turned = figures(scenes(6, 0), scenes(4, 1, light=False))
    assert turned[SILHOUETTES_DETAIL] < -0.3, "dark things where light ones were known"
    assert turned[TONED_DETAIL] > 0.8


def test_without_labels_there_are_no_figures() -> None:
    known, victims = scenes(4, 0), scenes(4, 1)
    assert figures(known, Images(victims.frames, victims.cameras, ((),) * 4)) == {}
    unknown = tuple((("square", box),) for ((_, box), _) in victims.boxes)
    other = figures(known, Images(victims.frames, victims.cameras, unknown))
    assert other[SILHOUETTES_DETAIL] == pytest.approx(0, abs=0.2)
    assert other[TONED_DETAIL] > 0.3
