"""The `raypp site` and `raypp operator` groups: what is done on the ledger, and what is checked beside the cameras."""

from importlib.util import find_spec

import typer

from raypp.cli.stream import doctor

if find_spec("sqlalchemy"):
    from raypp.cli.ledger import make_operator_app, make_site_app

    site, operator = make_site_app(), make_operator_app()
else:  # an edge box: it has no ledger
    site = typer.Typer(
        help="Check a site's agent. (Registering sites needs raypp[cluster].)",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    site.callback()(lambda: None)
site.command("doctor")(doctor)
