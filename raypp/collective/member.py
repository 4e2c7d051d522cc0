"""One attempt of a round, as a site sees it: what it sends, and what it refuses to."""

import os
from collections.abc import Iterable, Mapping

from raypp.collective.documents import Roll, RoundKeys
from raypp.collective.masks import SEED_BYTES, MaskKey, hide, pair_masks
from raypp.collective.membership import SiteMember
from raypp.collective.plan import CollectivePlan
from raypp.collective.ring import Words
from raypp.collective.round import AttemptName, Entry, OpeningAnswer, keys_digest
from raypp.collective.shares import open_shares, seal_shares, split_seed
from raypp.errors import CollectiveError
from raypp.veil.key import Secret


class MemberAttempt(Secret):
    """A site's side of one attempt. Its secrets are in memory alone: a site that stops has dropped out.

    Args:
        plan: the plan that the owner has accepted.
        membership: the site's.
        name: the attempt.
        base: digest of the model that the site has trained from.
    """

    def __init__(self, plan: CollectivePlan, membership: SiteMember, name: AttemptName, base: str) -> None:
        self.plan, self.name, self.base = plan, name, base
        self._membership = membership
        self._mask_key, self._seal_key, self._seed = MaskKey.draw(), MaskKey.draw(), os.urandom(SEED_BYTES)
        self._entries: dict[str, Entry] = {}
        self._own: tuple[str, str] | None = None
        self._sealed: dict[str, bytes] = {}
        self._roll: Roll | None = None
        self._answered = False

    @property
    def site(self) -> str:
        """Name of the site."""
        return self._membership.site

    @property
    def has_signed(self) -> bool:
        """Whether it has signed who is in the sum."""
        return self._roll is not None and not self._answered

    def entry(self) -> Entry:
        """Return the site's public keys, signed."""
        keys = RoundKeys(
            plan=self.name.plan,
            round=self.name.round,
            attempt=self.name.attempt,
            site=self.site,
            base=self.base,
            mask_key=self._mask_key.public.hex(),
            seal_key=self._seal_key.public.hex(),
        )
        return Entry(self._membership.acceptance, keys.signed(self._membership))

    def shares(self, entries: Iterable[Entry]) -> dict[str, bytes]:
        """Return sealed shares of the site's secrets, by name of the site that each is for.

        Args:
            entries: of all sites of the attempt, this one among them.

        Raises:
            CollectiveError: if one is not signed, there are too few, or this site's is another.
        """
        by_name: dict[str, Entry] = {}
        for entry in entries:
            entry.check(self.plan, self.name, self.base)
            if entry.keys.site in by_name:
                raise CollectiveError(f"{self.name} has two entries of {entry.keys.site}; the coordinator is wrong")
            by_name[entry.keys.site] = entry
        mine = by_name.get(self.site)
        if mine is None or mine.keys.mask_key != self._mask_key.public.hex():
            raise CollectiveError(f"{self.name} has other keys of {self.site} than this site's; join again")
        if len(by_name) < self.plan.needed:
            raise CollectiveError(f"{self.name} has {len(by_name)} sites, and the plan takes {self.plan.needed}")
        if self._entries:
            raise CollectiveError(f"{self.name} asks for shares twice; the coordinator is wrong")
        self._entries = by_name
        names = sorted(by_name)
        of_key = split_seed(self._mask_key.raw(), self.plan.needed, len(names))
        of_seed = split_seed(self._seed, self.plan.needed, len(names))
        sealed = {}
        for name, lines in zip(names, zip(of_key, of_seed, strict=True), strict=True):
            if name == self.site:
                self._own = lines
                continue
            theirs = bytes.fromhex(by_name[name].keys.seal_key)
            sealed[name] = seal_shares(lines, self._seal_key, theirs, self.name.way(self.site, name))
        return sealed

    def masked(self, vector: Words, sealed: Mapping[str, bytes]) -> Words:
        """Return the site's vector under its masks.

        Args:
            vector: what is to be summed, uint32[P + 1].
            sealed: shares of the other sites for this one, by sender; masks are shared with these alone.

        Raises:
            CollectiveError: if the senders are none of the attempt, or too few.
        """
        others = set(sealed)
        if not others <= set(self._entries) - {self.site} or len(others) + 1 < self.plan.needed or self._sealed:
            raise CollectiveError(f"{self.name} names other sites than it may for the masks; the coordinator is wrong")
        self._sealed = dict(sealed)
        publics = {name: bytes.fromhex(self._entries[name].keys.mask_key) for name in others}
        return hide(vector, self._seed, pair_masks(self.site, self._mask_key, publics, bytes(self.name), len(vector)))

    def roll(self, members: tuple[str, ...], earlier: tuple[str, ...] | None) -> Roll:
        """Sign who is in the sum, once.

        Args:
            members: names of the sites in the sum, as the coordinator states them.
            earlier: the sites of a sum of this round that this site has helped to open before; None for no such sum.

        Raises:
            CollectiveError: if they are too few, this site is missing, or the sum was opened with others before: two
                sums that differ in one site tell that site's update.
        """
        if len(members) < self.plan.needed or self.site not in members or tuple(sorted(set(members))) != members:
            raise CollectiveError(
                f"{self.name} would sum {', '.join(members) or 'nobody'}; this site does not sign that"
            )
        if not set(members) <= {self.site, *self._sealed} or self._roll is not None:
            raise CollectiveError(f"{self.name} names other sites in the sum than before; the coordinator is wrong")
        if earlier is not None and earlier != members:
            raise CollectiveError(
                f"round {self.name.round} was opened for {', '.join(earlier)} before, and the coordinator now asks for "
                f"{', '.join(members)}: the difference would tell an update; this site leaves"
            )
        roll = Roll(
            plan=self.name.plan,
            round=self.name.round,
            attempt=self.name.attempt,
            site=self.site,
            keys=keys_digest(self._entries.values()),
            members=members,
        )
        self._roll = roll.signed(self._membership)
        return self._roll

    def answer(self, rolls: Iterable[Roll]) -> OpeningAnswer:
        """Return shares of the own seeds of sites in the sum, and of the mask keys of sites that dropped out.

        Of no site both: its vector would lie open.

        Args:
            rolls: signed by sites in the sum.

        Raises:
            CollectiveError: if fewer than the threshold have signed this site's roll, or shares were altered.
        """
        if self._roll is None or self._own is None or self._answered:
            raise CollectiveError(f"{self.name} asks for shares out of turn; the coordinator is wrong")
        signers = set()
        for roll in rolls:
            entry = self._entries.get(roll.site)
            signed = entry is not None and roll.public_key == entry.acceptance.member and roll.is_true()
            if signed and roll.site in self._roll.members and roll.says(self._roll):
                signers.add(roll.site)
        if len(signers) < self.plan.needed:
            raise CollectiveError(
                f"{self.name}: {len(signers)} sites have signed who is in, and the plan takes {self.plan.needed}; "
                "this site opens nothing"
            )
        self._answered = True
        opened = {self.site: self._own}
        for name, sealed in self._sealed.items():
            theirs = bytes.fromhex(self._entries[name].keys.seal_key)
            opened[name] = open_shares(sealed, self._seal_key, theirs, self.name.way(name, self.site))
        members = set(self._roll.members)
        return OpeningAnswer(
            seeds={name: of_seed for name, (_, of_seed) in opened.items() if name in members},
            keys={name: of_key for name, (of_key, _) in opened.items() if name not in members},
        )
