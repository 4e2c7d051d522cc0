"""`raypp tool run`: an approved tool on the owner's data."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.execution import execution_of
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, opened_ledgers, say_all
from raypp.cli.options import DataKeyFile, JsonFile, RayAddress, RunsOn
from raypp.cli.tool_options import Parameters, PolicyFile, ToolReference, named_values, table_lines
from raypp.errors import OptionError
from raypp.execution import On
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers
    from raypp.toolbox.approved_run import RunPlan
    from raypp.toolbox.data import ToolData
    from raypp.toolbox.manifest import Reads
    from raypp.toolbox.run import ToolResult
    from raypp.toolbox.summary import RanTool


def tool_run(
    tool: ToolReference,
    researcher: Annotated[str, typer.Option("--for", help="The researcher, whose budget is charged.")],
    policy: PolicyFile,
    parameter: Parameters = None,
    ledger: LedgerUrl = None,
    site: Annotated[list[str] | None, typer.Option(help="Detections: only this site of the ledger; repeat.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Detections: begin of the period.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Detections: its end.")] = None,
    archive: Annotated[list[str] | None, typer.Option(help="Codes: a veiled archive; repeat.")] = None,
    labels: Annotated[list[str] | None, typer.Option(help="Codes: label version; repeat.")] = None,
    data_key: DataKeyFile = None,
    counts: Annotated[
        list[str] | None, typer.Option(help="Counts: folder of `raypp count images --out`; repeat.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Plain: videos or images, or their folder; repeat.")] = None,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all, say what it may tell, and run nothing.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Run an approved tool; its bits are charged, and what may leave waits for `raypp tool release`.

    Example: raypp tool run tool-uses --for anna --policy policy.yaml --ledger sqlite:///ledger.db

    Example: raypp tool run tool-uses --for anna --policy policy.yaml --from 2026-03-02 --dry-run
    """
    from raypp.execution import on_ray
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.tool_store import ToolStore
    from raypp.sandbox.host import sandbox_host
    from raypp.toolbox.approved_run import approved_tool, plan_run, run_approved
    from raypp.toolbox.policy import load_tool_policy
    from raypp.toolbox.run import run_task

    execution = execution_of(on, address)
    values, rules = named_values(parameter), load_tool_policy(policy)
    with opened_ledgers(ledger, upgrade=True) as ledgers:
        store = ToolStore(ledgers.home.ledger(), command_line_account())
        approved = approved_tool(store, tool, rules)
        local = execution.choose(seconds=approved.package.manifest.resources.seconds) is On.LOCAL
        if local:
            sandbox_host()
        approved.package.manifest.arguments(values)
        reads = approved.package.manifest.reads
        data = _data(reads, ledgers, (site, from_, to), (archive, labels, data_key), counts, source)
        plan = plan_run(approved, researcher, values, data)
        if dry_run:
            say_all(_plan_lines(plan, store.spent(researcher)))
            return
        run_id, result = run_approved(store, plan, run_task if local else on_ray("tool", execution))
    ran = _ran(run_id, plan, result)
    say_all(_ran_lines(ran))
    write_json(json_file, ran)


def _data(
    reads: "Reads",
    ledgers: "Ledgers",
    period: tuple[list[str] | None, str | None, str | None],
    archives: tuple[list[str] | None, list[str] | None, str | None],
    counts: list[str] | None,
    sources: list[str] | None,
) -> "ToolData":
    """Return the data that options name; raises OptionError for options of another kind."""
    from raypp.key_sources.place import optional_key_place
    from raypp.sql.ledger_views import LedgerRows
    from raypp.toolbox.data import codes_data, counts_data, detections_data, plain_data
    from raypp.toolbox.manifest import Reads

    given = {
        Reads.DETECTIONS: any(period),
        Reads.CODES: any(archives),
        Reads.COUNTS: bool(counts),
        Reads.PLAIN: bool(sources),
    }
    options = {
        Reads.DETECTIONS: "--site, --from and --to",
        Reads.CODES: "--archive",
        Reads.COUNTS: "--counts",
        Reads.PLAIN: "--source",
    }
    for kind, there in given.items():
        if there and kind is not reads:
            raise OptionError(f"the tool reads {reads}, and {options[kind]} is of {kind}; leave it out")
    if reads is Reads.DETECTIONS:
        sites, from_text, to_text = period
        words = f"detections of {', '.join(sites or ()) or 'all sites'}, {from_text or 'all'} to {to_text or 'now'}"
        return detections_data(LedgerRows(lambda: ledgers, sites or (), from_text, to_text), words)
    places, labels, data_key = archives
    if reads is Reads.CODES:
        if not places:
            raise OptionError("the tool reads codes; name a veiled archive by --archive")
        return codes_data(places, labels or (), optional_key_place(data_key), f"codes of {', '.join(places)}")
    if reads is Reads.COUNTS:
        if not counts:
            raise OptionError("the tool reads counts; name a folder of `raypp count images` by --counts")
        return counts_data(counts, f"counts of {', '.join(counts)}")
    if not sources:
        raise OptionError("the tool reads plain frames; name videos or images by --source")
    return plain_data(sources, f"plain frames of {', '.join(sources)}")


def _plan_lines(plan: "RunPlan", spent: int) -> Iterator[str]:
    from raypp.toolbox.bits import bit_lines

    approved = plan.approved
    yield f"tool          {approved.tool.label}, approved by {', '.join(approved.approvers)}"
    yield f"data          {plan.data.words}"
    for line in bit_lines(approved.package.manifest, plan.data.levels):
        yield f"may tell      {line}"
    yield f"budget        {plan.researcher} was charged {spent} of {approved.policy.researcher_bits} bits"


def _ran(run_id: int, plan: "RunPlan", result: "ToolResult") -> "RanTool":
    from raypp.text.printable import printable_lines
    from raypp.toolbox.summary import RanTool, ReleasedTable

    tool, outcome = plan.approved.tool, result.outcome
    return RanTool(
        run=run_id,
        tool=tool.name,
        version=tool.version,
        digest=tool.digest,
        researcher=plan.researcher,
        bits=plan.bits,
        refused_by=result.rule,
        words=result.words,
        small={name: table.small for name, table in result.tables.items()},
        tables={name: ReleasedTable.of(table) for name, table in result.tables.items()},
        seconds=round(outcome.seconds, 3),
        messages=printable_lines(outcome.messages.decode(errors="replace")),
        unbounded=outcome.unbounded,
    )


def _ran_lines(ran: "RanTool") -> Iterator[str]:
    yield f"run           {ran.run} of {ran.tool} {ran.version} for {ran.researcher}, {ran.bits} bits charged"
    yield f"took          {ran.seconds:.2f} s"
    for line in ran.unbounded:
        yield f"not bounded   {line}"
    for line in ran.messages.splitlines():
        yield f"it wrote      {line}"
    if ran.refused_by is not None:
        yield f"refused       by rule {ran.refused_by}: {ran.words}"
        return
    for name, table in ran.tables.items():
        yield from table_lines(name, table)
        yield f"  and {counted(ran.small[name], 'row')} too small to leave"
