"""Addresses of the pages of a site."""

from urllib.parse import quote, urlencode

from raypp.reports.period import Period
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local


def site_address(site: str) -> str:
    """Return the address of a site's page."""
    return f"/sites/{quote(site, safe='')}"


def period_query(period: Period | None, settings: SiteSettings, page: int | None = None) -> str:
    """Return what follows an address to show a period, or a page of it: `?from=...&to=...`; empty for neither.

    Args:
        period: from where to where; None for the latest.
        settings: of the site, for its time zone.
        page: number of the page, from 1; None for the first.
    """
    fields = {} if page is None else {"page": str(page)}
    if period is not None:
        fields["from"] = local(period.from_us, settings.zone).isoformat()
        fields["to"] = local(period.to_us, settings.zone).isoformat()
    return f"?{urlencode(fields)}" if fields else ""
