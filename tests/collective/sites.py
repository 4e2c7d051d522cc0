"""Plans, owners and attempts of tests."""

from collections.abc import Collection

from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.plan import CollectivePlan
from raypp.collective.ring import Words
from raypp.collective.round import AttemptName, Phase, RoundAttempt
from raypp.veil.key import VeilKey

BASE = "ab" * 32


class Owners:
    """Owners of some sites with a plan that all have accepted."""

    def __init__(self, sites: int, **fields: object) -> None:
        self.keys = {f"plant-{number}": VeilKey(bytes([number]) * 32) for number in range(1, sites + 1)}
        prints = {site: key.fingerprint for site, key in self.keys.items()}
        self.plan = CollectivePlan(
            **{"name": "t", "sites": prints, "classes": ("a", "b"), "size": 64, "patch": 8, "epochs": 1} | fields
        )
        self.memberships = {site: SiteMember.accept(self.plan, site, key) for site, key in self.keys.items()}

    def attempt(self, size: int, round_number: int = 1, attempt: int = 1) -> RoundAttempt:
        return RoundAttempt(self.plan, AttemptName(self.plan.digest, round_number, attempt), BASE, size)

    def members(self, attempt: RoundAttempt) -> dict[str, MemberAttempt]:
        return {
            site: MemberAttempt(self.plan, membership, attempt.name, BASE)
            for site, membership in self.memberships.items()
        }


def carry_out(
    attempt: RoundAttempt,
    members: dict[str, MemberAttempt],
    vectors: dict[str, Words],
    lost: dict[Phase, Collection[str]] | None = None,
) -> dict[str, Words]:
    """Lead an attempt to its end; sites named in `lost` are gone from a phase on. Returns the masked vectors sent."""
    lost, gone, sent = lost or {}, set(), {}

    def here(phase: Phase, sites: Collection[str]) -> list[str]:
        gone.update(lost.get(phase, ()))
        return [site for site in sites if site not in gone]

    for site in here(Phase.KEYS, members):
        attempt.add_entry(members[site].entry())
    attempt.advance(late=True)
    if attempt.phase is Phase.SHARES:
        for site in here(Phase.SHARES, attempt.entries):
            attempt.add_shares(site, members[site].shares(attempt.entries.values()))
        attempt.advance(late=True)
    if attempt.phase is Phase.VECTORS:
        for site in here(Phase.VECTORS, attempt.sealed):
            mine = {sender: sealed[site] for sender, sealed in attempt.sealed.items() if sender != site}
            sent[site] = members[site].masked(vectors[site], mine)
            attempt.add_vector(site, sent[site])
        attempt.advance(late=True)
    if attempt.phase is Phase.ROLL:
        for site in here(Phase.ROLL, attempt.summed):
            attempt.add_roll(members[site].roll(attempt.members, None))
        attempt.advance(late=True)
    if attempt.phase is Phase.OPENING:
        for site in here(Phase.OPENING, attempt.rolls):
            attempt.add_answer(site, members[site].answer(attempt.rolls.values()))
        attempt.advance(late=True)
    return sent
