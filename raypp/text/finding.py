"""What a doctor finds: one thing that was checked, and what is to be done about it."""

from dataclasses import dataclass
from enum import StrEnum


class CheckResult(StrEnum):
    """Whether a thing is as it should be."""

    GOOD = "ok"
    DOUBTFUL = "look"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: the thing.
        verdict: whether it is as it should be.
        says: what was found, in one line; with a remedy unless it is good.
    """

    what: str
    verdict: CheckResult
    says: str

    @property
    def is_wrong(self) -> bool:
        """Whether work would fail or go wrong."""
        return self.verdict is CheckResult.WRONG
