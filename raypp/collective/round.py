"""One attempt of a round, as the coordinator sees it: a state machine without clock, disk and network."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

import numpy as np

from raypp.collective.documents import Acceptance, Roll, RoundKeys
from raypp.collective.masks import MaskKey, unmask
from raypp.collective.plan import CollectivePlan
from raypp.collective.ring import Words
from raypp.collective.shares import join_seed
from raypp.errors import CollectiveError

Item = TypeVar("Item")


class Phase(IntEnum):
    """Name what an attempt waits for; the numbers are those of the wire."""

    KEYS = 1
    """Public keys of sites that have trained."""
    SHARES = 2
    """Sealed shares of their secrets."""
    VECTORS = 3
    """Masked vectors."""
    ROLL = 4
    """Signatures of the sites in the sum: of who is in it."""
    OPENING = 5
    """Shares that take the masks off the sum."""
    OPENED = 6
    VOID = 7


@dataclass(frozen=True)
class AttemptName:
    """Name of an attempt: no key, mask or signature of one is of any use in another.

    Attributes:
        plan: digest of the plan.
        round: its number, from 1.
        attempt: from 1; no number is used twice.
    """

    plan: str
    round: int
    attempt: int

    def __bytes__(self) -> bytes:
        return f"{self.plan}/{self.round}/{self.attempt}".encode()

    def __str__(self) -> str:
        return f"round {self.round}, attempt {self.attempt}"

    def way(self, sender: str, receiver: str) -> bytes:
        """Name what one site sends to another in this attempt."""
        return b"\0".join((bytes(self), sender.encode(), receiver.encode()))


@dataclass(frozen=True)
class Entry:
    """A site's keys of an attempt, with its owner's acceptance, both signed."""

    acceptance: Acceptance
    keys: RoundKeys

    def check(self, plan: CollectivePlan, name: AttemptName, base: str) -> None:
        """Raise CollectiveError unless the entry is of this attempt, model and plan, and both are signed."""
        keys = self.keys
        self.acceptance.check(plan)
        if keys.site != self.acceptance.site or keys.public_key != self.acceptance.member or not keys.is_true():
            raise CollectiveError(f"the keys of {keys.site} are not signed by what its owner accepted; join again")
        if AttemptName(keys.plan, keys.round, keys.attempt) != name:
            raise CollectiveError(f"the keys of {keys.site} are of another round than {name}")
        if keys.base != base:
            raise CollectiveError(f"{keys.site} trained from another model than the others in {name}; join again")


@dataclass(frozen=True)
class OpeningAnswer:
    """A site's answer to a signed roll: its shares of what takes the masks off.

    Attributes:
        seeds: shares of the own seeds of sites in the sum, by name.
        keys: shares of the mask keys of sites that dropped out, by name.
    """

    seeds: Mapping[str, str]
    keys: Mapping[str, str]


def keys_digest(entries: Iterable[Entry]) -> str:
    """Return the digest over the keys of all sites of an attempt, 64 hex digits."""
    digests = sorted(f"{entry.keys.site} {entry.keys.digest}" for entry in entries)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


@dataclass
class RoundAttempt:
    """One attempt of a round.

    Attributes:
        plan: the plan.
        name: the attempt.
        base: digest of the model that sites train from.
        size: values of a vector.
        phase: what it waits for.
        reason: why it is void.
        entries: keys of sites, by name.
        sealed: sealed shares, by sender and receiver.
        total: sum of the masked vectors so far, uint32[size].
        summed: names of the sites in the sum.
        rolls: signed rolls, by name.
        answers: by name.
    """

    plan: CollectivePlan
    name: AttemptName
    base: str
    size: int
    phase: Phase = Phase.KEYS
    reason: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    sealed: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    total: Words | None = None
    summed: list[str] = field(default_factory=list)
    rolls: dict[str, Roll] = field(default_factory=dict)
    answers: dict[str, OpeningAnswer] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the sites in the sum, sorted."""
        return tuple(sorted(self.summed))

    def add_entry(self, entry: Entry) -> None:
        """Take a site's keys; raises CollectiveError unless they are of this attempt."""
        self._require(Phase.KEYS)
        entry.check(self.plan, self.name, self.base)
        self._keep(self.entries, entry.keys.site, entry, "keys")

    def add_shares(self, site: str, sealed: Mapping[str, bytes]) -> None:
        """Take a site's sealed shares; raises CollectiveError unless there is one for each other site."""
        self._require(Phase.SHARES, site in self.entries)
        if set(sealed) != set(self.entries) - {site}:
            raise CollectiveError(f"{site} sent shares for other sites than those of {self.name}; join again")
        self._keep(self.sealed, site, dict(sealed), "shares")

    def add_vector(self, site: str, vector: Words) -> None:
        """Add a site's masked vector, uint32[size], to the sum, the first time that it comes; it is not kept."""
        self._require(Phase.VECTORS, site in self.sealed)
        if site in self.summed:
            return
        if vector.shape != (self.size,):
            raise CollectiveError(f"{site} sent a vector of {len(vector):,} values, not {self.size:,}; join again")
        if self.total is None:
            self.total = np.zeros(self.size, dtype=np.uint32)
        self.total += vector
        self.summed.append(site)

    def add_roll(self, roll: Roll) -> None:
        """Take a signed roll; raises CollectiveError unless it names the sum's sites and is signed by one of them."""
        self._require(Phase.ROLL, roll.site in self.summed)
        expected = self.roll(roll.site)
        member = self.entries[roll.site].acceptance.member
        if not roll.says(expected) or roll.public_key != member or not roll.is_true():
            raise CollectiveError(f"{roll.site} signed another roll than that of {self.name}; join again")
        self._keep(self.rolls, roll.site, roll, "signature")

    def add_answer(self, site: str, answer: OpeningAnswer) -> None:
        """Take a site's shares; raises CollectiveError unless they are of the sites that they have to be of."""
        self._require(Phase.OPENING, site in self.rolls)
        if set(answer.seeds) != set(self.summed) or set(answer.keys) != self.dropped:
            raise CollectiveError(f"{site} sent shares of other sites than {self.name} takes; join again")
        self._keep(self.answers, site, answer, "shares for opening")

    @property
    def dropped(self) -> set[str]:
        """Names of sites that share masks with those in the sum, and whose vectors are missing."""
        return set(self.sealed) - set(self.summed)

    def roll(self, site: str) -> Roll:
        """Return the roll that a site is to sign, without its signature."""
        name = self.name
        return Roll(
            plan=name.plan,
            round=name.round,
            attempt=name.attempt,
            site=site,
            keys=keys_digest(self.entries.values()),
            members=self.members,
        )

    def advance(self, *, late: bool = False) -> bool:
        """Go on to the next phase where all have answered, or enough of them and it is late; return whether it did.

        Where it is late and fewer have answered than the plan's threshold, the attempt is void.
        """
        if self.phase in {Phase.OPENED, Phase.VOID}:
            return False
        expected, there, done = self._waits()
        missing = self.missing
        if missing and not late:
            return False
        if len(there) < self.plan.needed:
            self.phase = Phase.VOID
            self.reason = (
                f"{self.name} is void: {len(there)} of {len(expected)} sites {done} (not {', '.join(missing)}), and it "
                f"takes {self.plan.needed}; nothing was opened"
            )
            self.total = None
        else:
            self.phase = Phase(self.phase + 1)
        return True

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the sites that it waits for, sorted."""
        if self.phase in {Phase.OPENED, Phase.VOID}:
            return ()
        expected, there, _ = self._waits()
        return tuple(sorted(set(expected) - set(there)))

    def _waits(self) -> tuple[Collection[str], Collection[str], str]:
        """Return the sites that the phase is for, those that have answered, and what they have done."""
        waits: dict[Phase, tuple[Collection[str], Collection[str], str]] = {
            Phase.KEYS: (self.plan.sites, self.entries, "trained"),
            Phase.SHARES: (self.entries, self.sealed, "shared their secrets"),
            Phase.VECTORS: (self.sealed, self.summed, "sent their vectors"),
            Phase.ROLL: (self.summed, self.rolls, "signed who is in"),
            Phase.OPENING: (self.rolls, self.answers, "sent shares for opening"),
        }
        return waits[self.phase]

    def open(self) -> Words:
        """Take the masks off the sum; returns the sum of the sites' vectors, uint32[size].

        Raises:
            CollectiveError: if shares do not open.
        """
        assert self.phase is Phase.OPENED  # noqa: S101 - by the caller
        assert self.total is not None  # noqa: S101
        needed = self.plan.needed
        seeds = [
            join_seed((answer.seeds[site] for answer in self.answers.values()), needed, site) for site in self.summed
        ]
        dropped = {}
        for site in sorted(self.dropped):
            key = MaskKey.of(join_seed((answer.keys[site] for answer in self.answers.values()), needed, site))
            if key.public.hex() != self.entries[site].keys.mask_key:
                raise CollectiveError(f"the shares of {site} give another key than it had in {self.name}")
            dropped[site] = key
        publics = {site: bytes.fromhex(self.entries[site].keys.mask_key) for site in self.summed}
        return unmask(self.total, seeds, dropped, publics, bytes(self.name))

    def _require(self, phase: Phase, takes_part: bool = True) -> None:
        if self.phase is not phase:
            raise CollectiveError(f"{self.name} is not where this belongs any more; look where it is")
        if not takes_part:
            raise CollectiveError(f"this site takes no part in {self.name}; it may in the next")

    def _keep(self, there: dict[str, Item], site: str, item: Item, what: str) -> None:
        """Keep what a site sent; the same may come again, where its answer was lost on the way."""
        if there.setdefault(site, item) != item:
            raise CollectiveError(f"{site} has sent other {what} of {self.name} before")
