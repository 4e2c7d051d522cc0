"""How far a detector is to be believed, class by class: its own errors become weights of evidence."""

from math import log
from typing import Annotated, NamedTuple

from pydantic import Field, TypeAdapter

_SURE = 0.95
"""Share of right boxes, or of labelled ones found, from which on evidence counts in full."""
_LEAST = 0.1
"""What a box counts at least: one that is as often wrong as right still says something."""

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Reliability(NamedTuple):
    """Errors of a detector on one class, on frames that it was not trained on.

    Attributes:
        precision: share of its boxes that are right.
        recall: share of labelled boxes that it finds.
    """

    precision: _Share
    recall: _Share

    def of_box(self) -> float:
        """Return what a box of the class counts: log-odds that it is right, of those of a detector that is sure."""
        return _weight(log(max(self.precision, 1e-9) / max(1 - self.precision, 1e-9)), log(_SURE / (1 - _SURE)))

    def of_silence(self) -> float:
        """Return what it counts that no box shows the class: how unlikely that is where it is there."""
        return _weight(-log(max(1 - self.recall, 1e-9)), -log(1 - _SURE))


Reliabilities = tuple[Reliability | None, ...]
"""By class_id, None for a class that was not measured; empty where nothing was: then all classes count in full."""


_ADAPTER: TypeAdapter[Reliabilities] = TypeAdapter(Reliabilities)


def reliabilities_json(reliabilities: Reliabilities) -> str | None:
    """Write reliabilities as JSON; None where there are none."""
    return _ADAPTER.dump_json(reliabilities).decode() if reliabilities else None


def reliabilities_from(text: str | None) -> Reliabilities:
    """Read what `reliabilities_json` wrote."""
    return () if text is None else _ADAPTER.validate_json(text)


def box_weight(reliabilities: Reliabilities, class_id: int) -> float:
    """Return what a box of a class counts, 0 to 1."""
    known = reliabilities[class_id] if reliabilities else None
    return 1.0 if known is None else known.of_box()


def silence_weight(reliabilities: Reliabilities, class_id: int) -> float:
    """Return what it counts that no box shows a class, 0 to 1."""
    known = reliabilities[class_id] if reliabilities else None
    return 1.0 if known is None else known.of_silence()


def _weight(says: float, sure: float) -> float:
    return round(min(max(says / sure, _LEAST), 1.0), 4)  # rounded: logarithms differ in the last bit between machines
