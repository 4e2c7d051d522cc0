"""Messages of the service `Rounds`, and the values that they carry."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from protos import raypp_pb2 as pb
from raypp.collective.documents import Acceptance, Roll, RoundKeys, parse_signed
from raypp.collective.ring import Words
from raypp.collective.round import AttemptName, Entry, OpeningAnswer, Phase, RoundAttempt
from raypp.errors import CollectiveError

PIECE_BYTES = 1 << 20


def entry_message(entry: Entry) -> pb.RoundEntry:
    """Return an entry as a message."""
    return pb.RoundEntry(acceptance=entry.acceptance.to_bytes(), keys=entry.keys.to_bytes())


def entry_of(message: pb.RoundEntry) -> Entry:
    """Return the entry of a message; raises CollectiveError if it holds none. Signatures are not looked at."""
    return Entry(parse_signed(Acceptance, message.acceptance), parse_signed(RoundKeys, message.keys))


def roll_of(content: bytes) -> Roll:
    """Return the roll of a message; raises CollectiveError if it is none. Its signature is not looked at."""
    return parse_signed(Roll, content)


def sealed_messages(sealed: Mapping[str, bytes]) -> Iterator[pb.SealedShares]:
    """Return sealed shares as messages."""
    return (pb.SealedShares(site=site, sealed=content) for site, content in sealed.items())


def sealed_of(messages: Iterable[pb.SealedShares]) -> dict[str, bytes]:
    """Return the sealed shares of messages, by name."""
    return {message.site: message.sealed for message in messages}


def answer_of(request: pb.UnmaskRequest) -> OpeningAnswer:
    """Return the answer of a message."""
    return OpeningAnswer(
        {each.site: each.words for each in request.seeds}, {each.site: each.words for each in request.keys}
    )


def answer_message(caller: pb.RoundCaller, answer: OpeningAnswer) -> pb.UnmaskRequest:
    """Return an answer as a message."""
    return pb.UnmaskRequest(
        caller=caller,
        seeds=[pb.OpeningShare(site=site, words=words) for site, words in answer.seeds.items()],
        keys=[pb.OpeningShare(site=site, words=words) for site, words in answer.keys.items()],
    )


def attempt_name(caller: pb.RoundCaller) -> AttemptName:
    """Return the attempt that a call is of."""
    return AttemptName(caller.plan, caller.round, caller.attempt)


def view_of(attempt: RoundAttempt, site: str) -> pb.WatchRoundResponse:
    """Return what a site may know of an attempt."""
    view = pb.WatchRoundResponse(
        plan=attempt.name.plan,
        round=attempt.name.round,
        attempt=attempt.name.attempt,
        phase=pb.RoundPhase.Name(attempt.phase),  # the same numbers as on the wire
        base=attempt.base,
        reason=attempt.reason,
    )
    if Phase.SHARES <= attempt.phase <= Phase.OPENING and site in attempt.entries:
        view.entries.extend(map(entry_message, attempt.entries.values()))
    if Phase.VECTORS <= attempt.phase <= Phase.OPENING and site in attempt.sealed:
        mine = {sender: sealed[site] for sender, sealed in attempt.sealed.items() if sender != site}
        view.shares.extend(sealed_messages(mine))
    if Phase.ROLL <= attempt.phase <= Phase.OPENING:
        view.members.extend(attempt.members)
    if attempt.phase is Phase.OPENING:
        view.rolls.extend(roll.to_bytes() for roll in attempt.rolls.values())
    return view


def submit_messages(caller: pb.RoundCaller, vector: Words) -> Iterator[pb.SubmitRequest]:
    """Return a vector as messages, the first of which says who calls."""
    content = vector.astype("<u4").tobytes()
    for start in range(0, len(content), PIECE_BYTES):
        piece = content[start : start + PIECE_BYTES]
        yield pb.SubmitRequest(caller=caller if start == 0 else None, values=piece)


def vector_of(content: bytes, size: int) -> Words:
    """Return the vector of bytes, uint32[size]; raises CollectiveError if there are more or fewer."""
    if len(content) != 4 * size:
        raise CollectiveError(f"a vector has {len(content):,} bytes, not {4 * size:,}; join again")
    return np.frombuffer(content, dtype="<u4").astype(np.uint32)
