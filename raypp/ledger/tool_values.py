"""Values of research tools, as the ledger stores and gives them. Times: microseconds since 1970, processing time."""

from dataclasses import dataclass
from enum import IntEnum


class RunState(IntEnum):
    """State of a run; one that was killed stays begun, and its bits stay charged."""

    BEGUN = 0
    VETTED = 1
    REFUSED = 2
    FORGOTTEN = 3
    """Retention has emptied it; its number, its bits and for whom it was are kept."""


@dataclass(frozen=True, slots=True, repr=False)
class SubmittedTool:
    """A version of a research tool.

    Attributes:
        digest: SHA-256 of its bytes, 64 hex digits.
        name, version: as its manifest has them.
        researcher: whose it is.
        content: the packed tool.
        submitted_us: when it came in.
        revoked_us: when it was revoked; None: it may be run, once it is approved.
    """

    digest: str
    name: str
    version: str
    researcher: str
    content: bytes
    submitted_us: int = 0
    revoked_us: int | None = None

    @property
    def label(self) -> str:
        """Name, version and begin of the digest, for messages."""
        return f"{self.name} {self.version} ({self.digest[:12]})"


@dataclass(frozen=True, slots=True)
class KeptApproval:
    """A person's approval, as it is kept: its signature is checked whenever it counts.

    Attributes:
        digest: of the tool.
        policy: digest of the policy.
        approver: name.
        document: JSON of a ToolApproval.
        approved_us: when.
    """

    digest: str
    policy: str
    approver: str
    document: str
    approved_us: int = 0


@dataclass(frozen=True, slots=True)
class RunCharge:
    """State what a run is charged with before it begins.

    Attributes:
        digest: of the tool.
        researcher: for whom it runs.
        parameters: JSON.
        data: what it reads, in words.
        bits: that it may tell at most.
        most_bits: that all runs for the researcher may tell together, this one included.
    """

    digest: str
    researcher: str
    parameters: str
    data: str
    bits: int
    most_bits: int


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended.

    Attributes:
        rule: number of the rule that it broke; None: it is vetted.
        words: how it broke it.
        messages: what the tool wrote.
        seconds: how long it ran.
        tables: JSON of what may leave; None where a rule was broken.
    """

    rule: int | None
    words: str
    messages: str
    seconds: float
    tables: str | None


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A run, as the ledger has it; attributes as in `RunCharge` and `RunEnd`.

    Attributes:
        run_id: its number.
        name, version: of the tool.
        state: how far it is.
        release_id: the batch that it left with; None: it has not left.
    """

    run_id: int
    digest: str
    name: str
    version: str
    researcher: str
    parameters: str
    data: str
    bits: int
    began_us: int
    state: RunState
    rule: int | None
    words: str
    messages: str
    seconds: float | None
    tables: str | None
    release_id: int | None


@dataclass(frozen=True, slots=True)
class ToolRelease:
    """A batch of runs that has left.

    Attributes:
        release_id: its number.
        researcher: to whom.
        released_us: when.
        who: released it.
        runs: how many.
        sha256: of the file.
    """

    release_id: int
    researcher: str
    released_us: int
    who: str
    runs: int
    sha256: str
