"""A run of an approved tool on an owner's data: checked, charged, run, vetted, and kept until it is released."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raypp.errors import ConflictError, OptionError, RayppError
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import RunCharge, RunEnd, SubmittedTool
from raypp.sandbox.run import SandboxOutcome
from raypp.text.printable import printable_lines
from raypp.toolbox.approval import require_approvals
from raypp.toolbox.bits import run_bits
from raypp.toolbox.data import ToolData
from raypp.toolbox.package import ToolPackage, unpack_tool
from raypp.toolbox.policy import ToolPolicy
from raypp.toolbox.rules import Rule
from raypp.toolbox.run import ToolResult, ToolTask, vet_run
from raypp.toolbox.summary import tables_as_json

Runs = Callable[[ToolTask], SandboxOutcome]
"""Runs a task in a sandbox, here or on another node."""


@dataclass(frozen=True)
class ApprovedTool:
    """A tool that may run.

    Attributes:
        tool: as it was submitted.
        package: its files.
        policy: under which it may run.
        approvers: who has approved it.
    """

    tool: SubmittedTool
    package: ToolPackage
    policy: ToolPolicy
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class RunPlan:
    """A run that has been checked, and not begun.

    Attributes:
        approved: the tool.
        researcher: for whom it runs.
        arguments: of all parameters.
        data: what it reads.
        bits: that it may tell at most.
    """

    approved: ApprovedTool
    researcher: str
    arguments: dict[str, str]
    data: ToolData
    bits: int


def approved_tool(store: ToolStore, reference: str, policy: ToolPolicy) -> ApprovedTool:
    """Return a tool that may run under a policy.

    Raises:
        OptionError: if there is no such tool, or the policy does not allow it.
        ConflictError: if it is revoked, its bytes were altered, or two persons have not approved it.
    """
    tool = store.tool(reference)
    if tool.revoked_us is not None:
        raise ConflictError(f"tool {tool.label} is revoked; submit another version")
    if hashlib.sha256(tool.content).hexdigest() != tool.digest:
        raise ConflictError(f"tool {tool.label} is not as it was submitted: its bytes were altered; submit it again")
    approvers = require_approvals(store, tool, policy)
    package = unpack_tool(tool.content, f"tool {tool.label}")
    policy.check(package.manifest)
    return ApprovedTool(tool, package, policy, approvers)


def plan_run(approved: ApprovedTool, researcher: str, given: Mapping[str, str], data: ToolData) -> RunPlan:
    """Check a run before anything of it happens.

    Raises:
        OptionError: if a parameter is out of its range, the data are of another kind, or the run may tell more than
            the policy allows.
    """
    manifest, policy = approved.package.manifest, approved.policy
    arguments = manifest.arguments(given)
    if data.reads is not manifest.reads:
        raise OptionError(f"tool {manifest.label} reads {manifest.reads}, and the data are {data.reads}")
    bits = run_bits(manifest, data.levels)
    if bits > policy.run_bits:
        raise OptionError(
            f"a run of tool {manifest.label} on these data may tell {bits} bits, and the policy allows "
            f"{policy.run_bits}; let it declare fewer rows, or larger steps"
        )
    return RunPlan(approved, researcher, arguments, data, bits)


def run_approved(store: ToolStore, plan: RunPlan, execute: Runs) -> tuple[int, ToolResult]:
    """Charge a run, run it, vet it, and keep what may leave; return its number and what came of it.

    Args:
        store: of the ledger.
        plan: the run.
        execute: runs it.

    Raises:
        ConflictError: if the researcher's budget is too small; nothing was run.
        RayppError: if it could not be run; its bits stay charged, as for a run that was killed.
    """
    approved = plan.approved
    charge = RunCharge(
        digest=approved.tool.digest,
        researcher=plan.researcher,
        parameters=json.dumps(plan.arguments),
        data=plan.data.words,
        bits=plan.bits,
        most_bits=approved.policy.researcher_bits,
    )
    run_id = store.begin(approved.tool, charge)
    try:
        outcome = execute(ToolTask(approved.package.content, plan.arguments, plan.data))
    except RayppError as error:
        store.end(run_id, RunEnd(int(Rule.ENDED_BADLY), str(error), "", 0.0, None))
        raise
    result = vet_run(approved.package, plan.data, outcome, approved.policy.least_cell)
    messages = printable_lines(outcome.messages.decode(errors="replace"))
    rule = None if result.rule is None else int(result.rule)
    tables = tables_as_json(result.tables) if rule is None else None
    store.end(run_id, RunEnd(rule, result.words, messages, outcome.seconds, tables))
    return run_id, result
