"""The `raypp site` group: what is done on the ledger, and what is checked beside the cameras."""

from importlib.util import find_spec

from raypp.cli.group import command_group
from raypp.cli.site_discovery import discover
from raypp.cli.sites import make_site_app
from raypp.cli.stream import doctor

if find_spec("sqlalchemy"):
    site = make_site_app()
else:  # an edge box: it has no ledger
    site = command_group("Check a site's agent, and find its cameras. (Registering sites needs raypp[cluster].)")
    site.callback()(lambda: None)
site.command("doctor")(doctor)
site.command("discover")(discover)
