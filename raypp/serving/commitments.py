"""The answer to a site that compares what it was told is committed with the ledger."""

from protos import raypp_pb2 as pb
from raypp.ledger.shortfalls import Commitment, Loss, Shortfall, note_losses, shortfalls
from raypp.ledger.store import Ledger
from raypp.serving.status import Status, StatusError
from raypp.wire.frames import LARGEST_INDEX, LATEST_US
from raypp.wire.messages import check_wire_name

MOST_COMMITMENTS = 200
"""Streams of one call."""
_MOST_REMEMBERED = 10_000


class CommitmentCheck:
    """Compares for one gateway, and remembers which losses the audit log has."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._noted: set[tuple[str, Loss]] = set()

    def answer(self, request: pb.CheckCommittedRequest, who: str) -> tuple[pb.CheckCommittedResponse, int]:
        """Answer one call; blocks.

        Args:
            request: what the site was told.
            who: for the audit log.

        Returns:
            The answer, and how many streams were seen for the first time to have lost something for good.

        Raises:
            WireError: for a malformed name.
            StatusError: INVALID_ARGUMENT for a number out of range, or too many streams.
        """
        commitments = _parsed(request)
        behind = shortfalls(self._ledger, request.site, commitments) if commitments else []
        lost = [Loss.of(shortfall) for shortfall in behind if shortfall.is_lost]
        new = [loss for loss in lost if (request.site, loss) not in self._noted]
        if new:
            written = note_losses(self._ledger, request.site, new, who)
            if len(self._noted) > _MOST_REMEMBERED:
                self._noted.clear()
            self._noted.update((request.site, loss) for loss in new)
            new = written
        return pb.CheckCommittedResponse(shortfalls=[_message(shortfall) for shortfall in behind]), len(new)


def _parsed(request: pb.CheckCommittedRequest) -> list[Commitment]:
    check_wire_name(request.site, "site")
    if len(request.commitments) > MOST_COMMITMENTS:
        words = f"{len(request.commitments)} commitments in one call, at most {MOST_COMMITMENTS}"
        raise StatusError(Status.INVALID_ARGUMENT, words)
    commitments = []
    for message in request.commitments:
        check_wire_name(message.camera, "camera")
        numbers = (message.stream_epoch, message.sequence, message.held_from or message.sequence + 1)
        if not all(1 <= number <= LARGEST_INDEX for number in numbers):
            words = f"commitment of {message.camera}: epoch and chunks {numbers} must be 1 to {LARGEST_INDEX}"
            raise StatusError(Status.INVALID_ARGUMENT, words)
        times = (message.first_us, message.last_us)
        if not all(0 <= time_us <= LATEST_US for time_us in times):
            words = f"commitment of {message.camera}: times {times} are not within 1970 to 9998, in microseconds"
            raise StatusError(Status.INVALID_ARGUMENT, words)
        commitments.append(Commitment(message.camera, *numbers, *times))
    return commitments


def _message(shortfall: Shortfall) -> pb.Shortfall:
    commitment = shortfall.commitment
    return pb.Shortfall(
        camera=commitment.camera,
        stream_epoch=commitment.epoch,
        committed=shortfall.committed,
        newest_us=shortfall.newest_us,
        superseded=shortfall.superseded,
    )
