"""Things on reconstructed images: all are told on the plain ones, less on worse ones, and none of nothing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit.core.model import Frames, Images
from raypp.audit.recognition.things import Things
from raypp.errors import ModelError
from raypp.geometry.boxes import Box
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
