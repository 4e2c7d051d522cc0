"""What a connection needs of a gateway, without Ray."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from actors.lanes import Lanes
from actors.services import Services
from actors.stream import StreamConnection
from protos import raypp_pb2 as pb
from raypp.errors import RayppError
from raypp.ledger.identity import Principal, Role
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.serving.call_rates import CallRates
from raypp.serving.limits import ServiceLimits
from raypp.serving.model import ServedModel
from raypp.serving.quota import Presence
from raypp.serving.settings import ServiceSettings
from raypp.serving.status import status_of
from raypp.serving.veils import Veils


@dataclass
class Gateway:
    """A gateway, as far as a connection needs one: real ledgers and places, and a model that is only described.

    Attributes:
        ledger: the ledger, or all of them.
        model: what it describes.
        site: whose token every call carries.
        clock_offsets: what its metric was given, microseconds.
    """

    ledger: Ledger | Ledgers
    model: ServedModel
    site: str = "plant-1"
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    settings: ServiceSettings = field(default_factory=lambda: ServiceSettings(models=(Path("tools.model"),)))

    def __post_init__(self) -> None:
        self.clock_offsets: list[int] = []
        nothing = SimpleNamespace(
            clock=self.clock_offsets.append,
            open_streams=lambda *_: None,
            committed=lambda *_: None,
            repeated=lambda: None,
        )
        self.metrics = nothing
        self._lanes: tuple[object, Lanes] | None = None
        self.detectors = self
        self.veils = Veils([self.model.veil_id], {})
        self.calls = Presence(self.settings.quotas, 16, 500, CallRates(600, 128))

    async def principal(self, _metadata: object) -> Principal:
        return Principal(Role.SITE, self.site, None, "0" * 16)

    @property
    def ledgers(self) -> Ledgers:
        return self.lanes.ledgers

    @property
    def lanes(self) -> Lanes:
        """Those of the ledger that it has now."""
        if self._lanes is None or self._lanes[0] is not self.ledger:
            self._lanes = self.ledger, Lanes(Ledgers.around(self.ledger), self.settings)
        return self._lanes[1]

    async def about(self, _veil_id: str) -> ServedModel:
        return self.model

    def stream(self, opening: pb.Open, *chunks: pb.Chunk) -> list[pb.StreamFramesResponse]:
        """Send all of a stream, and return all answers; raises what the call is refused with."""
        return asyncio.run(self._stream(opening, chunks))

    async def _stream(self, opening: pb.Open, chunks: tuple[pb.Chunk, ...]) -> list[pb.StreamFramesResponse]:
        async def requests() -> AsyncIterator[pb.StreamFramesRequest]:
            yield pb.StreamFramesRequest(open=opening)
            for chunk in chunks:
                yield pb.StreamFramesRequest(chunk=chunk)

        return [answer async for answer in self.answers(requests())]

    async def answers(self, requests: AsyncIterator[pb.StreamFramesRequest]) -> AsyncIterator[pb.StreamFramesResponse]:
        """Answer what a site sends; raises what the call is refused with."""

        async def messages() -> AsyncIterator[bytes]:
            async for request in requests:
                yield request.SerializeToString()

        connection = StreamConnection(cast("Services", self), messages(), ())
        try:
            async for answer in connection.run():
                yield answer
        except RayppError as error:
            raise status_of(error) from error
