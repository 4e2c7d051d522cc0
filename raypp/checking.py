"""The `raypp verify` command: shards checked one after another, or on a cluster."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.audit.certificate import verify_certificate
from raypp.errors import OptionError
from raypp.json_file import json_option, write_json
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store
from raypp.shards.verification import CheckShards, ShardCheck
from raypp.shards.verification import verify as check_archive
from raypp.veiling.progress import Reporter

_EXIT_PROBLEMS = 1

ClusterChecker = Callable[[str, Sequence[Receipt], Path | None, str | None], Iterable[ShardCheck]]
"""Checks the shards of receipts of (archive, receipts, data key, address of Ray)."""


def make_verify_command(cluster: ClusterChecker | None, *, always: bool = False) -> Callable[..., None]:
    """Return the `verify` command, which checks shards on a cluster if asked to, or always."""

    def verify(
        archive: Annotated[str, typer.Argument(help="The archive, or the certificate of an audit, to verify.")],
        data_key: Annotated[Path | None, typer.Option(help="Data key of encrypted shards.")] = None,
        on_ray: Annotated[bool, typer.Option("--on-ray", help="Check shards in parallel on Ray.")] = always,
        address: Annotated[
            str | None, typer.Option(help="Address of a running Ray; means --on-ray (default: a local one).")
        ] = None,
        json_file: Annotated[Path | None, json_option("the report")] = None,
    ) -> None:
        """Check every receipt, shard, digest, schema and label of an archive, or a certificate; needs no veil key.

        Example: raypp verify veiled

        Example: raypp verify audit/certificate.json
        """
        console = Console(stderr=True, soft_wrap=True)
        if archive.endswith(".json"):
            if data_key or address:
                raise OptionError("--data-key and --address are for archives; a certificate needs neither")
            _check_certificate(Path(archive), json_file, console)
            return
        encryption = DataKey.load(data_key) if data_key else None
        check: CheckShards | None = None
        if on_ray or address:
            if cluster is None:
                raise OptionError("--on-ray and --address need Ray; install raypp[cluster]")
            place = data_key.absolute() if data_key else None

            def check(receipts: Sequence[Receipt]) -> Iterable[ShardCheck]:
                return cluster(archive, receipts, place, address)

        total = sum(receipt.shard is not None for receipt in read_manifest(Store(archive)).receipts)
        with Reporter(console).task("checking", total) as advance:
            report = check_archive(
                archive, encryption, lambda done, total: advance(1, f"{done}/{total} shards", 0), check
            )
        write_json(json_file, report)
        variants = f" and {report.variants} variants of them" if report.variants else ""
        console.print(
            f"{report.shards} shards, {report.frames} frames{variants}, {report.bytes / 1e6:.1f} MB", highlight=False
        )
        for problem in report.problems:
            console.print(f"  {problem}", highlight=False, markup=False)
        if report.problems:
            console.print(f"{len(report.problems)} problems found")
            raise typer.Exit(_EXIT_PROBLEMS)
        console.print("verified: nothing missing, nothing twice, nothing altered")

    return verify


def _check_certificate(path: Path, json_file: Path | None, console: Console) -> None:
    certificate = verify_certificate(path)
    write_json(json_file, certificate)
    console.print(
        f"signed by {certificate.key_fingerprint} at {certificate.made_at}: veil {certificate.veil_id}, "
        f"{len(certificate.rows)} attacks, budget {certificate.budget}",
        highlight=False,
    )
    for gate in certificate.gates:
        console.print(f"  {gate.verdict}: {gate.name}", highlight=False, markup=False)
    console.print("verified: signed by that key, and not altered since")
