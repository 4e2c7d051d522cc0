"""System calls that a program in the sandbox may not make, as a filter that the kernel runs at each call."""

import errno
import os
from typing import Any, Final

from raypp.errors import OptionError

_REFUSED: Final = (
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "setns"),
    # other views of the machine
    *("unshare", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at"),
    # names for files that are elsewhere, and devices
    *("symlink", "symlinkat", "mknod", "mknodat"),  # not link: no other file is on the file systems it may write to
    # large or rarely needed parts of the kernel
    *("bpf", "perf_event_open", "keyctl", "add_key", "request_key", "userfaultfd", "fanotify_init"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "personality", "lookup_dcookie", "modify_ldt"),
    # the machine itself
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff"),
    *("acct", "quotactl", "quotactl_fd", "syslog", "iopl", "ioperm", "settimeofday", "clock_settime", "adjtimex"),
    *("clock_adjtime", "sethostname", "setdomainname", "vhangup"),
    # the network, of which there is none, and sockets of the host
    *("socket", "socketcall", "connect", "bind", "listen", "accept", "accept4"),
)
_NEW_NAMESPACES: Final = (
    *(0x00000080, 0x00020000, 0x02000000, 0x04000000),  # CLONE_NEW: TIME, NS, CGROUP, UTS
    *(0x08000000, 0x10000000, 0x20000000, 0x40000000),  # IPC, USER, PID, NET
)
_TO_THE_TERMINAL: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into a terminal, paste
_NEWER: Final = range(451, 600)
"""Numbers of calls that are newer than the list above: programs take ENOSYS for an older kernel, and do without."""


def refused_calls() -> bytes:
    """Return the filter as a BPF program for `bwrap --seccomp`.

    Raises:
        OptionError: if pyseccomp or libseccomp is missing.
    """
    try:
        import pyseccomp as seccomp  # noqa: PLC0415 - not part of the core install
    except ImportError:
        raise OptionError("the sandbox needs pyseccomp; install raypp[toolbox]") from None
    except (RuntimeError, OSError):
        raise OptionError("the sandbox needs libseccomp; run: apt-get install libseccomp2") from None
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    refuse, unknown = seccomp.ERRNO(errno.EPERM), seccomp.ERRNO(errno.ENOSYS)
    for name in _REFUSED:
        if _is_known(seccomp, name):
            rules.add_rule(refuse, name)
    for flag in _NEW_NAMESPACES:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    rules.add_rule(unknown, "clone3")  # its flags are behind a pointer; programs fall back to clone
    for request in _TO_THE_TERMINAL:
        rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for number in _NEWER:
        rules.add_rule(unknown, number)
    with os.fdopen(os.memfd_create("raypp-filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _is_known(seccomp: Any, name: str) -> bool:
    """Whether this machine's kind of processor has a call."""
    try:
        return bool(seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0)
    except (ValueError, OSError):
        return False
