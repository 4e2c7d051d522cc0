"""A bench whose executions of a procedure are known: one as prescribed, one broken, one partly unseen."""

from html import unescape
from pathlib import Path

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.reports.execution_record import ExecutionsReport
from raypp.reports.executions import read_executions
from raypp.usage.observation import Observation
from raypp.web.execution_reports import ExecutionReports
from raypp.web.freshness import MadePages
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import make, respond
from tests.reports.plants import Day, Seen, moment, record
from tests.web.pages import basic

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "procedures.md"
_CLASSES = ("housing", "clamp", "drill", "file", "brush", "screwdriver", "wrench", "gauge", "phone", "hand")
_START, NOW_US = moment(2026, 3, 2, 8, 0), moment(2026, 3, 2, 15, 0)
DAY = "from=2026-03-02"


def _done(*steps: tuple[str, float, float], part: tuple[float, float]) -> list[Seen]:
    return [Seen("housing", *part), *(Seen(tool, start, end, x=0.1, y=0.1) for tool, start, end in steps)]


class ExecutionSite:
    """A ledger with `plant`, which has three executions on one day, and `bare` without procedures."""

    def __init__(self, ledger: Ledger) -> None:
        example = _PAGE.read_text().split("```yaml\n")[1].split("```")[0].replace(", mode: in_hand, near: [hand]", "")
        right = _done(
            ("clamp", 12, 18), ("drill", 20, 28), ("drill", 32, 40), ("file", 44, 50), ("wrench", 54, 60), part=(10, 70)
        )
        broken = _done(
            ("clamp", 112, 118), ("drill", 120, 128), ("wrench", 130, 136), ("file", 140, 146), part=(110, 160)
        )
        hidden = _done(
            ("clamp", 212, 218), ("drill", 220, 228), ("drill", 232, 240), ("wrench", 256, 260), part=(210, 270)
        )
        covered = [(242, 254, Observation.COVERED)]
        self.ledger, self.identities = ledger, Identities(ledger)
        for site in ("plant", "bare"):
            self.identities.add_site(site)
        self.token = self.identities.add_operator("boss")
        ledger.configure("plant", f"time_zone: Europe/Berlin\n{example}")
        day = Day("bench-1", _START, 300, [*right, *broken, *hidden], blind=covered)
        record(ledger, "plant", [day], _CLASSES, live=False)
        self.reports = ExecutionReports(ledger, None)

    def ask(self, path: str, query: str = "", reports: ExecutionReports | None = None) -> PageResponse:
        return respond(
            PageRequest("GET", path, query, basic(self.token)),
            self.ledger,
            self.identities,
            NOW_US,
            None,
            MadePages(),
            lambda *about: make(self.ledger, *about, reports or self.reports),
        )

    def get(self, path: str, query: str = "", status: int = 200) -> str:
        answer = self.ask(path, query)
        assert answer.status == status, answer.body.decode()
        return answer.body.decode()

    def follow(self, address: str) -> str:
        path, _, query = unescape(address).partition("#")[0].partition("?")
        return self.get(path, query)

    def report(self) -> ExecutionsReport:
        return read_executions(self.ledger, "plant", "2026-03-02").report()
