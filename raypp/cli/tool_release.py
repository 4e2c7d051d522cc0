"""`raypp tool release`, `revoke` and `list`: what leaves, what ends, and what there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, note, opened_ledgers, say, say_all
from raypp.cli.options import JsonFile
from raypp.cli.tool_options import PolicyFile, ToolReference
from raypp.errors import OptionError
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.tool_values import SubmittedTool, ToolRun


class ListedTool(BaseModel):
    """A version of a tool, as `raypp tool list` shows it."""

    name: str
    version: str
    digest: str
    researcher: str
    state: str


class ListedRun(BaseModel):
    """A run, as its owner sees it."""

    run: int
    tool: str
    version: str
    researcher: str
    parameters: str
    data: str
    bits: int
    outcome: str
    words: str
    messages: str
    seconds: float | None
    release: int | None


class ListedTools(BaseModel):
    """All versions of tools, and all runs."""

    tools: tuple[ListedTool, ...]
    runs: tuple[ListedRun, ...]


def tool_release(
    researcher: Annotated[str | None, typer.Argument(help="The researcher to whom it goes.")] = None,
    out: Annotated[Path | None, typer.Option(help="New file that goes to the researcher, JSON.")] = None,
    again: Annotated[int | None, typer.Option(help="Write the file of this earlier release anew.")] = None,
    ledger: LedgerUrl = None,
) -> None:
    """Write all runs for a researcher that wait into one file, so that their times tell nothing.

    Example: raypp tool release anna --out anna-1.json --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.tool_store import ToolStore
    from raypp.toolbox.release import release_runs, write_again

    if out is None or (researcher is None) == (again is None):
        raise OptionError("give --out, and either a researcher or --again with the number of a release")
    with opened_ledgers(ledger, upgrade=True) as ledgers:
        store = ToolStore(ledgers.home.ledger(), command_line_account())
        if researcher is None:
            release, begun = write_again(store, again or 0, out), 0
        else:
            release, begun = release_runs(store, researcher, out)
    note(f"release {release.release_id} to {release.researcher}: {counted(release.runs, 'run')} in {out}")
    if begun:
        note(f"{counted(begun, 'run')} for {release.researcher} began and did not end: they run still, or were killed")


def tool_revoke(
    tool: ToolReference,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")],
    ledger: LedgerUrl = None,
) -> None:
    """End a version of a tool: it is run no more. What has left, has left.

    Example: raypp tool revoke tool-uses@1.0 --reason "counts twice" --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.tool_store import ToolStore

    with opened_ledgers(ledger, upgrade=True) as ledgers:
        store = ToolStore(ledgers.home.ledger(), command_line_account())
        chosen = store.tool(tool)
        store.revoke(chosen, reason)
    note(f"tool {chosen.label} is revoked")


def tool_list(
    policy: PolicyFile,
    ledger: LedgerUrl = None,
    runs: Annotated[bool, typer.Option("--runs", help="All runs, too, with what only the owner sees.")] = False,
    json_file: JsonFile = None,
) -> None:
    """List tools, and which may be run under the policy.

    Example: raypp tool list --policy policy.yaml --ledger sqlite:///ledger.db
    """
    from raypp.ledger.tool_store import ToolStore
    from raypp.toolbox.approval import approvers_of
    from raypp.toolbox.policy import APPROVALS, load_tool_policy

    rules = load_tool_policy(policy)

    def state(version: "SubmittedTool") -> str:
        if version.revoked_us is not None:
            return "revoked"
        approvers = approvers_of(store, version, rules)
        if len(approvers) >= APPROVALS:
            return f"may be run, approved by {', '.join(approvers)}"
        return f"approved by {len(approvers)} of {APPROVALS}"

    with opened_ledgers(ledger) as ledgers:
        store = ToolStore(ledgers.home.ledger())
        listed = tuple(
            ListedTool(
                name=each.name, version=each.version, digest=each.digest, researcher=each.researcher, state=state(each)
            )
            for each in store.tools()
        )
        ran = tuple(map(_listed_run, store.runs())) if runs else ()
    for each in listed:
        say(f"{each.name}@{each.version}  {each.digest[:12]}  of {each.researcher}: {each.state}")
    if not listed:
        say("no tools; take one in with `raypp tool submit`")
    if ran:
        say_all(line for run in ran for line in _run_lines(run))
    write_json(json_file, ListedTools(tools=listed, runs=ran))


def _listed_run(run: "ToolRun") -> ListedRun:
    from raypp.ledger.tool_values import RunState

    words = {RunState.BEGUN: "begun, not ended", RunState.VETTED: "ok", RunState.FORGOTTEN: "forgotten"}
    outcome = words.get(run.state, f"refused by rule {run.rule}")
    return ListedRun(
        run=run.run_id,
        tool=run.name,
        version=run.version,
        researcher=run.researcher,
        parameters=run.parameters,
        data=run.data,
        bits=run.bits,
        outcome=outcome,
        words=run.words,
        messages=run.messages,
        seconds=run.seconds,
        release=run.release_id,
    )


def _run_lines(run: ListedRun) -> Iterator[str]:
    left = f"release {run.release}" if run.release else "not released"
    took = "" if run.seconds is None else f", {run.seconds:.2f} s"
    yield f"run {run.run}  {run.tool}@{run.version} for {run.researcher}: {run.outcome}, {run.bits} bits{took}, {left}"
    if run.words:
        yield f"  {run.words}"
    for line in run.messages.splitlines():
        yield f"  it wrote: {line}"
