"""Streams that are open on one gateway: so many a site, and each camera once."""

from dataclasses import dataclass, field

from raypp.serving.status import Status, StatusError


@dataclass(eq=False)
class StreamPlace:
    """The place of one connection among the open streams.

    Attributes:
        site, camera: whose stream it is.
        number: of the connection, higher than those before.
        ledger: name of the ledger that its stream is opened in; empty until then.
        opened: whether its stream was opened, so that the ledger counts it.
        taken_over: whether a later connection has the stream now.
        lost: whether the ledger does not count it any more.
    """

    site: str
    camera: str
    number: int
    ledger: str = ""
    opened: bool = False
    taken_over: bool = False
    lost: bool = False


@dataclass
class Registry:
    """Open streams of one gateway; used from one thread.

    Attributes:
        most: streams that one site may have open.
        newest: number of the latest connection.
    """

    most: int
    newest: int = 0
    _sites: dict[str, dict[str, list[StreamPlace]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._sites.values()))

    @property
    def sites(self) -> int:
        """How many sites have a stream open."""
        return len(self._sites)

    def enter(self, site: str, camera: str) -> StreamPlace:
        """Take a place for a stream that is being opened; an earlier connection of the same camera keeps its own.

        Raises:
            RefusedError: RESOURCE_EXHAUSTED where the site has as many streams open as it may.
        """
        streams = self._sites.get(site, {})
        if camera not in streams and len(streams) >= self.most:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED,
                f"site {site} has {len(streams)} streams open, at most {self.most}; close some",
            )
        self.newest += 1
        place = StreamPlace(site, camera, self.newest)
        self._sites.setdefault(site, {}).setdefault(camera, []).append(place)
        return place

    def take_over(self, place: StreamPlace) -> None:
        """Let a stream that was opened be its camera's: earlier connections lose it, since its site has opened anew."""
        places = self._sites.get(place.site, {}).get(place.camera, [])
        for other in places[: places.index(place)]:
            other.taken_over = True
        place.opened = True

    def places(self) -> list[StreamPlace]:
        """List the places of all connections."""
        return [place for streams in self._sites.values() for places in streams.values() for place in places]

    def leave(self, place: StreamPlace) -> None:
        """Give a place back."""
        streams = self._sites.get(place.site, {})
        places = streams.get(place.camera, [])
        if place in places:
            places.remove(place)
        if not places:
            streams.pop(place.camera, None)
        if not streams:
            self._sites.pop(place.site, None)
