"""The admission of one stream on one connection: which chunk may come next. Pure."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from raypp.serving.status import Status, StatusError


class Admission(Enum):
    """The decision on a chunk."""

    NEW = auto()
    """Detect, fold, commit, answer."""
    REPEAT = auto()
    """It is durable, or about to be: answer it again when it is, and change nothing."""


@dataclass(frozen=True, slots=True)
class StreamAdmission:
    """Where a stream stands on one connection.

    Attributes:
        admitted: highest sequence number that was admitted, or was durable when the connection opened.
        answered: highest sequence number that the client was told is committed.
        last_index: highest frame index that was admitted on this connection; -1: none yet.
        ended: whether the chunk `admitted` is the stream's last.
    """

    admitted: int
    answered: int
    last_index: int = -1
    ended: bool = False

    @classmethod
    def resumed(cls, committed: int, *, ended: bool) -> "StreamAdmission":
        """Begin after the chunks that are durable."""
        return cls(admitted=committed, answered=committed, ended=ended)

    def admit(
        self, sequence: int, committed_seen: int, indices: tuple[int, int] | None, *, last: bool, window: int
    ) -> tuple["StreamAdmission", Admission]:
        """Judge a chunk that has come.

        Args:
            sequence: its number.
            committed_seen: highest number that the client says it was told is committed.
            indices: first and last frame index in it; None where it has no frames.
            last: whether it ends the stream.
            window: chunks that may be sent and not seen committed.

        Returns:
            The admission after it, and what is to be done.

        Raises:
            RefusedError: FAILED_PRECONDITION for a number out of turn, or a chunk after the last; INVALID_ARGUMENT for
                a `committed_seen` that was never said, or a frame index that does not rise; RESOURCE_EXHAUSTED
                beyond the window.
        """
        if committed_seen > self.answered:
            raise StatusError(
                Status.INVALID_ARGUMENT,
                f"chunk {sequence} has seen {committed_seen} committed, but this connection was told {self.answered}",
            )
        if sequence - committed_seen > window:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED,
                f"chunk {sequence} is {sequence - committed_seen} beyond the last that was seen committed; "
                f"the window is {window}: read the answers first",
            )
        if sequence <= self.admitted:
            return self, Admission.REPEAT
        if self.ended:
            raise StatusError(
                Status.FAILED_PRECONDITION,
                f"the stream has ended with chunk {self.admitted}; open a new one with a higher epoch",
            )
        if sequence != self.admitted + 1:
            raise StatusError(
                Status.FAILED_PRECONDITION,
                f"chunk {sequence} is out of turn; the next one is {self.admitted + 1}",
            )
        if indices is not None and indices[0] <= self.last_index:
            raise StatusError(
                Status.INVALID_ARGUMENT,
                f"chunk {sequence}: frame {indices[0]} follows {self.last_index}; indices must rise",
            )
        after = replace(self, admitted=sequence, ended=last, last_index=indices[1] if indices else self.last_index)
        return after, Admission.NEW

    def acknowledged(self, sequence: int) -> "StreamAdmission":
        """Return the admission after the client was told that a chunk is committed."""
        return replace(self, answered=max(self.answered, sequence))
