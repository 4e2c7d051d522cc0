"""Two persons approve the very bytes of a tool under a policy, and nothing less lets it run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.tool_tables import ResearchToolRow, ToolApprovalRow
from raypp.toolbox.approval import approve_tool, approvers_of
from raypp.toolbox.approved_run import approved_tool
from raypp.toolbox.review import review_lines
from tests.toolbox.owner import Owner
from tests.toolbox.tools import GOOD, TABLE, packed


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path)
    yield owner
    owner.ledger.close()


def test_one_person_is_not_enough_not_even_twice(owner: Owner, tmp_path: Path):
    tool = owner.submit(packed(tmp_path / "tool"))
    with pytest.raises(ConflictError, match=r"approved by 0 of 2 persons under this policy; run `raypp tool review`"):
        approved_tool(owner.store, "probe", owner.policy)
    owner.approve(tool, "ben", "ben")
    with pytest.raises(ConflictError, match=r"approved by 1 of 2 persons \(ben\)"):
        approved_tool(owner.store, "probe", owner.policy)
    owner.approve(tool, "cleo")
    assert approved_tool(owner.store, "probe", owner.policy).approvers == ("ben", "cleo")
    actions = [(entry.action, entry.detail.partition(",")[0]) for entry in AuditLog(owner.ledger).latest()]
    assert actions == [
        ("tool submit", "of anna"),
        ("tool approve", "by ben"),
        ("tool approve", "by ben"),
        ("tool approve", "by cleo"),
    ]


def test_a_changed_byte_is_another_version_which_nobody_has_approved(owner: Owner, tmp_path: Path):
    owner.approve(owner.submit(packed(tmp_path / "tool")), "ben", "cleo")
    with pytest.raises(ConflictError, match=r"probe 1\.0 is there with other bytes .* raise `version`"):
        owner.submit(packed(tmp_path / "tool", GOOD + " "))
    tool = owner.submit(packed(tmp_path / "tool", GOOD + " ", version="1.1"))
    with pytest.raises(ConflictError, match=r"probe 1\.1 .* is approved by 0 of 2"):
        approved_tool(owner.store, "probe", owner.policy)
    assert approved_tool(owner.store, "probe@1.0", owner.policy).tool.version == "1.0"
    assert approvers_of(owner.store, tool, owner.policy) == ()


def test_a_changed_policy_needs_new_approvals(owner: Owner, tmp_path: Path):
    owner.approve(owner.submit(packed(tmp_path / "tool")), "ben", "cleo")
    owner.write_policy(least_cell=9)
    with pytest.raises(ConflictError, match="approved by 0 of 2 persons under this policy"):
        approved_tool(owner.store, "probe", owner.policy)
    owner.write_policy(least_cell=10)
    assert approved_tool(owner.store, "probe", owner.policy).approvers == ("ben", "cleo")


def test_bytes_that_were_altered_in_the_ledger_are_refused(owner: Owner, tmp_path: Path):
    tool = owner.submit(packed(tmp_path / "tool"))
    owner.approve(tool, "ben", "cleo")
    other = packed(tmp_path / "other", GOOD + " ")
    with owner.ledger.database.write() as connection:
        connection.execute(update(ResearchToolRow).values(content=other.content))
    with pytest.raises(ConflictError, match="is not as it was submitted: its bytes were altered"):
        approved_tool(owner.store, "probe", owner.policy)


def test_approvals_that_were_written_into_the_ledger_count_for_nothing(owner: Owner, tmp_path: Path):
    """By somebody who writes to the ledger and has no approver's key: other signers, names, tools, signatures."""
    tool = owner.submit(packed(tmp_path / "tool"))
    owner.approve(tool, "ben")
    (kept,) = owner.store.approvals(tool.digest, owner.policy.digest)
    owner.store.approve(tool, replace(kept, approver="cleo"))
    for document in (
        kept.document.replace('"approver":"ben"', '"approver":"cleo"'),
        kept.document.replace(owner.keys["ben"].public_key.hex(), owner.keys["cleo"].public_key.hex()),
        "{}",
        "no document",
    ):
        owner.store.approve(tool, replace(kept, approver="cleo", document=document))
        assert approvers_of(owner.store, tool, owner.policy) == ("ben",)
    with owner.ledger.database.write() as connection:
        connection.execute(
            update(ToolApprovalRow).values(document=kept.document.replace('"signature":"', '"signature":"0'))
        )
    assert approvers_of(owner.store, tool, owner.policy) == ()


def test_who_may_approve(owner: Owner, tmp_path: Path):
    tool = owner.submit(packed(tmp_path / "tool"), researcher="dan")
    with pytest.raises(OptionError, match=r"`approver` eve is none of the policy's: ben, cleo, dan"):
        approve_tool(owner.store, tool, owner.policy, "eve", owner.keys["ben"])
    with pytest.raises(KeyFileError, match=r"and the policy has .* for cleo; use that key"):
        approve_tool(owner.store, tool, owner.policy, "cleo", owner.keys["ben"])
    with pytest.raises(OptionError, match=r"dan brought tool probe 1.0 .*; another person must approve it"):
        owner.approve(tool, "dan")


def test_a_policy_says_what_is_wrong_with_it(owner: Owner):
    ben = owner.keys["ben"].fingerprint
    for changes, words in (
        ({"approvers": {"ben": ben}}, "approvers must have at least 2 items"),
        ({"approvers": {"ben": ben, "cleo": ben}}, "two approvers have one key"),
        ({"approvers": {"ben": "x", "cleo": ben}}, "approvers: ben must be the 16 digits that `raypp keygen` prints"),
        ({"least_cel": 3}, "least_cel is not known; did you mean least_cell"),
        ({"run_bits": 0}, "run_bits must be greater than or equal to 1"),
    ):
        with pytest.raises(OptionError, match=words):
            owner.write_policy(**changes)


def test_a_tool_that_asks_for_more_than_the_policy_allows_is_refused(owner: Owner, tmp_path: Path):
    plain = packed(tmp_path / "tool", reads="plain")
    with pytest.raises(OptionError, match=r"probe 1.0 reads plain, and the policy allows detections, codes"):
        owner.policy.check(plain.manifest)
    large = packed(tmp_path / "tool", resources={"memory_mb": 20_000})
    with pytest.raises(OptionError, match="resources, memory_mb 20000 is above the policy's 8192"):
        owner.policy.check(large.manifest)


def test_a_revoked_tool_is_run_and_approved_no_more(owner: Owner, tmp_path: Path):
    tool = owner.submit(packed(tmp_path / "tool"))
    owner.approve(tool, "ben", "cleo")
    owner.store.revoke(tool, "counts twice")
    with pytest.raises(ConflictError, match="is revoked; submit another version"):
        approved_tool(owner.store, "probe", owner.policy)
    with pytest.raises(ConflictError, match="is revoked"):
        owner.approve(tool, "dan")
    owner.approve(owner.submit(packed(tmp_path / "tool", version="2")), "ben", "cleo")
    assert approved_tool(owner.store, "probe", owner.policy).tool.version == "2"
    with pytest.raises(OptionError, match=r"there is no tool prob; submitted are probe@1.0, probe@2"):
        owner.store.tool("prob")


def test_a_review_shows_all_of_a_new_tool_and_then_what_changed(owner: Owner, tmp_path: Path):
    first = owner.submit(packed(tmp_path / "tool"))
    shown = list(review_lines(owner.store, first, owner.policy))
    assert "approved by   nobody; 2 persons must approve" in shown
    assert "no version was approved before: here is all of it" in shown
    assert f"+{GOOD}" in shown
    assert any(line.startswith("may tell      in all") for line in shown)
    owner.approve(first, "ben", "cleo")
    changed = GOOD + "\nprint('more')  # \x1b[2J"
    second = owner.submit(packed(tmp_path / "tool", changed, version="1.1", writes={"t": TABLE | {"rows": 6}}))
    shown = list(review_lines(owner.store, second, owner.policy))
    assert any(line.startswith("changes since probe 1.0 (") for line in shown)
    assert {"-version: '1.0'", "+version: '1.1'", "-    rows: 5", "+    rows: 6"} <= set(shown)
    assert "+print('more')  # \\x1b[2J" in shown  # a terminal would have been cleared
    assert f"+{GOOD}" not in shown
