"""Streams that gateways hold open, a row each, so that a site's are counted on all gateways together.

A row runs out by the database's clock unless its gateway renews it: the streams of a gateway that was killed stop
counting then. A camera's next connection takes its row over at once, on whatever gateway. Commits touch no such row.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, distinct, func, select, text, update

from raypp.errors import TooManyCamerasError, TooManyStreamsError, UnknownSiteError
from raypp.io.clock import now_us
from raypp.ledger.database import Database
from raypp.ledger.statements import put
from raypp.ledger.tables import OpenStreamRow, SiteRow, StreamRow
from raypp.usage.episode import StreamName

_CLOCK = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


@dataclass(frozen=True)
class Opening:
    """The connection that opens a stream, and the limits of its site.

    Attributes:
        gateway: name of the gateway, unlike any other's.
        connection: number of the connection among the gateway's; later ones have higher numbers.
        most_streams: streams that the site may have open, on all gateways together.
        most_cameras: cameras that the ledger keeps of the site.
        for_us: how long the stream counts unless its gateway renews it.
    """

    gateway: str
    connection: int
    most_streams: int
    most_cameras: int
    for_us: int


def count_open_stream(connection: Connection, stream: StreamName, opening: Opening) -> None:
    """Count a stream among its site's open ones, in the transaction that opens it; streams of one site in turn.

    Raises:
        TooManyCamerasError: if its camera is new, and the ledger keeps as many of the site as it may.
        TooManyStreamsError: if other cameras of the site have as many streams open as it may.
        UnknownSiteError: if the site is not registered.
    """
    # one at a time; commits of the site's streams do not wait for it
    site = select(SiteRow.name).where(SiteRow.name == stream.site).with_for_update(key_share=True)
    if connection.execute(site).first() is None:
        raise UnknownSiteError(f"site {stream.site[:100]!r} is not registered; run `raypp site add`")
    _require_camera(connection, stream, opening.most_cameras)
    now = _clock(connection)
    of_site = OpenStreamRow.site == stream.site
    connection.execute(delete(OpenStreamRow).where(of_site, OpenStreamRow.until_us <= now))
    others = select(func.count()).select_from(OpenStreamRow).where(of_site, OpenStreamRow.camera != stream.camera)
    count = connection.execute(others).scalar_one()
    if count >= opening.most_streams:
        raise TooManyStreamsError(
            f"site {stream.site} has {count} streams open on all gateways, at most {opening.most_streams} "
            f"(limits.streams_per_site); close some: those of a gateway that was killed count for "
            f"{opening.for_us / 1e6:g} s more at most"
        )
    row = {
        "site": stream.site,
        "camera": stream.camera,
        "gateway": opening.gateway,
        "connection": opening.connection,
        "until_us": now + opening.for_us,
    }
    put(connection, OpenStreamRow, [row], ("gateway", "connection", "until_us"))


def _require_camera(connection: Connection, stream: StreamName, most: int) -> None:
    of_site = StreamRow.site == stream.site
    known = select(StreamRow.stream_id).where(of_site, StreamRow.camera == stream.camera).limit(1)
    if connection.execute(known).first() is not None:
        return
    count = connection.execute(select(func.count(distinct(StreamRow.camera))).where(of_site)).scalar_one()
    if count >= most:
        raise TooManyCamerasError(
            f"site {stream.site} has {count} cameras, at most {most} (quotas.cameras); "
            f"{stream.camera} is not one of them: use a name that is, or have the limit raised"
        )


class OpenStreams:
    """Rows of one gateway; each call is a transaction of its own, and blocks.

    Args:
        database: of the ledger.
        gateway: name of the gateway, as `Opening` has it.
    """

    def __init__(self, database: Database, gateway: str) -> None:
        self.gateway = gateway
        self._database = database
        self._mine = OpenStreamRow.gateway == gateway

    def renew(self, connections: Iterable[int], newest: int, for_us: int) -> frozenset[int]:
        """Let the rows of connections count for longer, and delete those of connections that are gone.

        Args:
            connections: numbers of those that are there.
            newest: the highest number when they were listed; rows of later ones are left as they are.
            for_us: how long the streams count from now on.

        Returns:
            Numbers of the connections that have a row. The others have lost it: to another connection of their
            camera, or since it had run out when their site opened a stream elsewhere.
        """
        with self._database.write() as connection:
            numbers = select(OpenStreamRow.connection).where(self._mine)
            rows = frozenset(connection.execute(numbers).scalars())
            gone = {number for number in rows.difference(connections) if number <= newest}
            if gone:
                connection.execute(delete(OpenStreamRow).where(self._mine, OpenStreamRow.connection.in_(gone)))
            until_us = _clock(connection) + for_us
            renewed = update(OpenStreamRow).where(self._mine).values(until_us=until_us)
            return frozenset(connection.execute(renewed.returning(OpenStreamRow.connection)).scalars())

    def release(self, connections: Iterable[int]) -> None:
        """Stop counting the streams of some connections."""
        with self._database.write() as connection:
            connection.execute(delete(OpenStreamRow).where(self._mine, OpenStreamRow.connection.in_(list(connections))))

    def release_all(self) -> None:
        """Stop counting all streams of the gateway."""
        with self._database.write() as connection:
            connection.execute(delete(OpenStreamRow).where(self._mine))


def _clock(connection: Connection) -> int:
    """Return the database's time, in microseconds since 1970; SQLite's is this machine's."""
    return now_us() if connection.dialect.name == "sqlite" else int(connection.execute(_CLOCK).scalar_one())
