"""Alerts that are raised in quiet hours wait in the outbox for their end, and hold up no other alert."""

from datetime import UTC, datetime

from raypp.ledger.channels import ChannelQueues
from raypp.ledger.letters import Letters
from raypp.ledger.silence import raise_silence
from raypp.ledger.store import Ledger
from tests.ledger.site import SECOND, Clock, Connection, chunks, working_day

RULES = """
time_zone: Europe/Berlin
alerts:
  - name: drill used
    when: episode_opened
    tools: [drill]
    to: [office]
    quiet: [{start: 22:00, end: 06:00}]
  - {name: saw used, when: episode_opened, tools: [saw], to: [office]}
"""


def _moment(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp()) * SECOND


def _waiting(ledger: Ledger) -> list[tuple[str, int]]:
    queues = ChannelQueues(ledger)
    return [
        (delivery.rule, delivery.raised_us)
        for site, camera in queues.cameras("office")
        for delivery in queues.waiting("office", site, camera, 50)
    ]


def test_an_alert_of_the_night_is_delivered_in_the_morning_and_holds_up_no_other(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    clock.now = _moment(2026, 10, 24, 21, 30)  # half past eleven in Berlin; the night has nine hours
    morning = _moment(2026, 10, 25, 5)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert {rule for rule, _ in _waiting(ledger)} == {"saw used"}
    held = [row for row in Letters(ledger, "plant-1").latest() if row.rule == "drill used"]
    assert [row.raised_us for row in held] == [row.due_us for row in held] == [morning] * 3
    for row in Letters(ledger, "plant-1").latest():
        if row.rule == "saw used":
            ChannelQueues(ledger).sent(row, "thanks")
    (backlog,) = ChannelQueues(ledger).backlogs()
    assert (backlog.waiting, backlog.oldest_us) == (3, None)
    clock.now = morning - 1
    assert not _waiting(ledger)
    clock.now = morning
    assert _waiting(ledger) == [("drill used", morning)] * 3
    (backlog,) = ChannelQueues(ledger).backlogs()
    assert (backlog.waiting, backlog.oldest_us) == (3, morning)


def test_by_day_an_alert_is_sent_at_once(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    clock.now = _moment(2026, 10, 25, 5)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert {rule for rule, _ in _waiting(ledger)} == {"drill used", "saw used"}
    assert {raised_us for _, raised_us in _waiting(ledger)} == {clock.now}


def test_quiet_hours_may_be_those_of_another_zone(ledger: Ledger, clock: Clock):
    ledger.configure(
        "plant-1", RULES.replace("    to: [office]\n", "    to: [office]\n    quiet_zone: Asia/Tokyo\n", 1)
    )
    clock.now = _moment(2026, 10, 24, 21, 30)  # half past six in Tokyo
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert {rule for rule, _ in _waiting(ledger)} == {"drill used", "saw used"}


def test_where_the_rule_says_so_they_are_dropped(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES.replace("    to: [office]\n", "    to: [office]\n    when_quiet: drop\n", 1))
    clock.now = _moment(2026, 10, 24, 21, 30)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert {row.rule for row in Letters(ledger, "plant-1").latest()} == {"saw used"}
    clock.now = _moment(2026, 10, 25, 6)
    assert {row.rule for row in Letters(ledger, "plant-1").latest()} == {"saw used"}


def test_silence_that_outlasts_hours_in_which_it_is_dropped_is_told_at_their_end(ledger: Ledger, clock: Clock):
    quiet = "when_quiet: drop, quiet: [{start: 22:00, end: 06:00}]"
    rule = f"{{name: silent, when: camera_silent, longer_than_s: 60, to: [office], {quiet}}}"
    ledger.configure("plant-1", f"alerts: [{rule}]")
    clock.now = _moment(2026, 10, 24, 23)
    Connection(ledger).send_all(chunks(working_day()))
    clock.now += 7200 * SECOND
    raise_silence(ledger, 0)
    assert not Letters(ledger, "plant-1").latest()
    clock.now = _moment(2026, 10, 25, 6)
    raise_silence(ledger, 0)
    assert [row.kind for row in Letters(ledger, "plant-1").latest()] == ["camera_silent"]
