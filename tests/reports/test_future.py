"""A site whose frames are of the last moments that a ledger of an earlier version took: nothing fails over them."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.forget import forget
from raypp.cli.report import make_command
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.ledger.site import DRILL, Connection, chunks, seen

_END_US = 253_402_300_799_999_999
_SETTINGS = "time_zone: {}\nshifts: [{{name: night, start: 22:00, end: 06:00}}]\n"
_PATHS = ("/", "/api/sites", "/sites/plant-1", "/sites/plant-1/episodes")
_FURTHER = ("/api/sites/plant-1/report", "/api/sites/plant-1/episodes", "/api/sites/plant-1/episodes.csv")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_site_of_the_year_9999_has_pages_and_reports_and_is_cured_by_forgetting(tmp_path: Path, zone: str) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        ledger.configure("plant-1", _SETTINGS.format(zone))
        frames = [seen(number, DRILL, at_us=_END_US - 5_000_000 + number * 500_000) for number in range(11)]
        Connection(ledger).send_all(chunks(frames))
        identities = Identities(ledger)
        headers = {"authorization": f"Bearer {identities.add_operator('anna')}"}
        for path in (*_PATHS, *_FURTHER):
            answer = respond(PageRequest("GET", path, "", headers), ledger, identities, ledger.clock())
            assert answer.status == 200, path

    app = typer.Typer()
    app.command("report")(make_command(lambda at: Ledger.open(at, create=False)))
    app.command("forget")(forget)

    def run(*arguments: object, status: int = 0) -> None:
        done = CliRunner().invoke(app, [*map(str, arguments), "--ledger", url])
        assert done.exit_code == status, f"{done.output} {done.exception!r}"

    run("report", "plant-1", "--out", tmp_path / "report", status=3)  # that day is still to come
    run("report", "plant-1", "--from", "9998-12-31", status=3)
    run("forget", "plant-1", "--from", "2098-01-01")
    with Ledger.open(url) as ledger:
        assert [status.newest_us for status in ledger.streams("plant-1")] == [None]
