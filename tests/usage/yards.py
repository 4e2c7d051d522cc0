"""Yards folded: what the fold says of them beside the truth."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.site import TrueFrame
from raypp.demo.yard.truth import make_yard_truth
from raypp.usage.episode import CloseReason, StreamName
from raypp.usage.fold import Fold
from raypp.usage.metrics import LabelledSpan, matched
from raypp.usage.observation import Detection, SeenFrame
from raypp.usage.reliability import Reliabilities
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes
from raypp.usage.violation import ViolationKind

STREAM = StreamName("yard", CAMERA, 1)
SETTINGS = SiteSettings.parse(yard_site_settings("yard"), "yard")
_RULES = {ViolationKind.NOT_WORN: "require"}


@dataclass
class Score:
    """Violations and person-seconds of several yards, found and true."""

    settings: SiteSettings = SETTINGS
    hits: int = 0
    predicted: int = 0
    true: int = 0
    seconds: Counter = field(default_factory=Counter)
    true_seconds: Counter = field(default_factory=Counter)
    duration_errors: list[float] = field(default_factory=list)
    hits_of: Counter[str] = field(default_factory=Counter)
    predicted_of: Counter[str] = field(default_factory=Counter)
    true_of: Counter[str] = field(default_factory=Counter)

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.predicted + self.true)

    def errors(self) -> dict[str, float]:
        """By how much the person-seconds of each state are off, as a share."""
        return {state: abs(self.seconds[state] / true - 1) for state, true in self.true_seconds.items()}

    def add(self, frames: tuple[TrueFrame, ...], changes: Changes) -> None:
        truth = make_yard_truth(frames, dict(self.settings.cameras[CAMERA].zones), self.settings.followed)
        violations = spans(changes)
        pairs = matched(violations, truth.violations, 0.5)
        self.hits += len(pairs)
        self.duration_errors += [abs(span.duration_s - true.duration_s) for span, true in pairs]
        self.predicted += len(violations)
        self.true += len(truth.violations)
        self.hits_of.update(_subject(span) for span, _ in pairs)
        self.predicted_of.update(map(_subject, violations))
        self.true_of.update(map(_subject, truth.violations))
        for row in changes.exposures:
            self.seconds["worn"] += row.worn_us / 1e6
            self.seconds["not_worn"] += row.not_worn_us / 1e6
            self.seconds["cannot_tell"] += row.cannot_tell_us / 1e6
        for (_, _, state), seconds in truth.person_seconds.items():
            self.true_seconds[state] += seconds


def _subject(span: LabelledSpan) -> str:
    """Name what a violation is about: the item, or the rule where it is about none."""
    rule, _, item = span.label
    return str(item or rule)


def spans(changes: Changes) -> list[LabelledSpan]:
    return [
        LabelledSpan(
            (_RULES.get(violation.kind, violation.kind.name.lower()), violation.zone, violation.item),
            violation.start_us / 1e6,
            violation.end_us / 1e6,
        )
        for violation in changes.violations
    ]


def person(x: float, y: float, *, head: str | None = None) -> list[Detection]:
    """Somebody whose feet are there, half as high as the image."""
    body = Detection(CLASSES.index("person"), 0.9, x - 0.06, y - 0.5, x + 0.06, y)
    if head is None:
        return [body]
    return [body, Detection(CLASSES.index(head), 0.9, x - 0.02, y - 0.5, x + 0.02, y - 0.43)]


def folded(
    frames: Iterable[SeenFrame], settings: SiteSettings = SETTINGS, reliabilities: Reliabilities = ()
) -> Changes:
    fold = Fold(settings, STREAM, CLASSES, reliabilities)
    state, changes = fold.advance(fold.begin(), list(frames))
    return changes.then(fold.finish(state, CloseReason.END_OF_STREAM)[1])
