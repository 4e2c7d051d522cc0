"""Executions of a site's procedures, read from its ledger whenever somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from raypp.errors import OptionError
from raypp.ledger.store import Ledger
from raypp.procedure.judging import JudgedExecution, judge_executions
from raypp.reports.execution_record import ExecutionsReport, execution_record, totals
from raypp.reports.period import DAY_US, Period
from raypp.reports.request import read_report
from raypp.reports.wording import iso
from raypp.usage.settings import SiteSettings

MARGIN_US = DAY_US
"""How far before and behind a range uses are read, so that executions across its edges are whole."""


@dataclass(frozen=True, slots=True)
class SiteExecutions:
    """Executions of one site that began in a period.

    Attributes:
        site: its name.
        settings: its present settings.
        period: from where to where.
        executions: by start.
    """

    site: str
    settings: SiteSettings
    period: Period
    executions: tuple[JudgedExecution, ...]

    def report(self) -> ExecutionsReport:
        """Return them as the documented rows."""
        zone = self.settings.zone
        records = [execution_record(judged, zone) for judged in self.executions]
        return ExecutionsReport(
            site=self.site,
            time_zone=self.settings.time_zone,
            start=iso(self.period.from_us, zone),
            end=iso(self.period.to_us, zone),
            from_us=self.period.from_us,
            to_us=self.period.to_us,
            procedures=totals((rules.name for rules in self.settings.procedures), records),
            executions=records,
        )


def read_executions(
    ledger: Ledger,
    site: str,
    from_text: str | None = None,
    to_text: str | None = None,
    cameras: Sequence[str] = (),
) -> SiteExecutions:
    """Read the executions of a site that began in a period.

    Args:
        ledger: the ledger.
        site: name of the site.
        from_text: today, yesterday, a day or an ISO time, on the site's clocks; None for the latest day with frames.
        to_text: likewise; a day is meant up to its end.
        cameras: only at places that one of these watches; empty for all.

    Raises:
        UnknownSiteError: naming the sites there are.
        OptionError: for a time or camera that is none, a site without procedures, or where pm4py is not installed.
    """
    recorded = read_report(ledger, site, from_text, to_text, tuple(cameras))
    settings, period = ledger.present_settings(site), recorded.period
    if not settings.procedures:
        raise OptionError(f"site {site} has no procedures; add `procedures` to its settings")
    return executions_within(ledger, site, settings, period, cameras)


def executions_within(
    ledger: Ledger,
    site: str,
    settings: SiteSettings,
    period: Period,
    cameras: Sequence[str] = (),
    most: int | None = None,
) -> SiteExecutions:
    """Read the executions of a site that began in a period.

    Args:
        ledger: the ledger.
        site: name of the site.
        settings: its present settings.
        period: from where to where.
        cameras: only at places that one of these watches; empty for all.
        most: how many uses may be read; None: any number.

    Raises:
        OptionError: if there are more uses, or pm4py is not installed.
    """
    from_us, to_us = max(0, period.from_us - MARGIN_US), period.to_us + MARGIN_US
    stretches = ledger.stretches(site, from_us, to_us)
    until_us = max((stretch.end_us for stretch in stretches), default=period.to_us)
    episodes = ledger.episode_columns(site, from_us, to_us, None if most is None else most + 1)
    if most is not None and len(episodes) > most:
        raise OptionError(f"the range and a day around it have more than {most:,} uses; ask for a shorter one")
    executions = judge_executions(settings, site, episodes, stretches, max(until_us, period.to_us))
    own = [
        judged
        for judged in executions
        if period.from_us <= judged.execution.start_us < period.to_us
        and (not cameras or set(cameras) & set(judged.execution.place.cameras))
    ]
    return SiteExecutions(site, settings, period, tuple(own))
