"""The report of a site, out of the ledger."""

from raypp.ledger.store import Ledger
from raypp.usage.timeline import make_report


def site_report(ledger: Ledger, site: str, from_us: int, to_us: int) -> str:
    """Return a site's report over a time range as JSON; blocks.

    Raises:
        UnknownSiteError: if there is no such site.
    """
    settings = ledger.present_settings(site)
    episodes = ledger.episodes(site, from_us, to_us, limit=None)
    stretches = ledger.stretches(site, from_us, to_us)
    return make_report(settings, site, from_us, to_us, episodes, stretches).model_dump_json()
