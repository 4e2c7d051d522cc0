import pytest

from raypp.errors import OptionError
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.reports.period import DAY_US, Period, day_of
from raypp.reports.records import MOST_DAYS, latest, read, read_between
from raypp.usage.observation import Observation
from tests.reports.plants import BERLIN, SECOND_US, Day, Seen, moment, record

CLASSES = ("hammer", "saw")
START_US = moment(2026, 3, 2, 18, 0)
YEAR_9999_US = 253_402_300_799_999_999


class Live:
    """A ledger of one site whose clock a test sets."""

    def __init__(self, path):
        self.now_us = START_US
        self.ledger = Ledger.open(f"sqlite:///{path}", clock=lambda: self.now_us)
        Identities(self.ledger).add_site("plant")
        self.ledger.configure("plant", "time_zone: Europe/Berlin\ntools: [{class: hammer}]")

    @property
    def settings(self):
        return self.ledger.present_settings("plant")

    def sees(self, camera, seconds, *uses, start_us=START_US, **more):
        """A camera's frames from a start on, which come in as they are seen."""
        self.now_us = start_us + seconds * SECOND_US
        record(self.ledger, "plant", [Day(camera, start_us, seconds, uses, last=False, **more)], CLASSES)

    def latest(self):
        return latest(self.ledger, "plant", self.settings, self.now_us)

    def read(self, from_us, to_us):
        return read(self.ledger, "plant", self.settings, Period(from_us, to_us), self.now_us)


@pytest.fixture
def live(tmp_path):
    live = Live(tmp_path / "ledger.db")
    yield live
    live.ledger.close()


def test_what_is_on_its_way_is_not_unobserved_while_a_camera_sends(live):
    live.sees("gate", 60, Seen("hammer", 10, 20))
    live.now_us += 5 * SECOND_US
    for recorded in (live.latest(), live.read(START_US, START_US + DAY_US)):
        (gate,) = recorded.report().coverage
        assert (gate.observed_s, gate.not_observed_s) == (58, 0)


def test_the_silence_of_all_cameras_is_not_observed_up_to_now(live):
    live.sees("gate", 60)
    live.now_us += 600 * SECOND_US
    (gate,) = live.latest().report().coverage
    assert (gate.observed_s, gate.not_observed_s) == (58, 602)
    assert live.latest().silent == {"gate": START_US + 59_500_000}


def test_a_silent_camera_stands_in_coverage_also_of_a_range_behind_its_last_frame(live):
    live.sees("site-b", 60)
    live.sees("site-a", 900, Seen("hammer", 10, 20))
    recorded = live.read(START_US + 600 * SECOND_US, START_US + 800 * SECOND_US)
    coverage = {camera.camera: (camera.observed_s, camera.not_observed_s) for camera in recorded.report().coverage}
    assert coverage == {"site-a": (200, 0), "site-b": (0, 200)}
    assert recorded.silent == {"site-b": START_US + 59_500_000}
    (hammer,) = recorded.report().tools
    assert (hammer.states.not_used_s, hammer.states.not_observed_s) == (0, 200)


def test_a_camera_that_ended_or_came_later_or_never_sent_does_not_stand_in_a_range(live):
    record(live.ledger, "plant", [Day("ended", START_US, 60)], CLASSES)
    live.sees("gate", 300)
    record(live.ledger, "plant", [Day("never", START_US + 1, 0, last=False)], CLASSES)
    later = START_US + 100 * SECOND_US
    record(live.ledger, "plant", [Day("later", later, 100, last=False)], CLASSES)
    recorded = live.read(START_US + 70 * SECOND_US, START_US + 90 * SECOND_US)
    assert [camera.camera for camera in recorded.report().coverage] == ["gate"]


def test_a_camera_that_sends_what_waited_does_not_shorten_the_range_of_the_others(live):
    live.sees("gate", 600)
    record(live.ledger, "plant", [Day("behind", START_US, 60, last=False)], CLASSES)
    assert live.latest().period.to_us == START_US + 598_000_000


def test_a_report_is_bounded_to_what_the_site_has_and_to_a_year(live):
    live.sees("gate", 60)
    recorded = read_between(live.ledger, "plant", 1, YEAR_9999_US)
    assert (recorded.period.from_us, recorded.period.to_us) == (START_US, START_US + 58_000_000)
    assert len(recorded.report().coverage) == 1
    day = day_of(START_US, BERLIN)
    assert live.read(day.from_us, day.to_us).period.from_us == day.from_us  # a day is the whole day
    live.sees("gate", 60, start_us=START_US + (MOST_DAYS + 1) * DAY_US)
    with pytest.raises(OptionError, match=r"^a report covers at most 366 days; 2026-03-02T18:00:00\+01:00 to .* 368"):
        read_between(live.ledger, "plant", 0, 0)


def test_zero_stands_for_the_first_and_the_last_that_is_known(live):
    assert read_between(live.ledger, "plant", 0, 0).period.length_us == 0
    live.sees("gate", 60)
    assert read_between(live.ledger, "plant", 0, START_US + 5 * SECOND_US).period.length_us == 5 * SECOND_US
    assert read_between(live.ledger, "plant", START_US + 5 * SECOND_US, 0).period.length_us == 53_000_000
    assert read_between(live.ledger, "plant", 0, 5).period == Period(5, 5)


@pytest.mark.parametrize("wrong_us", [YEAR_9999_US, moment(2099, 1, 1)])
def test_one_frame_of_the_future_does_not_make_it_the_latest_day(live, wrong_us):
    live.sees("gate", 60, Seen("hammer", 10, 20))
    live.now_us += SECOND_US
    jump = Day("jump", wrong_us - 2 * SECOND_US, 2, blind=[(0, 9, Observation.COVERED)], last=False)
    live.ledger.clock, clock = (lambda: wrong_us), live.ledger.clock
    record(live.ledger, "plant", [jump], CLASSES)
    live.ledger.clock = clock
    recorded = live.latest()
    assert day_of(START_US, BERLIN).from_us <= recorded.period.from_us
    assert recorded.report().tools[0].episodes == 1


def test_a_service_refuses_a_range_with_more_uses_than_it_reports(live):
    live.sees("gate", 60, Seen("hammer", 10, 20), Seen("hammer", 30, 40))
    period = Period(START_US, START_US + DAY_US)
    whole = read(live.ledger, "plant", live.settings, period, live.now_us, most=2)
    assert len(whole.episodes) == 2
    with pytest.raises(OptionError, match="the range has more than 1 uses; ask for a shorter one"):
        read(live.ledger, "plant", live.settings, period, live.now_us, most=1)
