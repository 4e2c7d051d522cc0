"""The coordinator: leads the attempts of each round, and lets sites wait for what comes next."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

import numpy as np

from raypp.collective.plan import CollectivePlan
from raypp.collective.round import AttemptName, Phase, RoundAttempt
from raypp.collective.store import CoordinatorStore
from raypp.errors import CollectiveError
from raypp.progress import SILENT, Progress
from raypp.text.wording import counted

MOST_CLOCK_S = 60.0
_WAIT_S = 10.0
_ALIVE_S = 15.0
"""A site that has not been heard of for so long may be started anew elsewhere."""

Result = TypeVar("Result")


class TakenError(CollectiveError):
    """Another program takes part under a site's name."""


class GoneError(CollectiveError):
    """An attempt is not the one under way any more."""


@dataclass
class _Presence:
    """Which program takes part for a site, and when it was heard of."""

    instance: int
    heard_s: float
    waiting: int = 0


class Coordinator:
    """Leads a training from where its folder stands to the last round.

    Args:
        store: the folder.
        progress: is told what happens.
    """

    def __init__(self, store: CoordinatorStore, progress: Progress = SILENT) -> None:
        self.store, self._progress = store, progress
        self._changed = asyncio.Condition()
        self._present: dict[str, _Presence] = {}
        self._fetched: set[str] = set()
        self._values, self._ring = len(store.weights()) // 4, store.state.plan.ring()
        self.attempt: RoundAttempt | None = None

    @property
    def plan(self) -> CollectivePlan:
        """The plan."""
        return self.store.state.plan

    @property
    def weights(self) -> int:
        """How many shared weights there are."""
        return self._values

    async def run(self) -> None:
        """Carry out all rounds that are left, and wait until each site has the last weights.

        Raises:
            CollectiveError: if a round was void as often as the plan lets it.
        """
        while not self.store.state.finished:
            await self._round()
        self._progress.say(
            f"finished      {counted(self.plan.rounds, 'round')}; waits until all sites have the weights"
        )
        async with self._changed:
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._fetched >= set(self.plan.sites))

    async def change(self, name: AttemptName, do: Callable[[RoundAttempt], Result]) -> Result:
        """Do something to the attempt under way; raises GoneError if it is another one than named."""
        async with self._changed:
            if self.attempt is None or self.attempt.name != name:
                raise GoneError(f"{name} is over; look where the training is")
            result = do(self.attempt)
            self._changed.notify_all()
            return result

    def enter(self, site: str, instance: int, *, anew: bool = False) -> None:
        """Note that a program is heard of.

        Args:
            site: name of its site.
            instance: its number.
            anew: whether it begins to take part.

        Raises:
            TakenError: if another program takes part for the site.
        """
        there, now = self._present.get(site), monotonic()
        if there is not None and there.instance != instance:
            is_alive = there.waiting > 0 or now - there.heard_s < _ALIVE_S
            if is_alive or not anew:
                raise TakenError(
                    f"another program takes part as {site}; stop that one, or wait {_ALIVE_S:.0f} s after its end"
                )
            there = None
        if there is None:
            self._present[site] = there = _Presence(instance, now)
            if anew:
                self._progress.say(f"{site} takes part")
        there.heard_s = now

    async def wait(self, site: str, known: tuple[int, int, Phase]) -> None:
        """Wait until the training is elsewhere than a site knows, for some seconds at most."""
        there = self._present[site]
        there.waiting += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAIT_S), self._changed:
                    await self._changed.wait_for(lambda: self.place != known)
        finally:
            there.waiting -= 1
            there.heard_s = monotonic()

    @property
    def place(self) -> tuple[int, int, Phase]:
        """Where the training is: round, attempt and phase."""
        state = self.store.state
        if state.finished or self.attempt is None:
            return state.round, state.attempt, Phase.OPENED
        return self.attempt.name.round, self.attempt.name.attempt, self.attempt.phase

    async def note_fetched(self, site: str) -> None:
        """Note that a site has the common weights."""
        if self.store.state.finished:
            async with self._changed:
                self._fetched.add(site)
                self._changed.notify_all()

    async def _round(self) -> None:
        number, reason = self.store.state.round, ""
        for tried in range(self.plan.attempts):
            attempt = await self._begin(number)
            await self._lead(attempt, anew=tried > 0)
            reason = await self._open(attempt) if attempt.phase is Phase.OPENED else attempt.reason
            if not reason:
                return
            self._note(attempt, reason)
        raise CollectiveError(f"{reason}; tried {counted(self.plan.attempts, 'time')}: run the same command again")

    async def _begin(self, number: int) -> RoundAttempt:
        state = self.store.state
        name = AttemptName(self.plan.digest, number, self.store.begin_attempt())
        attempt = RoundAttempt(self.plan, name, state.model, self._values + 1)
        async with self._changed:
            self.attempt = attempt
            self._changed.notify_all()
        return attempt

    async def _lead(self, attempt: RoundAttempt, *, anew: bool) -> None:
        while attempt.phase not in {Phase.OPENED, Phase.VOID}:
            trains = attempt.phase is Phase.KEYS and not anew
            limit = self.plan.train_minutes * 60 if trains else self.plan.answer_s
            phase = attempt.phase
            async with self._changed:
                try:
                    async with asyncio.timeout(limit):
                        await self._changed.wait_for(partial(_went_on, attempt, phase))
                except TimeoutError:
                    self._note(attempt, "goes on without some sites", attempt.missing)
                    attempt.advance(late=True)
                if attempt.phase is Phase.OPENING:
                    self._note(attempt, f"sums {counted(len(attempt.members), 'site')}", attempt.members)
                self._changed.notify_all()

    async def _open(self, attempt: RoundAttempt) -> str:
        """Open the sum and publish the weights that it gives; return why it could not be, or nothing."""
        try:
            total = await asyncio.to_thread(attempt.open)
            mean, weight = self._ring.decode(total)
        except CollectiveError as error:
            return f"{attempt.name} is void: {error}"
        base = np.frombuffer(self.store.weights(), dtype="<f4")
        async with self._changed:
            self.store.publish(base + mean, weight)
            self._note(attempt, f"opened: {counted(weight, self._ring.counts)}", attempt.members)
            self._changed.notify_all()
        return ""

    def _note(self, attempt: RoundAttempt, event: str, sites: tuple[str, ...] = ()) -> None:
        self.store.log.add(attempt.name.round, attempt.name.attempt, event, sites)
        who = f" ({', '.join(sites)})" if sites else ""
        self._progress.say(f"round {attempt.name.round}/{self.plan.rounds}: {event}{who}")


def _went_on(attempt: RoundAttempt, phase: Phase) -> bool:
    """Let an attempt go on where it can; return whether it is beyond a phase."""
    attempt.advance()
    return attempt.phase > phase
