"""`python -m benchmarks.collective`: what masked sums cost a site, and how they look, as JSON.

A round of four sites with the weights of a yolov8n, in this process: CPU seconds of a site for shares, masks and its
answer, and of opening; bytes on the wire against float32. One site drops out after its shares.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from protos import raypp_pb2 as pb
from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.messages import submit_messages
from raypp.collective.plan import CollectivePlan
from raypp.collective.ring import UpdateRing
from raypp.collective.round import AttemptName, Phase, RoundAttempt
from raypp.veil.key import VeilKey

_WEIGHTS, _SITES, _ROUNDS = 3_000_000, 4, 3
_BASE = "00" * 32


def main() -> None:
    keys = {f"plant-{number}": VeilKey.generate() for number in range(_SITES)}
    plan = CollectivePlan(
        name="costs", sites={site: key.fingerprint for site, key in keys.items()}, classes=("a",), size=64
    )
    owners = {site: SiteMember.accept(plan, site, key) for site, key in keys.items()}
    for number in range(1, _ROUNDS + 1):
        print(json.dumps(_round(plan, owners, number)), flush=True)


def _round(plan: CollectivePlan, owners: dict[str, SiteMember], number: int) -> dict[str, float]:
    name, chance = AttemptName(plan.digest, number, 1), np.random.default_rng(number)
    ring = UpdateRing(plan.clip, _SITES, plan.most_frames)
    attempt = RoundAttempt(plan, name, _BASE, _WEIGHTS + 1)
    updates = {site: chance.normal(0, 0.01, _WEIGHTS).astype(np.float32) for site in owners}
    spent: dict[str, float] = dict.fromkeys(("shares_s", "mask_s", "answer_s", "open_s"), 0.0)

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        spent[what] = max(spent[what], time.process_time() - begun)

    members = {site: MemberAttempt(plan, owner, name, _BASE) for site, owner in owners.items()}
    for member in members.values():
        attempt.add_entry(member.entry())
    attempt.advance()
    for site, member in members.items():
        with timed("shares_s"):
            sealed = member.shares(attempt.entries.values())
        attempt.add_shares(site, sealed)
    attempt.advance()
    plain, masked = np.zeros(_WEIGHTS + 1, dtype=np.uint32), None
    for site in sorted(owners)[1:]:
        mine = {sender: sealed[site] for sender, sealed in attempt.sealed.items() if sender != site}
        with timed("mask_s"):
            vector = ring.encode(updates[site], 500)
            masked = members[site].masked(vector, mine)
        plain += vector
        attempt.add_vector(site, masked)
    attempt.advance(late=True)
    for site in attempt.summed:
        attempt.add_roll(members[site].roll(attempt.members, None))
    attempt.advance()
    for site in attempt.rolls:
        with timed("answer_s"):
            answer = members[site].answer(attempt.rolls.values())
        attempt.add_answer(site, answer)
    attempt.advance()
    assert attempt.phase is Phase.OPENED
    with timed("open_s"):
        total = attempt.open()
    assert masked is not None
    counts = np.bincount(masked.view(np.uint8), minlength=256)
    expected = masked.nbytes / 256
    sent = sum(message.ByteSize() for message in submit_messages(_caller(), masked))
    return {
        **{what: round(seconds, 3) for what, seconds in spent.items()},
        "site_s": round(spent["shares_s"] + spent["mask_s"] + spent["answer_s"], 3),
        "exact": bool(np.array_equal(total, plain)),
        "bytes_against_float32": round(sent / (4 * _WEIGHTS), 4),
        "chi_square_sigmas": round(float((((counts - expected) ** 2 / expected).sum() - 255) / np.sqrt(510)), 2),
    }


def _caller() -> pb.RoundCaller:
    return pb.RoundCaller(site="plant-1", instance=1, plan="0" * 64, round=1, attempt=1)


if __name__ == "__main__":
    main()
