"""Things on reconstructed images: all are told on the plain ones, less on worse ones, and none of nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit.core.model import Frames, Images
from raypp.audit.recognition.enlarging import enlarged
from raypp.audit.recognition.things import Objects, Things
from raypp.detect.public import PublicDetector, Sightings, open_public
from raypp.errors import ModelError
from raypp.geometry.boxes import Box, box_iou
from raypp.media.obfuscation import Pixelation
from tests.data import shared_data

COLOURS = ((200, 30, 25), (30, 80, 200), (40, 160, 60), (30, 80, 200))


@pytest.fixture(scope="module")
def coloured() -> Images:
    """A box of one colour on each grey image."""
    frames = np.full((4, 64, 96, 3), 120, dtype=np.uint8)
    for frame, colour in zip(frames, COLOURS, strict=True):
        frame[16:48, 24:72] = colour
    box = Box(class_id=0, x=0.5, y=0.5, w=0.5, h=0.5)
    return Images(frames, ("one",) * 4, ((("thing", box),),) * 4)


def grey_of(frames: Frames) -> Frames:
    return np.repeat(frames.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)


def test_colours_of_labelled_boxes_are_told_beside_what_chance_and_labels_tell(coloured: Images) -> None:
    guess = np.full_like(coloured.frames, COLOURS[1])
    things = Things.on(coloured, guess, None)
    objects, plain = things.look(coloured.frames)
    assert objects is None, "without public weights"
    assert (plain.boxes, plain.right, plain.commonest, plain.guessed) == (4, 4, 2, 2)
    assert plain.by_chance == (1 + 2 * 2 + 1) / 4
    _, grey = things.look(grey_of(coloured.frames))
    assert (grey.right, grey.by_chance) == (0, 0)
    _, dealt = things.look(coloured.frames[[1, 0, 3, 2]])
    assert (dealt.right, dealt.by_chance) == (0, plain.by_chance)


def test_where_nothing_is_boxed_nothing_is_said_of_colours(coloured: Images) -> None:
    bare = Images(coloured.frames, coloured.cameras, ((),) * 4)
    assert Things.on(bare, bare.frames, None).look(bare.frames) == (None, None)


def test_weights_that_are_none_are_refused(coloured: Images, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="no ultralytics checkpoint"):
        Things.on(coloured, coloured.frames, tmp_path / "w.pt")


def test_objects_are_found_on_originals_less_on_worse_images_and_not_on_others_or_noise() -> None:
    weights, folder = shared_data("weights", "yolov8n.pt"), shared_data("ppe4", "images", "val")
    files = sorted(folder.iterdir())[3:8]
    frames = np.stack([np.asarray(Image.open(file).convert("RGB").resize((416, 416))) for file in files])
    people = Images(frames, ("one",) * len(files), ((),) * len(files))
    things = Things.on(people, np.full_like(frames, 128), weights)
    noise = np.random.default_rng(5).integers(0, 256, frames.shape, dtype=np.uint8)
    coarse = np.stack([Pixelation(side=32)(frame, ()) for frame in frames])
    plain, worse, nothing, dealt = (
        things.look(seen) for seen in (frames, coarse, noise, np.roll(frames, 1, axis=0).copy())
    )
    objects = plain[0]
    assert objects.found == objects.objects >= 5
    assert 0.8 * objects.objects <= objects.again <= objects.objects
    assert (objects.grey, nothing[0].found) == (0, 0)
    assert worse[0].found < objects.objects / 2
    assert dealt[0].others == objects.objects, "dealt back, they are the originals"
    assert max(dealt[0].found, objects.others) < objects.objects / 2
    assert plain[1].boxes == plain[1].right == objects.objects, "of no labels, what is found is boxed"


@dataclass(frozen=True)
class Counting(PublicDetector):
    """A public detector that counts what it looks at."""

    looked_at: list[int] = field(default_factory=list)

    def find(self, frame_HW3: Frames, sure: float) -> Sightings:
        self.looked_at.append(len(frame_HW3))
        return super().find(frame_HW3, sure)


def test_images_on_which_nothing_could_count_are_not_looked_at_and_no_figure_changes() -> None:
    weights, folder = shared_data("weights", "yolov8n.pt"), shared_data("ppe4", "images", "val")
    files = sorted(folder.iterdir())[3:5]
    shown = [np.asarray(Image.open(file).convert("RGB").resize((416, 416))) for file in files]
    empty = np.full_like(shown[0], 90)
    frames = np.stack([empty, shown[0], empty, empty, empty, shown[1]])
    opened = open_public(weights)
    assert opened is not None
    detector = Counting(opened.model)
    objects = Objects.on(frames, detector)
    assert [len(sightings) > 0 for sightings in objects.there] == [False, True, False, False, False, True]
    assert len(detector.looked_at) == 6 + 2 + 2, "all originals, then two under noise and two in their mean colours"
    detector.looked_at.clear()
    dealt = np.roll(frames, 1, axis=0).copy()
    figures = [objects.look(reconstructed) for reconstructed in (frames, dealt)]
    assert len(detector.looked_at) == 2 * 4, "those two, and the ones that they are dealt to"
    total = sum(map(len, objects.there))
    for reconstructed, figure in zip((frames, dealt), figures, strict=True):
        seen = [detector.find(enlarged(frame), 0.25) for frame in reconstructed]
        assert (figure.found, figure.others) == (met(objects.there, seen), met(objects.there, seen[1:] + seen[:1]))
    assert (figures[0].found, figures[1].others, figures[1].found) == (total, total, 0)


def met(there: Sequence[Sightings], seen: Sequence[Sightings]) -> int:
    """How many objects are seen at the same place, one by one."""
    return sum(
        any(
            box_iou(original.boxes_P4[place : place + 1], other.boxes_P4[near : near + 1])[0, 0] >= 0.5
            and original.classes_P[place] == other.classes_P[near]
            for near in range(len(other))
        )
        for original, other in zip(there, seen, strict=True)
        for place in range(len(original))
    )
