import pytest

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.usage.observation import Observation
from tests.reports.plants import BERLIN, Day, Seen, moment, record

NOW_US = moment(2026, 3, 2, 15, 0)
CLASSES = ("hammer", "saw", "person", "helmet")
ODD = '<script>alert("x")</script>'
SETTINGS = f"""
time_zone: Europe/Berlin
shifts:
  - {{name: Early, start: 06:00, end: 14:00}}
  - {{name: Late, start: 14:00, end: 22:00}}
cameras:
  gate: {{stations: {{left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], '{ODD}': [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}}}}
tools:
  - {{class: hammer, stations: ["*"]}}
  - {{class: saw, stations: [left]}}
  - {{class: helmet, mode: worn, near: [person]}}
"""


class RecordedSite:
    """A ledger with three sites: plant-1 with exact figures, other with uses of its own, quiet with none."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.url = ledger.database.shown
        self.identities = Identities(ledger)
        self.tokens = {site: self.identities.add_site(site) for site in ("plant-1", "other", "quiet")}
        self.tokens["operator"] = self.identities.add_operator("boss")
        ledger.configure("plant-1", SETTINGS)
        # 13:50 to 14:10, so that both shifts have ten minutes of it: frames at 2 a second, two minutes of them covered,
        # one minute missing. A use ends where the tool is not seen any more.
        gate = Day(
            "gate",
            moment(2026, 3, 2, 13, 50),
            1200,
            [
                Seen("hammer", 60, 120, 0.25),
                Seen("saw", 150, 180, 0.25),
                Seen("hammer", 300, 330, 0.75),
                Seen("hammer", 570, 690, 0.25),
                Seen("saw", 1100, 1200, 0.25),
                Seen("person", 0, 100, 0.5),
                Seen("helmet", 0, 75, 0.5),
            ],
            [(400, 520, Observation.COVERED), (800, 860, None)],
            last=False,
        )
        record(ledger, "plant-1", [gate], CLASSES)
        record(ledger, "other", [Day("door", moment(2026, 3, 1, 9, 0), 60, [Seen("saw", 10, 30)])], CLASSES, live=False)


@pytest.fixture(scope="package")
def plant(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    now = [moment(2026, 3, 2, 14, 10)]  # when its frames came; at NOW_US its camera has been silent for long
    with Ledger.open(f"sqlite:///{path}", clock=lambda: now[0]) as ledger:
        plant = RecordedSite(ledger)
        now[0] = NOW_US
        yield plant


@pytest.fixture(scope="session")
def zone():
    return BERLIN
