"""The `raypp` command, killed (SIGKILL) in the middle of an epoch."""

import signal

from tests.command import environment
from tests.command_server import run_forked

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
    words = [str(epoch), str(step), *map(str, arguments)]
    killed = run_forked(_COMMAND, words, environment(), cwd=None, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
