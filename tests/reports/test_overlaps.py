"""A ledger of an earlier version that holds one recording twice: it is counted once, and that is said."""

from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from raypp.cli.report import make_command
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.ledger.site import STREAM, Connection, chunks, working_day


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The same day twice, by two streams of one camera: the second came under another camera, and is moved here."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks(working_day(240)), last=True)
        again = StreamName("plant-1", "again", STREAM.epoch + 1)
        Connection(ledger, again).send_all(chunks(working_day(240)), last=True)
        with ledger.database.write() as connection:
            connection.execute(text("UPDATE streams SET camera = 'bench'"))
    return url


def test_what_was_streamed_twice_is_counted_once_and_told(url: str) -> None:
    app = typer.Typer()
    app.command()(make_command(lambda at: Ledger.open(at, create=False)))
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["plant-1", "--ledger", url])
    assert done.exit_code == 0, done.output
    words = f"uses of the later one ({STREAM.epoch + 1}) are left out"
    assert words in done.output
    (drill,) = [line for line in done.output.splitlines() if line.strip().startswith("drill")][:1]
    assert drill.split()[1] == "3"
    with Ledger.open(url) as ledger:
        assert len([episode for episode in ledger.episodes("plant-1", limit=None) if episode.tool == "drill"]) == 6
        identities = Identities(ledger)
        headers = {"authorization": f"Bearer {identities.add_operator('anna')}"}
        page = respond(PageRequest("GET", "/sites/plant-1", "", headers), ledger, identities, ledger.clock())
    assert words in page.body.decode()
