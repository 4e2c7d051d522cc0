"""Research tools in a ledger: versions, approvals, runs with their bits, releases. Each method is one transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, inspect, select, update

from raypp.errors import ConflictError, OptionError
from raypp.ledger.statements import put, write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tool_tables import ResearchToolRow, ToolApprovalRow, ToolReleaseRow, ToolRunRow
from raypp.ledger.tool_values import (
    KeptApproval,
    RunCharge,
    RunEnd,
    RunState,
    SubmittedTool,
    ToolRelease,
    ToolRun,
)
from raypp.ledger.types import COMMAND_LINE, checked_name


class ToolStore:
    """The research tools of one ledger; of several ledgers, those of the operators' home.

    Args:
        ledger: an open one; one of an older schema that is only read has no tool.
        who: for the audit log.
    """

    def __init__(self, ledger: Ledger, who: str = COMMAND_LINE) -> None:
        self._ledger = ledger
        self._who = who

    def tools(self) -> tuple[SubmittedTool, ...]:
        """All versions, by name and in the order in which they came in."""
        columns = ResearchToolRow.__table__.columns
        query = select(*columns).order_by(ResearchToolRow.name, ResearchToolRow.submitted_us, ResearchToolRow.digest)
        with self._ledger.database.read() as connection:
            if not inspect(connection).has_table(ResearchToolRow.__tablename__):
                return ()
            return tuple(SubmittedTool(**row) for row in connection.execute(query).mappings())

    def tool(self, reference: str) -> SubmittedTool:
        """Return a version by NAME, which is the newest that is not revoked, NAME@VERSION, or 8 digits of its digest.

        Raises:
            OptionError: if there is none.
        """
        name, _, version = reference.partition("@")
        tools = self.tools()
        of_name = [tool for tool in tools if tool.name == name and (not version or tool.version == version)]
        standing = [tool for tool in of_name if tool.revoked_us is None]
        if of_name:
            return (standing or of_name)[-1]
        of_digest = [tool for tool in tools if len(reference) >= 8 and tool.digest.startswith(reference.lower())]
        if len(of_digest) == 1:
            return of_digest[0]
        known = ", ".join(dict.fromkeys(f"{tool.name}@{tool.version}" for tool in tools)) or "none"
        raise OptionError(f"there is no tool {reference[:100]}; submitted are {known}")

    def submit(self, tool: SubmittedTool) -> bool:
        """Take a version in, and return whether it is new.

        Raises:
            ConflictError: if the version is there with other bytes.
            OptionError: if the researcher's name is none.
        """
        checked_name(tool.researcher, "researcher")
        now_us = self._ledger.clock()
        row = {name: getattr(tool, name) for name in ("digest", "name", "version", "researcher", "content")}
        with self._ledger.database.write() as connection:
            same = (ResearchToolRow.name == tool.name, ResearchToolRow.version == tool.version)
            known = connection.execute(select(ResearchToolRow.digest).where(*same)).scalar_one_or_none()
            if known == tool.digest:
                return False
            if known is not None:
                raise ConflictError(
                    f"tool {tool.name} {tool.version} is there with other bytes ({known[:12]}); raise `version` in its "
                    "tool.yaml"
                )
            connection.execute(insert(ResearchToolRow), [row | {"submitted_us": now_us}])
            self._note(connection, "tool submit", tool.label, f"of {tool.researcher}")
        return True

    def approvals(self, digest: str, policy: str) -> tuple[KeptApproval, ...]:
        """Approvals of a tool together with a policy, by name; their signatures are not looked at."""
        columns = ToolApprovalRow.__table__.columns
        query = select(*columns).where(ToolApprovalRow.digest == digest, ToolApprovalRow.policy == policy)
        with self._ledger.database.read() as connection:
            rows = connection.execute(query.order_by(ToolApprovalRow.approver)).mappings()
            return tuple(KeptApproval(**row) for row in rows)

    def approved(self) -> frozenset[tuple[str, str]]:
        """Digests of tools and policies that anybody has approved."""
        query = select(ToolApprovalRow.digest, ToolApprovalRow.policy).distinct()
        with self._ledger.database.read() as connection:
            return frozenset((row.digest, row.policy) for row in connection.execute(query))

    def approve(self, tool: SubmittedTool, approval: KeptApproval) -> None:
        """Keep an approval, in place of the same person's; raises ConflictError if the tool is revoked."""
        row = {name: getattr(approval, name) for name in ("digest", "policy", "approver", "document")}
        with self._ledger.database.write() as connection:
            _refuse_revoked(connection, tool)
            put(
                connection,
                ToolApprovalRow,
                [row | {"approved_us": self._ledger.clock()}],
                ("document", "approved_us"),
            )
            self._note(connection, "tool approve", tool.label, f"by {approval.approver}, policy {approval.policy[:12]}")

    def begin(self, tool: SubmittedTool, charge: RunCharge) -> int:
        """Charge a run before it begins, and return its number.

        Raises:
            ConflictError: if the tool is revoked, or the researcher's budget is too small; nothing is charged.
        """
        checked_name(charge.researcher, "researcher")
        with self._ledger.database.write() as connection:
            # Holds all versions' rows, so that two runs do not each take the last of a budget.
            connection.execute(select(ResearchToolRow.digest).with_for_update()).all()
            _refuse_revoked(connection, tool)
            spent = _spent(connection, charge.researcher)
            if spent + charge.bits > charge.most_bits:
                raise ConflictError(
                    f"the run may tell {charge.bits} bits, and {charge.researcher} has {charge.most_bits - spent} of "
                    f"{charge.most_bits} left; raise `researcher_bits` of the policy, or let the tool tell less"
                )
            row = {
                "digest": charge.digest,
                "researcher": charge.researcher,
                "parameters": charge.parameters,
                "data": charge.data,
                "bits": charge.bits,
                "began_us": self._ledger.clock(),
                "state": int(RunState.BEGUN),
                "words": "",
                "messages": "",
            }
            run_id = connection.execute(insert(ToolRunRow).returning(ToolRunRow.run_id), [row]).scalar_one()
            self._note(connection, "tool run", tool.label, f"run {run_id} for {charge.researcher}, {charge.bits} bits")
        return int(run_id)

    def end(self, run_id: int, end: RunEnd) -> None:
        """Keep how a run ended."""
        values = {
            "state": int(RunState.VETTED if end.rule is None else RunState.REFUSED),
            "rule": end.rule,
            "words": end.words,
            "messages": end.messages,
            "seconds": end.seconds,
            "tables": end.tables,
        }
        outcome = "vetted" if end.rule is None else f"refused by rule {end.rule}"
        with self._ledger.database.write() as connection:
            connection.execute(update(ToolRunRow).where(ToolRunRow.run_id == run_id).values(**values))
            self._note(connection, "tool run", f"run {run_id}", outcome)

    def spent(self, researcher: str) -> int:
        """Return the bits that all runs for a researcher were charged with."""
        with self._ledger.database.read() as connection:
            return _spent(connection, researcher)

    def runs(self, researcher: str | None = None) -> tuple[ToolRun, ...]:
        """Runs, or those for a researcher, in the order in which they began."""
        query = _runs()
        if researcher is not None:
            query = query.where(ToolRunRow.researcher == researcher)
        with self._ledger.database.read() as connection:
            if not inspect(connection).has_table(ToolRunRow.__tablename__):
                return ()
            return _read_runs(connection, query)

    def release(self, researcher: str, file_of: Callable[[int, Sequence[ToolRun]], str]) -> tuple[ToolRelease, int]:
        """Mark all runs for a researcher that have ended, and have not left, as one batch.

        Args:
            researcher: to whom.
            file_of: given the number of the release and its runs, the SHA-256 of the file that leaves.

        Returns:
            The release, and how many runs for the researcher have begun and not ended.

        Raises:
            ConflictError: if there is nothing to release.
        """
        now_us = self._ledger.clock()
        waiting = (ToolRunRow.researcher == researcher, ToolRunRow.release_id.is_(None))
        with self._ledger.database.write() as connection:
            runs = _read_runs(connection, _runs().where(*waiting))
            ended = [run for run in runs if run.state in {RunState.VETTED, RunState.REFUSED}]
            if not ended:
                raise ConflictError(f"no run for {researcher} waits to be released")
            row = {"researcher": researcher, "released_us": now_us, "who": self._who[:200], "runs": len(ended)}
            added = insert(ToolReleaseRow).returning(ToolReleaseRow.release_id)
            release_id = int(connection.execute(added, [row | {"sha256": ""}]).scalar_one())
            sha256 = file_of(release_id, ended)
            which = ToolReleaseRow.release_id == release_id
            connection.execute(update(ToolReleaseRow).where(which).values(sha256=sha256))
            these = ToolRunRow.run_id.in_([run.run_id for run in ended])
            connection.execute(update(ToolRunRow).where(these).values(release_id=release_id))
            numbers = ", ".join(str(run.run_id) for run in ended)
            self._note(connection, "tool release", f"release {release_id} to {researcher}", f"runs {numbers}")
        release = ToolRelease(release_id, researcher, now_us, self._who[:200], len(ended), sha256)
        return release, sum(run.state is RunState.BEGUN for run in runs)

    def released(self, release_id: int) -> tuple[ToolRelease, tuple[ToolRun, ...]]:
        """Return a release and its runs; raises OptionError if there is none."""
        query = select(*ToolReleaseRow.__table__.columns).where(ToolReleaseRow.release_id == release_id)
        with self._ledger.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                raise OptionError(f"`again` {release_id} is no release of this ledger")
            return ToolRelease(**row), _read_runs(connection, _runs().where(ToolRunRow.release_id == release_id))

    def revoke(self, tool: SubmittedTool, reason: str) -> None:
        """Let a version be run no more; what has left, has left."""
        with self._ledger.database.write() as connection:
            which = (ResearchToolRow.digest == tool.digest, ResearchToolRow.revoked_us.is_(None))
            connection.execute(update(ResearchToolRow).where(*which).values(revoked_us=self._ledger.clock()))
            self._note(connection, "tool revoke", tool.label, reason)

    def _note(self, connection: Connection, action: str, subject: str, detail: str) -> None:
        write_audit(connection, self._ledger.clock(), self._who, action, subject, detail)


def _refuse_revoked(connection: Connection, tool: SubmittedTool) -> None:
    query = select(ResearchToolRow.revoked_us).where(ResearchToolRow.digest == tool.digest)
    if connection.execute(query).scalar_one() is not None:
        raise ConflictError(f"tool {tool.label} is revoked; submit another version")


def _spent(connection: Connection, researcher: str) -> int:
    query = select(func.coalesce(func.sum(ToolRunRow.bits), 0)).where(ToolRunRow.researcher == researcher)
    return int(connection.execute(query).scalar_one())


def _runs() -> Any:
    tool = ResearchToolRow
    query = select(*ToolRunRow.__table__.columns, tool.name, tool.version)
    return query.join(tool, tool.digest == ToolRunRow.digest).order_by(ToolRunRow.run_id)


def _read_runs(connection: Connection, query: Any) -> tuple[ToolRun, ...]:
    rows = connection.execute(query).mappings()
    return tuple(ToolRun(**{**row, "state": RunState(row["state"])}) for row in rows)
