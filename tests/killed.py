"""The `raypp` command, killed (SIGKILL) in the middle of an epoch."""

import signal
import subprocess
import sys

from tests.command import environment

_COMMAND = """
import os, signal, sys
from raypp.train.steps import StepFile

place = (int(sys.argv.pop(1)), int(sys.argv.pop(1)))
write = StepFile.write

def write_or_die(self, step):
    write(self, step)
    if (step.epoch, step.step) == place:
        os.kill(os.getpid(), signal.SIGKILL)

StepFile.write = write_or_die
from raypp.cli.app import main
main()
"""


def kill_within(epoch: int, step: int, *arguments: object) -> None:
    """Run `raypp ARGUMENTS` in one process, which kills itself as a step of an epoch, both from 1, has been done."""
    command = [sys.executable, "-c", _COMMAND, str(epoch), str(step), *map(str, arguments)]
    killed = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
