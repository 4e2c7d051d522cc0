"""Executions of a period as a table that is filtered, sorted and shown page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from raypp.reports.execution_record import ExecutionRecord, deviations_of
from raypp.usage.settings import SiteSettings
from raypp.web.listing import Choice, Filters, Heading, ListedTable, known
from raypp.web.values import Badge

FILTERS = ("procedure", "place", "outcome", "deviation")
SORTS = ("start", "end", "procedure", "place", "lasted", "median", "fitness", "deviations", "untold", "outcome")
_OUTCOMES = {"conforming": "as prescribed", "deviating": "deviating", "cannot_tell": "cannot tell", "open": "under way"}
_LOOKS: Mapping[str, Literal["", "good", "warn", "bad"]] = {
    "conforming": "good",
    "deviating": "bad",
    "cannot_tell": "warn",
}
_DEVIATIONS = ("missing", "out_of_order", "extra", "repeated", "too_short", "too_long", "too_late")
_UNTOLD = frozenset({"cannot_tell", "not_observed"})
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class ExecutionTableRow:
    """One execution; `address` leads to its steps.

    Attributes:
        record: the execution.
        place: where, in words.
        ratio: how much longer than the site's median it lasted, in words.
        deviations, untold: what deviates, and what nobody can tell, in words.
        outcome: the whole.
        address: of its page.
    """

    record: ExecutionRecord
    place: str
    ratio: str
    deviations: str
    untold: str
    outcome: Badge
    address: str


def execution_table(
    records: Sequence[ExecutionRecord], settings: SiteSettings, choice: Choice
) -> ListedTable[ExecutionTableRow]:
    """List those executions that an address asks for.

    Raises:
        OptionError: for an outcome or deviation that is none.
    """
    values = choice.values
    outcome = known("outcome", values.get("outcome"), tuple(_OUTCOMES))
    deviation = known("deviation", values.get("deviation"), _DEVIATIONS)
    some = [
        record
        for record in records
        if values.get("procedure", record.procedure) == record.procedure
        and values.get("place", place_of(record)) == place_of(record)
        and outcome in (None, record.outcome)
        and (deviation is None or deviation in deviations_of(record))
    ]
    some.sort(key=lambda record: (-record.start_us, record.procedure, record.execution_id))
    some.sort(key=_KEYS[choice.sort], reverse=choice.descending)
    return choice.table(
        lambda page: (_row(record, choice) for record in some[page]),
        ("execution", len(some), len(records)),
        _headings(choice),
        _options(records, settings),
    )


def place_of(record: ExecutionRecord) -> str:
    """Name the place of an execution."""
    where = ", ".join(record.cameras)
    return f"{record.station}, {where}" if record.station else where


def outcome_badge(record: ExecutionRecord) -> Badge:
    """Say what an execution is as a whole."""
    return Badge(_OUTCOMES[record.outcome], _LOOKS.get(record.outcome, ""))


def ratio_of(record: ExecutionRecord) -> float | None:
    """Return by which share an execution lasted longer than the site's median; None where that is not known."""
    return None if record.open or not record.median_s else record.duration_s / record.median_s - 1


def ratio_words(record: ExecutionRecord) -> str:
    """Return the same in words, such as `+12 %`."""
    ratio = ratio_of(record)
    return "-" if ratio is None else f"{ratio:+.0%}".replace("%", " %")


def untold_of(record: ExecutionRecord) -> list[str]:
    """Return what nobody can tell of an execution: names of steps, and the whole."""
    names = [step.step or step.tool or "" for step in record.steps if _UNTOLD & set(step.verdicts)]
    return [
        *names,
        *(["the whole"] if _UNTOLD & set(record.verdicts) else []),
        *(["overlaps"] if record.overlaps else []),
    ]


def _row(record: ExecutionRecord, choice: Choice) -> ExecutionTableRow:
    view = choice.view
    return ExecutionTableRow(
        record,
        place_of(record),
        ratio_words(record),
        _few(_deviating(record)),
        _few(untold_of(record)),
        outcome_badge(record),
        f"{view.here}/{record.execution_id}{view.query()}",
    )


def _deviating(record: ExecutionRecord) -> list[str]:
    """Word the deviations, such as `drill missing`."""
    words = []
    for step in record.steps:
        kinds = [verdict.replace("_", " ") for verdict in step.verdicts if verdict in _DEVIATIONS]
        words += [f"{step.step or step.tool} {', '.join(kinds)}"] if kinds else []
    return [*words, *(verdict.replace("_", " ") for verdict in record.verdicts if verdict in _DEVIATIONS)]


def _few(words: Sequence[str]) -> str:
    left = len(words) - _MOST_WORDS
    return "; ".join([*words[:_MOST_WORDS], *([f"{left} more"] if left > 0 else [])]) or "-"


_KEYS: Mapping[str, Callable[[ExecutionRecord], Any]] = {
    "start": lambda record: record.start_us,
    "end": lambda record: record.end_us,
    "procedure": lambda record: record.procedure,
    "place": place_of,
    "lasted": lambda record: record.duration_s,
    "median": lambda record: -1.0 if (ratio := ratio_of(record)) is None else ratio,
    "fitness": lambda record: record.fitness,
    "deviations": lambda record: len(deviations_of(record)),
    "untold": lambda record: len(untold_of(record)),
    "outcome": lambda record: list(_OUTCOMES).index(record.outcome),
}


def _headings(choice: Choice) -> tuple[Heading, ...]:
    return (
        choice.heading("Begin", "start"),
        choice.heading("End", "end"),
        choice.heading("Procedure", "procedure"),
        choice.heading("Where", "place"),
        choice.heading("Lasted", "lasted", numeric=True),
        choice.heading("Median", "median", numeric=True),
        choice.heading("Fitness", "fitness", numeric=True),
        choice.heading("Deviations", "deviations"),
        choice.heading("Cannot tell", "untold"),
        choice.heading("Outcome", "outcome"),
    )


def _options(records: Iterable[ExecutionRecord], settings: SiteSettings) -> Filters:
    places = sorted({place_of(record) for record in records})
    return {
        "procedure": ("Procedure", [(rules.name, rules.name) for rules in settings.procedures]),
        "place": ("Where", [(place, place) for place in places]),
        "outcome": ("Outcome", list(_OUTCOMES.items())),
        "deviation": ("Deviation", [(kind, kind.replace("_", " ")) for kind in _DEVIATIONS]),
    }
