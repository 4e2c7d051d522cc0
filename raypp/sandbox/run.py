"""One run in the sandbox: from start to an end that comes by the deadline, whatever the program does."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from raypp.sandbox.control_group import control_group, group_bounds, is_unified
from raypp.sandbox.host import sandbox_host
from raypp.sandbox.launch import Descriptors, SandboxProgram, processes_in_all, sandbox_command
from raypp.sandbox.limits import SandboxLimits
from raypp.sandbox.system_calls import refused_calls

_PIECE = 1 << 16
_HEAD_BYTES = 1 << 16
_GRACE_S = 0.5
"""How long the files of a program may take to come out, once its time has run out."""
_GONE_S = 2.0


@dataclass(frozen=True)
class SandboxOutcome:
    """Hold what came of a run.

    Attributes:
        ended: the program's exit status; minus the signal that ended it; None if its time ran out or it broke off.
        files: contents of the declared files that are whole, by name.
        unfit: declared files that are no plain file, or too large: `link`, `other` or `large`, by name.
        undeclared: how many other files there were.
        messages: begin of what it wrote to standard output and standard error.
        seconds: how long it ran, with its start.
        unbounded: what was not bounded on this machine, in words.
    """

    ended: int | None
    files: dict[str, bytes]
    unfit: dict[str, str]
    undeclared: int
    messages: bytes
    seconds: float
    unbounded: tuple[str, ...]


def run_program(program: SandboxProgram, limits: SandboxLimits, feed: Iterator[bytes] | None = None) -> SandboxOutcome:
    """Run a program in the sandbox, and wait for its end: at its deadline it is killed, with all its processes.

    Args:
        program: the program; nothing in its folders is written to.
        limits: its bounds.
        feed: what it may read from standard input, piece by piece; None for nothing.

    Raises:
        OptionError: if this machine cannot isolate a program; nothing was run.
    """
    host, rules = sandbox_host(), refused_calls()
    bounds = group_bounds(limits.memory_mb, processes_in_all(limits), unified=is_unified())
    with ExitStack() as stack:
        groups = stack.enter_context(control_group(bounds))
        filter_file = stack.enter_context(os.fdopen(os.memfd_create("raypp-filter"), "w+b"))
        filter_file.write(rules)
        filter_file.seek(0)

        def command(out: int) -> list[str]:
            return sandbox_command(host, program, limits, groups, Descriptors(filter_file.fileno(), out))

        pipes = stack.enter_context(_started(command, filter_file.fileno(), fed=feed is not None))
        most = (limits.output_kb << 10) * len(program.outputs) + _HEAD_BYTES
        began = time.monotonic()
        pipes.carry(began + limits.seconds + _GRACE_S, most, limits.output_kb << 10, feed)
        seconds = time.monotonic() - began
    whole = len(groups) == len(bounds)
    return _outcome(bytes(pipes.output), program, bytes(pipes.messages), seconds, () if whole else _unbounded(limits))


@dataclass
class _Pipes:
    """The ends of a sandbox's pipes that are outside."""

    process: subprocess.Popen[bytes]
    out: int
    output: bytearray = field(default_factory=bytearray)
    messages: bytearray = field(default_factory=bytearray)

    def carry(self, until: float, most: int, most_messages: int, feed: Iterator[bytes] | None) -> None:
        """Carry bytes until the sandbox has ended, its time is over, or too many have come."""
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        with selectors.DefaultSelector() as selector:
            selector.register(self.out, selectors.EVENT_READ, self.output)
            selector.register(self.process.stdout, selectors.EVENT_READ, self.messages)
            feeder = _Feeder(self.process, selector, feed) if feed is not None else None
            while selector.get_map() and (left := until - time.monotonic()) > 0 and len(self.output) <= most:
                if all(key.data is feeder for key in selector.get_map().values()):
                    return
                for key, _ in selector.select(left):
                    if feeder is not None and key.data is feeder:
                        feeder.give()
                    elif not (piece := os.read(key.fd, _PIECE)):
                        selector.unregister(key.fileobj)
                    elif key.data is self.output or len(key.data) < most_messages:
                        key.data.extend(piece)


class _Feeder:
    """Gives a program what it reads from standard input, as fast as it takes it."""

    def __init__(self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector, feed: Iterator[bytes]):
        assert process.stdin is not None  # noqa: S101 - for the type checker
        self._pipe, self._selector, self._feed, self._rest = process.stdin, selector, feed, b""
        os.set_blocking(self._pipe.fileno(), False)
        selector.register(self._pipe, selectors.EVENT_WRITE, self)

    def give(self) -> None:
        """Write what the pipe takes now; close it at the end, or when nobody reads any more."""
        try:
            self._rest = self._rest or next(self._feed, b"")
            if self._rest:
                self._rest = self._rest[os.write(self._pipe.fileno(), self._rest[:_PIECE]) :]
                return
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass
        self._selector.unregister(self._pipe)
        self._pipe.close()


@contextmanager
def _started(command: Callable[[int], list[str]], rules: int, *, fed: bool) -> Iterator[_Pipes]:
    """Start a sandbox; at the end of the block nothing of it is left."""
    out, inner = os.pipe()
    try:
        process = subprocess.Popen(
            command(inner),
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(inner, rules),
            start_new_session=True,
            env={},
        )
    except BaseException:
        os.close(out)
        raise
    finally:
        os.close(inner)
    try:
        yield _Pipes(process, out)
    finally:
        _end(process)
        os.close(out)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill bubblewrap: the kernel then kills the first process inside, and with it all others."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_GONE_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            with suppress(OSError):
                pipe.close()


def _outcome(
    output: bytes, program: SandboxProgram, messages: bytes, seconds: float, unbounded: tuple[str, ...]
) -> SandboxOutcome:
    """Read what came out; what is not as the sandbox writes it counts as a run that broke off."""
    try:
        head, _, rest = output.partition(b"\n")
        line: dict[str, Any] = json.loads(head)
        ended, undeclared, listed = line["ended"], int(line["undeclared"]), line["files"]
        files, unfit = {}, {}
        for name, kind, size in (each for each in listed if each[0] in program.outputs):
            content, rest = rest[:size], rest[size:]
            if kind == "file" and len(content) == size:
                files[name] = content
            else:
                unfit[name] = str(kind)
        status = int(ended) if ended is not None else None
    except (ValueError, TypeError, KeyError):
        return SandboxOutcome(None, {}, {}, 0, messages, seconds, unbounded)
    return SandboxOutcome(status, files, unfit, undeclared, messages, seconds, unbounded)


def _unbounded(limits: SandboxLimits) -> tuple[str, ...]:
    each = f"{limits.memory_mb} MB for each of {limits.processes} processes"
    return (f"memory of all its processes together, as no control group may be made here: {each}",)
