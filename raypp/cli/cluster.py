"""The commands of `raypp cluster`: a running Ray looked at."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.execution import ExecutionSettings, Executor, On, on_ray

if TYPE_CHECKING:
    from raypp.doctor.facts import NodeQuestions
    from raypp.text.finding import Finding

    ClusterExaminer = Executor[[NodeQuestions], list[Finding]]
    """Looks at each node of a running Ray."""


def cluster_doctor(
    address: Annotated[
        str | None,
        typer.Option(envvar="RAY_ADDRESS", show_envvar=False, help="A running Ray (default: RAY_ADDRESS)."),
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="A bundle that the service loads, the same on each node; repeat for more.")
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(help="URL of the ledger, without a password (default: RAYPP_LEDGER of each node)."),
    ] = None,
    place: Annotated[
        list[Path] | None, typer.Option(help="A folder that nodes write to, such as an archive; repeat for more.")
    ] = None,
    service_port: Annotated[
        int | None, typer.Option(help="Port of the service's gRPC: it must refuse calls without the front's secret.")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Compute on the GPU of each node.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Check every node of a running Ray: versions, ports, access, clocks, stores, disks, memory, ledger and models.

    Changes nothing. Prints one line for each thing, and for what is wrong a remedy; exits with 3 if anything is.

    Example: raypp cluster doctor --address ray-head:6379 --model /models/tools.model
    """
    from rich.console import Console

    from raypp.cli.site_agent import print_findings
    from raypp.doctor.cluster import ClusterReport
    from raypp.doctor.facts import NodeQuestions
    from raypp.ledger.ledger_list import LedgerList

    if not address and "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        raise OptionError("which cluster is meant? give `address`, such as ray-head:6379, or set RAY_ADDRESS")
    urls = LedgerList.parse(ledger).urls.values() if ledger and "://" in ledger else ()
    if any(map(has_password, urls)):
        raise OptionError("`ledger` holds a password, which Ray would keep; set RAYPP_LEDGER on each node instead")
    questions = NodeQuestions(
        ledger=ledger,
        models=tuple(path.absolute() for path in model or ()),
        places=tuple(path.absolute() for path in place or ()),
        service_port=service_port,
        gpu=gpu,
    )
    examine: ClusterExaminer = on_ray("examine", ExecutionSettings(on=On.RAY, address=address))
    findings = examine(questions)
    print_findings(findings, Console())
    report = ClusterReport(findings=tuple(findings))
    write_json(json_file, report)
    end_with_attention(report.wrong > 0)


def has_password(url: str) -> bool:
    """Whether a ledger's URL holds a password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise OptionError("the URL of `ledger` is malformed; use postgresql+psycopg://USER@HOST/NAME") from None
    return parsed.password is not None or "password" in parsed.query


cluster = command_group("Look at a running Ray cluster.")
cluster.callback()(lambda: None)
cluster.command("doctor")(cluster_doctor)
