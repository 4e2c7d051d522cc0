"""A source stream reads like a file, and hardly more than it is asked for."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.errors import SourceReadError
from raypp.media.files import SourceStream, open_source

_CONTENT = os.urandom(300_000)
_STEP = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 200_000)),
    st.tuples(st.just("seek"), st.integers(0, 320_000)),
    st.tuples(st.just("skip"), st.integers(-100, 100)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_STEP, max_size=20))
def test_any_steps_read_as_the_file_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "content"
    if not path.exists():
        path.write_bytes(_CONTENT)
    stream = open_source(str(path))
    content = path.read_bytes()
    with path.open("rb") as plain:
        for kind, number in steps:
            if kind == "read":
                assert stream.read(number) == plain.read(number)
            elif kind == "seek" or plain.tell() + number >= 0:
                whence = os.SEEK_SET if kind == "seek" else os.SEEK_CUR
                assert stream.seek(number, whence) == plain.seek(number, whence)
            assert stream.tell() == plain.tell()
    assert stream.size == len(content)
    stream.close()


def test_reading_on_reads_each_byte_about_once(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(_CONTENT * 20)
    stream = open_source(str(path))
    while stream.read(4096):
        pass
    assert stream.size <= stream.bytes_read <= 1.02 * stream.size


def test_a_short_look_reads_little(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(_CONTENT * 20)
    stream = open_source(str(path))
    stream.read(100)
    stream.seek(-100, os.SEEK_END)
    stream.read(100)
    assert stream.bytes_read <= 1 << 16


class _Broken:
    def seek(self, offset: int) -> None:
        pass

    def read(self, size: int) -> bytes:
        raise OSError(5, f"Input/output error after {size - size} bytes")


def test_a_failed_read_is_remembered() -> None:
    stream = SourceStream(_Broken(), 10, "cam.mp4")
    with pytest.raises(SourceReadError, match="Input/output error"):
        stream.read(5)
    assert stream.read(5) == b""
    with pytest.raises(SourceReadError, match=r"cam\.mp4"):
        stream.check()
