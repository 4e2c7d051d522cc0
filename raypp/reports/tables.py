"""A ledger's episodes, violations and reports as Arrow tables."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Self

import pyarrow as pa
from pydantic import BaseModel

from raypp.ledger.store import Ledger
from raypp.reports.coverage_rows import CoverageRow, coverage_rows
from raypp.reports.execution_files import executions_table
from raypp.reports.executions import read_executions
from raypp.reports.files import episodes_table
from raypp.reports.request import read_report
from raypp.reports.safety import read_safety
from raypp.reports.safety_files import violations_table
from raypp.text.wording import counted
from raypp.usage.report import SiteReport, Step, Transition, UseTotal


@dataclass(frozen=True, repr=False)
class ReportTables:
    """A report on one site, its lists as Arrow tables.

    Attributes:
        report: all figures.
        tools: one row a tool: uses, seconds used, durations.
        sequence: one row a use, in order of time.
        transitions: one row a pair of tools that follow each other.
        coverage: one row a shift, camera and station: seconds used, not used, not observed.
    """

    report: SiteReport
    tools: pa.Table
    sequence: pa.Table
    transitions: pa.Table
    coverage: pa.Table

    def __repr__(self) -> str:
        uses, tools = counted(self.sequence.num_rows, "use"), counted(self.tools.num_rows, "tool")
        return f"<ReportTables of {self.report.site}: {uses} of {tools}; tools, sequence, transitions, coverage>"


class LedgerReader:
    """Reads a ledger; a context that closes it.

    Args:
        ledger: the opened ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"<LedgerReader of {self._ledger.database.shown}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._ledger.close()

    def sites(self) -> tuple[str, ...]:
        """Return the names of its sites, sorted."""
        return tuple(sorted(field.name for field in self._ledger.sites()))

    def episodes(self, site: str, from_: str | None = None, to: str | None = None) -> pa.Table:
        """Read the episodes of a site that reach into a period, by start.

        Args:
            site: name of the site.
            from_: today, yesterday, a day or an ISO time, on the site's clocks; None for the latest day with frames.
            to: likewise; a day is meant up to its end.

        Returns:
            One row an episode. `start` and `end` are timestamps[us] in the site's zone, `duration_s` is in seconds.

        Raises:
            UnknownSiteError, OptionError: for a site or a time that is none.
        """
        recorded = read_report(self._ledger, site, from_, to)
        return episodes_table(recorded.episodes, recorded.settings.zone)

    def executions(
        self, site: str, from_: str | None = None, to: str | None = None, cameras: Sequence[str] = ()
    ) -> pa.Table:
        """Compare what was done at a site with its procedures; arguments and errors as for `episodes`.

        Args:
            site: name of the site.
            from_: begin of the period.
            to: end of the period.
            cameras: only at places that one of these watches; empty for all.

        Returns:
            One row an execution that began in the period, by start; `steps` is a list with the verdicts on each step.

        Raises:
            OptionError: also if the site has no procedures, or pm4py is not installed.
        """
        return executions_table(read_executions(self._ledger, site, from_, to, cameras).report())

    def violations(
        self, site: str, from_: str | None = None, to: str | None = None, cameras: Sequence[str] = ()
    ) -> pa.Table:
        """Read violations of the rules of a site's zones; arguments and errors as for `episodes`.

        Args:
            site: name of the site.
            from_: begin of the period.
            to: end of the period.
            cameras: only of these; empty for all.

        Returns:
            One row a violation that began in the period, by start.

        Raises:
            OptionError: also if the site has no zones.
        """
        return violations_table(read_safety(self._ledger, site, from_, to, cameras).report())

    def report(
        self,
        site: str,
        from_: str | None = None,
        to: str | None = None,
        cameras: Sequence[str] = (),
        tools: Sequence[str] = (),
    ) -> ReportTables:
        """Make the report on a site in a period; arguments and errors as for `episodes`.

        Args:
            site: name of the site.
            from_: begin of the period.
            to: end of the period.
            cameras: only these; empty for all.
            tools: only these; empty for all.
        """
        report = read_report(self._ledger, site, from_, to, tuple(cameras), tuple(tools)).report()
        return ReportTables(
            report=report,
            tools=_table(report.tools, UseTotal),
            sequence=_table(report.sequence, Step),
            transitions=_table(report.transitions, Transition),
            coverage=_coverage(report),
        )


def _table(rows: Sequence[BaseModel], of: type[BaseModel]) -> pa.Table:
    if not rows:
        return pa.table({name: pa.array([], pa.null()) for name in of.model_fields})
    return pa.Table.from_pylist([row.model_dump(mode="json") for row in rows])


def _coverage(report: SiteReport) -> pa.Table:
    """Return the rows of coverage; `reasons_s` maps the reason why a camera saw nothing to seconds."""
    names = [field.name for field in fields(CoverageRow)]
    columns = {name: [getattr(row, name) for row in coverage_rows(report)] for name in names}
    reasons = [list(seconds.items()) for seconds in columns.pop("reasons_s")]
    return pa.table(columns | {"reasons_s": pa.array(reasons, pa.map_(pa.string(), pa.float64()))})
