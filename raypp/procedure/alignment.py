"""The one door to pm4py's alignments: which uses of an execution are which steps, at the least cost.

Each step that is left out costs one, and so does each use that is no step of the procedure at its place. pm4py takes
any of several best alignments, by where its objects happen to lie in memory: small differences of cost, far below one,
make one of them the best, so that a verdict never changes from one process to the next.
"""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from raypp.errors import OptionError
from raypp.procedure.prescription import Due, Prescription
from raypp.usage.procedure_rules import GroupRules, StepRules

_ONE = 10**11
"""What a deviation costs; all smaller differences of 400 uses and 200 steps together stay below it."""
_LASTS_WELL, _EARLIER, _MIXED = 10**8, 10**5, 10**5
"""To leave out a use costs more if it lasts as long as it should, then the earlier it is; then some number."""
_NO_STEP = ">>"


@dataclass(frozen=True, slots=True)
class LabelledUse:
    """A use that is a step by its tool and station.

    Attributes:
        label: of the step, see `Prescription.labels`.
        lasts_well: whether it lasts as long as the step should.
    """

    label: int
    lasts_well: bool = True


@dataclass(frozen=True, slots=True)
class StepAlignment:
    """An execution beside its procedure, with the fewest deviations.

    Attributes:
        steps: for each use, which time of which step it is; None for one that is none at its place.
        left_out: what was due and not done.
    """

    steps: tuple[Due | None, ...]
    left_out: tuple[Due, ...]

    @property
    def cost(self) -> int:
        """How many deviations."""
        return len(self.left_out) + self.steps.count(None)


@dataclass(frozen=True, slots=True)
class _Pm4py:
    """Parts of pm4py that are used."""

    PetriNet: Any
    Marking: Any
    connect: Any
    algorithm: Any
    Trace: Any
    Event: Any


class Aligner:
    """Aligns executions with one procedure; equal ones are aligned once.

    Raises:
        OptionError: if pm4py is not installed.
    """

    def __init__(self, prescription: Prescription) -> None:
        self._pm4py = _load()
        self._net = _Net(self._pm4py, prescription)
        self._known: dict[tuple[LabelledUse, ...], StepAlignment] = {}

    def align(self, uses: Iterable[LabelledUse]) -> StepAlignment:
        """Align the uses of one execution, which are in the order of their starts."""
        key = tuple(uses)
        if key not in self._known:
            self._known[key] = self._align(key)
        return self._known[key]

    def _align(self, uses: Sequence[LabelledUse]) -> StepAlignment:
        seen = {use.label for use in uses}
        costs = [
            _ONE + _LASTS_WELL * use.lasts_well + _EARLIER * (len(uses) - number) + _mixed(number)
            for number, use in enumerate(uses)
        ]
        trace = self._pm4py.Trace([self._pm4py.Event({"concept:name": _label(use.label)}) for use in uses])
        result = self._pm4py.algorithm.apply_trace(
            trace,
            self._net.net,
            self._net.first,
            self._net.last,
            # of the others, the one that needs the least memory misses the best alignment now and then
            variant=self._pm4py.algorithm.Variants.VERSION_STATE_EQUATION_A_STAR,
            parameters={
                "trace_cost_function": costs,
                "model_cost_function": self._net.costs(seen),
                "sync_cost_function": self._net.nothing,
                "ret_tuple_as_trans_desc": True,
                "enable_best_worst_cost": False,
                "show_progress_bar": False,
            },
        )
        return _read(result["alignment"], self._net.due)


def _read(moves: Iterable[Any], due: dict[str, Due]) -> StepAlignment:
    """Read pm4py's moves: names of what moves in the execution and in the procedure, each beside its label."""
    steps: list[Due | None] = []
    left_out = []
    for (_, transition), (label, step) in moves:
        if label != _NO_STEP:
            steps.append(None if step == _NO_STEP else due[transition])
        elif transition in due:
            left_out.append(due[transition])
    return StepAlignment(tuple(steps), tuple(sorted(left_out)))


class _Net:
    """A procedure as a Petri net: a transition for each time that a step may be done, without loops."""

    def __init__(self, pm4py: _Pm4py, prescription: Prescription) -> None:
        self._pm4py = pm4py
        self._prescription = prescription
        self.net = pm4py.PetriNet(prescription.rules.name)
        self.due: dict[str, Due] = {}
        self.nothing: dict[Any, int] = {}
        self._labelled: dict[Any, int] = {}
        first, last = self._place(), self._place()
        self._add(prescription.whole, first, last)
        self.first, self.last = pm4py.Marking({first: 1}), pm4py.Marking({last: 1})

    def costs(self, seen: Collection[int]) -> dict[Any, int]:
        """Return what it costs to leave out each transition; of a choice, rather what was done elsewhere."""
        costs = dict(self.nothing)
        for number, (transition, label) in enumerate(self._labelled.items()):
            costs[transition] = _ONE + _LASTS_WELL * (label not in seen) + _mixed(number + 1000)
        return costs

    def _add(self, part: StepRules | GroupRules, start: Any, end: Any) -> None:
        """Add what leads from one place to another."""
        if isinstance(part, StepRules):
            self._add_step(part, start, end)
            return
        if part.optional:
            self._silent([start], [end])
        if part.one_of is not None:
            for child in part.parts:
                self._add(child, start, end)
        elif part.any_order is not None:
            starts, ends = [self._place() for _ in part.parts], [self._place() for _ in part.parts]
            self._silent([start], starts)
            for child, begin, over in zip(part.parts, starts, ends, strict=True):
                self._add(child, begin, over)
            self._silent(ends, [end])
        else:
            places = [start, *(self._place() for _ in part.parts[1:]), end]
            for child, begin, over in zip(part.parts, places, places[1:], strict=False):
                self._add(child, begin, over)

    def _add_step(self, step: StepRules, start: Any, end: Any) -> None:
        number = self._prescription.number(step.name)
        places = [start, *(self._place() for _ in range(step.most - 1)), end]
        if step.optional:
            self._silent([start], [end])
        for time in range(step.most):
            if time >= step.repeat[0]:
                self._silent([places[time]], [end])
            name = f"{number}/{time}"
            label = _label(self._prescription.labels[number])
            transition = self._transition(name, label, [places[time]], [places[time + 1]])
            self.due[name] = Due(number, time)
            self._labelled[transition] = self._prescription.labels[number]

    def _silent(self, starts: list[Any], ends: list[Any]) -> None:
        self._transition(f"silent {len(self.nothing)}", None, starts, ends)

    def _place(self) -> Any:
        place = self._pm4py.PetriNet.Place(f"p{len(self.net.places)}")
        self.net.places.add(place)
        return place

    def _transition(self, name: str, label: str | None, starts: list[Any], ends: list[Any]) -> Any:
        transition = self._pm4py.PetriNet.Transition(name, label)
        self.net.transitions.add(transition)
        self.nothing[transition] = 0
        for place in starts:
            self._pm4py.connect(place, transition, self.net)
        for place in ends:
            self._pm4py.connect(transition, place, self.net)
        return transition


def _load() -> _Pm4py:
    """Import pm4py, which takes seconds."""
    try:
        with _parent_that_is_seen():
            from pm4py.algo.conformance.alignments.petri_net import algorithm  # noqa: PLC0415
            from pm4py.objects.log.obj import Event, Trace  # noqa: PLC0415
            from pm4py.objects.petri_net.obj import Marking, PetriNet  # noqa: PLC0415
            from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to  # noqa: PLC0415
    except ImportError as error:
        raise OptionError(f"procedures need {error.name}; install raypp[process]") from None
    return _Pm4py(PetriNet, Marking, add_arc_from_to, algorithm, Trace, Event)


@contextmanager
def _parent_that_is_seen() -> Iterator[None]:
    """Let pm4py read its parent's name when it is imported: the first process of a container sees no parent."""
    getppid = os.getppid
    if getppid() == 0:
        os.getppid = os.getpid
    try:
        yield
    finally:
        os.getppid = getppid


def _label(number: int) -> str:
    return f"use {number}"


def _mixed(number: int) -> int:
    """Return a number below `_MIXED` that follows no rule, and is the same everywhere."""
    return int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8]) % _MIXED
