"""Running replicas of a deployment, as Serve's controller counts them."""

import asyncio
import time

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

_BELIEVED_S = 5.0
_WITHIN_S = 1.0


class RunningReplicas:
    """Counts the replicas of a deployment that run. Used from one event loop.

    Args:
        application, deployment: names of Serve.
        least: that Serve keeps at any time: the answer where the controller gives none.
    """

    def __init__(self, application: str, deployment: str, least: int) -> None:
        self._application = application
        self._deployment = deployment
        self._count = self._least = least
        self._counted_at = float("-inf")
        self._counting: asyncio.Task[int] | None = None

    async def count(self) -> int:
        """Return how many ran a few seconds ago at most; a lost node's count until Ray has seen that it is lost."""
        if time.monotonic() - self._counted_at < _BELIEVED_S:
            return self._count
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(asyncio.to_thread(self._asked))
        counting = self._counting
        try:
            count = await asyncio.wait_for(asyncio.shield(counting), _WITHIN_S)
        except (TimeoutError, RayError, RayServeException, KeyError):
            return self._least
        self._count, self._counted_at = count, time.monotonic()
        return count

    def _asked(self) -> int:
        deployment = serve.status().applications[self._application].deployments[self._deployment]
        return sum(count for state, count in deployment.replica_states.items() if state == "RUNNING")
