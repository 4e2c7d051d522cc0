"""Other ways to hide: what each does to pixels, that it does so again, and what it is called."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from raypp.errors import OptionError
from raypp.geometry.boxes import Box
from raypp.media.obfuscation import Blackout, Blur, Obscuring, Pixelation, PrivatePixelation

BOX = Box(0, 0.5, 0.5, 0.25, 0.5)
WAYS: list[Obscuring] = [
    Pixelation(side=16),
    PrivatePixelation(side=16, epsilon=0.5, neighbours=64, seed=1),
    Blur(sigma=2.5),
    Blackout(),
]


def image(seed: int = 0, height: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_image_becomes_one_of_its_shape_the_same_each_time(way: Obscuring) -> None:
    plain = image()
    hidden = way(plain, [BOX])
    assert (hidden.dtype, hidden.shape) == (np.uint8, plain.shape)
    assert np.array_equal(way(image(), [BOX]), hidden)
    assert np.array_equal(plain, image())
    assert (hidden != plain).any()
    assert hidden.flags.writeable


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_json_tells_which_it_is(way: Obscuring) -> None:
    adapter = TypeAdapter(Obscuring)
    assert adapter.validate_json(adapter.dump_json(way)) == way


def test_names_tell_ways_apart_and_titles_leave_the_seed_out() -> None:
    assert [way.name for way in WAYS] == [
        "pixelation-16", "private-pixelation-16-epsilon-0.5-neighbours-64-seed-1", "blur-2.5", "blackout",
    ]  # fmt: skip
    assert PrivatePixelation(side=16, epsilon=1).name == "private-pixelation-16-epsilon-1"
    assert [way.title for way in WAYS] == [
        "pixelation 16", "private pixelation 16, epsilon 0.5, 64 neighbours", "blur, sigma 2.5",
        "blackout of labelled objects",
    ]  # fmt: skip


def test_pixelation_is_the_mean_colour() -> None:
    plain = image()
    hidden = Pixelation(side=16)(plain, ())
    assert (hidden[48:64, 64:80, 2] == round(plain[48:64, 64:80, 2].mean())).all()


def test_squares_that_do_not_fill_a_image_are_refused() -> None:
    for way in (Pixelation(side=16), PrivatePixelation(side=16, epsilon=1)):
        with pytest.raises(OptionError, match="96x40 pixels cannot be cut into squares of 16; crop or scale them"):
            way(image(height=40), ())


def test_blackout_paints_boxes_and_nothing_else() -> None:
    plain = image()
    hidden = Blackout()(plain, [BOX])
    assert not hidden[16:48, 36:60].any()
    hidden[16:48, 36:60] = plain[16:48, 36:60]
    assert np.array_equal(hidden, plain)


def test_blur_takes_away_detail_and_keeps_the_mean() -> None:
    plain = image()
    hidden = Blur(sigma=4.0)(plain, ())
    assert hidden.std() < plain.std() / 4
    assert hidden.mean() == pytest.approx(plain.mean(), abs=2)


def test_private_pixelation_adds_noise_of_the_scale_that_the_guarantee_needs() -> None:
    way = PrivatePixelation(side=16, epsilon=2.0)
    greys = np.full((4, 640, 640, 3), 128, dtype=np.uint8)
    greys[:, 0, 0, 0] = np.arange(4)
    squares = np.stack([way(grey, ())[::16, ::16] for grey in greys])
    assert np.abs(squares.astype(float) - 128).mean() == pytest.approx(255 * 16 / (16**2 * 2.0), rel=0.05)
    assert (squares[0] == squares[1]).mean() < 0.2
    assert (way.model_copy(update={"seed": 1})(greys[0], ())[::16, ::16] == squares[0]).mean() < 0.2


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (PrivatePixelation, {"side": 16, "epsilon": 0}),
        (PrivatePixelation, {"side": 16, "epsilon": float("inf")}),
        (PrivatePixelation, {"side": 16, "epsilon": 1, "neighbours": 0}),
        (Pixelation, {"side": 1}),
        (Pixelation, {"side": 8.5}),
        (Blur, {"sigma": 0}),
    ],
)
def test_what_hides_nothing_or_cannot_be_is_refused(kind: type, fields: dict) -> None:
    with pytest.raises(ValidationError):
        kind(**fields)
