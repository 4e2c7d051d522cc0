"""The `raypp site` and `raypp operator` groups: what is done on the ledger, and what is checked beside the cameras."""

from importlib.util import find_spec

from raypp.cli.group import command_group
from raypp.cli.stream import doctor

if find_spec("sqlalchemy"):
    from raypp.cli.operators import make_operator_app
    from raypp.cli.sites import make_site_app

    site, operator = make_site_app(), make_operator_app()
else:  # an edge box: it has no ledger
    site = command_group("Check a site's agent. (Registering sites needs raypp[cluster].)")
    site.callback()(lambda: None)
site.command("doctor")(doctor)
