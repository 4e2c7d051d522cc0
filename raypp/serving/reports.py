"""The report of a site, out of the ledger."""

from raypp.ledger.store import Ledger
from raypp.reports.records import read_between
from raypp.serving.status import Status, StatusError

_ROOM_BYTES = 1024
"""For what a message holds besides the report."""


def site_report(ledger: Ledger, site: str, from_us: int, to_us: int, most_bytes: int) -> str:
    """Return a site's report over a time range as JSON; blocks.

    Args:
        ledger: what it is read from.
        site: the site.
        from_us: start in microseconds since 1970; 0: the site's first frame.
        to_us: end, exclusive, cut at the present; 0: the site's last frame.
        most_bytes: what a message may have.

    Raises:
        OptionError: if the range is longer than a report may be, also within what the site has.
        RefusedError: RESOURCE_EXHAUSTED if the report is larger than a message.
        UnknownSiteError: if there is no such site.
    """
    report_json = read_between(ledger, site, from_us, to_us).report().model_dump_json()
    size = len(report_json.encode())
    if size > most_bytes - _ROOM_BYTES:
        words = f"the report has {size:,} bytes, and a message {most_bytes:,}; ask for a shorter range"
        raise StatusError(Status.RESOURCE_EXHAUSTED, words)
    return report_json
