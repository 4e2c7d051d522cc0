"""The `raypp key` commands: key files wrapped by an HSM, a vault or a KMS, or split among three persons."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console
from raypp.cli.group import command_group
from raypp.cli.key_shares import join, share, split, uses
from raypp.cli.options import key_option

key = command_group("Wrap key files by an HSM, Vault or KMS, split them among persons, and try whether a key opens.")

_Key = Annotated[str | None, key_option("The key: its file or the URL of its source (default: RAYPP_KEY_FILE).")]


@key.command("wrap")
def wrap(
    by: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="What wraps it: pkcs11:token=LABEL;object=LABEL, vault:transit/keys/NAME, awskms:alias/NAME.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The new wrapped key file, mode 0600.")],
    key: _Key = None,
) -> None:
    """Wrap a key file, so that it opens only where its source unwraps it; the plain file stays as it is.

    Example: raypp key wrap --key owner.key --by 'pkcs11:token=raypp;object=owner' --out owner.key.wrapped
    """
    from raypp.key_sources.place import wrapping_url
    from raypp.veil.keyfile import resolve_key_place
    from raypp.veil.wrapping import wrap_key

    place = resolve_key_place(key)
    wrapped = wrap_key(place, wrapping_url(by), out)
    console = error_console()
    console.print(f"wrapped key {out}: opened by {wrapped.source}", highlight=False, markup=False)
    console.print(
        f"Take {place} off this machine, into a safe: it opens without the source, and is your only way back if the "
        "source is lost.",
        highlight=False,
        markup=False,
    )


@key.command("check")
def check(key: _Key = None) -> None:
    """Fetch a key once, and say which it is. After a wrong PIN, this is what tries the corrected one.

    Example: raypp key check --key owner.key.wrapped
    """
    from raypp.veil.keyfile import resolve_key_place
    from raypp.veil.wrapping import try_key

    for name, value in try_key(resolve_key_place(key)).items():
        Console(soft_wrap=True).print(f"{name:<16}{value}", highlight=False, markup=False)


@key.command("unwrap")
def unwrap(out: Annotated[Path, typer.Option(help="The new plain key file, mode 0600.")], key: _Key = None) -> None:
    """Write a wrapped key file as it was before, to leave its source or to wrap it by another.

    Example: raypp key unwrap --key owner.key.wrapped --out owner.key
    """
    from raypp.veil.keyfile import resolve_key_place
    from raypp.veil.wrapping import unwrap_key

    unwrap_key(resolve_key_place(key), out)
    error_console().print(f"key {out}: plain again; whoever reads it has the key", highlight=False, markup=False)


key.command("split")(split)
key.command("share")(share)
key.command("join")(join)
key.command("uses")(uses)
