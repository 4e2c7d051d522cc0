"""Marks that a person sets on a video: each change is in the file before it counts."""

import fcntl
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from raypp.errors import LabelError
from raypp.usage.true_uses import TrueUse, fault_of, in_s, read_true_uses, write_true_uses


class UseMarks:
    """True uses of tools in one video, kept in a file; used as a context manager, by several threads.

    The file is read and checked first, so that a person goes on where the last run stood.

    Args:
        path: the file; it is written at the first change.
        tools: names of the tools.
        video_end_us: when the video ends, in microseconds since its start.

    Raises:
        OptionError: if the file cannot be read or is no CSV of uses.
        LabelError: if another process writes it, its folder cannot be used, or a use in it is wrong.
    """

    def __init__(self, path: Path, tools: Collection[str], video_end_us: int) -> None:
        self._path, self._tools, self._video_end_us = path, tools, video_end_us
        self._change, self._before = Lock(), list[tuple[TrueUse, ...]]()
        self._lock_path = path.with_name(f".{path.name}.lock")
        try:
            self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LabelError(f"uses {path}: {error.strerror}; choose a place that can be written") from None
        try:
            self._take_lock()
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._uses = self._recover()
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    @property
    def uses(self) -> tuple[TrueUse, ...]:
        """Uses that stand, sorted."""
        return self._uses

    def begin(self, tool: str, time_us: int) -> None:
        """Mark that a use of a tool begins; raises LabelError if it is in use then, or the file cannot be written."""
        with self._change:
            begun = next((use for use in self._uses if use.tool == tool and use.end_us is None), None)
            if begun:
                raise LabelError(f"{tool} is in use since {in_s(begun.start_us)} s; mark its end first")
            self._set([*self._uses, TrueUse(tool, time_us, None)])

    def end(self, tool: str, time_us: int) -> None:
        """Mark that the begun use of a tool ends; raises LabelError if there is none, or it cannot end then."""
        with self._change:
            begun = next((use for use in self._uses if use.tool == tool and use.end_us is None), None)
            if begun is None:
                raise LabelError(f"no use of {tool} is begun; mark where it begins first")
            others = [use for use in self._uses if use is not begun]
            self._set([*others, TrueUse(tool, begun.start_us, time_us)])

    def remove(self, tool: str, time_us: int) -> None:
        """Remove the use of a tool at a time; raises LabelError if there is none."""
        with self._change:
            covering = [use for use in self._uses if use.tool == tool and use.covers(time_us)]
            if not covering:
                raise LabelError(f"{tool} is not in use at {in_s(time_us)} s")
            self._set([use for use in self._uses if use is not covering[-1]])

    def undo(self) -> None:
        """Take the last change of this run back; raises LabelError if there is none."""
        with self._change:
            if not self._before:
                raise LabelError("nothing is left to be taken back")
            self._write(self._before[-1])
            self._uses = self._before.pop()

    def _set(self, uses: Iterable[TrueUse]) -> None:
        after = tuple(sorted(uses, key=lambda use: use.order))
        fault = fault_of(after, self._video_end_us)
        if fault:
            raise LabelError(fault[1])
        self._write(after)
        self._before.append(self._uses)
        self._uses = after

    def _write(self, uses: Iterable[TrueUse]) -> None:
        try:
            write_true_uses(self._path, uses)
        except OSError as error:
            raise LabelError(f"uses {self._path}: {error.strerror}; free some space and mark again") from None

    def _take_lock(self) -> None:
        """Lock out others; a lock file that another process has just removed locks nobody out."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(self._lock), self._lock_path.stat()):
                return
        except OSError:
            pass
        raise LabelError(f"uses {self._path} are being written by another process; end that first")

    def _release(self) -> None:
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)

    def _recover(self) -> tuple[TrueUse, ...]:
        if not self._path.exists():
            return ()
        uses = read_true_uses(self._path, self._tools, self._video_end_us)
        if any(use.instance for use in uses):
            raise LabelError(f"uses {self._path} tell instances of a tool apart, which are not kept; take another file")
        return uses
