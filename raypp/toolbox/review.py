"""All that a person has to read before approving: what a tool asks for, and what changed since it was last approved."""

import difflib
from collections.abc import Iterator

from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import SubmittedTool
from raypp.text.printable import printable
from raypp.text.wording import byte_size
from raypp.toolbox.approval import approvers_of
from raypp.toolbox.bits import bit_lines
from raypp.toolbox.manifest import MANIFEST, NamesOf, NumberRange, ToolManifest
from raypp.toolbox.package import ToolPackage, unpack_tool
from raypp.toolbox.policy import APPROVALS, ToolPolicy

_NAMES_EACH = 100
"""How many names of a kind the data are taken to have, for the count of bits; a run counts those that there are."""


def last_approved(store: ToolStore, tool: SubmittedTool, policy: ToolPolicy) -> SubmittedTool | None:
    """Return the version of a tool, other than this one, that came in last and that two persons have approved."""
    others = [each for each in store.tools() if each.name == tool.name and each.digest != tool.digest]
    approved = [each for each in others if len(approvers_of(store, each, policy)) >= APPROVALS]
    return approved[-1] if approved else None


def review_lines(store: ToolStore, tool: SubmittedTool, policy: ToolPolicy) -> Iterator[str]:
    """Word a tool for its approvers; raises OptionError if the policy does not allow it."""
    package = unpack_tool(tool.content, f"tool {tool.label}")
    manifest = package.manifest
    policy.check(manifest)
    approvers = approvers_of(store, tool, policy)
    yield f"tool          {manifest.label} of {tool.researcher}: {printable(manifest.summary)}"
    yield f"digest        {tool.digest}"
    yield f"policy        {policy.digest}"
    yield f"reads         {manifest.reads}"
    yield from _asked(manifest)
    for line in bit_lines(manifest, dict.fromkeys(NamesOf, _NAMES_EACH)):
        yield f"may tell      {line}, with {_NAMES_EACH} names of each kind"
    yield f"approved by   {', '.join(approvers) or 'nobody'}; {APPROVALS} persons must approve"
    before = last_approved(store, tool, policy)
    if before is None:
        yield "no version was approved before: here is all of it"
        yield from _changes({}, package)
        return
    yield f"changes since {before.label}, which is approved:"
    yield from _changes(dict(unpack_tool(before.content, f"tool {before.label}").files), package)


def _asked(manifest: ToolManifest) -> Iterator[str]:
    for name, parameter in manifest.parameters.items():
        if isinstance(parameter, NumberRange):
            words = f"{parameter.least} to {parameter.most} in steps of {parameter.step}"
        else:
            words = ", ".join(parameter.choices)
        yield f"parameter     {name}: {words}"
    bounds = manifest.resources
    yield (
        f"resources     {bounds.seconds:g} s, {bounds.memory_mb} MB, {bounds.processes} processes, "
        f"{bounds.scratch_mb} MB of scratch, {bounds.output_kb} kB a file"
    )
    for name, digest in manifest.wheels.items():
        yield f"wheel         {name}, SHA-256 {digest}"


def _changes(before: dict[str, bytes], package: ToolPackage) -> Iterator[str]:
    """Word what differs, file by file: the manifest first."""
    names = sorted(before.keys() | package.files.keys(), key=lambda name: (name != MANIFEST, name))
    for name in names:
        old, new = before.get(name), package.files.get(name)
        if old == new:
            continue
        if new is None:
            yield f"--- {name} is gone"
            continue
        texts = _text(old or b""), _text(new)
        if texts[0] is None or texts[1] is None:
            was = "new" if old is None else f"was {byte_size(len(old))}"
            yield f"+++ {name}: {byte_size(len(new))} that are no text, {was}"
            continue
        lines = difflib.unified_diff(texts[0], texts[1], name if old is not None else "/dev/null", name, lineterm="")
        yield from map(printable, lines)


def _text(content: bytes) -> list[str] | None:
    try:
        return content.decode().splitlines()
    except UnicodeDecodeError:
        return None
