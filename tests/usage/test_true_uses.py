"""True uses of tools: what their file may hold, and marks that outlive the process that sets them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raypp.errors import LabelError, OptionError
from raypp.usage.metrics import LabelledSpan
from raypp.usage.true_uses import TrueUse, check_tools, read_true_uses, true_spans, uses_path, write_true_uses
from raypp.usage.use_marks import UseMarks

_TOOLS = ("hammer", "saw")
_END_US = 10_000_000


def _file(folder: Path, *rows: str, header: str = "tool,start_s,end_s") -> Path:
    path = folder / "bench.uses.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_uses_are_read_as_they_were_written_sorted_and_to_the_microsecond(tmp_path: Path) -> None:
    uses = [
        TrueUse("=saw, long", 7_000_001, 9_000_000),
        TrueUse("hammer", 33_367, 2_000_000),
        TrueUse("hammer", 2_000_000, None),
    ]
    path = uses_path(tmp_path / "bench.mp4")
    write_true_uses(path, uses)
    assert path.name == "bench.uses.csv"
    assert path.read_text().splitlines() == [
        "tool,start_s,end_s",
        "hammer,0.033367,2.000000",
        "hammer,2.000000,",
        '"\'=saw, long",7.000001,9.000000',
    ]
    assert read_true_uses(path) == (uses[1], uses[2], uses[0])
    with pytest.raises(LabelError, match=r"hammer begins at 2\.000000 s and never ends; mark its end"):
        true_spans(path)


def test_the_truth_of_the_demo_is_of_the_same_format(tmp_path: Path) -> None:
    rows = ("hammer,1,1.000000,3.000000", "hammer,2,2.000000,4.000000")
    path = _file(tmp_path, *rows, header="tool,instance,start_s,end_s")
    assert true_spans(path) == [LabelledSpan("hammer", 1, 3), LabelledSpan("hammer", 2, 4)]
    with pytest.raises(LabelError, match="tell instances of a tool apart, which are not kept"):
        UseMarks(path, _TOOLS, _END_US)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (("drill,1,2",), ":2: tool 'drill' is none of hammer, saw; name it with `tools`$"),
        ((",1,2",), ":2: tool '' is none of"),
        (("saw,1,2", "saw,3,2.5"), r":3: saw ends at 2\.500000 s, and begins at 3\.000000 s; correct the line$"),
        (("saw,1,1",), r":2: saw ends at 1\.000000 s"),
        (("saw,1,10.1",), r":2: saw is used up to 10\.100000 s, and the video ends at 10\.000000 s"),
        (("saw,10,",), r":2: saw is used up to 10\.000001 s"),
        (("saw,3,5", "hammer,3,5", "saw,1,4"), r":2: saw begins at 3\.000000 s, and is in use since 1\.000000 s"),
        (("saw,3,5", "saw,3,5"), r":2: saw begins at 3\.000000 s, and is in use since 3\.000000 s"),
        (("saw,3,", "saw,5,"), r":3: saw begins at 3\.000000 s, and again at 5\.000000 s"),
        (("saw,early,5",), ":2: start_s 'early' is no time in seconds"),
        (("saw,-1,5",), ":2: start_s '-1' is no time"),
        (("saw,1,1e999999999",), ":2: end_s '1e999999999' is no time"),
        (("saw,NaN,5",), ":2: start_s 'NaN' is no time"),
    ],
)
def test_a_file_that_cannot_be_true_is_told_in_one_line(tmp_path: Path, rows: tuple[str, ...], fault: str) -> None:
    path = _file(tmp_path, *rows)
    before = path.read_bytes()
    with pytest.raises(LabelError, match=fault) as raised:
        UseMarks(path, _TOOLS, _END_US)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_a_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="has no column end_s; it needs tool, start_s, end_s"):
        read_true_uses(_file(tmp_path, "saw,1", header="tool,start_s"))


def test_uses_that_touch_and_uses_of_several_tools_at_once_are_fine(tmp_path: Path) -> None:
    path = _file(tmp_path, "saw,1,2", "saw,2,3", "hammer,1,10")
    with UseMarks(path, _TOOLS, _END_US) as marks:
        assert len(marks.uses) == 3


def test_each_mark_is_in_the_file_and_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "uses.csv"
    with UseMarks(path, _TOOLS, _END_US) as marks:
        states = []
        for change in (
            lambda: marks.begin("saw", 5_000_000),
            lambda: marks.end("saw", 6_000_000),
            lambda: marks.begin("saw", 1_000_000),  # before another use of it
            lambda: marks.begin("hammer", 1_500_000),
            lambda: marks.end("saw", 5_000_000),
            lambda: marks.remove("saw", 5_999_999),
        ):
            change()
            states.append(marks.uses)
            assert read_true_uses(path) == marks.uses
        assert marks.uses == (TrueUse("saw", 1_000_000, 5_000_000), TrueUse("hammer", 1_500_000, None))
        for state in reversed([(), *states[:-1]]):
            marks.undo()
            assert marks.uses == state == read_true_uses(path)
        with pytest.raises(LabelError, match="nothing is left to be taken back"):
            marks.undo()


def test_marks_that_cannot_be_are_refused_and_change_nothing(tmp_path: Path) -> None:
    path = _file(tmp_path, "saw,1,2", "saw,4,", "hammer,8,9")
    with UseMarks(path, _TOOLS, _END_US) as marks:
        before = marks.uses, path.read_bytes()
        with pytest.raises(LabelError, match=r"saw is in use since 4\.000000 s; mark its end first"):
            marks.begin("saw", 7_000_000)
        with pytest.raises(LabelError, match=r"hammer begins at 8\.500000 s, and is in use since 8\.000000 s"):
            marks.begin("hammer", 8_500_000)
        with pytest.raises(LabelError, match="no use of hammer is begun"):
            marks.end("hammer", 9_500_000)
        with pytest.raises(LabelError, match=r"saw ends at 3\.000000 s, and begins at 4\.000000 s"):
            marks.end("saw", 3_000_000)
        with pytest.raises(LabelError, match=r"saw is not in use at 2\.000000 s"):
            marks.remove("saw", 2_000_000)
        assert (marks.uses, path.read_bytes()) == before
        marks.begin("hammer", 7_000_000)
        with pytest.raises(LabelError, match=r"hammer begins at 8\.000000 s, and is in use since 7\.000000 s"):
            marks.end("hammer", 8_500_000)


def test_a_disk_that_takes_nothing_is_told_and_the_marks_stay(tmp_path: Path) -> None:
    path = tmp_path / "there" / "uses.csv"
    path.parent.mkdir()
    with UseMarks(path, _TOOLS, _END_US) as marks:
        path.parent.rename(tmp_path / "gone")
        with pytest.raises(LabelError, match="No such file or directory; free some space and mark again"):
            marks.begin("saw", 1)
        assert marks.uses == ()


def test_two_commands_do_not_write_one_file_and_a_killed_one_locks_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "uses.csv"
    code = (
        "import sys, time; from pathlib import Path; from raypp.usage.use_marks import UseMarks\n"
        "marks = UseMarks(Path(sys.argv[1]), ('saw',), 10); marks.begin('saw', 3); print('begun', flush=True)\n"
        "time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "begun\n"
        with pytest.raises(LabelError, match="being written by another process; end that first"):
            UseMarks(path, _TOOLS, _END_US)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with UseMarks(path, _TOOLS, _END_US) as marks:
        assert marks.uses == (TrueUse("saw", 3, None),)
        marks.end("saw", 5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["uses.csv"]


@pytest.mark.parametrize("tools", [("",), (" saw",), ("saw\n",), ("s" * 101,), ("saw", "hammer", "saw")])
def test_names_of_tools_are_checked(tools: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="`tools` '"):
        check_tools(tools)
    check_tools(("saw", "cordless drill"))
