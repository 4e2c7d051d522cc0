"""What the command line ends with: one table for all commands, and for their page in the docs."""

from enum import IntEnum

from typer import Exit


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    MISREAD = 2  # click's own
    ATTENTION = 3
    PIN = 4
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    ExitCode.DONE: "done; or stopped in order, with nothing lost",
    ExitCode.FAILED: "an option, file or key cannot be used; `verify` or `ledger check` found something wrong",
    ExitCode.MISREAD: "the command line cannot be read: an unknown command or option",
    ExitCode.ATTENTION: "done, and something needs your attention",
    ExitCode.PIN: "a token refused its PIN; a further try could lock it, so correct the PIN, then `raypp key check`",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C: run the same command again to go on",
    ExitCode.TERMINATED: "stopped by SIGTERM, likewise; `stream` and `serve` end with 0 then",
}
"""What each code means."""

ATTENTION = {
    "veil": "sources were quarantined or not read, or labels cannot be used",
    "show": "some frames cannot be shown",
    "label export": "some frames cannot be shown, and are left out",
    "label import": "some images are of no frame, or some things in the document are no boxes",
    "count images": "nothing can be told of some images: out of focus, or without anything to see",
    "label uses": "a use is begun and not ended",
    "ticket answer": "frames or labels of some tickets are gone, or cannot be shown",
    "ticket apply": "some answers cannot be used, since their frames or labels are gone",
    "drift check": "a camera drifted",
    "stream": "frames were dropped, or the service refuses a stream or has lost what it committed",
    "cluster doctor": "a node, or what it needs, is wrong",
    "site doctor": "the agent would not work, or the service has lost what it committed",
    "report": "nothing was recorded in the range, or a restore has lost some; `--procedures`: no execution in it",
    "alerts test": "a channel did not take the test alert",
    "alerts send": "`--once`: a ledger does not answer, and its alerts wait",
    "ledger migrate": "`--rehearse`: `raypp ledger check` finds something in the migrated copy",
    "site discover": "a camera answers badly, or refuses the user",
    "site list": "a ledger does not answer, and its sites are not listed",
    "device list": "a device is late or missing, or a ledger does not answer",
    "device show": "the device is late or missing",
    "site revoke": "the site has moved to another ledger, where its tokens are still good",
    "site expire": "the site has moved to another ledger, where its tokens expire as before",
    "ledger map": "a ledger does not answer, or two ledgers have a site",
    "retain": "something older is left, such as of unknown capture time; or a rule names what is not there",
    "ledger retain": "a site is being moved and keeps its frames, or deleted bytes are still in SQLite's log",
    "ledger move": "deleted bytes are still in the old SQLite ledger's log",
    "forget-archive": "sources were left alone, since nobody knows when they were captured",
    "forget": "deleted bytes are still in SQLite's log",
}
"""What needs attention, by command."""


def end_with_attention(needed: bool) -> None:
    """End a command that is done: with `ExitCode.ATTENTION` if something needs it, else go on to its ordinary end."""
    if needed:
        raise Exit(ExitCode.ATTENTION)
