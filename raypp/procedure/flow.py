"""A procedure as a flow of steps: one after the other, or in branches between two gateways."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from raypp.usage.procedure_rules import GroupRules, StepRules


class Gateway(Enum):
    """Ways through branches: one of them, or all of them in any order."""

    ONE = "one"
    ALL = "all"


@dataclass(frozen=True)
class Task:
    """A step.

    Attributes:
        step: its rules.
        time: which time of the step, from 1; 0: all its times.
    """

    step: StepRules
    time: int = 0


@dataclass(frozen=True)
class Series:
    """Parts one after the other; none: nothing is to be done."""

    parts: tuple["FlowPart", ...] = ()


@dataclass(frozen=True)
class Branches:
    """Parts beside each other."""

    gateway: Gateway
    parts: tuple["FlowPart", ...]


FlowPart: TypeAlias = Task | Series | Branches
NOTHING = Series()


def flow_of(whole: GroupRules, *, exact: bool) -> Series:
    """Return the flow of a procedure.

    Args:
        whole: its steps as one sequence.
        exact: each time of a step is a task, and what may be left out has a way around it, so that the ways through the
            flow are the orders that are allowed; else a step is one task, whatever its rules say of that.
    """
    part = _flow(whole, exact)
    return part if isinstance(part, Series) else Series((part,))


def _flow(part: StepRules | GroupRules, exact: bool) -> FlowPart:
    if isinstance(part, StepRules):
        return _times(part) if exact else Task(part)
    parts = tuple(_flow(child, exact) for child in part.parts)
    if part.one_of is not None:
        flow: FlowPart = Branches(Gateway.ONE, parts)
    elif part.any_order is not None:
        flow = Branches(Gateway.ALL, parts)
    else:
        flow = _series(parts)
    return Branches(Gateway.ONE, (flow, NOTHING)) if part.optional else flow


def _times(step: StepRules) -> FlowPart:
    """Return a task for each time of a step; behind the least number of times, each may be the last."""
    more: FlowPart = NOTHING
    for time in range(step.most, step.repeat[0], -1):
        more = Branches(Gateway.ONE, (_series((Task(step, time), more)), NOTHING))
    due = tuple(Task(step, time) for time in range(1, step.repeat[0] + 1))
    flow = _series((*due, more))
    return Branches(Gateway.ONE, (flow, NOTHING)) if step.optional and due else flow


def _series(parts: tuple[FlowPart, ...]) -> FlowPart:
    """Put parts one after the other, series within them dissolved."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Series) else (part,)))
    return flat[0] if len(flat) == 1 else Series(flat)
