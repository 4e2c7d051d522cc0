"""`raypp tool submit`, `review` and `approve`: a tool comes in, is read, and is signed by two persons."""

from typing import Annotated

import typer

from raypp.cli.ledger import LedgerUrl, note, opened_ledgers, say_all
from raypp.cli.options import OwnersKey
from raypp.cli.tool_options import PolicyFile, ToolPlace, ToolReference


def tool_submit(
    place: ToolPlace,
    researcher: Annotated[str, typer.Option("--from", help="The researcher who brings it.")],
    policy: PolicyFile,
    ledger: LedgerUrl = None,
) -> None:
    """Take a tool in, if the policy allows what it asks for; it runs only once two persons have approved it.

    Example: raypp tool submit tool-uses.tool --from anna --policy policy.yaml --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.tool_store import ToolStore
    from raypp.ledger.tool_values import SubmittedTool
    from raypp.toolbox.package import read_package
    from raypp.toolbox.policy import load_tool_policy

    rules, package = load_tool_policy(policy), read_package(place)
    manifest = package.manifest
    rules.check(manifest)
    submitted = SubmittedTool(package.digest, manifest.name, manifest.version, researcher, package.content)
    with opened_ledgers(ledger, upgrade=True) as ledgers:
        is_new = ToolStore(ledgers.home.ledger(), command_line_account()).submit(submitted)
    state = "waits for two approvals" if is_new else "is there already"
    note(f"tool {submitted.label} of {researcher} {state}; read it with `raypp tool review {manifest.name}`")


def tool_review(tool: ToolReference, policy: PolicyFile, ledger: LedgerUrl = None) -> None:
    """Show all of a tool, or what changed since the version that was last approved.

    Example: raypp tool review tool-uses --policy policy.yaml --ledger sqlite:///ledger.db
    """
    from raypp.ledger.tool_store import ToolStore
    from raypp.toolbox.policy import load_tool_policy
    from raypp.toolbox.review import review_lines

    rules = load_tool_policy(policy)
    with opened_ledgers(ledger) as ledgers:
        store = ToolStore(ledgers.home.ledger())
        say_all(review_lines(store, store.tool(tool), rules))


def tool_approve(
    tool: ToolReference,
    approver: Annotated[str, typer.Option("--as", help="Name of the approver, as the policy has it.")],
    policy: PolicyFile,
    key: OwnersKey = None,
    ledger: LedgerUrl = None,
) -> None:
    """Sign a tool together with the policy, with a key of one's own; another person has to do so, too.

    Example: raypp tool approve tool-uses --as ben --key ben.key --policy policy.yaml --ledger sqlite:///ledger.db
    """
    from raypp.key_sources.place import key_place
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.tool_store import ToolStore
    from raypp.toolbox.approval import approve_tool
    from raypp.toolbox.policy import APPROVALS, load_tool_policy
    from raypp.veil.keyfile import load_owner_key, resolve_key_place

    rules = load_tool_policy(policy)
    with opened_ledgers(ledger, upgrade=True) as ledgers:
        store = ToolStore(ledgers.home.ledger(), command_line_account())
        chosen = store.tool(tool)
        own = load_owner_key(resolve_key_place(None if key is None else key_place(key)))
        approvals = approve_tool(store, chosen, rules, approver, own)
    ready = "it may be run" if approvals >= APPROVALS else "it may not be run yet"
    note(f"tool {chosen.label} is approved by {approvals} of {APPROVALS} persons: {ready}")
