"""One party's computation, as a process of its own: MPyC reads the command line and sets up logging when imported.

Reads a `PartyTask` as JSON from stdin, and writes one line of JSON: what was opened, or why nothing was.
"""

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from raypp.errors import RayppError, TallyError
from raypp.io.private import read_secret
from raypp.tally.plan import TallyPlan
from raypp.tally.result import FigureResult, TallyResult

if TYPE_CHECKING:
    from raypp.tally.transport import PinnedRuntime

QUIET = ("--no-log", "--no-uvloop")
"""What MPyC is to read as its command line."""


class PartyTask(BaseModel):
    """All that a party's process needs. It holds figures in plain, so it goes through a pipe alone."""

    model_config = ConfigDict(frozen=True)

    plan: TallyPlan
    party: str
    key: Path
    listen: tuple[str, int]
    units: tuple[tuple[int, ...] | None, ...]
    wait_s: float
    within_s: float


async def take_part(task: PartyTask) -> TallyResult:
    """Connect with all parties, compute, and open.

    Raises:
        TallyError: if a party does not come, goes away, is another one or holds another plan.
    """
    from raypp.tally.secure import compute_tally  # noqa: PLC0415 - MPyC is imported by it
    from raypp.tally.transport import PinnedRuntime, tls_contexts  # noqa: PLC0415

    plan = task.plan
    read_secret(task.key, "key of the tally", "make one with `raypp tally certificate`", TallyError)
    contexts = tls_contexts(plan, str(plan.parties[task.party].certificate), str(task.key))
    runtime = PinnedRuntime(plan, plan.number(task.party), contexts)
    try:
        await _unless_failed(runtime, runtime.connect(task.listen), task.wait_s)
    except TimeoutError:
        raise TallyError(f"{', '.join(runtime.absent())} did not come within {task.wait_s:g} s") from None
    except OSError as error:
        raise TallyError(
            f"cannot listen at {task.listen[0]}:{task.listen[1]} ({error.strerror}); give `listen`"
        ) from None
    began = perf_counter()
    figures: list[FigureResult] = []

    async def compute() -> None:
        figures.extend(await compute_tally(runtime, plan, task.units))
        await runtime.end()

    try:
        await _unless_failed(runtime, compute(), task.within_s)
    except TimeoutError:
        raise TallyError(f"the computation did not end within {task.within_s:g} s; give a longer `within_s`") from None
    sent = sum(party.protocol.nbytes_sent for party in runtime.parties if party.pid != runtime.pid)
    return TallyResult(
        name=plan.name,
        plan=plan.digest,
        party=task.party,
        parties=tuple(plan.parties),
        figures=tuple(figures),
        seconds=perf_counter() - began,
        bytes_sent=sent,
    )


async def _unless_failed(runtime: "PinnedRuntime", work: object, within_s: float) -> None:
    """Do work until it is done, a time is over (TimeoutError), or a connection has failed (TallyError)."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    done, _ = await asyncio.wait({task, runtime.failed}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
        return
    task.cancel()
    if runtime.failed in done:
        runtime.failed.result()
    raise TimeoutError


def main() -> None:
    """Run the party that stdin describes."""
    task = PartyTask.model_validate_json(sys.stdin.buffer.read())
    sys.argv = ["", *QUIET]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    answer: dict[str, object]
    try:
        answer = {"result": loop.run_until_complete(take_part(task)).model_dump(mode="json")}
    except RayppError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
