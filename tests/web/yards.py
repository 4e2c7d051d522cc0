"""A ledger of a yard with zones over three days, written as the fold's commits write it, and a site that has none."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit, StreamAbout
from raypp.usage.episode import CloseReason, EpisodeState, StreamName, Stretch
from raypp.usage.fold import Fold
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.state import Changes
from raypp.usage.violation import SLOT_US, Exposure, Violation, ViolationKind
from tests.reports.conftest import ODD
from tests.reports.plants import SECOND_US, moment

CAMERA, PIT = "track-3", ODD
NOW_US = moment(2026, 3, 4, 23, 0)
DAYS = tuple(moment(2026, 3, day, 13, 30) for day in (2, 3, 4))
CLASSES = ("person", "helmet", "vest")
SETTINGS = f"""
time_zone: Europe/Berlin
shifts:
  - {{name: Early, start: 06:00, end: 14:00}}
  - {{name: Late, start: 14:00, end: 22:00}}
equipment:
  - {{item: helmet, on: head, yes: [helmet]}}
  - {{item: vest, on: torso, yes: [vest]}}
cameras:
  {CAMERA}:
    zones:
      track: {{polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], require: [helmet, vest]}}
      '{PIT}': {{polygon: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]], forbidden: true}}
"""
_ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32, live=False)
_LOOKS = (
    (EpisodeState.FINAL, CloseReason.ENDED),
    (EpisodeState.FINAL, CloseReason.NOT_OBSERVED),
    (EpisodeState.PROVISIONAL, CloseReason.SILENT),
    (EpisodeState.OPEN, None),
)


class SafetySite:
    """A ledger with `yard`, whose last day has violations in every state, and `bare` without zones."""

    def __init__(self, ledger: Ledger, per_day: int) -> None:
        self.ledger, self.identities = ledger, Identities(ledger)
        self.tokens = {site: self.identities.add_site(site) for site in ("yard", "bare")}
        self.tokens["operator"] = self.identities.add_operator("boss")
        ledger.configure("yard", SETTINGS)
        for number, start_us in enumerate(DAYS):
            stream = StreamName("yard", CAMERA, start_us)
            seen = Stretch(stream, start_us, start_us + 3600 * SECOND_US, Observation.OBSERVED)
            rows = list(violations(stream, per_day, last=start_us == DAYS[-1]))
            write(ledger, stream, rows, list(exposures(stream, number)), [seen])


def violations(stream: StreamName, count: int, *, last: bool) -> Iterator[Violation]:
    """Yield violations that begin two and a half minutes apart; all but those of the last day are over."""
    rules = ((ViolationKind.NOT_WORN, "track", "helmet"), (ViolationKind.NOT_WORN, "track", "vest"),
             (ViolationKind.FORBIDDEN, PIT, ""))  # fmt: skip
    for number in range(count):
        start_us, lasts_us = stream.epoch + 150 * number * SECOND_US, (2 + number % 7) * SECOND_US
        name = f"{stream.epoch // SECOND_US:016x}{number:016x}"
        kind, zone, item = rules[number % len(rules)]
        state, reason = _LOOKS[number % len(_LOOKS)] if last else _LOOKS[0]
        times = (start_us, start_us + lasts_us, lasts_us - SECOND_US)
        yield Violation(name, stream, kind, zone, item, number, *times, 0.5 + number % 5 / 10, state, reason)


def exposures(stream: StreamName, day: int) -> Iterator[Exposure]:
    """Yield four quarters of an hour, the two last of another shift: each day worse than the one before."""
    for quarter in range(4):
        start_us = (stream.epoch // SLOT_US + quarter) * SLOT_US
        bare_us = (60 * day + 30 * quarter) * SECOND_US
        yield Exposure(stream, "track", "helmet", start_us, 600 * SECOND_US, bare_us, (0, 90 * SECOND_US, 0, 0, 0))
        if day != 1:
            doubts_us = (0, 0, 0, 300 * SECOND_US, 0)
            yield Exposure(stream, "track", "vest", start_us, 0 if day else 5 * SECOND_US, 0, doubts_us)


def write(
    ledger: Ledger,
    stream: StreamName,
    rows: Iterable[Violation],
    times: Iterable[Exposure] = (),
    stretches: Iterable[Stretch] = (),
) -> None:
    """Commit what a stream's fold found, which has not ended."""
    settings = ledger.present_settings(stream.site)
    position = ledger.open_stream(stream, _ABOUT)
    state = Fold(settings, stream, CLASSES).begin().to_json()
    changes = Changes(stretches=tuple(stretches), violations=tuple(rows), exposures=tuple(times))
    frame = SeenFrame(0, stream.epoch + 3599 * SECOND_US, Observation.OBSERVED, ())
    ledger.commit(Commit(stream, 1, (frame,), state, settings.settings_id, changes, False, position.lease))


@contextmanager
def safety_site(path: Path, per_day: int = 24) -> Iterator[SafetySite]:
    """Open a ledger of that name with a `SafetySite`."""
    with Ledger.open(f"sqlite:///{path}", clock=lambda: NOW_US) as ledger:
        yield SafetySite(ledger, per_day)
