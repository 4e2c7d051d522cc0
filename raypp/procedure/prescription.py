"""A procedure, prepared: which uses are its steps, how often each is due, and which comes before which."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from raypp.usage.procedure_rules import GroupRules, ProcedureRules, StepRules, steps_of


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """One time that a step is due.

    Attributes:
        step: number of the step, as it is written, from 0.
        time: 0 for the first time, up to `StepRules.most` - 1.
    """

    step: int
    time: int


class Prescription:
    """A procedure as executions are compared with it.

    Attributes:
        rules: the procedure.
        steps: its steps, as they are written.
        labels: number of what tells the use of each step from that of others; steps with equal tools share it.
    """

    def __init__(self, rules: ProcedureRules) -> None:
        self.rules = rules
        self.whole = rules.whole
        self.steps = tuple(steps_of(rules.steps))
        keys = [(frozenset(step.tools), step.station) for step in self.steps]
        distinct = list(dict.fromkeys(keys))
        self.labels = tuple(distinct.index(key) for key in keys)
        self._lanes = distinct
        self._number = {step.name: number for number, step in enumerate(self.steps)}

    @property
    def longest_gap_us(self) -> int | None:
        """The pause beyond which two uses are of two executions; None where no pause parts them."""
        gap_s = self.rules.execution.gap_s
        return None if gap_s is None else round(gap_s * 1e6)

    def label_of(self, tool: str, station: str) -> int | None:
        """Return the label of a use; None where it is no step."""
        for label, (tools, only_at) in enumerate(self._lanes):
            if tool in tools and only_at in {None, station}:
                return label
        return None

    def number(self, name: str) -> int:
        """Return the number of a step."""
        return self._number[name]

    def steps_with(self, label: int) -> tuple[int, ...]:
        """Return the numbers of the steps with a label."""
        return tuple(number for number, own in enumerate(self.labels) if own == label)

    def fits(self, label: int, duration_us: int) -> bool:
        """Say whether a use lasts as long as one of its steps may."""
        return any(
            step.min_s * 1e6 <= duration_us and (step.max_s is None or duration_us <= step.max_s * 1e6)
            for step in (self.steps[number] for number in self.steps_with(label))
        )

    @cached_property
    def before(self) -> tuple[frozenset[int], ...]:
        """For each step, the steps that come before it wherever both are done."""
        earlier: list[set[int]] = [set() for _ in self.steps]
        for group in _groups(self.whole):
            done: set[int] = set()
            for part in group.sequence or ():
                inside = {self._number[step.name] for step in steps_of((part,))}
                for number in inside:
                    earlier[number] |= done
                done |= inside
        return tuple(map(frozenset, earlier))

    @cached_property
    def instead_of(self) -> tuple[frozenset[int], ...]:
        """For each step, the steps that may be done instead of it, and not beside it."""
        others: list[set[int]] = [set() for _ in self.steps]
        for group in _groups(self.whole):
            branches = [{self._number[step.name] for step in steps_of((part,))} for part in group.one_of or ()]
            for branch in branches:
                for number in branch:
                    others[number] |= set().union(*branches) - branch
        return tuple(map(frozenset, others))

    @cached_property
    def fewest(self) -> int:
        """How many uses its shortest execution has."""
        return _fewest(self.whole)


def _groups(part: StepRules | GroupRules) -> Iterator[GroupRules]:
    if isinstance(part, GroupRules):
        yield part
        for child in part.parts:
            yield from _groups(child)


def _fewest(part: StepRules | GroupRules) -> int:
    if isinstance(part, StepRules):
        return part.least
    if part.optional:
        return 0
    each = [_fewest(child) for child in part.parts]
    return min(each) if part.one_of is not None else sum(each)
