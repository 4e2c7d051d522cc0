"""Calls that the kernel refuses inside; each is made with arguments that would do no harm."""

import textwrap

from tests.sandbox.isolated import needs_sandbox, run

pytestmark = needs_sandbox


def test_calls_that_reach_beyond_the_sandbox_are_refused():
    code = """
    import ctypes, errno, os, platform
    libc = ctypes.CDLL(None, use_errno=True)
    calls = {  # x86_64, aarch64
        "ptrace": (101, 117), "mount": (165, 40), "unshare": (272, 97), "bpf": (321, 280), "keyctl": (250, 219),
        "perf_event_open": (298, 241), "process_vm_readv": (310, 270), "io_uring_setup": (425, 425),
        "socket": (41, 198), "setns": (308, 268), "userfaultfd": (323, 282), "personality": (135, 92),
        "pidfd_getfd": (438, 438), "open_tree": (428, 428), "chroot": (161, 51),
    }
    column = platform.machine() != "x86_64"
    allowed = []
    for name, numbers in calls.items():
        ctypes.set_errno(0)
        libc.syscall(numbers[column], 0, 0, 0, 0, 0, 0)
        if ctypes.get_errno() != errno.EPERM:
            allowed.append(name)
    for flags in (0x10000000, 0x20000000, 0x40000000, 0x00020000):
        ctypes.set_errno(0)
        libc.syscall(220 if column else 56, flags, 0, 0, 0, 0)
        if ctypes.get_errno() != errno.EPERM:
            allowed.append(hex(flags))
    for number in (435, 457):  # clone3, statmount: taken for a kernel that lacks them
        ctypes.set_errno(0)
        libc.syscall(number, 0, 0, 0, 0, 0, 0)
        if ctypes.get_errno() != errno.ENOSYS:
            allowed.append(number)
    open("/out/out.csv", "w").write(repr(allowed))
    """
    outcome = run(textwrap.dedent(code))
    assert outcome.files == {"out.csv": b"[]"}, outcome.messages


def test_links_and_devices_are_refused():
    code = """
    import os
    done = []
    for make in (
        lambda: os.symlink("/data/given", "/out/out.csv"),
        lambda: os.link("/tmp/x", "/out/out.csv"),
        lambda: os.link("/data/given", "/out/out.csv"),
        lambda: os.mkfifo("/out/out.csv"),
        lambda: os.mknod("/tmp/null", 0o20666, os.makedev(1, 3)),
    ):
        try:
            make()
            done.append(make)
        except OSError:
            pass
    assert not done, done
    """
    outcome = run("open('/tmp/x', 'w')\n" + textwrap.dedent(code))
    assert (outcome.ended, outcome.files, outcome.unfit) == (0, {}, {}), outcome.messages


def test_threads_and_processes_work_as_ever():
    code = """
    import subprocess, sys, threading
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing import get_context
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(abs, [-1, -2])) == [1, 2]
    with get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    """
    outcome = run(textwrap.dedent(code), processes=16)
    assert outcome.ended == 0, outcome.messages
