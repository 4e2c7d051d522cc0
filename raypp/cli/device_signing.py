"""`raypp device sign` and `configure`: the owner signs a configuration inside, and whoever carries it hands it over."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.ledger import LedgerUrl, SiteName, note
from raypp.cli.options import OwnersKey
from raypp.errors import OptionError

DeviceName = Annotated[str, typer.Argument(help="Name of the device, as `raypp stream --device` has it.")]


def device_sign(
    site: SiteName,
    name: DeviceName,
    file: Annotated[Path, typer.Argument(help="What the owner wants of its cameras, YAML.")],
    out: Annotated[Path, typer.Option(help="Where to write the signed configuration.")],
    key: OwnersKey = None,
    number: Annotated[
        int | None, typer.Option(help="Its number, above all before (default: the seconds since 1970).", min=1)
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it may be applied, such as 12h or 7d.")] = "7d",
) -> None:
    """Sign a configuration of one device with the owner's key; needs no ledger and no link.

    Example: raypp device sign plant-1 gate-box wanted.yaml --key owner.key --out gate-box.signed
    """
    from raypp.edge.configuration.request import read_request
    from raypp.io.atomic import write_bytes
    from raypp.io.clock import now_us
    from raypp.key_sources.place import key_place
    from raypp.ledger.times import parse_duration
    from raypp.veil.keyfile import load_owner_key, resolve_key_place

    owner = load_owner_key(resolve_key_place(None if key is None else key_place(key)))
    now = now_us()
    expires_us = now + parse_duration(expires, "`expires`")
    signed = read_request(file, site, name, number or now // 1_000_000, (now, expires_us))
    try:
        write_bytes(out, signed.sign(owner))
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; name a file you may write") from None
    note(f"configuration {signed.number} of {site}/{name} is signed by {owner.fingerprint}: {out}")


def device_configure(
    file: Annotated[Path, typer.Argument(help="A configuration that `raypp device sign` wrote.")],
    ledger: LedgerUrl = None,
) -> None:
    """Hand a signed configuration over: its device gets it with its next report, and checks it.

    Example: raypp device configure gate-box.signed --ledger sqlite:///ledger.db
    """
    from raypp.cli.commands import require_packages
    from raypp.cli.ledger import opened_ledgers
    from raypp.edge.configuration.document import signed_by
    from raypp.edge.configuration.request import read_signed

    require_packages(("sqlalchemy", "alembic"), "device configure")
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.devices import Devices

    document, configuration = read_signed(file)
    site, device, number = configuration.site, configuration.device, configuration.number
    detail = f"number {number}, signed by {signed_by(document)}"
    with opened_ledgers(ledger, upgrade=True) as opened:
        Devices(opened.of(site)).put_configuration(site, device, document, detail, command_line_account())
    note(f"configuration {detail}, waits for {site}/{device}; `raypp device show {site} {device}` says what it has")
