"""One party of a tally, from its files to what is opened."""

import json
import subprocess
import sys
from pathlib import Path

from raypp.errors import OptionError, TallyError
from raypp.io.private import read_secret
from raypp.io.settings import AbsolutePath, FrozenSettings
from raypp.progress import SILENT, Progress
from raypp.tally.party import PartyTask
from raypp.tally.plan import load_tally_plan
from raypp.tally.result import TallyResult
from raypp.tally.values import read_values

_GRACE_S = 30.0
"""Longer than a process waits by itself."""


class TallySettings(FrozenSettings):
    """Settings of one party.

    Attributes:
        plan: file of the plan.
        party: this party's name in it.
        key: file of its key.
        values, report, safety: where its figures are; see `read_values`.
        listen: host and port to listen at, if not those of the plan.
        wait_s: how long others are waited for.
        within_s: how long the computation may take.
    """

    plan: AbsolutePath
    party: str
    key: AbsolutePath
    values: AbsolutePath | None = None
    report: AbsolutePath | None = None
    safety: AbsolutePath | None = None
    listen: str | None = None
    wait_s: float = 600.0
    within_s: float = 600.0


def join_tally(settings: TallySettings, progress: Progress = SILENT) -> TallyResult:
    """Take part in a tally; return what was opened.

    Raises:
        OptionError: if the plan, the figures or an option is wrong.
        TallyError: if it could not be carried out; this party has opened nothing then.
    """
    task = prepared(settings)
    others = len(task.plan.parties) - 1
    progress.say(f"plan          {task.plan.name}, {task.plan.digest[:12]}; waits for {others} others")
    command = [sys.executable, "-m", "raypp.tally.party"]
    limit_s = settings.wait_s + settings.within_s + _GRACE_S
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, trouble = process.communicate(task.model_dump_json().encode(), timeout=limit_s)
        except BaseException:
            process.kill()
            raise
    lines = out.decode().splitlines()
    if process.returncode or not lines:
        last = (trouble.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
        raise TallyError(f"the party's process ended with {process.returncode}: {last[:200]}")
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise TallyError(f"{answer['error']}; this party has opened nothing")
    return TallyResult.model_validate(answer["result"])


def prepared(settings: TallySettings) -> PartyTask:
    """Check all that can be checked before others are called; raises OptionError, TallyError."""
    plan = load_tally_plan(settings.plan)
    plan.number(settings.party)
    read_secret(settings.key, "key of the tally", "make one with `raypp tally certificate`", TallyError)
    for name, value in (("wait_s", settings.wait_s), ("within_s", settings.within_s)):
        if not 0 < value <= 7 * 86_400:
            raise OptionError(f"`{name}` {value:g} must be seconds, up to a week")
    return PartyTask(
        plan=plan,
        party=settings.party,
        key=Path(settings.key),
        listen=_place(settings.listen or plan.parties[settings.party].address),
        units=read_values(plan, settings.values, settings.report, settings.safety),
        wait_s=settings.wait_s,
        within_s=settings.within_s,
    )


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise OptionError(f"`listen` {text} must be HOST:PORT, such as 0.0.0.0:9440")
    return host, int(port)
