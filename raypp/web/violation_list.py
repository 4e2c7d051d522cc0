"""Violations of a period as a table that is filtered, sorted and shown page by page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.reports.safety import SiteSafety, begun_within
from raypp.reports.wording import rule_words
from raypp.usage.episode import CloseReason, EpisodeState
from raypp.usage.shifts import shifts_between
from raypp.usage.violation import Violation, ViolationKind
from raypp.usage.violations import ViolationLane, Violations
from raypp.web.addresses import moment_address
from raypp.web.listing import Choice, Filters, Heading, ListedTable, known
from raypp.web.values import Badge

FILTERS = ("zone", "item", "kind", "camera", "shift", "state")
SORTS = ("start", "zone", "rule", "camera", "lasted", "seen", "sure", "state")
_KINDS = tuple(kind.name.lower() for kind in ViolationKind)
_STATES = {"open": "going on", "provisional": "end not certain yet", "final": "ended", "cut": "cut"}
_CUT = {
    CloseReason.NOT_OBSERVED: "cut: no longer seen",
    CloseReason.END_OF_STREAM: "cut: recording ended",
    CloseReason.REPLACED: "cut: camera started anew",
    CloseReason.SETTINGS: "cut: settings changed",
    CloseReason.SILENT: "cut: camera is silent",
}
"""Words for why nobody saw the end of a violation that is final."""


@dataclass(frozen=True, slots=True)
class ViolationTableRow:
    """One violation; `address` leads to the timeline at its moment."""

    violation: Violation
    rule: str
    ending: Badge
    address: str


def violation_table(safety: SiteSafety, choice: Choice) -> ListedTable[ViolationTableRow]:
    """List those violations that an address asks for.

    Raises:
        OptionError: for a kind or state that is none.
    """
    every, settings = safety.violations, safety.recorded.settings
    some = every.take(_wanted(safety, choice.values))

    def rows(page: slice) -> Iterator[ViolationTableRow]:
        for violation in some.take(_sorted(some, choice)[page]):
            yield ViolationTableRow(
                violation,
                rule_words(violation.kind.name.lower(), violation.item),
                ending_of(violation),
                moment_address(safety.recorded.site, settings, violation.start_us, violation.end_us),
            )

    return choice.table(rows, ("violation", len(some), len(every)), _headings(choice), _options(safety))


def ending_of(violation: Violation) -> Badge:
    """Say in a few words whether a violation has ended, and whether somebody saw its end."""
    if violation.state is EpisodeState.OPEN:
        return Badge("going on", "bad")
    if violation.state is EpisodeState.PROVISIONAL:
        return Badge("camera is silent, end not certain yet", "warn")
    if violation.reason in (None, CloseReason.ENDED):
        return Badge("ended")
    return Badge(_CUT[violation.reason], "warn")


def _wanted(safety: SiteSafety, values: Mapping[str, str]) -> npt.NDArray[np.int64]:
    """Return the places of violations that no filter leaves out."""
    every = safety.violations
    kind, state = known("kind", values.get("kind"), _KINDS), known("state", values.get("state"), tuple(_STATES))
    lanes = np.array(
        [
            values.get("camera", lane[0].camera) == lane[0].camera
            and kind in (None, lane[1].name.lower())
            and values.get("zone", lane[2]) == lane[2]
            and values.get("item", lane[3]) == lane[3]
            for lane in every.lanes
        ],
        bool,
    )
    wanted = lanes[every.lane]
    if state is not None:
        wanted &= _state(every) == list(_STATES).index(state)
    places: npt.NDArray[np.int64] = np.flatnonzero(wanted)
    if "shift" in values:
        settings, period = safety.recorded.settings, safety.recorded.period
        shifts = shifts_between(settings.shifts, settings.zone, period.from_us, period.to_us)
        own = begun_within(every, [shift for shift in shifts if shift.name == values["shift"]])
        places = places[np.isin(places, own)]
    return places


def _sorted(some: Violations, choice: Choice) -> npt.NDArray[np.int64]:
    """Return the places of violations in the order that is asked for; of equal ones the latest first."""
    latest: npt.NDArray[np.int64] = np.lexsort((some.ids, -some.start_us))
    key = _KEYS[choice.sort](some)[latest]
    places: npt.NDArray[np.int64] = latest[np.argsort(-key if choice.descending else key, kind="stable")]
    return places


def _state(some: Violations) -> npt.NDArray[np.int64]:
    """Return the number of each one's state, in the order of `_STATES`."""
    cut = (some.state == int(EpisodeState.FINAL)) & (some.reason > 0) & (some.reason != int(CloseReason.ENDED))
    states: npt.NDArray[np.int64] = some.state.astype(np.int64) - 1 + cut
    return states


def _by_name(name: Callable[[ViolationLane], str]) -> Callable[[Violations], npt.NDArray[np.int64]]:
    """Return what ranks violations by a name of their lane."""

    def ranks(some: Violations) -> npt.NDArray[np.int64]:
        names = [name(lane) for lane in some.lanes]
        rank = {text: number for number, text in enumerate(sorted(set(names)))}
        return np.array([rank[text] for text in names], np.int64)[some.lane]

    return ranks


_KEYS: Mapping[str, Callable[[Violations], npt.NDArray[np.int64] | npt.NDArray[np.float64]]] = {
    "start": lambda some: some.start_us,
    "zone": _by_name(lambda lane: lane[2]),
    "rule": _by_name(lambda lane: rule_words(lane[1].name.lower(), lane[3])),
    "camera": _by_name(lambda lane: lane[0].camera),
    "lasted": lambda some: some.end_us - some.start_us,
    "seen": lambda some: some.seen_us,
    "sure": lambda some: some.sure,
    "state": _state,
}


def _headings(choice: Choice) -> tuple[Heading, ...]:
    return (
        choice.heading("Start", "start"),
        choice.heading("Zone", "zone"),
        choice.heading("Rule", "rule"),
        choice.heading("Camera", "camera"),
        choice.heading("Lasted", "lasted", numeric=True),
        choice.heading("Seen", "seen", numeric=True),
        choice.heading("Sure", "sure", numeric=True),
        choice.heading("End", "state"),
    )


def _options(safety: SiteSafety) -> Filters:
    """Return the fields of the form: names of the settings, and those that violations have."""
    settings, lanes = safety.recorded.settings, safety.violations.lanes
    places = {(name, zone): rules for name, camera in settings.cameras.items() for zone, rules in camera.zones.items()}
    zones = dict.fromkeys([*(zone for _, zone in places), *sorted(lane[2] for lane in lanes)])
    items = dict.fromkeys(
        [*(item for rules in places.values() for item in rules.require), *sorted(lane[3] for lane in lanes)]
    )
    cameras = dict.fromkeys([*(name for name, _ in places), *sorted(lane[0].camera for lane in lanes)])
    shifts = [shift.name for shift in settings.shifts]
    return {
        "zone": ("Zone", [(name, name) for name in zones]),
        "item": ("Item", [(name, name) for name in items if name]),
        "kind": ("Rule", [(kind, kind.replace("_", " ")) for kind in _KINDS]),
        "camera": ("Camera", [(name, name) for name in cameras]),
        "shift": ("Shift", [(name, name) for name in dict.fromkeys(shifts)]),
        "state": ("End", list(_STATES.items())),
    }
