"""The `raypp keygen` command."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import error_console
from raypp.cli.options import key_option
from raypp.errors import OptionError


def keygen(
    out: Annotated[
        Path | None, typer.Option(help="Where to write the key (default: ~/.config/raypp/owner.key).")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Wrap the key by the passphrase in this file (scrypt, AES-256-GCM).")
    ] = None,
    next_epoch: Annotated[
        str | None, key_option("Next epoch of this owner's key, after a site's key was lost.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Derive a site's key from the owner's: name of the site.")] = None,
    camera: Annotated[list[str] | None, typer.Option(help="Camera that the site's key may veil; repeat.")] = None,
    key: Annotated[str | None, key_option("Owner's key to derive from (default: RAYPP_KEY_FILE).")] = None,
    spec: Annotated[
        Path | None, typer.Option(help="Veil spec, or encoder file, of the site's key (default: the default spec).")
    ] = None,
    data: Annotated[bool, typer.Option("--data", help="Make a data key for Parquet encryption instead.")] = False,
    wrap: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Wrap the new key by a source before it is written: pkcs11:token=LABEL;object=LABEL, "
            "vault:transit/keys/NAME, awskms:alias/NAME.",
        ),
    ] = None,
) -> None:
    """Make a key file of mode 0600, outside any working tree; an existing key is never overwritten.

    Example: raypp keygen

    Example: raypp keygen --out owner.key.wrapped --wrap vault:transit/keys/raypp

    Example: raypp keygen --site plant-1 --camera gate --camera bench --out ~/plant-1.key
    """
    from raypp.key_sources.place import key_place
    from raypp.shards.encryption import DataKey
    from raypp.veil.encoder_file import spec_and_encoder
    from raypp.veil.envelope import new_passphrase
    from raypp.veil.key import SiteKey, VeilKey
    from raypp.veil.keyfile import (
        default_key_path,
        load_owner_key,
        owner_key_text,
        resolve_key_place,
        save_owner_key,
        save_site_key,
        site_key_text,
    )

    console = error_console()
    passphrase = new_passphrase(passphrase_file) if passphrase_file else None
    if data:
        if out is None:
            raise OptionError("--data needs --out, the place of the data key")
        data_key = DataKey.generate()
        _save(lambda: data_key.save(out), data_key.file_text, wrap, out)
        console.print(f"data key {out}: give it to those who may read the shards", highlight=False, markup=False)
        return
    if site is not None:
        if out is None or not camera:
            raise OptionError(f"--site {site} needs --out and at least one --camera")
        owner = load_owner_key(resolve_key_place(key))
        site_key = SiteKey.derive_from(owner, spec_and_encoder(spec)[0], site, camera)
        _save(lambda: save_site_key(site_key, out, passphrase), lambda: site_key_text(site_key, passphrase), wrap, out)
        console.print(f"site key {out}: {site}, cameras {', '.join(site_key.cameras)}", highlight=False, markup=False)
        return
    path = out or default_key_path()
    own = load_owner_key(key_place(next_epoch)).next_epoch() if next_epoch else VeilKey.generate()
    _save(lambda: save_owner_key(own, path, passphrase), lambda: owner_key_text(own, passphrase), wrap, path)
    console.print(f"veil key {path}: fingerprint {own.fingerprint}, epoch {own.epoch}", highlight=False, markup=False)
    console.print(
        "Back it up where only its owner can read it: without it nothing new can be veiled for a detector that was "
        "trained on this veil, and sources cannot be matched again."
    )
    if wrap:
        console.print(
            "It lies nowhere in plain: with its source it would be lost. `raypp key unwrap` writes a copy for a safe."
        )
    if next_epoch:
        console.print(
            "It helps where a site's key or edge box was lost: such a key opens no other epoch. Where the owner's key "
            "file itself was lost it does not, for whoever has that file derives every epoch: run `raypp keygen` anew."
        )


def _save(write: Callable[[], None], text: Callable[[], str], wrap: str | None, out: Path) -> None:
    """Write a new key by `write`, or its file's text wrapped by a source."""
    if wrap is None:
        write()
        return
    from raypp.key_sources.place import wrapping_url
    from raypp.veil.wrapping import wrap_new_key

    wrap_new_key(text, wrapping_url(wrap), out)
