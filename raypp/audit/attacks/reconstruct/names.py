"""Names: which channel and value of one set of codes is which of another, by how often they occur together."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.cells import evenly_chosen
from raypp.audit.core.model import Codes

Doubles: TypeAlias = npt.NDArray[np.float64]
Order: TypeAlias = npt.NDArray[np.int64]

_SUREST, _ROUNDS = 3, 4
"""Channels whose names correct the others' at first, one more in each round, and rounds with all of them."""
_LEAST = 1e-9


@dataclass(frozen=True)
class Names:
    """Names of channels and values of some codes in a reference.

    A substitution is solved as ciphers are, by frequencies. Values of a channel stand in an order, since neighbouring
    cells mostly have values near one another: the order is the second eigenvector of how often they touch (seriation:
    Atkins, Boman, Hendrickson 1998), but for its direction. Channels whose tables in that order are alike belong
    together; directions are those under which channels go with one another as in the reference. From there on names
    are corrected in rounds, each by the names that all others have.

    Attributes:
        channels: int64[C], for each channel of the reference the channel of the codes.
        values: uint8[C, L], for each channel of the codes what its values are called in the reference.
    """

    channels: Order
    values: Codes

    @classmethod
    def of(cls, codes: Codes, reference: Codes, levels: int) -> "Names":
        """Find the names of codes uint8[N, C, G, G'] in a reference of the same veil under another key."""
        mine, wanted = _Tables.of(codes, levels), _Tables.of(reference, levels)
        places, doubt = _first(mine, wanted)
        for used in (*range(_SUREST, len(places)), *[len(places)] * _ROUNDS):
            # Tables of what stands in a cell together with the surest channels, those of the codes by present names.
            rows = np.argsort(doubt)[:used]
            columns = (rows[:, None] * levels + np.arange(levels)).ravel()
            distance = _distances(wanted.together[:, columns], mine.together[:, places[rows].ravel()])
            places, doubt = _matched(distance, *places.shape)
        channels = places[:, 0] // levels
        values = np.zeros((len(channels), levels), dtype=np.uint8)
        for place, channel in zip(places, channels, strict=True):
            values[channel, place % levels] = np.arange(levels)
        return cls(channels, values)

    def renamed(self, codes: Codes) -> Codes:
        """Return codes by the names of the reference."""
        called = np.stack([names[codes[:, channel]] for channel, names in enumerate(self.values)], axis=1)
        return np.ascontiguousarray(called[:, self.channels])


@dataclass(frozen=True)
class _Tables:
    """How often values occur.

    Attributes:
        touching: float64[C, L, L], in cells that touch.
        order: int64[C, L], values of each channel in their order, from either end.
        together: float64[C*L, C*L], in one cell.
        levels: L.
    """

    touching: Doubles
    order: Order
    together: Doubles
    levels: int

    @classmethod
    def of(cls, codes: Codes, levels: int) -> "_Tables":
        shown = (evenly_chosen(codes)[:, :, None] == np.arange(levels)[:, None, None]).astype(np.float32)
        touching = sum(
            np.einsum("ncvgh,ncwgh->cvw", near, other, optimize=True)
            for near, other in ((shown[..., 1:], shown[..., :-1]), (shown[..., 1:, :], shown[..., :-1, :]))
        )
        touching = (touching + touching.transpose(0, 2, 1)) / touching.sum(axis=(1, 2), keepdims=True) / 2
        flat = shown.transpose(1, 2, 0, 3, 4).reshape(codes.shape[1] * levels, -1)
        return cls(touching, np.stack([_order(table) for table in touching]), flat @ flat.T / flat.shape[1], levels)

    def ordered(self) -> Doubles:
        """`touching` with values in order."""
        return np.stack([table[np.ix_(order, order)] for table, order in zip(self.touching, self.order, strict=True)])

    def going_together(self) -> Doubles:
        """Correlation of the places of values in their orders, float64[C, C]."""
        count = len(self.order)
        ranks = np.argsort(self.order, axis=1).astype(np.float64)
        shares = np.diag(self.together).reshape(count, -1)
        ranks -= (ranks * shares).sum(axis=1, keepdims=True)
        cut = self.together.reshape(count, self.levels, count, self.levels)
        shared: Doubles = np.einsum("cv,cvdw,dw->cd", ranks, cut, ranks, optimize=True)
        spread = np.sqrt(np.maximum(np.diag(shared), _LEAST))
        return shared / spread / spread[:, None]


def _first(mine: _Tables, wanted: _Tables) -> tuple[Order, Doubles]:
    """First names, int64[C, L]: of each channel and value of the reference, the row in own tables; and doubts."""
    own, other = mine.ordered(), wanted.ordered()
    costs = [np.square(other[:, None] - tables[None]).sum(axis=(2, 3)) for tables in (own, own[:, ::-1, ::-1])]
    cheapest = np.minimum(*costs)
    channels = _assigned(cheapest)
    agreement = wanted.going_together() * mine.going_together()[np.ix_(channels, channels)]
    _, vectors = np.linalg.eigh(agreement)
    ways = vectors[:, -1] >= 0
    here = np.arange(len(channels))
    straight, turned = (cost[here, channels] for cost in costs)
    if np.where(ways, straight, turned).sum() > np.where(ways, turned, straight).sum():
        ways = ~ways
    places = np.empty((len(channels), mine.levels), dtype=np.int64)
    for row, (channel, way) in enumerate(zip(channels, ways, strict=True)):
        order = mine.order[channel] if way else mine.order[channel][::-1]
        places[row, wanted.order[row]] = channel * mine.levels + order
    return places, _doubt(cheapest, channels)


def _order(table: Doubles) -> Order:
    """Order of values by the second eigenvector of how often they touch."""
    shares = np.sqrt(np.maximum(table.sum(axis=1), _LEAST))
    _, vectors = np.linalg.eigh(table / shares / shares[:, None])
    return np.argsort(vectors[:, -2] / shares)


def _distances(wanted: Doubles, own: Doubles) -> Doubles:
    """Squared distance of each row to each other row, float64[R, R]."""
    squares = np.square(wanted).sum(axis=1)[:, None] + np.square(own).sum(axis=1)
    distances: Doubles = squares - 2 * wanted @ own.T
    return distances


def _matched(distance: Doubles, count: int, levels: int) -> tuple[Order, Doubles]:
    """Names by distances of rows: values for every pair of channels, then channels; and the doubt of each channel."""
    cut = distance.reshape(count, levels, count, levels).transpose(0, 2, 1, 3)
    values = np.array([[_assigned(table) for table in row] for row in cut])
    costs = np.take_along_axis(cut, values[..., None], axis=3).sum(axis=(2, 3))
    channels = _assigned(costs)
    return values[np.arange(count), channels] + channels[:, None] * levels, _doubt(costs, channels)


def _doubt(costs: Doubles, channels: Order) -> Doubles:
    """Cost of each row's column as a share of what the next best would cost."""
    here = np.arange(len(channels))
    others = costs.copy()
    others[here, channels] = np.inf
    doubts: Doubles = costs[here, channels] / np.maximum(others.min(axis=1), _LEAST)
    return doubts


def _assigned(cost: Doubles) -> Order:
    """For each row a column of its own, the cheapest pairs first."""
    left, out = cost.copy(), np.empty(len(cost), dtype=np.int64)
    for _ in range(len(cost)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        out[row] = column
        left[row], left[:, column] = np.inf, np.inf
    return out
