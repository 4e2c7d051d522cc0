"""A site that takes part in a training: it trains, and answers what each attempt asks for, until the last round."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from protos import raypp_pb2 as pb
from raypp.collective.background import HandOver, run_beside
from raypp.collective.client import AttemptOverError, RoundsClient, phase_of
from raypp.collective.local_training import LocalTraining
from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.messages import entry_of, roll_of, sealed_of
from raypp.collective.noised_round import SpentError
from raypp.collective.plan import CollectivePlan
from raypp.collective.private_training import PrivateTraining, training_of
from raypp.collective.ring import Words
from raypp.collective.round import AttemptName, Phase
from raypp.collective.round_log import RoundLog
from raypp.collective.settings import JoinSettings
from raypp.collective.site_record import TrainingRecord, site_folder
from raypp.collective.spending import statement
from raypp.collective.weights import Vector
from raypp.detect.privacy import PrivacyStatement
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import CollectiveError, ModelError
from raypp.progress import SILENT, Progress


class JoinSummary(BaseModel):
    """Summary of a site's part in a training."""

    model_config = ConfigDict(frozen=True)

    site: str
    plan: str
    rounds: int
    took_part: int
    model: str


def join_training(
    plan: CollectivePlan,
    membership: SiteMember,
    connection: ServiceConnection,
    settings: JoinSettings,
    patience_s: float,
    progress: Progress = SILENT,
) -> JoinSummary:
    """Take part until the last round, or go on with it; leaves `collective.model` in the site's folder.

    Args:
        plan: that the owner has accepted.
        membership: what the owner has handed over.
        connection: how the coordinator is reached.
        settings: the site's.
        patience_s: how long the coordinator may be out of reach.
        progress: is told what happens.

    Raises:
        OptionError, LabelError, ShardError: if the site cannot train as asked.
        CollectiveError: if plan, data or coordinator do not fit.
        ConflictError: if the folder is of another training.
    """
    training = prepared_training(plan, membership, settings)
    record = TrainingRecord(
        plan=plan.digest,
        name=plan.name,
        site=membership.site,
        dataset=training.dataset.version,
        rounds=plan.rounds,
        dp=plan.dp,
    )
    for line in _spent_before(training):
        progress.say(f"warning       {line}")
    connection.check()
    with site_folder(settings.out, record) as kept:
        site = _Site(training, membership, kept, progress)
        return run_beside(partial(site.take_part, connection, patience_s))


def prepared_training(plan: CollectivePlan, membership: SiteMember, settings: JoinSettings) -> LocalTraining:
    """Check all that can be checked before the coordinator is called; errors as for `join_training`."""
    settings.check()
    membership.acceptance.check(plan)
    return training_of(plan, settings)


def _spent_before(training: LocalTraining) -> tuple[str, ...]:
    return training.warnings() if isinstance(training, PrivateTraining) else ()


class _Site:
    def __init__(
        self, training: LocalTraining, membership: SiteMember, record: TrainingRecord, progress: Progress
    ) -> None:
        self._training, self._membership, self._record, self._progress = training, membership, record, progress
        self._plan = training.plan
        self._log = RoundLog(training.settings.out)
        self._vector: tuple[int, Words | None] = (0, None)  # of a round; None where this site has dropped out of it
        self._attempt: MemberAttempt | None = None

    async def take_part(self, connection: ServiceConnection, patience_s: float, hand_over: HandOver) -> JoinSummary:
        """Take part to the end; trainings are handed over to the thread that waits."""
        self._hand_over = hand_over
        async with RoundsClient.open(connection, self._membership, self._record.instance, patience_s) as client:
            await client.announce(self._training.layers.digest)
            self._progress.say(f"takes part    {self._record.site} in {self._plan.name}, {self._plan.rounds} rounds")
            view: pb.WatchRoundResponse | None = None
            while True:
                view = await client.watch(view)
                if view.finished:
                    return await self._finish(client, view)
                with suppress(AttemptOverError):
                    await self._answer(client, view)

    async def _finish(self, client: RoundsClient, view: pb.WatchRoundResponse) -> JoinSummary:
        common = await client.model(view.base, self._training.layers.size)
        path = await self._hand_over(partial(self._training.write_model, common))
        self._keep(model=str(path))
        took_part = len(self._record.opened)
        self._progress.say(f"model         {path}; this site was in {took_part} of {self._plan.rounds} sums")
        record = self._record
        return JoinSummary(
            site=record.site, plan=record.plan, rounds=record.rounds, took_part=took_part, model=str(path)
        )

    async def _answer(self, client: RoundsClient, view: pb.WatchRoundResponse) -> None:
        """Do what an attempt asks for."""
        name = AttemptName(view.plan, view.round, view.attempt)
        phase = phase_of(view)
        if phase is Phase.KEYS:
            vector = await self._trained(client, view)
            if vector is not None:
                self._attempt = MemberAttempt(self._plan, self._membership, name, view.base)
                await client.share_keys(name, self._attempt.entry())
            return
        attempt = self._attempt
        if phase is Phase.VOID:
            self._note(view, view.reason)
        if attempt is None or attempt.name != name or phase in {Phase.VOID, Phase.OPENED}:
            return
        if phase is Phase.SHARES and view.entries:
            await client.share_secrets(name, attempt.shares(map(entry_of, view.entries)))
        elif phase is Phase.VECTORS and view.shares:
            vector = self._vector[1]
            assert vector is not None  # noqa: S101 - it has handed in keys
            hidden = await asyncio.to_thread(attempt.masked, vector, sealed_of(view.shares))
            await client.submit(name, hidden)
        elif phase is Phase.ROLL and self._record.site in view.members:
            await client.sign(name, attempt.roll(tuple(view.members), self._record.opened.get(name.round)))
        elif phase is Phase.OPENING and attempt.has_signed:
            answer = attempt.answer(map(roll_of, view.rolls))
            self._keep(opened={**self._record.opened, name.round: tuple(view.members)})  # before anybody has it
            await client.unmask(name, answer)
            self._note(view, "helped to open the sum", tuple(view.members))

    async def _trained(self, client: RoundsClient, view: pb.WatchRoundResponse) -> Words | None:
        """Return this site's vector of a round, after training it; None where it has dropped out of the round."""
        number = view.round
        if self._vector[0] != number:
            common = await client.model(view.base, self._training.layers.size)
            self._progress.say(f"round {number}/{self._plan.rounds}: trains")
            async with _kept_alive(client, view):
                self._vector = number, await self._hand_over(partial(self._train, view, common))
            current = await client.watch(None)
            if (current.round, current.attempt) != (view.round, view.attempt):
                raise AttemptOverError(f"round {number} went on without this site")
        return self._vector[1]

    def _train(self, view: pb.WatchRoundResponse, common: Vector) -> Words | None:
        try:
            vector = self._training.vector(view.round, view.base, common, self._progress)
            if self._plan.dp is not None:
                self._keep(noised=max(self._record.noised, view.round))
        except SpentError:
            raise
        except (CollectiveError, ModelError) as error:
            self._note(view, f"dropped out: {error}")
            return None
        return vector

    def _keep(self, **changes: object) -> None:
        self._record = self._record.model_copy(update=changes)
        self._record.write(self._training.settings.out)

    def _note(self, view: pb.WatchRoundResponse, event: str, sites: tuple[str, ...] = ()) -> None:
        self._log.add(view.round, view.attempt, event, sites)
        self._progress.say(f"round {view.round}/{self._plan.rounds}: {event}")


@asynccontextmanager
async def _kept_alive(client: RoundsClient, view: pb.WatchRoundResponse) -> AsyncIterator[None]:
    """Let the coordinator hear of this site within the block, which may last for hours."""

    async def tell() -> None:
        known: pb.WatchRoundResponse = view
        while True:
            with suppress(CollectiveError):
                known = await client.watch(known)
            await asyncio.sleep(1)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class SharedPart(BaseModel):
    """Weights and bytes that a site would share, and those that it keeps."""

    model_config = ConfigDict(frozen=True)

    site: str
    plan: str
    layers: tuple[str, ...]
    weights: int
    kept_weights: int
    round_bytes_up: int
    round_bytes_down: int
    rounds: int
    frames: int
    warnings: tuple[str, ...]
    privacy: PrivacyStatement | None = Field(None, description="what all rounds would spend, of a plan with `dp`")
    units: int | None = Field(None, description="units of the archive whose presence is hidden")


def describe_shared(training: LocalTraining, membership: SiteMember) -> SharedPart:
    """Describe what a site would share in each round; nobody is called."""
    plan, size = training.plan, training.layers.size
    return SharedPart(
        site=membership.site,
        plan=plan.digest,
        layers=tuple(plan.summed),
        weights=size,
        kept_weights=training.kept_weights,
        round_bytes_up=4 * (size + 1),
        round_bytes_down=4 * size,
        rounds=plan.rounds,
        frames=training.frames,
        warnings=(*plan.warnings(), *_spent_before(training)),
        privacy=None if plan.dp is None else statement(plan.dp, plan.rounds),
        units=training.count_units() if isinstance(training, PrivateTraining) else None,
    )
