"""Parts of this machine that a sandbox is of, and what it lacks."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from raypp.errors import OptionError

_TRIAL_S = 20
_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
_DEBIAN = Path("/proc/sys/kernel/unprivileged_userns_clone")
_UBUNTU = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_USERS = Path("/proc/self/uid_map")
_ALL_USERS = 1 << 31
"""A map of at least so many users has those that a sandbox takes, see `raypp.sandbox.launch`."""
PACKAGES = ("numpy", "pyarrow")
"""Packages that programs may import besides Python's own library and their wheels."""


@dataclass(frozen=True)
class SandboxHost:
    """Name the parts of this machine that a sandbox is of.

    Attributes:
        bwrap: the program bubblewrap.
        python: the interpreter that runs in there.
        system: files and folders of the machine that the interpreter needs; programs may read them.
        packages: folders of `PACKAGES` and of their libraries, by name.
    """

    bwrap: str
    python: str
    system: tuple[Path, ...]
    packages: tuple[Path, ...]


@cache
def sandbox_host() -> SandboxHost:
    """Return what this machine has, after a trial.

    Raises:
        OptionError: if it cannot isolate; it names the package or the setting.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise OptionError("the sandbox needs bubblewrap; run: apt-get install bubblewrap")
    python = Path(sys.executable).resolve()
    libraries = Path(sys.base_prefix, "lib")
    system = [Path("/usr/lib"), Path("/usr/lib64"), Path("/lib"), Path("/lib64"), Path("/etc/ld.so.cache"), python]
    if not libraries.resolve().is_relative_to("/usr/lib"):
        system.append(libraries)
    host = SandboxHost(bwrap, str(python), tuple(path for path in system if path.exists()), tuple(_package_folders()))
    _try(host)
    return host


def is_root_of_all_users() -> bool:
    """Whether this process is root, and may become each user: root of a container without root may not."""
    if os.geteuid() != 0:
        return False
    try:
        inside, _, count = map(int, _USERS.read_text().split()[:3])
    except (OSError, ValueError):
        return True  # a kernel without namespaces of users
    return inside == 0 and count >= _ALL_USERS


def isolation() -> tuple[str, ...]:
    """Return bubblewrap's options for namespaces; root needs no namespace of users, and stops being root inside.

    Started by another user, a program is the same user as what starts it in there. That closes itself to the program,
    and is the first process: bubblewrap's own would stay open to it.
    """
    common = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
    if is_root_of_all_users():
        return (*common, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    return ("--unshare-user", "--uid", "65534", "--gid", "65534", *common, "--as-pid-1", "--cap-drop", "ALL")


def _package_folders() -> list[Path]:
    folders = []
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            continue
        folder = Path(spec.submodule_search_locations[0])
        libraries = folder.with_name(f"{name}.libs")
        folders += [folder, *([libraries] if libraries.is_dir() else [])]
    return folders


def _try(host: SandboxHost) -> None:
    """Isolate a program that does nothing; raises OptionError if that cannot be."""
    command = [host.bwrap, *isolation(), "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptionError(f"the sandbox cannot isolate here: {type(error).__name__} of {host.bwrap}") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise OptionError(f"the sandbox cannot isolate here ({reason[:200]}); {_remedy()}")


def _remedy() -> str:
    """Name the setting of the kernel that is in the way."""
    if _number(_USER_NAMESPACES) == 0:
        return f"set user.max_user_namespaces above 0 ({_USER_NAMESPACES})"
    if _number(_DEBIAN) == 0:
        return "set kernel.unprivileged_userns_clone to 1 (sysctl)"
    if _number(_UBUNTU) == 1:
        return "let AppArmor allow bwrap user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)"
    return "a container needs the capability SYS_ADMIN, or a RuntimeClass of its own such as gvisor"


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
