"""Files and folders are whole or as before, whoever is killed or writes beside."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raypp.io.atomic import PART_SUFFIX, whole_file, whole_folder, write_bytes, write_text

_KILLED = """
import os, sys
from pathlib import Path
from raypp.io.atomic import whole_file, whole_folder
with whole_file(Path(sys.argv[1]) / "file") as part, whole_folder(Path(sys.argv[1]) / "folder") as parts:
    part.write_text("half of it")
    parts.mkdir()
    (parts / "one").write_text("half of it")
    os._exit(9)
"""


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "file") as part:
        part.write_text("new")
        raise KeyboardInterrupt
    assert (tmp_path / "file").read_text() == "old"
    assert _names(tmp_path) == ["file"]


def test_a_killed_writer_leaves_file_and_folder_as_before(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with whole_folder(tmp_path / "folder") as part:
        part.mkdir()
        (part / "one").write_text("old")
    assert subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False).returncode == 9
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "one").read_text() == "old"
    left = [name for name in _names(tmp_path) if name not in {"file", "folder"}]
    assert len(left) == 2
    assert all(name.startswith(".") and name.endswith(PART_SUFFIX) for name in left)


def test_a_folder_takes_the_place_of_the_one_before_and_of_what_was_left_of_it(tmp_path: Path) -> None:
    for name in ("folder", f".folder{PART_SUFFIX}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    with whole_folder(tmp_path / "folder") as part:
        part.mkdir()
        (part / "new").touch()
    assert _names(tmp_path / "folder") == ["new"]
    assert _names(tmp_path) == ["folder"]
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "folder") as part:
        part.mkdir()
        raise ZeroDivisionError
    assert _names(tmp_path / "folder") == ["new"]
    assert _names(tmp_path) == ["folder"]


def test_of_many_writers_at_once_one_wins_whole(tmp_path: Path) -> None:
    texts = [str(number) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda text: write_text(tmp_path / "file", text), texts * 4))
    assert (tmp_path / "file").read_text() in texts
    assert _names(tmp_path) == ["file"]


def test_modes_are_the_umask_s_or_private(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "open", b"1")
        write_bytes(tmp_path / "closed", b"2", private=True, durable=True)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("open", "closed")]
    assert modes == [0o640, 0o600]


def test_line_ends_stay(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "a\r\nb\nß")
    assert (tmp_path / "file").read_bytes() == b"a\r\nb\n\xc3\x9f"
