"""Kills a forgetting at each write, rename and removal of a file in turn, runs it again, and compares: a program.

`python -m tests.forget.everywhere PLACE ROOT FIRST LAST`, with an archive in PLACE and an empty folder ROOT, kills at
calls FIRST to LAST or the last that there is. It prints how many calls of each command it has killed at. Commands run
in forks of this process, which has imported everything once.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from raypp.forget.run import forget_frames
from raypp.forget.settings import ForgetSettings
from raypp.shards.store import Store
from tests.command import archive_bytes
from tests.forget.places import BEGUN_US, copy_of, settings_for
from tests.rekey.places import HERE, OLD

_TIMED = ("order.json", "done.json", "forgotten/")
"""Hold the time at which something was begun, which is another one in each run that is not a continuation."""


def commands(place: Path, folder: Path) -> list[ForgetSettings]:
    """An image and a video, then a part of others, by the owner; and the order for that, in a copy by its holder."""
    order = folder / "order.json"
    span = {"from_us": BEGUN_US + 500_000, "to_us": BEGUN_US + 1_000_000}
    holder = {"order": order, "owner_public_key": OLD.fingerprint, "key_path": place / "new.key"}
    return [
        settings_for(place, folder / "veiled", sources=("train/001.jpg", "crane/2.mp4")),
        settings_for(place, folder / "veiled", order_out=order, **span),
        settings_for(place, folder / "copy", receipt=folder / "done.json", **holder),
    ]


def _fork(act: Callable[[], object]) -> int:
    """Run something in a process of its own; returns its exit status."""
    process = os.fork()
    if not process:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is told by the status
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _killed_at(call: int, place: str, act: Callable[[], object]) -> None:
    """Do something, and die of SIGKILL as a file of a place is written, renamed or removed for so many times."""
    left = call

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in {"os.rename", "os.remove"}) and place in str(arguments[0]):
            count()

    delete = Store.delete

    def delete_or_die(self: Store, relative: str) -> None:
        count()
        delete(self, relative)

    Store.delete = delete_or_die  # type: ignore[method-assign]
    sys.addaudithook(hook)
    act()


def _prepare(place: Path, folder: Path, number: int) -> None:
    copy_of(place / "veiled", folder)
    for before in range(number):
        settings = commands(place, folder)[before]
        assert _fork(lambda s=settings: forget_frames(s, HERE)) == 0
        if before == 0:
            shutil.copytree(folder / "veiled", folder / "copy")


def _outcome(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in archive_bytes(folder).items() if not any(t in name for t in _TIMED)}


def kill_at_each(place: Path, root: Path, number: int, calls: range) -> int:
    """Kill a command at each of some calls, run it again, and compare; returns how many calls there were."""
    prepared, whole = root / f"{number}-prepared", root / f"{number}-whole"
    _prepare(place, prepared, number)
    killed = 0
    for call in (0, *calls):
        folder = root / f"{number}-at"
        shutil.copytree(prepared, folder)
        settings = commands(place, folder)[number]
        status = _fork(lambda s=settings, c=call, f=folder: _killed_at(c, str(f), lambda: forget_frames(s, HERE)))
        if call == 0:
            assert status == 0
            folder.rename(whole)
            continue
        if status == 0:
            break
        assert status == -signal.SIGKILL, (number, call, status)
        assert _fork(lambda s=settings: forget_frames(s, HERE)) == 0, (number, call)
        assert _outcome(folder) == _outcome(whole), (number, call)
        shutil.rmtree(folder)
        killed += 1
    return killed


if __name__ == "__main__":
    _place, _root = map(Path, sys.argv[1:3])
    _calls = range(int(sys.argv[3]), int(sys.argv[4]) + 1)
    print(*(kill_at_each(_place, _root, number, _calls) for number in range(3)))
