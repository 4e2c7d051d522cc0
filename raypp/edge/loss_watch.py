"""When an agent compares what is committed with the service: at its start, after new connections, now and then."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from raypp.edge.log import Log
from raypp.edge.losses import LossCheck
from raypp.edge.settings import AgentSettings
from raypp.edge.status import LostChunks
from raypp.edge.work import StreamAtWork
from raypp.errors import SiteError, SpoolError

_EVERY_S = 600.0
_AGAIN_S = 30.0
"""After a new connection, which may be to a service that was restored, and after a failure."""
_GLANCE_S = 0.5
_FAILED = "what is committed could not be compared with the service"
_OLDER = (
    "the service is older than this agent and cannot say whether it still has all that it committed; it can once it "
    "is upgraded"
)


class LossWatch:
    """Compares for as long as the agent runs, and tells of what is new.

    Args:
        settings: of the agent.
        log: takes one line for the operator.

    Attributes:
        compared: it has tried, since the agent started.
    """

    def __init__(self, settings: AgentSettings, log: Log) -> None:
        self.compared = False
        self._check = LossCheck(settings.connection, settings.site, settings.spool)
        self._spool = settings.spool
        self._log = log
        self._logged: set[str] = set()

    @property
    def lost(self) -> tuple[LostChunks, ...]:
        """Losses that the last comparison has shown."""
        return self._check.lost

    async def run(self, streams: Callable[[], Sequence[StreamAtWork]]) -> None:
        """Compare for ever; cancel it to stop."""
        while True:
            at_work = streams()
            connections = _connections(at_work)
            well = await self._compare({stream.name: stream for stream in at_work})
            self.compared = True
            began = monotonic()
            while (passed_s := monotonic() - began) < (_EVERY_S if well else _AGAIN_S):
                await asyncio.sleep(_GLANCE_S)
                if passed_s >= _AGAIN_S and _connections(streams()) > connections:
                    break

    async def _compare(self, at_work: dict[str, StreamAtWork]) -> bool:
        spools = {name: stream.spool for name, stream in at_work.items()}
        try:
            answered, lines = await self._check.compare(spools)
            if not answered:
                self._once(_OLDER)
            for line in lines:
                self._log(line)
            for chunks in self._check.lost:
                self._once(chunks.says(self._spool))
        except (SiteError, SpoolError) as error:
            self._once(f"{_FAILED}: {error}")
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, an agent on recordings waits for the next try
            self._once(f"{_FAILED}: {type(error).__name__}: {' '.join(str(error).split())}")
            return False
        return True

    def _once(self, text: str) -> None:
        if text not in self._logged:
            self._logged.add(text)
            self._log(text)


def _connections(streams: Sequence[StreamAtWork]) -> int:
    return sum(stream.client.progress.connections for stream in streams)
