"""Orders that a procedure allows: how many, an example, and the procedure drawn as text."""

from collections.abc import Iterator
from math import comb

from raypp.text.wording import counted
from raypp.usage.procedure_rules import ExecutionRules, GroupRules, ProcedureRules, StepRules

Part = StepRules | GroupRules


def count_orders(rules: ProcedureRules) -> int:
    """Return in how many orders a procedure may be done, of its required and its optional steps."""
    return sum(_lengths(rules.whole).values())


def example_order(rules: ProcedureRules) -> tuple[str, ...]:
    """Return the names of the steps of one allowed order: the first way of each choice, nothing optional."""
    return tuple(_example(rules.whole))


def drawn(rules: ProcedureRules) -> str:
    """Return a procedure as a tree of text, a line each part."""
    return "\n".join([f"{rules.name}: {execution_words(rules.execution)}", *_branches(rules.steps, "")])


def _lengths(part: Part) -> dict[int, int]:
    """How many orders there are of each number of uses."""
    if isinstance(part, StepRules):
        return dict.fromkeys(range(part.repeat[0], part.most + 1), 1) | ({0: 1} if part.optional else {})
    ways = {0: 1} if part.one_of is None else {}
    for child in part.parts:
        own = _lengths(child)
        if part.one_of is not None:
            ways = {length: ways.get(length, 0) + own.get(length, 0) for length in {*ways, *own}}
            continue
        joined: dict[int, int] = {}
        for first, some in ways.items():
            for second, more in own.items():
                mixed = comb(first + second, first) if part.any_order is not None else 1
                joined[first + second] = joined.get(first + second, 0) + some * more * mixed
        ways = joined
    # nothing at all is one order, however many parts allow it
    return ways | {0: 1} if part.optional or ways.get(0, 0) else ways


def _example(part: Part) -> Iterator[str]:
    if isinstance(part, StepRules):
        yield from [part.name] * part.least
    elif not part.optional:
        for child in part.parts if part.one_of is None else part.parts[:1]:
            yield from _example(child)


def _branches(parts: tuple[Part, ...], before: str) -> Iterator[str]:
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        yield f"{before}{'└─' if last else '├─'} {_words(part)}"
        if isinstance(part, GroupRules):
            yield from _branches(part.parts, f"{before}{'   ' if last else '│  '}")


def _words(part: Part) -> str:
    left_out = ", may be left out" if part.optional else ""
    if isinstance(part, GroupRules):
        kind = (
            "one of" if part.one_of is not None else "in any order" if part.any_order is not None else "in this order"
        )
        return f"{kind}{left_out}:"
    least, most = part.repeat
    times = (
        "" if part.repeat == (1, 1) else f", {least} to {most} times" if least < most else f", {counted(most, 'time')}"
    )
    where = f" at {part.station}" if part.station else ""
    bounds = [f"at least {part.min_s:g} s"] if part.min_s else []
    bounds += [f"at most {part.max_s:g} s"] if part.max_s is not None else []
    return f"{part.name}{times}{left_out} ({'; '.join((' or '.join(part.tools) + where, *bounds))})"


def execution_words(rules: ExecutionRules) -> str:
    """Say how one execution begins and ends."""
    if rules.during is not None:
        where = f" at {rules.station}" if rules.station else ""
        return f"while {rules.during} is in use{where}"
    if rules.shift:
        return "once a shift"
    pause = f"a pause of {rules.gap_s:g} s"
    if rules.begins is None:
        return f"up to {pause}"
    ends = " or ".join([*([rules.ends] if rules.ends else []), *([pause] if rules.gap_s else [])])
    return f"from {rules.begins} to {ends}"
