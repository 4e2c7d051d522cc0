"""Sites whose cameras stream under a veil, with the rules in force there."""

from sqlalchemy import and_, select

from raypp.ledger.ledgers import Ledgers
from raypp.ledger.sites import list_sites, present_settings
from raypp.ledger.tables import CameraRow, ModelRow, StreamRow
from raypp.usage.settings import SiteSettings


def settings_under(ledgers: Ledgers, veil_id: str) -> dict[str, SiteSettings]:
    """Return the present settings of each site whose latest stream of some camera is of a veil.

    Raises:
        LedgerUnavailableError: where one of the ledgers does not answer.
        SettingsError: where a newer raypp wrote a site's settings.
    """
    latest = and_(CameraRow.camera == StreamRow.camera, CameraRow.latest_epoch == StreamRow.epoch)
    query = (
        select(StreamRow.site)
        .join(ModelRow, ModelRow.model_key == StreamRow.model_key)
        .join(CameraRow, and_(CameraRow.site == StreamRow.site, latest))
        .where(ModelRow.veil_id == veil_id)
        .distinct()
    )
    under: dict[str, SiteSettings] = {}
    for _, ledger in ledgers.opened():
        with ledger.database.read() as connection:
            here = {site.name for site in list_sites(connection)}
            streaming = here.intersection(connection.execute(query).scalars())
            under |= {site: present_settings(connection, site) for site in sorted(streaming)}
    return under
