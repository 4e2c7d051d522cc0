"""Views of ledgers: episodes as they stand, and what `raypp report` makes of them in a period."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from raypp.errors import UnknownSiteError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.reports.coverage_rows import coverage_rows
from raypp.reports.files import episodes_table
from raypp.reports.losses import read_losses
from raypp.reports.period import Period, read_period
from raypp.reports.records import Recorded, read
from raypp.reports.safety import safety_of
from raypp.sql.view import SqlView
from raypp.usage.report import SiteReport

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_SITE = (("site", _TEXT), ("time_zone", _TEXT))
_SITES = pa.schema([*_SITE, ("ledger", _TEXT)])
_SPAN = (("start_us", _WHOLE), ("end_us", _WHOLE), ("duration_s", _REAL), ("seen_s", _REAL))
_END = (("state", _TEXT), ("reason", _TEXT))
_LANE = (("camera", _TEXT), ("tool", _TEXT), ("station", _TEXT))
_EPISODES = pa.schema([*_SITE, *_LANE, ("stream_epoch", _WHOLE), ("episode_id", _TEXT), *_SPAN, *_END])
_USES = pa.schema([*_SITE, ("number", _WHOLE), ("episode_id", _TEXT), *_LANE, *_SPAN, *_END, ("clipped", pa.bool_())])
_LASTED = ("mean_s", "min_s", "p10_s", "p50_s", "p90_s", "max_s")
_STATES = ("used_s", "not_used_s", "not_observed_s")
_TOOLS = pa.schema(
    [
        *(("site", _TEXT), ("tool", _TEXT), ("used", pa.bool_()), ("episodes", _WHOLE)),
        *((name, _REAL) for name in (*_STATES, *_LASTED)),
    ]
)
_TRANSITIONS = pa.schema(
    [
        *(("site", _TEXT), ("before", _TEXT), ("after", _TEXT)),
        *(("count", _WHOLE), ("not_observed", _WHOLE), ("mean_pause_s", _REAL)),
    ]
)
_COVERAGE = pa.schema(
    [
        *((name, _TEXT) for name in ("site", "shift", "day", "kind", "name")),
        *((name, _REAL) for name in ("used_s", "not_used_s", "observed_s", "not_observed_s")),
        ("reasons_s", pa.map_(_TEXT, _REAL)),
    ]
)
_VIOLATIONS = pa.schema(
    [
        *(*_SITE, ("violation_id", _TEXT), ("camera", _TEXT), ("stream_epoch", _WHOLE), ("zone", _TEXT)),
        *(("kind", _TEXT), ("item", _TEXT), ("track", _WHOLE), *_SPAN, ("sure", _REAL), *_END),
    ]
)
LOCAL_TIMES: Final = (
    "select * exclude (start_us, end_us), start_us, end_us, "
    "make_timestamptz(start_us) as start_time, make_timestamptz(end_us) as end_time, "
    "timezone(time_zone, make_timestamptz(start_us)) as start_local, "
    "timezone(time_zone, make_timestamptz(end_us)) as end_local, "
    "cast(timezone(time_zone, make_timestamptz(start_us)) as date) as day from {rows}"
)
"""Adds start and end as moments and as local times of the site, and the site's day of the start."""
_SEEN = "select * exclude (day), try_cast(day as date) as day from {rows}"


class LedgerRows:
    """Rows of the sites of some ledgers.

    Args:
        open_ledgers: opens them; it is called once, and only where a query names one of the views.
        sites: only these; none: all.
        from_text: begin of the period, as for `raypp report`; None, where there is no `to_text` either: all there is.
        to_text: its end.
    """

    def __init__(
        self,
        open_ledgers: Callable[[], Ledgers],
        sites: Sequence[str] = (),
        from_text: str | None = None,
        to_text: str | None = None,
    ) -> None:
        self._open_ledgers, self._wanted, self._from, self._to = open_ledgers, sites, from_text, to_text

    def views(self) -> tuple[SqlView, ...]:
        """Return the views; nothing has been read yet.

        Their rows raise UnknownSiteError for a site that is not registered, LedgerError for a ledger that cannot be
        read, and OptionError for a time that is none.
        """
        return (
            SqlView("sites", "a site of the ledger", _SITES, self._site_rows),
            SqlView("episodes", "a use of a tool, whole, as the ledger has it", _EPISODES, self._episodes, LOCAL_TIMES),
            SqlView("uses", "a use as `raypp report` counts it, in order", _USES, self._uses, LOCAL_TIMES),
            SqlView("tools", "a tool's use at a site, as `raypp report` sums it up", _TOOLS, self._tools),
            SqlView("transitions", "a tool that follows another", _TRANSITIONS, self._transitions),
            SqlView("coverage", "what was observed of a station, tool or camera", _COVERAGE, self._coverage, _SEEN),
            SqlView("violations", "a violation of a zone's rules", _VIOLATIONS, self._violations, LOCAL_TIMES),
        )

    def _site_rows(self) -> pa.Table:
        ledger_of = self._ledgers.site_list().ledger_of
        rows = ((site, ledger.present_settings(site).time_zone, ledger_of[site]) for site, ledger in self._sites)
        return _table(_SITES, rows)

    @cached_property
    def _ledgers(self) -> Ledgers:
        return self._open_ledgers()

    @cached_property
    def _sites(self) -> list[tuple[str, Ledger]]:
        known = self._ledgers.site_list().ledger_of
        for site in self._wanted:
            if site not in known:
                words = ", ".join(sorted(known)) or "none"
                raise UnknownSiteError(f"there is no site {site[:100]!r} in this ledger; known: {words}")
        return [(site, self._ledgers.of(site)) for site in sorted(set(self._wanted) or known)]

    def _period(self, ledger: Ledger, site: str) -> Period | None:
        """The period that is wanted of a site; None where nothing is wanted but all, and nothing is there."""
        zone = ledger.present_settings(site).zone
        wanted = read_period(self._from, self._to, zone, ledger.clock())
        if wanted is not None:
            return wanted
        extent = ledger.extent(site)
        return Period(*extent) if extent else None

    def _episodes(self) -> pa.Table:
        parts = [_EPISODES.empty_table()]
        for site, ledger in self._sites:
            if (period := self._period(ledger, site)) is None:
                continue
            settings = ledger.present_settings(site)
            rows = episodes_table(ledger.episode_columns(site, period.from_us, period.to_us), settings.zone)
            zones = pa.repeat(settings.time_zone, len(rows))
            parts.append(rows.append_column("time_zone", zones).select(_EPISODES.names).cast(_EPISODES))
        return pa.concat_tables(parts)

    @cached_property
    def _recorded(self) -> list[tuple[Ledger, Recorded]]:
        return [
            (ledger, recorded)
            for site, ledger in self._sites
            if (recorded := self._read(ledger, site, self._period(ledger, site))) is not None
        ]

    def _read(self, ledger: Ledger, site: str, period: Period | None) -> Recorded | None:
        if period is None:
            return None
        recorded = read(ledger, site, ledger.present_settings(site), period, ledger.clock())
        return replace(recorded, losses=read_losses(ledger, site, period.from_us))

    @cached_property
    def _reports(self) -> list[SiteReport]:
        return [recorded.report() for _, recorded in self._recorded]

    def _of_reports(self, schema: pa.Schema, rows_of: Callable[[SiteReport], Iterable[dict[str, Any]]]) -> pa.Table:
        rows = (
            {"site": report.site, "time_zone": report.time_zone, **row}
            for report in self._reports
            for row in rows_of(report)
        )
        return _table(schema, ([row[name] for name in schema.names] for row in rows))

    def _uses(self) -> pa.Table:
        return self._of_reports(_USES, lambda report: (step.model_dump() for step in report.sequence))

    def _tools(self) -> pa.Table:
        return self._of_reports(
            _TOOLS,
            lambda report: (
                {**total.model_dump(), "tool": total.name, **total.states.model_dump(), **total.durations.model_dump()}
                for total in report.tools
            ),
        )

    def _transitions(self) -> pa.Table:
        return self._of_reports(_TRANSITIONS, lambda report: (pair.model_dump() for pair in report.transitions))

    def _coverage(self) -> pa.Table:
        names = [name for name in _COVERAGE.names if name not in {"site", "shift", "reasons_s"}]
        return self._of_reports(
            _COVERAGE,
            lambda report: (
                {name: getattr(row, name) for name in names}
                | {"shift": row.when, "reasons_s": list(row.reasons_s.items())}
                for row in coverage_rows(report)
            ),
        )

    def _violations(self) -> pa.Table:
        rows = (
            {"site": recorded.site, "time_zone": recorded.settings.time_zone, **violation.model_dump()}
            for ledger, recorded in self._recorded
            for violation in safety_of(ledger, recorded).report().violations
        )
        return _table(_VIOLATIONS, ([row[name] for name in _VIOLATIONS.names] for row in rows))


def _table(schema: pa.Schema, rows: Iterable[Sequence[Any]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
