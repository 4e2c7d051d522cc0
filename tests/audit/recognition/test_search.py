"""Recognisers find all on the plain images, less on worse ones, nothing on noise."""

import numpy as np
import pytest
from PIL import Image

from raypp.audit.core.model import Frames, Images
from raypp.audit.core.recognised import NO_FACE, Planted
from raypp.audit.recognition.packages import recogniser_versions
from raypp.audit.recognition.probes import HEIGHTS, plant
from raypp.media.obfuscation import Pixelation
from tests.audit.images import shapes
from tests.data import shared_data

if not recogniser_versions():
    pytest.skip("needs the recognisers: pip install 'raypp[recognition]'", allow_module_level=True)

from raypp.audit.recognition.search import Search
from raypp.audit.recognition.text import is_read


def noise(frames: Frames) -> Frames:
    return np.random.default_rng(5).integers(0, 256, frames.shape, dtype=np.uint8)


def pixelated(frames: Frames, side: int) -> Frames:
    return np.stack([Pixelation(side=side)(frame, ()) for frame in frames])


def by_height(planted: tuple[Planted, ...]) -> dict[int, tuple[int, int]]:
    return {round(1 / height.height): (height.words, height.read) for height in planted}


@pytest.fixture(scope="module")
def originals() -> Search:
    return Search.on(shapes(2, (320, 416), 3), 2, 0, own_words=False)


def test_planted_words_stand_on_copies_and_victims_stay_as_they_are() -> None:
    victims = shapes(2, (320, 416), 3)
    before = victims.frames.copy()
    probes = plant(victims, 3, 0)
    assert np.array_equal(victims.frames, before)
    assert [(frame != before[place % 2]).any() for place, frame in enumerate(probes.images.frames)] == [True] * 3
    drawn = {(word.image, word.height) for word in probes.words}
    assert drawn == {(place, height) for place in range(3) for height in HEIGHTS}
    assert all(4 <= len(word.text) <= 6 for word in probes.words)
    again, other = plant(victims, 3, 0), plant(victims, 3, 1)
    assert again.words == probes.words
    assert other.words != probes.words


def test_words_are_read_as_far_as_their_height_lets_them_and_never_on_noise(originals: Search) -> None:
    frames, plain = originals.probes.images.frames, originals.probes.images.frames
    assert by_height(originals.look(frames, plain).text.planted) == dict.fromkeys((4, 8, 16, 32), (2, 2))
    coarse = by_height(originals.look(frames, pixelated(plain, 8)).text.planted)
    assert coarse[4][1] > 0, "as high as ten squares"
    assert coarse[32] == (2, 0), "little more than one square"
    assert originals.look(frames, noise(plain)).text.read == 0


def test_without_faces_nothing_is_said_of_them(originals: Search) -> None:
    faces = originals.look(noise(originals.probes.images.frames), originals.probes.images.frames).faces
    assert (faces.faces, faces.found, faces.verification, faces.reason) == (0, 0, None, NO_FACE)


def test_of_a_long_word_one_letter_may_be_wrong() -> None:
    assert is_read("KX4827", [("AKX4B27", 0.5)])
    assert not is_read("KX4827", [("KX4B2Z", 0.9)])
    assert not is_read("KX48", [("KX4B", 0.9)])
    assert not is_read("KX48", [])


@pytest.fixture(scope="module")
def people() -> Images:
    """Faces of several people on real images."""
    folder = shared_data("ppe4", "images", "val")
    files = sorted(folder.iterdir())[3:10]
    frames = np.stack([np.asarray(Image.open(file).convert("RGB").resize((416, 416))) for file in files])
    return Images(frames, ("one",) * len(files), ((),) * len(files))


def test_faces_are_found_and_told_apart_on_originals_less_on_worse_images_and_not_on_noise(people: Images) -> None:
    search = Search.on(people, 1, 0, own_words=True)
    plain, coarse, nothing = (
        search.look(frames, search.probes.images.frames)
        for frames in (people.frames, pixelated(people.frames, 16), noise(people.frames))
    )
    assert plain.faces.found == plain.faces.faces == plain.faces.anywhere >= 8
    assert plain.faces.verification.people >= 5
    assert plain.faces.verification.auc == 1.0
    assert coarse.faces.found <= plain.faces.found // 4
    assert coarse.faces.verification.auc < 0.8
    assert nothing.faces.found == nothing.faces.anywhere == 0
    assert nothing.faces.verification.low < 0.5, "no more than chance"
    assert plain.text.own == plain.text.own_read >= 1, "the images bear watermarks"
    assert nothing.text.own_read == 0


def test_one_person_alone_cannot_be_told_apart(people: Images) -> None:
    search_of_people = Search.on(people.take([0, 0]), 1, 0, own_words=False)
    looked = search_of_people.look(people.frames[[0, 0]], search_of_people.probes.images.frames)
    assert looked.faces.found == looked.faces.faces == 2
    assert looked.faces.verification is None
    assert looked.faces.reason == "2 faces are found on the originals, and no two people's of like size"
