"""Statistics on figures that no party sees: sums, order statistics, ranks, and cells that stay closed."""

from collections.abc import Sequence
from typing import Any

from raypp.tally.plan import Statistic, TallyFigure, TallyPlan
from raypp.tally.result import FigureResult
from raypp.tally.transport import PinnedRuntime
from raypp.tally.values import Units

_QUARTERS = 4


async def compute_tally(runtime: PinnedRuntime, plan: TallyPlan, own: Sequence[Units]) -> tuple[FigureResult, ...]:
    """Compute and open what a plan asks for; all parties call it with their own figures.

    How many parties have a figure is opened if they are enough. All else is opened at once, at the very end.

    Args:
        runtime: connected.
        plan: the plan.
        own: this party's figures.
    """
    # Of one type, for what is opened together is read by the type of the first.
    secret = runtime.SecInt(max(_bits(figure, len(plan.parties)) for figure in plan.figures))
    figures = [
        _SecretFigure(runtime, figure, plan.least, [secret(value) for value in _given(figure, units)])
        for figure, units in zip(plan.figures, own, strict=True)
    ]
    counts = await runtime.output([figure.count_if_enough() for figure in figures])
    for figure, count in zip(figures, counts, strict=True):
        figure.count = int(count)
    secrets = [secret for figure in figures for secret in figure.secrets()]
    opened = iter(await runtime.output(secrets) if secrets else [])
    results = [figure.result(opened) for figure in figures]
    ranks = [await figure.rank() for figure in figures]
    return tuple(
        result if rank is None or units is None else result.model_copy(update={"rank": rank})
        for result, rank, units in zip(results, ranks, own, strict=True)
    )


def _bits(figure: TallyFigure, parties: int) -> int:
    """Return the bits that each number of a figure's computation fits in, with its sign."""
    largest = _QUARTERS * parties * (figure.most_units + 1)
    return max(largest, figure.least_total).bit_length() + 2


def _given(figure: TallyFigure, units: Units) -> list[int]:
    """Return what a party puts in: whether it has the figure, and its values or zeros."""
    return [int(units is not None), *(units or [0] * (len(figure.cells) or 1))]


class _SecretFigure:
    """A figure of all parties as shared secrets."""

    def __init__(self, runtime: PinnedRuntime, figure: TallyFigure, least: int, given: Sequence[Any]) -> None:
        self._runtime, self._figure, self._least = runtime, figure, least
        shared = runtime.input(list(given))
        self._has = [values[0] for values in shared]
        self._values = [values[1:] for values in shared]
        self.count = 0

    def count_if_enough(self) -> Any:
        """Return how many parties have the figure, or 0 where they are too few."""
        count = self._runtime.sum(self._has)
        return count * (count >= self._least)

    def secrets(self) -> list[Any]:
        """Return what is to be opened to all, in the order in which `result` reads it."""
        if not self.count:
            return []
        if self._figure.cells:
            return self._closed_if_small(self._totals())
        secrets = []
        if self._figure.tells_sums:
            secrets += self._totals()
        if {Statistic.MEDIAN, Statistic.QUARTILES} & {*self._figure.open}:
            ordered = self._ordered()
            if Statistic.MEDIAN in self._figure.open:
                secrets.append(ordered[(self.count - 1) // 2] + ordered[self.count // 2])
            if Statistic.QUARTILES in self._figure.open:
                secrets += [self._quartile(ordered, quarter) for quarter in (1, 2, 3)]
        return secrets

    def result(self, opened: Any) -> FigureResult:
        """Read what was opened."""
        figure = self._figure
        if not self.count:
            return FigureResult(name=figure.name, closed=f"fewer than {self._least} parties have it")
        known: dict[str, Any] = {"name": figure.name, "parties": self.count}
        if figure.cells:
            sums = {cell: int(next(opened)) for cell in figure.cells}
            return FigureResult(**known, cells={cell: total - 1 if total else None for cell, total in sums.items()})
        if figure.tells_sums:
            total = int(next(opened))
            if Statistic.SUM in figure.open:
                known["sum"] = total / figure.scale
            if Statistic.MEAN in figure.open:
                known["mean"] = total / figure.scale / self.count
        if Statistic.MEDIAN in figure.open:
            known["median"] = int(next(opened)) / 2 / figure.scale
        if Statistic.QUARTILES in figure.open:
            known["quartiles"] = tuple(int(next(opened)) / _QUARTERS / figure.scale for _ in range(3))
        return FigureResult(**known)

    async def rank(self) -> int | None:
        """Return this party's own rank; the others learn nothing of it."""
        if not self.count or Statistic.RANK not in self._figure.open:
            return None
        own = None
        for place in range(len(self._values)):
            rank = await self._runtime.output(self._rank_of(place), receivers=[place])
            own = int(rank) if place == self._runtime.pid else own
        return own

    def _rank_of(self, place: int) -> Any:
        mine = self._values[place][0]
        larger = [
            has * (values[0] > mine)
            for other, (has, values) in enumerate(zip(self._has, self._values, strict=True))
            if other != place
        ]
        return 1 + self._runtime.sum(larger)

    def _totals(self) -> list[Any]:
        return [self._runtime.sum(list(column)) for column in zip(*self._values, strict=True)]

    def _closed_if_small(self, totals: list[Any]) -> list[Any]:
        """Return the sum of each cell and 1, or 0 where it is to stay closed."""
        least = self._figure.least_total
        if not least:
            return [total + 1 for total in totals]
        array = self._runtime.np_fromlist(totals)
        return list(self._runtime.np_tolist((array + 1) * (array >= least)))

    def _ordered(self) -> Any:
        """Return the figures in rising order; those of parties without one come last."""
        beyond = self._figure.most_units + 1
        return self._runtime.sorted(
            [values[0] + (1 - has) * beyond for has, values in zip(self._has, self._values, strict=True)]
        )

    def _quartile(self, ordered: Any, quarter: int) -> Any:
        """Return four times a quartile, of the inclusive method."""
        place, rest = divmod(quarter * (self.count - 1), _QUARTERS)
        above = min(place + 1, self.count - 1)
        return (_QUARTERS - rest) * ordered[place] + rest * ordered[above]
