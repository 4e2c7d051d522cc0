"""A ledger, settings and cameras of an older release: opened, reported on, gone on with."""

from fractions import Fraction
from pathlib import Path

import pytest

from raypp.cli.exit_codes import ExitCode
from raypp.edge.cameras_file import SiteCameras
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities, Role
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.command import raypp, succeed, summary
from tests.ledger.site import SECOND, T0, Clock, Connection, content, working_day


@pytest.fixture
def url(plant: Path) -> str:
    return f"sqlite:///{plant / 'site' / 'site.ledger'}"


def test_a_report_says_what_it_said(plant: Path, url: str) -> None:
    succeed("report", "plant-1", "--ledger", url, "--json", plant / "now.json")
    assert summary(plant / "now.json") == summary(plant / "site/report.json") | {"lost": []}


def test_newer_reports_on_it_as_it_is_say_what_is_not_set(url: str) -> None:
    with Ledger.open(url, create=False) as ledger:
        assert (ledger.violations("plant-1"), ledger.exposures("plant-1")) == ([], [])
    for report, words in (("--safety", "no zones are set for site plant-1"), ("--procedures", "has no procedures")):
        done = raypp("report", "plant-1", report, "--ledger", url)
        assert done.returncode == ExitCode.FAILED
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_tokens_are_known_and_the_audit_log_goes_on(plant: Path, url: str) -> None:
    tokens = {name: (plant / "site" / f"{name}.token").read_text().strip() for name in ("plant-1", "anna")}
    with Ledger.open(url) as ledger:
        site, operator = (Identities(ledger).check(token) for token in tokens.values())
        assert (site.role, site.site, operator.role) == (Role.SITE, "plant-1", Role.OPERATOR)
        before = [(entry.action, entry.subject) for entry in AuditLog(ledger).list()]
        Identities(ledger).add_site("plant-2")
        after = [(entry.action, entry.subject) for entry in AuditLog(ledger).list()]
    assert before == [("site add", "plant-1"), ("operator add", "anna"), ("site configure", "plant-1")]
    assert after == [*before, ("site add", "plant-2")]


def test_settings_are_those_of_the_file_and_the_file_is_taken_anew(plant: Path, url: str) -> None:
    with Ledger.open(url) as ledger:
        before = ledger.present_settings("plant-1")
        assert ledger.site_settings("plant-1") == ((plant / "site/settings.yaml").read_text(), 1)
    succeed("site", "configure", "plant-1", plant / "site/settings.yaml", "--ledger", url)
    with Ledger.open(url) as ledger:
        assert ledger.present_settings("plant-1") == before
        assert ledger.present_settings("plant-1").settings_id == before.settings_id


def test_frames_fold_to_the_episodes_that_were_kept(url: str) -> None:
    with Ledger.open(url) as ledger:
        before = content(ledger)
    succeed("reaggregate", "plant-1", "--ledger", url)
    with Ledger.open(url) as ledger:
        assert content(ledger) == before
    assert [(name, len(frames)) for name, frames in before.frames] == [(StreamName("plant-1", "bench", T0), 240)]
    assert len(before.episodes) == 5


def test_a_camera_goes_on_in_a_new_stream(plant: Path, url: str) -> None:
    with Ledger.open(url, clock=Clock()) as ledger:
        Connection(ledger, StreamName("plant-1", "bench", T0 + 120 * SECOND)).send(1, working_day(256)[248:])
        assert [stream.frames for stream in ledger.streams("plant-1")] == [240, 8]


def test_cameras_are_read(plant: Path) -> None:
    cameras = SiteCameras.load(plant / "site/cameras.yaml").cameras
    gate, bench = cameras["gate"], cameras["bench-1"]
    assert (gate.fps, gate.watch, gate.source) == (Fraction(1, 5), None, ("rtsp://user:password@127.0.0.1/stream1",))
    assert (bench.fps, bench.realtime, bench.timezone) == (None, True, "Europe/Berlin")
    watch = bench.watch
    assert (watch.covered, watch.frozen_after_s, watch.moved_after_s) == (True, 10, None)
    assert (watch.moved_share, watch.adapt_s) == (0.2, 300)
