"""Loaded by every Python process of a test that has this folder on PYTHONPATH: dies, as by kill -9, at a point.

RAYPP_TEST_POISON names a file that kills every Ray worker that opens it, as a decoder's fault does.
RAYPP_TEST_CRASH_AT names the point; RAYPP_TEST_CRASH_DIR is a folder where one file per crash keeps each process
of the whole cluster from dying twice; RAYPP_TEST_CRASH_AFTER is how many passes over all processes to let through.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

_POISON = os.environ.get("RAYPP_TEST_POISON")
_POINT = os.environ.get("RAYPP_TEST_CRASH_AT")


def _due() -> bool:
    folder = Path(os.environ["RAYPP_TEST_CRASH_DIR"])
    passes = len(list(folder.glob("pass-*")))
    (folder / f"pass-{passes}-{os.getpid()}-{os.urandom(4).hex()}").touch()
    if passes < int(os.environ.get("RAYPP_TEST_CRASH_AFTER", "0")):
        return False
    try:
        (folder / "crashed").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _arm() -> None:
    replace = Path.replace

    def crashing(self: Path, target: str | Path) -> Path:
        name, folder = Path(target).name, Path(target).parent.name
        receipt, manifest = folder == "receipts", name == "manifest.parquet"
        if _POINT == "between shard and receipt" and receipt and _due():
            os.kill(os.getpid(), signal.SIGKILL)
        if _POINT == "before manifest" and manifest and _due():
            os.kill(os.getpid(), signal.SIGKILL)
        whole = replace(self, target)
        if _POINT == "after receipt" and receipt and _due():
            os.kill(os.getpid(), signal.SIGKILL)
        if _POINT == "after manifest" and manifest and _due():
            os.kill(os.getpid(), signal.SIGKILL)
        return whole

    Path.replace = crashing  # type: ignore[method-assign]


def _poison() -> None:
    import av

    opened = av.open

    def deadly(file: Any, *arguments: Any, **options: Any) -> Any:
        if str(getattr(file, "url", "")).endswith(str(_POISON)):
            os.kill(os.getpid(), signal.SIGKILL)
        return opened(file, *arguments, **options)

    av.open = deadly


if _POINT:
    _arm()
if _POISON and any("default_worker" in argument for argument in sys.orig_argv):
    _poison()
