"""Images that can be counted are decoded; others are refused by one clear line."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from raypp.counting.plain_image import DecodeOptions, held_image, list_images
from raypp.errors import MediaError, OptionError
from raypp.media.frame import MOST_PIXELS

_GREY = np.linspace(0, 255, 64 * 48).reshape(48, 64)


def _file(values: np.ndarray, kind: str = "TIFF", **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(values).save(content, kind, **options)
    return content.getvalue()


def test_a_16_bit_image_is_counted_by_its_upper_byte():
    image = held_image(_file((257 * _GREY).astype(np.uint16)), "deep.tif")
    assert image.pixels_HW3.shape == (48, 64, 3)
    assert np.abs(image.pixels_HW3[..., 0].astype(float) - _GREY).max() <= 1


def test_a_16_bit_image_of_fewer_bits_needs_their_number():
    content = _file((16 * _GREY).astype(np.uint16))
    with pytest.raises(MediaError, match=r"deep\.tif has 16-bit pixels, the brightest 4080; give `bits` 12"):
        held_image(content, "deep.tif")
    image = held_image(content, "deep.tif", DecodeOptions(bits=12))
    assert np.abs(image.pixels_HW3[..., 0].astype(float) - _GREY).max() <= 1
    with pytest.raises(MediaError, match="more than 10 bits"):
        held_image(content, "deep.tif", DecodeOptions(bits=10))
    assert held_image(content, "deep.tif", DecodeOptions(bits=16)).pixels_HW3.max() < 16


def test_pages_are_chosen_or_refused():
    pages = [Image.fromarray(np.full((40, 50), level, dtype=np.uint8)) for level in (10, 200)]
    content = io.BytesIO()
    pages[0].save(content, "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(MediaError, match=r"stack\.tif has 2 pages"):
        held_image(content.getvalue(), "stack.tif")
    assert held_image(content.getvalue(), "stack.tif", DecodeOptions(page=2)).pixels_HW3.mean() == 200
    with pytest.raises(MediaError, match="has no page 3, it has 2"):
        held_image(content.getvalue(), "stack.tif", DecodeOptions(page=3))


def oversized_png() -> bytes:
    """Make a small file of one colour that says it has more pixels than are decoded."""
    side = int(MOST_PIXELS**0.5) + 8
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


def test_what_cannot_be_counted_is_refused_by_name():
    for content, words in (
        (oversized_png(), "more than 89,478,485 pixels"),
        (b"no image\n" * 30, "is no image"),
        (b"", "is empty"),
        (_file(np.zeros((8, 8), dtype=np.uint8)), "8x8 pixels, must be at least 32 each way"),
    ):
        with pytest.raises(MediaError, match=r"x\.png") as caught:
            held_image(content, "x.png")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_images_of_folders_are_listed_once_in_order(tmp_path):
    for name in ("b.png", "a.tif", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    paths = list_images([str(tmp_path / "b.png"), str(tmp_path)])
    assert paths == (str(tmp_path / "b.png"), str(tmp_path / "a.tif"))
    with pytest.raises(OptionError, match="does not exist"):
        list_images([str(tmp_path / "none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no image in"):
        list_images([str(tmp_path / "empty")])
