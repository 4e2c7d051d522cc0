"""Ends what starts servers and commands: SIGTERM is to leave no more behind than Ctrl-C at a terminal does."""

import os
import signal
from contextlib import suppress
from types import FrameType

import psutil


def interrupt_on_sigterm() -> None:
    """Let SIGTERM interrupt this program and all that it started in its process group; call it in the main thread.

    So `with` ends what has a session of its own, such as a database's server.
    """
    own = os.getpid()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        if os.getpid() != own:  # a fork of this program, which ends as it is told
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for process in psutil.Process().children(recursive=True):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(process.pid) == os.getpgrp():
                    process.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def heed_interrupts() -> None:
    """Take SIGINT, also where a shell has this program ignore it, as one does in the background.

    Commands that it starts would ignore it, too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
