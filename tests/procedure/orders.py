"""Independent of raypp's own way: all orders that a procedure allows, and the distance of an execution from them."""

import random
from collections.abc import Iterator
from itertools import product

from pydantic import ValidationError

from raypp.procedure.prescription import Prescription
from raypp.usage.procedure_rules import GroupRules, ProcedureRules, StepRules

Order = tuple[int, ...]


def orders(prescription: Prescription) -> set[Order]:
    """All sequences of labels that a procedure allows; meant for small ones."""
    labels = {step.name: label for step, label in zip(prescription.steps, prescription.labels, strict=True)}
    return _orders(prescription.whole, labels)


def distance(uses: Order, allowed: set[Order]) -> int:
    """Fewest uses to take away and steps to add, so that an order is allowed."""
    return min(len(uses) + len(order) - 2 * _common(uses, order) for order in allowed)


def random_procedure(rng: random.Random, most: int = 7) -> ProcedureRules:
    """A small procedure of steps, groups, repeats and things that may be left out."""
    while True:
        names = iter(range(rng.randint(2, most)))
        parts = []
        while (part := _random_part(rng, names, depth=2)) is not None:
            parts.append(part)
        try:
            return ProcedureRules.model_validate({"name": "p", "execution": {"gap_s": 60.0}, "steps": tuple(parts)})
        except ValidationError:  # too many steps in any order
            continue


def random_uses(rng: random.Random, allowed: set[Order], prescription: Prescription) -> list[int]:
    """An order that is allowed, with up to three uses put in, taken out or moved."""
    uses = list(rng.choice(sorted(allowed)))
    for _ in range(rng.randint(0, 3)):
        place = rng.randrange(len(uses) + 1)
        if rng.random() < 0.5:
            uses.insert(place, rng.choice(prescription.labels))
        elif uses:
            moved = uses.pop(rng.randrange(len(uses)))
            uses[place:place] = [moved] * (rng.random() < 0.5)
    return uses


def _random_part(rng: random.Random, names: Iterator[int], depth: int) -> dict[str, object] | None:
    kind = rng.choice(["step", "step", "step", "sequence", "any_order", "one_of"]) if depth else "step"
    if kind == "step":
        number = next(names, None)
        if number is None:
            return None
        few = rng.choice([1, 1, 1, 2])
        return {
            "name": f"s{number}",
            "tools": (f"t{number}",),
            "repeat": (few, few + rng.choice([0, 0, 1])),
            "optional": rng.random() < 0.2,
        }
    inner = [part for _ in range(rng.randint(2, 3)) if (part := _random_part(rng, names, depth - 1)) is not None]
    return {kind: tuple(inner), "optional": rng.random() < 0.15} if inner else None


def _orders(part: StepRules | GroupRules, labels: dict[str, int]) -> set[Order]:
    if isinstance(part, StepRules):
        lengths = {*range(part.repeat[0], part.repeat[1] + 1), *([0] if part.optional else [])}
        return {(labels[part.name],) * times for times in lengths}
    each = [_orders(child, labels) for child in part.parts]
    if part.one_of is not None:
        allowed = set().union(*each)
    elif part.sequence is not None:
        allowed = {sum(choice, ()) for choice in product(*each)}
    else:
        allowed = {order for choice in product(*each) for order in _mixed(choice)}
    return allowed | {()} if part.optional else allowed


def _mixed(parts: tuple[Order, ...]) -> set[Order]:
    if not any(parts):
        return {()}
    return {
        (part[0], *rest)
        for place, part in enumerate(parts)
        if part
        for rest in _mixed((*parts[:place], part[1:], *parts[place + 1 :]))
    }


def _common(uses: Order, other: Order) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for item in uses:
        before = 0
        for place, wanted in enumerate(other):
            before, row[place + 1] = row[place + 1], before + 1 if item == wanted else max(row[place + 1], row[place])
    return row[-1]
