"""One attempt of a round: sums are exact whoever drops out, and below the threshold nothing is opened."""

from functools import reduce

import numpy as np
import pytest

from raypp.collective.documents import Acceptance
from raypp.collective.membership import SiteMember
from raypp.collective.plan import CollectivePlan
from raypp.collective.round import AttemptName, Entry, OpeningAnswer, Phase
from raypp.errors import CollectiveError, OptionError
from raypp.veil.key import VeilKey
from tests.collective.sites import BASE, Owners, carry_out

SIZE = 1001


def vectors(owners: Owners, seed: int = 0) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    return {site: chance.integers(0, 1 << 32, SIZE, dtype=np.uint32) for site in owners.plan.sites}


@pytest.mark.parametrize(
    ("sites", "fields", "lost", "summed"),
    [
        (3, {}, {}, 3),
        (4, {}, {}, 4),
        (3, {"two": True, "threshold": 2}, {Phase.SHARES: ["plant-2"]}, 2),
        (3, {"two": True, "threshold": 2}, {Phase.VECTORS: ["plant-2"]}, 2),
        (4, {}, {Phase.KEYS: ["plant-1"]}, 3),
        (4, {}, {Phase.VECTORS: ["plant-4"]}, 3),
        (4, {}, {Phase.ROLL: ["plant-3"]}, 4),
        (4, {}, {Phase.OPENING: ["plant-1"]}, 4),
        (5, {"threshold": 3}, {Phase.SHARES: ["plant-1"], Phase.VECTORS: ["plant-3"]}, 3),
        pytest.param(
            15, {}, {Phase.VECTORS: ["plant-2", "plant-15"], Phase.OPENING: ["plant-7"]}, 13, marks=pytest.mark.slow
        ),
        (2, {"two": True}, {}, 2),
    ],
)
def test_the_opened_sum_is_the_plain_sum_of_the_sites_that_are_in_it(sites, fields, lost, summed) -> None:
    owners = Owners(sites, **fields)
    plain, attempt = vectors(owners), owners.attempt(SIZE)
    carry_out(attempt, owners.members(attempt), plain, lost)
    assert attempt.phase is Phase.OPENED
    assert len(attempt.summed) == summed
    expected = reduce(np.add, (plain[site] for site in attempt.summed))
    assert np.array_equal(attempt.open(), expected)


@pytest.mark.parametrize("phase", [Phase.KEYS, Phase.SHARES, Phase.VECTORS, Phase.ROLL, Phase.OPENING])
def test_below_the_threshold_an_attempt_is_void_and_holds_no_sum(phase: Phase) -> None:
    owners = Owners(3)
    attempt = owners.attempt(SIZE)
    carry_out(attempt, owners.members(attempt), vectors(owners), {phase: ["plant-1"]})
    assert attempt.phase is Phase.VOID
    assert attempt.total is None
    assert "2 of 3 sites" in attempt.reason
    assert "nothing was opened" in attempt.reason


def test_masked_vectors_look_like_chance_whatever_they_hide() -> None:
    owners = Owners(3)
    attempt = owners.attempt(200_001)
    plain = {site: np.zeros(200_001, dtype=np.uint32) for site in owners.plan.sites}
    sent = carry_out(attempt, owners.members(attempt), plain)
    for vector in (*sent.values(), attempt.total):
        counts = np.bincount(vector.view(np.uint8), minlength=256)
        chi_square = float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
        assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)
    assert not attempt.open().any()


def test_a_site_signs_one_sum_of_a_round_and_answers_once() -> None:
    owners = Owners(4)
    plain, attempt = vectors(owners), owners.attempt(SIZE)
    members = owners.members(attempt)
    carry_out(attempt, members, plain)
    first = members["plant-1"]
    with pytest.raises(CollectiveError, match="out of turn"):
        first.answer(attempt.rolls.values())
    with pytest.raises(CollectiveError, match="other sites in the sum than before"):
        first.roll(("plant-1", "plant-2", "plant-3"), None)

    again = owners.attempt(SIZE, attempt=2)
    members = owners.members(again)
    with pytest.raises(CollectiveError, match="the difference would tell an update"):
        _roll_of(again, members, plain, without="plant-4").roll(again.members, attempt.members)


def test_two_sites_or_unsigned_rolls_open_nothing() -> None:
    owners = Owners(4)
    plain, attempt = vectors(owners), owners.attempt(SIZE)
    members = owners.members(attempt)
    member = _roll_of(attempt, members, plain, without="plant-4")
    with pytest.raises(CollectiveError, match="would sum plant-1, plant-2; this site does not sign"):
        member.roll(("plant-1", "plant-2"), None)
    rolls = [members[site].roll(attempt.members, None) for site in attempt.members]
    altered = rolls[0].model_copy(update={"members": ("plant-1", "plant-2", "plant-4")})
    for few in (rolls[:2], [rolls[0]] * 3, [rolls[0], rolls[1], altered]):
        with pytest.raises(CollectiveError, match=r"[12] sites have signed"):
            member.answer(few)
    answer = member.answer(rolls)
    assert set(answer.seeds) == {"plant-1", "plant-2", "plant-3"}
    assert set(answer.keys) == {"plant-4"}, "of a site in the sum its key stays, of another its own seed"


def _roll_of(attempt, members, plain, without: str):
    for member in members.values():
        attempt.add_entry(member.entry())
    attempt.advance()
    for site, member in members.items():
        attempt.add_shares(site, member.shares(attempt.entries.values()))
    attempt.advance()
    for site, member in members.items():
        if site != without:
            mine = {sender: sealed[site] for sender, sealed in attempt.sealed.items() if sender != site}
            attempt.add_vector(site, member.masked(plain[site], mine))
    attempt.advance(late=True)
    assert attempt.phase is Phase.ROLL
    return members["plant-1"]


def test_a_site_refuses_keys_that_its_plan_does_not_know() -> None:
    owners = Owners(3)
    attempt = owners.attempt(SIZE)
    members = owners.members(attempt)
    entries = [member.entry() for member in members.values()]
    stranger = SiteMember.accept(
        owners.plan.model_copy(update={"sites": {"plant-3": VeilKey(bytes([9]) * 32).fingerprint}}),
        "plant-3",
        VeilKey(bytes([9]) * 32),
    )
    forged = Entry(
        Acceptance(plan=owners.plan.digest, site="plant-3", member=stranger.public_key.hex()).signed(
            VeilKey(bytes([9]) * 32)
        ),
        entries[2].keys.signed(stranger),
    )
    with pytest.raises(CollectiveError, match="accept with the owner's key that the plan names"):
        members["plant-1"].shares([*entries[:2], forged])
    other = Entry(entries[2].acceptance, entries[2].keys.model_copy(update={"mask_key": "00" * 32}))
    with pytest.raises(CollectiveError, match="not signed by what its owner accepted"):
        members["plant-1"].shares([*entries[:2], other])
    with pytest.raises(CollectiveError, match="trained from another model"):
        entries[1].check(owners.plan, attempt.name, "cd" * 32)
    with pytest.raises(CollectiveError, match="of another round"):
        entries[1].check(owners.plan, AttemptName(owners.plan.digest, 2, 1), BASE)
    with pytest.raises(CollectiveError, match="2 sites, and the plan takes 3"):
        members["plant-1"].shares(entries[:2])


def test_an_acceptance_is_of_one_plan_and_of_the_owners_key() -> None:
    owners = Owners(3)
    changed = owners.plan.model_copy(update={"rounds": 21})
    acceptance = owners.memberships["plant-1"].acceptance
    with pytest.raises(CollectiveError, match="let its owner read this one"):
        acceptance.check(changed)
    with pytest.raises(CollectiveError, match="was altered"):
        acceptance.model_copy(update={"signature": "00" * 64}).check(owners.plan)
    with pytest.raises(OptionError, match=r"opens key .* and the plan has"):
        SiteMember.accept(owners.plan, "plant-1", owners.keys["plant-2"])
    with pytest.raises(OptionError, match="no site of the plan"):
        SiteMember.accept(owners.plan, "plant-9", owners.keys["plant-2"])


def test_wrong_shares_open_nothing() -> None:
    owners = Owners(3)
    plain, attempt = vectors(owners), owners.attempt(SIZE)
    carry_out(attempt, owners.members(attempt), plain)
    answer = attempt.answers["plant-1"]
    words = answer.seeds["plant-2"].split()
    words[5], words[6] = words[6], words[5]
    attempt.answers["plant-1"] = OpeningAnswer(dict(answer.seeds) | {"plant-2": " ".join(words)}, answer.keys)
    with pytest.raises(CollectiveError, match="the shares of plant-2 do not open"):
        attempt.open()


def test_a_plan_has_three_sites_and_a_majority_and_never_the_adapter() -> None:
    prints = {f"plant-{number}": VeilKey(bytes([number]) * 32).fingerprint for number in range(1, 6)}

    def plan(sites: int, **fields: object) -> CollectivePlan:
        chosen = dict(list(prints.items())[:sites])
        return CollectivePlan(**{"name": "t", "sites": chosen, "classes": ("a",), "size": 64} | fields)

    assert [plan(sites).needed for sites in (3, 4, 5)] == [3, 3, 4]
    assert "with the help of one site" in " ".join(plan(5, threshold=3).warnings())
    assert "with the help of one site" not in " ".join(plan(5).warnings())
    for sites, fields, message in (
        (2, {}, "the mean of two sites tells each the other's update"),
        (4, {"threshold": 2}, "a sum of two tells each the other's"),
        (3, {"threshold": 4}, "can never be reached"),
        (5, {"threshold": 2, "two": True}, "have more than half"),
        (3, {"share": ("trunk", "adapter")}, "the adapter reads its owner's veil and never leaves"),
        (3, {"most_frames": 2_000_000_000}, "less than or equal to 100000000"),
        (3, {"patch": 5}, "must be 4, 8 or 16"),
    ):
        with pytest.raises(ValueError, match=message):
            plan(sites, **fields)
    prints["plant-3"] = prints["plant-2"]
    with pytest.raises(ValueError, match="one owner would count twice"):
        plan(3)
