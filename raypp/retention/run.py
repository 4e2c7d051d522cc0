"""A retention policy as it is done: each rule by what forgets in its kind of place, whatever becomes of the others."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import PinError, RayppError, UnknownNameError
from raypp.execution import ExecutionSettings
from raypp.forget.run import forget_frames
from raypp.forget.selection import ArchiveSelection
from raypp.forget.settings import ForgetSettings
from raypp.io.clock import now_us
from raypp.key_sources.place import key_place, optional_key_place
from raypp.ledger.expiry import retain
from raypp.ledger.known_ledgers import KnownLedgers
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.tables import DAY_US
from raypp.progress import SILENT, Progress
from raypp.retention.policy import Action, ArchiveRule, LedgerRule, RetentionPolicy
from raypp.text.address import redacted
from raypp.text.wording import counted


class Result(BaseModel):
    """Counts of one rule.

    Attributes:
        frames: frames that were forgotten, or would be.
        before_us: capture or event time before which all goes, UTC microseconds; None where nobody got so far.
        left: what needs attention, one line each.
        receipt: the signed receipt of an archive, if something was forgotten.
        failed: why the rule was not done, or not in all places; None where it was.
    """

    model_config = ConfigDict(frozen=True)

    frames: int = Field(0, description="frames that were forgotten, or would be")
    before_us: int | None = Field(None, description="time before which all goes, UTC microseconds since 1970")
    left: tuple[str, ...] = Field((), description="what is left that is older, and why; one line each")
    receipt: Path | None = Field(None, description="signed receipt of an archive, where something was forgotten")
    failed: str | None = Field(None, description="why the rule could not be done; none where it was")


class RuleOutcome(Result):
    """Result of one rule, and which rule that is."""

    number: int = Field(description="of the rule in the policy, from 1")
    kind: str
    place: str = Field(description="archive or ledger")
    age: str
    action: str


class RetentionReport(BaseModel):
    """Result of `raypp retain`."""

    model_config = ConfigDict(frozen=True)

    dry_run: bool = Field(description="whether nothing was changed")
    rules: tuple[RuleOutcome, ...]


def carry_out(
    policy: RetentionPolicy,
    who: str,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    dry_run: bool = False,
    clock: Callable[[], int] = now_us,
) -> RetentionReport:
    """Carry out the rules of a policy one after another; one that fails keeps no other from it.

    Args:
        policy: the rules.
        who: for the audit log of ledgers.
        execution: where shards are written anew; by default where it ends sooner.
        progress: is told how far it is.
        dry_run: only count.
        clock: gives the time now, UTC microseconds, for archives; ledgers have their own.

    Raises:
        PinError: if a token refuses its PIN: another rule would try it again, and tries lock tokens.
    """
    outcomes = []
    for number, rule in enumerate(policy.rules, 1):
        counts_only = dry_run or rule.action is Action.REPORT
        try:
            if isinstance(rule, ArchiveRule):
                result = _retain_archive(rule, clock() - rule.age_us, execution, progress, counts_only)
            else:
                result = _retain_ledger(rule, who, progress, counts_only)
        except PinError:
            raise
        except (RayppError, OSError) as error:
            result = Result(failed=redacted(str(error)))
        named = {"number": number, "kind": rule.kind, "place": redacted(rule.place), "age": rule.age}
        outcomes.append(RuleOutcome(**named, action=rule.action.value, **dict(result)))
    return RetentionReport(dry_run=dry_run, rules=tuple(outcomes))


def _retain_archive(
    rule: ArchiveRule, edge_us: int, execution: ExecutionSettings | None, progress: Progress, counts_only: bool
) -> Result:
    """Forget all before the day, in UTC, in which the time to keep begins, so that a segment is cut once a day."""
    before_us = edge_us - edge_us % DAY_US
    settings = ForgetSettings(
        archive=rule.archive,
        key_path=key_place(rule.key),
        data_key_path=optional_key_place(rule.data_key),
        private=rule.private,
        selection=ArchiveSelection(site=rule.site, camera=rule.camera, to_us=before_us),
    )
    try:
        done = forget_frames(settings, execution, progress, dry_run=counts_only)
    except UnknownNameError as error:  # all of it was forgotten before, or the policy names it wrongly
        return Result(before_us=before_us, left=(f"nothing to do: {error}; or take the rule out",))
    undated = f"{counted(done.undated, 'source')} of unknown capture time: `raypp forget-archive --source` forgets them"
    return Result(
        frames=0 if done.before else done.receipt.frames,
        before_us=before_us,
        left=(undated,) if done.undated else (),
        receipt=done.receipt_path,
    )


def _retain_ledger(rule: LedgerRule, who: str, progress: Progress, counts_only: bool) -> Result:
    """Forget all before a week, of each ledger that the rule names."""
    known = KnownLedgers.of_account()
    with Ledgers.open(LedgerList.parse(rule.ledger), create=False, upgrade=not counts_only, known=known) as ledgers:
        done, failed = ledgers.each(
            lambda each: retain(each, rule.age_us, dry_run=counts_only, who=who, progress=progress)
        )
    left = [line for kept in done.values() for line in kept.waiting]
    left += [f"deleted bytes are still in the log of {kept.ledger}" for kept in done.values() if not kept.emptied]
    return Result(
        frames=sum(kept.frames for kept in done.values()),
        before_us=min((kept.edge_us for kept in done.values()), default=None),
        left=tuple(left),
        failed="; ".join(f"{name}: {reason}" for name, reason in failed.items()) or None,
    )
