"""Procedures of a site: steps in an order, and how one execution of them begins and ends."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from raypp.usage.rules import RuleName, Rules, Seconds

MOST_REPEATS = 20
MOST_IN_ANY_ORDER = 12
MOST_TIMES = 200
"""How many times steps may be due together: each possible place of each is a state of the alignment."""
Times = Annotated[int, Field(ge=0, le=MOST_REPEATS)]


class Deviation(Enum):
    """Kinds of what may not be as prescribed."""

    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    EXTRA = "extra"
    REPEATED = "repeated"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_LATE = "too_late"


class StepRules(Rules):
    """One step: when the use of a tool counts as it."""

    name: RuleName = Field(description="what reports call it; once in a procedure")
    tools: tuple[RuleName, ...] = Field(min_length=1, max_length=50, description="use of one of them is the step")
    station: RuleName | None = Field(
        None, description="only there; none: at the station of the execution, or wherever its tools are watched"
    )
    min_s: Seconds = Field(0.0, description="shorter is too short")
    max_s: Seconds | None = Field(None, description="longer is too long")
    optional: bool = Field(False, description="whether it may be left out")
    repeat: tuple[Times, Times] = Field((1, 1), description="how often it is due, at least and at most, such as [1, 3]")
    max_gap_s: Seconds = Field(0.0, description="uses with a shorter break between them are one")
    max_pause_s: Seconds | None = Field(None, description="longest pause before it; none: that of the procedure")

    @property
    def least(self) -> int:
        """How often it is due at least."""
        return 0 if self.optional else self.repeat[0]

    @property
    def most(self) -> int:
        """How often it may be done."""
        return self.repeat[1]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_s is not None and self.min_s > self.max_s:
            raise ValueError(f"min_s {self.min_s:g} is above max_s {self.max_s:g}; swap them, or leave one out")
        if self.repeat[0] > self.repeat[1] or not self.repeat[1]:
            raise ValueError("`repeat` needs the least number first, then the most, at least 1, such as [1, 3]")
        if len(set(self.tools)) != len(self.tools):
            raise ValueError("a tool stands twice")
        return self


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "a group" if value.keys() & {"sequence", "any_order", "one_of"} else "a step"
    return "a group" if isinstance(value, GroupRules) else "a step"


Part = Annotated[
    Annotated[StepRules, Tag("a step")] | Annotated["GroupRules", Tag("a group")],
    Discriminator(_kind),
]
"""A step, or a group of parts."""
Parts = Annotated[tuple[Part, ...], Field(min_length=1, max_length=100)]


class GroupRules(Rules):
    """Parts of a procedure that belong together; exactly one of the three lists."""

    sequence: Parts | None = Field(None, description="one after the other")
    any_order: Parts | None = Field(None, description="all of them, in any order, also at the same time")
    one_of: Parts | None = Field(None, description="one of them")
    optional: bool = Field(False, description="whether the whole group may be left out")

    @property
    def parts(self) -> tuple["StepRules | GroupRules", ...]:
        """Its parts."""
        return self.sequence or self.any_order or self.one_of or ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(parts is not None for parts in (self.sequence, self.any_order, self.one_of)) != 1:
            raise ValueError("a group has one of `sequence`, `any_order` and `one_of`")
        due = sum(step.most for step in steps_of(self.any_order or ()))
        if due > MOST_IN_ANY_ORDER:
            raise ValueError(
                f"any_order has {due} steps, counted with their repeats; at most {MOST_IN_ANY_ORDER} may be in any "
                "order: put some into a `sequence` before or behind"
            )
        return self


class ExecutionRules(Rules):
    """How one execution of a procedure begins and ends; one of `during`, `begins`, `shift`, or gap_s alone."""

    during: RuleName | None = Field(None, description="tool whose use is the execution, such as a part on a fixture")
    station: RuleName | None = Field(None, description="station of `during`; none: wherever it is watched")
    begins: RuleName | None = Field(None, description="step with which one begins")
    ends: RuleName | None = Field(None, description="step with which one ends; with `begins`")
    shift: bool = Field(False, description="each shift is one execution")
    gap_s: Seconds | None = Field(None, description="a longer pause between two steps parts two executions")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ways = [self.during is not None, self.begins is not None, self.shift]
        if sum(ways) > 1 or (sum(ways) == 0 and self.gap_s is None):
            raise ValueError("needs one of `during`, `begins` and `shift`, or gap_s alone")
        if self.gap_s is not None and (self.during is not None or self.shift):
            raise ValueError("has gap_s beside `during` or `shift`, which end it themselves; leave it out")
        if self.gap_s == 0:
            raise ValueError("needs a gap_s above 0")
        if self.begins is not None and self.ends is None and self.gap_s is None:
            raise ValueError("can never end; add `ends`, its last step, or gap_s, a pause that ends it")
        if self.ends is not None and (self.begins is None or self.ends == self.begins):
            raise ValueError("has `ends`, which needs `begins`, another step")
        if self.station is not None and self.during is None:
            raise ValueError("has `station`, which belongs to `during`")
        return self


class ProcedureRules(Rules):
    """A procedure: what is to be done, in which order."""

    name: RuleName = Field(description="once in a site")
    cameras: tuple[RuleName, ...] = Field((), max_length=1000, description="cameras that watch it; none: all")
    together: bool = Field(False, description="whether its cameras see one place; else each sees executions of its own")
    stations: tuple[RuleName, ...] = Field(
        (), max_length=100, description="places that each have executions of their own; none: each camera is one"
    )
    execution: ExecutionRules
    steps: Parts = Field(description="steps and groups, one after the other")
    max_pause_s: Seconds | None = Field(None, description="longest pause before a step")
    max_s: Seconds | None = Field(None, description="a longer execution is too long")
    ignore: tuple[RuleName, ...] = Field((), max_length=1000, description="tools that are no deviation")

    @property
    def whole(self) -> GroupRules:
        """Its steps as one sequence."""
        return GroupRules(sequence=self.steps)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        steps = list(steps_of(self.steps))
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"step {name} stands twice; give each a name of its own")
        due = sum(step.most for step in steps)
        if due > MOST_TIMES:
            raise ValueError(f"its steps are due {due} times with their repeats; at most {MOST_TIMES}")
        for edge in (self.execution.begins, self.execution.ends):
            if edge is not None and edge not in names:
                raise ValueError(f"`execution` names no step {edge}; steps: {', '.join(names[:20])}")
        if self.execution.ends in names and self.execution.gap_s is None and may_lack(self.whole, self.execution.ends):
            raise ValueError(
                f"an execution can never end where step {self.execution.ends} is left out; add gap_s to `execution`"
            )
        gap_s, pause_s = self.execution.gap_s, self.max_pause_s
        if gap_s is not None and pause_s is not None and pause_s >= gap_s:
            raise ValueError(f"max_pause_s {pause_s:g} is never reached: a pause of gap_s {gap_s:g} ends the execution")
        for what, given in (("camera", self.cameras), ("station", self.stations), ("tool to ignore", self.ignore)):
            if len(set(given)) != len(given):
                raise ValueError(f"a {what} stands twice")
        if self.together and len(self.cameras) == 1:
            raise ValueError("`together` needs several cameras")
        return self


def steps_of(parts: tuple[StepRules | GroupRules, ...]) -> Iterator[StepRules]:
    """List the steps of some parts, in the order in which they are written."""
    for part in parts:
        if isinstance(part, StepRules):
            yield part
        else:
            yield from steps_of(part.parts)


def may_lack(part: StepRules | GroupRules, step: str | None = None) -> bool:
    """Say whether a part can be done without one of its steps; for None, without doing anything."""
    if isinstance(part, StepRules):
        return part.least == 0 or step not in {None, part.name}
    if part.optional:
        return True
    if part.one_of is not None:
        return any(may_lack(child, step) for child in part.parts)
    return all(may_lack(child, step) for child in part.parts)
