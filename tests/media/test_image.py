"""Still images: upright whatever their EXIF, any mode to RGB, damage named."""

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.errors import MediaError, SourceReadError
from raypp.media.files import SourceStream, open_source
from raypp.media.frame import PADDING
from raypp.media.image import decode_image, probe_image, taken_at


def _stream(content: bytes) -> SourceStream:
    return SourceStream(BytesIO(content), len(content), "image")


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _scene() -> Image.Image:
    blocks = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks.repeat(10, 0).repeat(10, 1))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_shown_upright(orientation: int, form: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    scene = _scene()
    stored = scene.transpose(undo[orientation]) if orientation > 1 else scene
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = _encoded(stored, form, exif=exif)
    assert probe_image(_stream(content)) == scene.size
    frame = decode_image(_stream(content), 80, 10, None)
    assert (frame.source_width, frame.source_height) == scene.size
    np.testing.assert_array_equal(frame.pixels, np.asarray(scene))


def test_any_mode_becomes_rgb() -> None:
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    deep = Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1024)
    for image in (grey, deep):
        pixels = decode_image(_stream(_encoded(image, "PNG")), 8, 8, None).pixels
        np.testing.assert_array_equal(pixels[..., 0], np.asarray(grey))
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert (decode_image(_stream(_encoded(clear, "PNG")), 8, 8, None).pixels == PADDING).all()
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, _ = decode_image(_stream(_encoded(ink, "JPEG", quality=95)), 8, 8, None).pixels[4, 4]
    assert red > 180
    assert green < 90


def test_exif_tells_when_a_image_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2026:03:01 06:00:00"
    assert taken_at(_stream(_encoded(_scene(), "JPEG", exif=exif))) == "2026:03:01 06:00:00"
    assert taken_at(_stream(_encoded(_scene(), "JPEG"))) is None


@pytest.mark.parametrize(("tags", "expected"), [
    ({0x9003: "2026:07:01 12:00:00", 0x9011: "+09:00"}, "2026:07:01 12:00:00+09:00"),
    ({0x9003: "2026:07:01 12:00:00", 0x9010: "+09:00"}, "2026:07:01 12:00:00"),
    ({0x9003: "2026:07:01 12:00:00", 0x9011: "   :  "}, "2026:07:01 12:00:00"),
])  # fmt: skip
def test_exif_tells_its_offset_from_utc(tags: dict[int, str], expected: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(tags)
    assert taken_at(_stream(_encoded(_scene(), "JPEG", exif=exif))) == expected
    exif = Image.Exif()
    exif[0x0132] = "2026:07:01 12:00:00"
    exif.get_ifd(0x8769)[0x9010] = "-05:00"
    assert taken_at(_stream(_encoded(_scene(), "JPEG", exif=exif))) == "2026:07:01 12:00:00-05:00"


@pytest.mark.parametrize(("form", "reason"), [
    ("TIFF", "has 2 pages; save each"),
    ("PNG", "animation of 2 images"),
    ("WEBP", "animation of 2 images"),
    ("AVIF", "animation of 2 images"),
])  # fmt: skip
def test_a_file_of_several_images_is_refused(form: str, reason: str) -> None:
    content = _encoded(_scene(), form, save_all=True, append_images=[Image.new("RGB", (80, 60), "red")])
    with pytest.raises(MediaError, match=reason):
        decode_image(_stream(content), 80, 10, None)


def test_views_and_thumbnails_beside_a_image_are_no_further_images() -> None:
    scene = _scene()
    content = _encoded(scene, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 60), "red")], quality=95)
    assert abs(float(decode_image(_stream(content), 80, 10, None).pixels.mean()) - np.asarray(scene).mean()) < 5
    content = _encoded(scene, "TIFF", save_all=True, append_images=[scene.resize((8, 6))], tiffinfo={0x00FE: 0})
    second = content.rindex(b"\xfe\x00\x04\x00\x01\x00\x00\x00\x00\x00\x00\x00")
    thumbnail = content[: second + 8] + b"\x01" + content[second + 9 :]
    np.testing.assert_array_equal(decode_image(_stream(thumbnail), 80, 10, None).pixels, np.asarray(scene))


@pytest.mark.parametrize(("values", "kept"), [
    (np.linspace(0, 1, 64, dtype=np.float32), False),
    (np.linspace(-1, 200, 64, dtype=np.float32), False),
    (np.linspace(0, 255, 64, dtype=np.float32), True),
    (np.arange(64, dtype=np.int32) * 1000, True),
    (np.arange(64, dtype=np.int32) * 100_000, False),
])  # fmt: skip
def test_numbers_without_a_known_white_are_refused(values: np.ndarray, kept: bool) -> None:
    content = _encoded(Image.fromarray(values.reshape(8, 8)), "TIFF")
    if kept:
        pixels = decode_image(_stream(content), 8, 8, None).pixels
        assert int(pixels[0, 0, 0]) == 0
        assert int(pixels[-1, -1, 0]) > 240
    else:
        with pytest.raises(MediaError, match="neither black nor white"):
            decode_image(_stream(content), 8, 8, None)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "JPEG2000"])
def test_damaged_bytes_give_a_image_or_a_media_error(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0132] = 6, "2026:03:01 06:00:00"
    whole = _encoded(_scene(), form, **({"exif": exif} if form in {"PNG", "JPEG", "TIFF", "WEBP"} else {}))
    chance = random.Random(form)
    outcomes = set()
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            content[chance.randrange(min(len(content), chance.choice((64, 300, len(content)))))] = chance.randrange(256)
        damaged = bytes(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        for read in (lambda stream: decode_image(stream, 64, 16, None), probe_image, taken_at):
            try:
                read(_stream(damaged))
                outcomes.add("read")
            except MediaError as error:
                outcomes.add(f"{len(str(error).splitlines())} line")
    assert outcomes == {"read", "1 line"}


def test_an_enormous_image_is_refused() -> None:
    content = _encoded(Image.new("1", (12_000, 8_000)), "PNG")
    with pytest.raises(MediaError, match="pixels; scale it down"):
        decode_image(_stream(content), 64, 16, None)


def test_a_file_that_is_not_there_is_a_read_error(tmp_path: Path) -> None:
    with pytest.raises(SourceReadError, match="No such file"):
        open_source(str(tmp_path / "gone.jpg"))
