"""Approvals: two persons sign a tool's bytes together with the policy that it will run under."""

from typing import ClassVar

from pydantic import Field, ValidationError

from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import KeptApproval, SubmittedTool
from raypp.toolbox.policy import APPROVALS, ToolPolicy
from raypp.veil.key import VeilKey
from raypp.veil.signed import SignedDocument

_HEX_32 = "^[0-9a-f]{64}$"


class ToolApproval(SignedDocument):
    """State that a person has read a tool and lets it run.

    Attributes:
        tool: SHA-256 of the packed tool, which covers its code and wheels.
        policy: digest of the policy.
        approver: name, as the policy has it.
    """

    domain: ClassVar[bytes] = b"raypp tool approval v1"
    what: ClassVar[str] = "approval of a tool"

    tool: str = Field(pattern=_HEX_32)
    policy: str = Field(pattern=_HEX_32)
    approver: str


def approve_tool(store: ToolStore, tool: SubmittedTool, policy: ToolPolicy, approver: str, key: VeilKey) -> int:
    """Sign a tool together with a policy, and return how many persons have done so.

    Args:
        store: of the ledger.
        tool: what is approved.
        policy: under which it will run.
        approver: who approves.
        key: the approver's own.

    Raises:
        OptionError: if the policy does not name the approver, or the tool is the approver's own.
        KeyFileError: if the key is not the one that the policy has.
        ConflictError: if the tool is revoked.
    """
    wanted = policy.approvers.get(approver)
    if wanted is None:
        raise OptionError(f"`approver` {approver} is none of the policy's: {', '.join(policy.approvers)}")
    if approver == tool.researcher:
        raise OptionError(f"`approver` {approver} brought tool {tool.label}; another person must approve it")
    if key.fingerprint != wanted:
        raise KeyFileError(f"the key is {key.fingerprint}, and the policy has {wanted} for {approver}; use that key")
    signed = ToolApproval(tool=tool.digest, policy=policy.digest, approver=approver).signed(key)
    store.approve(tool, KeptApproval(tool.digest, policy.digest, approver, signed.to_bytes().decode()))
    return len(approvers_of(store, tool, policy))


def approvers_of(store: ToolStore, tool: SubmittedTool, policy: ToolPolicy) -> tuple[str, ...]:
    """Return who has approved a tool under a policy; an approval whose signature is not true counts for nothing."""
    kept = store.approvals(tool.digest, policy.digest)
    return tuple(each.approver for each in kept if _holds(each, tool, policy))


def require_approvals(store: ToolStore, tool: SubmittedTool, policy: ToolPolicy) -> tuple[str, ...]:
    """Return who has approved a tool; raises ConflictError unless two persons have, for these very bytes."""
    approvers = approvers_of(store, tool, policy)
    if len(approvers) < APPROVALS:
        names = f" ({', '.join(approvers)})" if approvers else ""
        raise ConflictError(
            f"tool {tool.label} is approved by {len(approvers)} of {APPROVALS} persons{names} under this policy; "
            "run `raypp tool review`, then `raypp tool approve`"
        )
    return approvers


def _holds(kept: KeptApproval, tool: SubmittedTool, policy: ToolPolicy) -> bool:
    try:
        approval = ToolApproval.model_validate_json(kept.document)
    except ValidationError:
        return False
    if (approval.tool, approval.policy, approval.approver) != (tool.digest, policy.digest, kept.approver):
        return False
    wanted = policy.approvers.get(approval.approver)
    return approval.is_true() and approval.fingerprint == wanted and approval.approver != tool.researcher
