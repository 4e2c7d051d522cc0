"""Tools that are packed: the same bytes from the same folder, and one line for what no tool may be."""

import hashlib
import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.toolbox.package import MOST_PACKAGE_BYTES, pack_folder, read_package, unpack_tool
from raypp.toolbox.run import ToolTask, run_task
from raypp.toolbox.wheels import unpack_wheels
from tests.sandbox.isolated import needs_sandbox
from tests.toolbox.tools import TABLE, packed, text_data, write_tool


def test_the_same_folder_gives_the_same_bytes_and_a_changed_byte_others(tmp_path: Path):
    folder = write_tool(tmp_path / "tool")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "main.pyc").write_bytes(b"x")
    first = pack_folder(folder)
    assert sorted(first.files) == ["main.py", "tool.yaml"]
    (tmp_path / "probe.tool").write_bytes(first.content)
    os.utime(folder / "main.py", (0, 0))
    assert pack_folder(folder).content == first.content == read_package(tmp_path / "probe.tool").content
    (folder / "main.py").write_text((folder / "main.py").read_text() + " ")
    assert pack_folder(folder).digest != first.digest


def test_a_packed_tool_with_one_other_byte_is_refused_or_another_tool(tmp_path: Path):
    package = packed(tmp_path / "tool")
    for place in range(0, len(package.content), 7):
        changed = bytearray(package.content)
        changed[place] ^= 1
        with suppress(OptionError):
            assert unpack_tool(bytes(changed), "probe.tool").digest != package.digest


def test_links_devices_and_odd_names_are_refused(tmp_path: Path):
    folder = write_tool(tmp_path / "tool")
    (folder / "link").symlink_to("main.py")
    with pytest.raises(OptionError, match="link is a link; a tool has plain files alone"):
        pack_folder(folder)
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(OptionError, match="pipe is no plain file"):
        pack_folder(folder)
    (folder / "pipe").unlink()
    (folder / "a b").write_text("")
    with pytest.raises(OptionError, match="the file name 'a b' is not taken"):
        pack_folder(folder)
    with pytest.raises(OptionError, match=r"has no tool\.yaml"):
        pack_folder(tmp_path)
    with pytest.raises(OptionError, match=r"nothing cannot be read \(No such file"):
        read_package(tmp_path / "nothing")


def test_an_archive_that_leads_out_or_is_large_or_compressed_is_refused(tmp_path: Path):
    def zipped(name: str, content: bytes, how: int = zipfile.ZIP_STORED) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", how) as archive:
            archive.writestr("tool.yaml", (write_tool(tmp_path / "tool") / "tool.yaml").read_bytes())
            archive.writestr("main.py", "")
            archive.writestr(name, content)
        return buffer.getvalue()

    for content, words in (
        (zipped("../escaped", b""), "file name '../escaped' is not taken"),
        (zipped("a/../../b", b""), "is not taken"),
        (zipped("/etc/x", b""), "is not taken"),
        (zipped("x", b"", zipfile.ZIP_DEFLATED), "is compressed"),
        (zipped("x", bytes(MOST_PACKAGE_BYTES), zipfile.ZIP_DEFLATED), "holds more than a tool may have"),
        (zipped("x", b""), "is not as `raypp tool pack` writes it"),
        (b"no archive", "is no packed tool"),
    ):
        with pytest.raises(OptionError, match=words):
            unpack_tool(content, "probe.tool")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 2}, "schema 2 is of another raypp; this one reads schema 1"),
        ({"reads": "everything"}, "reads must be 'detections', 'codes', 'counts' or 'plain'"),
        ({"name": "../probe"}, "name must be 1 to 40 small letters"),
        ({"entry": "other.py"}, r"entry other\.py is no file of the tool"),
        ({"wrights": {}}, "wrights is not known; did you mean writes"),
        ({"writes": {}}, "writes must have at least 1 item"),
        ({"writes": {"t": TABLE | {"cell": "code"}}}, "cell code must be a column of whole numbers"),
        ({"writes": {"t": TABLE | {"rows": 0}}}, "rows must be greater than or equal to 1"),
        ({"writes": {"t": TABLE | {"cell": "m"}}}, "cell m must be a column"),
        ({"resources": {"seconds": 0}}, "seconds must be greater than 0"),
        ({"wheels": {"x-1-py3-none-any.whl": "0" * 64}}, r"wheel x-1-py3-none-any\.whl of the lock is missing"),
    ],
)
def test_a_manifest_says_what_is_wrong_with_it(changes: dict, words: str, tmp_path: Path):
    with pytest.raises(OptionError, match=words):
        packed(tmp_path / "tool", **changes)


def test_ranges_that_cannot_be_are_refused(tmp_path: Path):
    for column, words in (
        ({"least": 5, "most": 1, "step": 1}, "most is below least"),
        ({"least": 0, "most": 1, "step": 0}, "step must be greater than 0"),
        ({"least": 0, "most": 1e14, "step": 0.001}, "choose a larger step"),
        ({"least": 0, "most": 1e17, "step": 1}, "must be a number between -1e15 and 1e15"),
        ({"least": 0, "most": 1}, "x: step is missing; see"),
        ({"names": "people"}, "x: names must be 'sites'"),
        ({"choices": ["=1+1"]}, "must be 1 to 100 letters, digits, blanks"),
    ):
        table = TABLE | {"columns": TABLE["columns"] | {"x": column}}
        with pytest.raises(OptionError, match=words):
            packed(tmp_path / "tool", writes={"t": table})


def test_parameters_have_ranges(tmp_path: Path):
    parameters = {
        "least_s": {"least": 0, "most": 10, "step": 0.5, "default": 2},
        "tool": {"choices": ["saw", "hammer"], "default": "saw"},
    }
    manifest = packed(tmp_path / "tool", parameters=parameters).manifest
    assert manifest.arguments({}) == {"least_s": "2", "tool": "saw"}
    assert manifest.arguments({"least_s": "2.50", "tool": "hammer"}) == {"least_s": "2.5", "tool": "hammer"}
    for given, words in (
        ({"least_s": "2.6"}, "give 0 to 10 in steps of 0.5"),
        ({"least_s": "11"}, "out of its range"),
        ({"least_s": "NaN"}, "out of its range"),
        ({"least_s": "many"}, "is no number"),
        ({"tool": "drill"}, "is none of saw, hammer"),
        ({"least": "1"}, "`parameter` least is none of tool probe 1.0; it has least_s, tool"),
    ):
        with pytest.raises(OptionError, match=words):
            manifest.arguments(given)


def _wheel(members: dict[str, bytes], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _with_wheel(folder: Path, wheel: bytes, digest: str | None = None) -> Path:
    name = "extra-1.0-py3-none-any.whl"
    lock = {} if digest == "" else {name: digest or hashlib.sha256(wheel).hexdigest()}
    write_tool(folder, "import extra; open('/out/t.csv', 'w').write(f'code,n\\na,{extra.N}\\n')", wheels=lock)
    (folder / "wheels").mkdir(exist_ok=True)
    (folder / "wheels" / name).write_bytes(wheel)
    return folder


@needs_sandbox
def test_a_wheel_of_the_lock_can_be_imported(tmp_path: Path):
    package = pack_folder(_with_wheel(tmp_path / "tool", _wheel({"extra/__init__.py": b"N = 33"})))
    outcome = run_task(ToolTask(package.content, {}, text_data()))
    assert outcome.files == {"t.csv": b"code,n\na,33\n"}, outcome.messages


def test_a_wheel_that_is_not_in_the_lock_or_has_another_hash_is_refused(tmp_path: Path):
    wheel = _wheel({"extra/__init__.py": b"N = 33"})
    with pytest.raises(OptionError, match=r"wheel extra-1.0-py3-none-any.whl is not in the lock"):
        pack_folder(_with_wheel(tmp_path / "tool", wheel, ""))
    with pytest.raises(OptionError, match="has another SHA-256 than the lock"):
        pack_folder(_with_wheel(tmp_path / "tool", wheel, "0" * 64))


@pytest.mark.parametrize(
    ("wheel", "words"),
    [
        (_wheel({"../escaped.py": b""}), "holds '../escaped.py', which no wheel should"),
        (_wheel({"/escaped.py": b""}), "which no wheel should"),
        (_wheel({"link": b"/etc/passwd"}, 0o120777), "holds 'link', which no wheel should"),
        (b"no wheel", "is damaged, or no wheel"),
    ],
)
def test_a_wheel_that_would_write_elsewhere_is_refused_before_anything_runs(wheel: bytes, words: str, tmp_path: Path):
    with pytest.raises(OptionError, match=words):
        unpack_wheels({"extra.whl": wheel}, tmp_path / "wheels")
    assert not (tmp_path / "escaped.py").exists()
