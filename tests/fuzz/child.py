"""A process that reads what it is sent, within bounds of memory: `python -m tests.fuzz.child TARGET FOLDER`.

It is sent inputs by its standard input, each after its length in four bytes, and answers each by a line: empty if the
file was read, "refused: " and the one line that a user would see, or what went wrong.
"""

import os
import resource
import sys
import traceback
from pathlib import Path
from random import Random
from time import process_time

from raypp.errors import RayppError
from tests.fuzz.targets import TARGETS

MOST_BYTES = 300 << 20
MOST_SECONDS = 5.0
_LONGEST_LINE = 4000


def _judged(target: str, path: Path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    began = process_time()
    try:
        TARGETS[target].read(path)
    except RayppError as error:
        message = str(error)
        lines = message.split("\n")  # a settings file is told all its problems, one a line
        if not message or not all(line.isprintable() for line in lines) or len(message) > _LONGEST_LINE:
            return f"no line for a user: {message[:300]!r} ({len(message)} characters)"
        answer = f"refused: {lines[0]}"
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the fuzz is after
        return traceback.format_exc().replace("\n", "\\n")
    else:
        answer = ""
    took = process_time() - began
    return answer if took <= MOST_SECONDS else f"took {took:.1f} s"


def _bound_memory() -> None:
    """Let this process take so much more than it has by now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(target: str, folder: str) -> None:
    """Read a right input first, so that all is loaded that a reader needs; then what is sent."""
    path = Path(folder, TARGETS[target].file)
    for number in range(20):
        _judged(target, path, TARGETS[target].make(Random(number)))
    _bound_memory()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while head := sys.stdin.buffer.read(4):
        content = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        sys.stdout.write(_judged(target, path, content) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
