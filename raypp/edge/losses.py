"""What the service said is committed and has lost since: sent again where the spool holds it, else told to a person."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from protos import raypp_pb2 as pb
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.committed_record import RECORD_FILE, CommittedStream, read_record
from raypp.edge.status import LostChunks
from raypp.edge.uplink.committed_query import query_shortfalls
from raypp.edge.uplink.connection import ServiceConnection


class LossCheck:
    """Compares what a spool records with the service.

    Args:
        connection: how to reach the service.
        site: name of the site.
        spool: folder of the agent's spool.

    Attributes:
        lost: what the last comparison has shown.
    """

    def __init__(self, connection: ServiceConnection, site: str, spool: Path) -> None:
        self.lost: tuple[LostChunks, ...] = ()
        self._connection = connection
        self._site = site
        self._spool = spool

    async def compare(self, held: Mapping[str, CameraSpool]) -> tuple[bool, list[str]]:
        """Compare, and have sent again what the spools hold.

        Args:
            held: spools at work, by camera; of other cameras only the records are read.

        Returns:
            Whether the service could say, and a line on each stream that is sent again.

        Raises:
            SiteError: if the service cannot be reached, or refuses.
            SpoolError: if a record is damaged, or the disk fails.
        """
        committed = await asyncio.to_thread(self._committed, held)
        if not any(committed.values()):
            self.lost = ()
            return True, []
        shortfalls = await query_shortfalls(self._connection, self._site, committed)
        if shortfalls is None:
            await self._confirm(held)
            return False, []
        lines: list[str] = []
        known = {(camera, stream.epoch): stream for camera, streams in committed.items() for stream in streams}
        lost = []
        for shortfall in shortfalls:
            stream = known.get((shortfall.camera, shortfall.stream_epoch))
            if stream is None:
                continue  # it was not in the question
            if shortfall.superseded or shortfall.committed + 1 < stream.held_from:
                lost.append(_lost(shortfall, stream))
                continue
            spool = held.get(shortfall.camera)
            again = f"chunks {shortfall.committed + 1} to {stream.sequence} of stream {stream.epoch}"
            if spool is None:
                lines.append(f"{shortfall.camera}: the service has lost {again}; stream this camera again to send them")
            elif spool.send_again(stream.epoch, shortfall.committed):
                lines.append(f"{shortfall.camera}: the service has lost {again}; they are sent again")
        self.lost = tuple(lost)
        await self._confirm(held)
        return True, lines

    async def _confirm(self, held: Mapping[str, CameraSpool]) -> None:
        for spool in held.values():
            await asyncio.to_thread(spool.confirm)

    def _committed(self, held: Mapping[str, CameraSpool]) -> dict[str, list[CommittedStream]]:
        return records(self._spool) | {camera: spool.committed_streams() for camera, spool in held.items()}


def records(spool: Path) -> dict[str, list[CommittedStream]]:
    """Read the records of all cameras of a spool, at work or not, as far as nothing else is known of them.

    Raises:
        SpoolError: if one is damaged.
    """
    read: dict[str, list[CommittedStream]] = {}
    for path in sorted(spool.glob(f"*/{RECORD_FILE}")):
        streams = [
            stream if (path.parent / f"{stream.epoch:020d}").exists() else stream.deleted
            for stream in read_record(path.parent)
            if stream.sequence
        ]
        read[path.parent.name] = streams
    return read


def _lost(shortfall: pb.Shortfall, stream: CommittedStream) -> LostChunks:
    return LostChunks(
        camera=shortfall.camera,
        epoch=stream.epoch,
        first_chunk=shortfall.committed + 1,
        last_chunk=stream.sequence if shortfall.superseded else min(stream.held_from - 1, stream.sequence),
        from_us=shortfall.newest_us or stream.first_us,
        to_us=stream.last_us,
        live=stream.live,
        source=stream.source,
    )
