"""A machine that cannot isolate is refused in one line, which names what to install or to set."""

import ctypes.util
import os
import sys
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.sandbox import host
from raypp.sandbox.control_group import control_group, group_bounds
from raypp.sandbox.system_calls import refused_calls
from tests.sandbox.isolated import needs_sandbox


def test_without_bubblewrap_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match=r"needs bubblewrap; run: apt-get install bubblewrap$"):
        host.sandbox_host.__wrapped__()


@needs_sandbox
@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("_USER_NAMESPACES", "0", "set user.max_user_namespaces above 0"),
        ("_DEBIAN", "0", "set kernel.unprivileged_userns_clone to 1"),
        ("_UBUNTU", "1", "let AppArmor allow bwrap user namespaces"),
        ("_UBUNTU", "0", "RuntimeClass of its own such as gvisor"),
    ],
)
def test_where_a_namespace_cannot_be_made_the_setting_is_named(
    name: str, value: str, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A bubblewrap that fails as it does in such a place, and the setting as it stands there."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for setting in ("_USER_NAMESPACES", "_DEBIAN", "_UBUNTU"):
        monkeypatch.setattr(host, setting, tmp_path / setting)
    (tmp_path / name).write_text(value)
    with pytest.raises(OptionError) as caught:
        host.sandbox_host.__wrapped__()
    assert remedy in str(caught.value)
    assert "No permissions to create new namespace" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bounds_are_written_to_the_files_of_a_control_group(tmp_path: Path):
    """Of a folder that stands for where version 2 is mounted; the kernel's own is met by the tests of runs."""
    with control_group(group_bounds(64, 9, unified=True), tmp_path) as (group,):
        assert (group / "memory.max").read_text() == str(64 << 20)
        assert (group / "pids.max").read_text() == "9"
        for file in group.iterdir():
            file.unlink()  # the kernel's files vanish with their folder
    assert list(tmp_path.iterdir()) == []


def test_where_no_control_group_may_be_made_there_is_none(tmp_path: Path):
    with control_group(group_bounds(64, 9, unified=False), tmp_path / "nowhere") as groups:
        assert groups == ()


def test_without_a_library_its_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(OptionError, match=r"needs pyseccomp; install raypp\[toolbox\]$"):
        refused_calls()
    monkeypatch.delitem(sys.modules, "pyseccomp")
    find = ctypes.util.find_library
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None if name == "seccomp" else find(name))
    with pytest.raises(OptionError, match=r"needs libseccomp; run: apt-get install libseccomp2$"):
        refused_calls()
