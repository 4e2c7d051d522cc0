"""Failed starts of a pool's workers: a lost node counts once, whatever number of workers it takes along. Pure."""

from raypp.errors import RayppError

_MOST = 10
"""So many in sequence, with none that began between them, are no loss of nodes."""


class FailedStarts:
    """Counts failed starts that follow from one another.

    A worker that was started before the last that counts had failed adds nothing: both may be of one lost node.
    """

    def __init__(self) -> None:
        self._in_sequence = 0
        self._generation = 0

    @property
    def generation(self) -> int:
        """Of a worker that is started now."""
        return self._generation

    def began(self) -> None:
        """Note that a worker has begun."""
        self._in_sequence = 0

    def failed(self, generation: int) -> None:
        """Note that a worker of this generation has died as it started.

        Raises:
            RayppError: at the tenth in sequence.
        """
        if generation != self._generation:
            return
        self._generation += 1
        self._in_sequence += 1
        if self._in_sequence == _MOST:
            raise RayppError("workers die as they start; see Ray's logs of them, and whether the nodes have memory")
