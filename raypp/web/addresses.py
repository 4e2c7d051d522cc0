"""Addresses of the pages of a site."""

from urllib.parse import quote, urlencode

from raypp.reports.period import DAY_US, SECOND_US, Period
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local

_AROUND_US = 60 * SECOND_US


def site_address(site: str) -> str:
    """Return the address of a site's page."""
    return f"/sites/{quote(site, safe='')}"


def devices_address(site: str) -> str:
    """Return the address of the page of a site's devices."""
    return f"{site_address(site)}/devices"


def period_query(period: Period | None, settings: SiteSettings, page: int | None = None, **others: str) -> str:
    """Return what follows an address to show a period, or a page of it: `?from=...&to=...`; empty for neither.

    Args:
        period: from where to where; None for the latest.
        settings: of the site, for its time zone.
        page: number of the page, from 1; None for the first.
        others: further fields by name; those that are empty are left out.
    """
    fields = {} if page is None else {"page": str(page)}
    fields |= period_fields(period, settings) | {name: value for name, value in others.items() if value}
    return f"?{urlencode(fields)}" if fields else ""


def period_fields(period: Period | None, settings: SiteSettings) -> dict[str, str]:
    """Return a period as fields of an address by name; none for the latest."""
    if period is None:
        return {}
    moments = {"from": period.from_us, "to": period.to_us}
    return {name: local(moment_us, settings.zone).isoformat() for name, moment_us in moments.items()}


def moment_address(site: str, settings: SiteSettings, start_us: int, end_us: int) -> str:
    """Return the address of a site's timeline around what began and ended; what lasts long is shown up to a day."""
    over_us = min(end_us, start_us + DAY_US)
    period = Period(max(0, start_us - _AROUND_US), over_us + _AROUND_US)
    return f"{site_address(site)}{period_query(period, settings)}#timeline"


def site_of(path: str) -> str | None:
    """Return the site that a page is of; None for a page of all sites."""
    match path.split("/")[1:]:
        case ["sites", site, *_] | ["api", "sites", site, *_]:
            return site
    return None
