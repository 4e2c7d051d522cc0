"""Run the checks: `python -m tools`; with `--shrink`, take out of the allow-lists what is no longer needed."""

import sys
from pathlib import Path

from tools.allowed_list import judge, read, shrink
from tools.homonyms import homonyms
from tools.parameters import parameters
from tools.sizes import sizes
from tools.words import words

CHECKS = {check.__name__: check for check in (homonyms, sizes, parameters, words)}


def main(arguments: list[str]) -> int:
    """Print a line for each fault; returns the exit code: 1 where there is one."""
    root = Path(__file__).parents[1]
    faults: list[str] = []
    for name, check in CHECKS.items():
        offences = check(root)
        if arguments == ["--shrink"]:
            print(f"{name}: {shrink(name, offences)} entries taken out of the allow-list")
        faults += judge(name, offences, read(name))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
