"""The `raypp verify` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.execution import execution_of
from raypp.cli.exit_codes import ExitCode
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import DataKeyFile, RayAddress, RunsOn
from raypp.errors import OptionError
from raypp.execution import On
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.audit.verdict.certificate import Certificate
    from raypp.shards.store import Store


def verify(
    archive: Annotated[str, typer.Argument(help="The archive, or the certificate of an audit, to verify.")],
    data_key: DataKeyFile = None,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    on_ray: Annotated[bool, typer.Option("--on-ray", hidden=True)] = False,
    fingerprint: Annotated[
        str | None, typer.Option(help="Fingerprint of the owner's key, which must have signed; from the owner.")
    ] = None,
    of_archive: Annotated[
        str | None, typer.Option("--archive", help="Archive whose veil and key the certificate must be of.")
    ] = None,
    json_file: Annotated[Path | None, json_option("the report")] = None,
) -> None:
    """Check every receipt, shard, digest, label and the signature of an archive, or a certificate; needs no key.

    Example: raypp verify veiled --fingerprint 9ea2c01b77d4f3a8

    Example: raypp verify audit/certificate.json
    """
    from raypp.audit.verdict.vouched import verify_vouched
    from raypp.key_sources.place import optional_key_place
    from raypp.shards.encryption import DataKey
    from raypp.shards.store import Store
    from raypp.shards.verify_archive import verify_archive

    console = error_console()
    execution = execution_of(on, address, on_ray=on_ray)
    if archive.endswith(".json"):
        if address or (data_key and not of_archive):
            raise OptionError("--address is for archives, and so is --data-key but with --archive; leave them out")
        held = None if of_archive is None else Store(of_archive, DataKey.load(data_key) if data_key else None)
        certificate = verify_vouched(Path(archive), fingerprint, held)
        write_json(json_file, certificate)
        _print_certificate(certificate, fingerprint, held, console)
        return
    if of_archive:
        raise OptionError(f"--archive {of_archive} is for a certificate; {archive} is verified as an archive")
    report = verify_archive(archive, optional_key_place(data_key), fingerprint, execution, ConsoleProgress(console))
    write_json(json_file, report)
    variants = f" and {counted(report.variants, 'variant')} of them" if report.variants else ""
    console.print(
        f"{counted(report.shards, 'shard')}, {counted(report.frames, 'frame')}{variants}, {report.bytes / 1e6:.1f} MB",
        highlight=False,
        markup=False,
    )
    for problem in report.problems:
        console.print(f"  {problem}", highlight=False, markup=False)
    if report.problems:
        console.print(f"{counted(len(report.problems), 'problem')} found", markup=False)
        raise typer.Exit(ExitCode.FAILED)
    console.print(report.signature, highlight=False, markup=False)
    by_accident = "" if report.signed_by else " by accident"
    console.print(f"verified: nothing missing, nothing twice, nothing altered{by_accident}", markup=False)


def _print_certificate(
    certificate: "Certificate", fingerprint: str | None, archive: "Store | None", console: Console
) -> None:
    console.print(
        f"signed by {certificate.key_fingerprint} at {certificate.made_at}: veil {certificate.veil_id}, "
        f"{len(certificate.rows)} attacks, budget {certificate.budget}",
        highlight=False,
        markup=False,
    )
    for gate in certificate.gates:
        console.print(f"  {gate.verdict}: {gate.name}", highlight=False, markup=False)
    owners = []
    if fingerprint is not None:
        owners.append("the key you gave")
    if archive is not None:
        owners.append(f"the key and veil of archive {archive.root}")
    whose = " and ".join(owners) or "that key"
    console.print(f"verified: signed by {whose}, and not altered since", highlight=False, markup=False)
