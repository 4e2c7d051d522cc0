"""Alerts of violations are in the outbox exactly when what raised them is in the ledger."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raypp.alerts.event import cloud_event
from raypp.demo.yard.figure import CLASSES
from raypp.errors import SettingsError
from raypp.ledger.letters import Letters
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.usage.episode import EpisodeState, StreamName
from raypp.usage.observation import SeenFrame
from raypp.usage.settings import SiteSettings
from tests.ledger.site import SECOND, STREAM, T0, Clock, Connection, at, chunks, scratch, seen
from tests.ledger.test_outbox import shown
from tests.usage.yards import person

ZONES = """
max_lateness_s: 0
equipment: [{item: helmet, on: head, yes: [helmet], no: [no_helmet]}]
cameras:
  bench:
    zones:
      pit: {polygon: [[0, 0], [0.45, 0], [0.45, 1], [0, 1]], forbidden: true, grace_s: 1}
      track: {polygon: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]], require: [helmet], grace_s: 2}
"""
RULES = f"""{ZONES}
alerts:
  - {{name: in the pit, when: violation_opened, zones: [pit], to: [office]}}
  - {{name: bare head, when: violation_lasts, longer_than_s: 15, items: [helmet], to: [office, plant]}}
  - {{name: over, when: violation_ended, to: [plant]}}
  - {{name: at the gate, when: violation_opened, cameras: [gate], to: [office]}}
"""
TOLD = [
    "1 violation_opened office",
    "10 violation_ended plant",
    "37 violation_lasts office",
    "37 violation_lasts plant",
    "40 violation_ended plant",
]
ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32)


def visit(frames: int = 120) -> list[SeenFrame]:
    """Somebody is in the pit for 10 s; from 20 s on somebody is on the track, and wears a helmet from 40 s on."""
    pit, bare, worn = person(0.2, 0.8), person(0.8, 0.8, head="no_helmet"), person(0.8, 0.8, head="helmet")
    there = [pit] * 20 + [[]] * 20 + [bare] * 40 + [worn] * 40
    return [seen(number, *detections) for number, detections in enumerate(there[:frames])]


def connect(ledger: Ledger, stream: StreamName = STREAM) -> Connection:
    return Connection(ledger, stream, ABOUT)


def test_each_edge_of_a_violation_raises_one_alert_that_names_no_person(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connect(ledger).send_all(chunks(visit()), last=True)
    assert shown(ledger) == TOLD
    events = [json.loads(cloud_event(row, "raypp")) for row in Letters(ledger, "plant-1").latest()]
    opened = next(event for event in events if event["type"] == "raypp.violation_opened")
    assert (opened["subject"], opened["source"]) == ("in the pit", "raypp/plant-1/bench")
    assert opened["data"]["violation"].keys() == {
        *("violation_id", "kind", "zone", "item", "start_us", "end_us", "seen_us", "sure", "state", "reason")
    }
    pit, track = ledger.violations("plant-1")
    ended = [event["data"]["violation"] for event in events if event["type"] == "raypp.violation_ended"]
    assert ended == [
        {
            "violation_id": violation.violation_id,
            "kind": kind,
            "zone": violation.zone,
            "item": item,
            "start_us": violation.start_us,
            "end_us": violation.end_us,
            "seen_us": violation.seen_us,
            "sure": violation.sure,
            "state": "final",
            "reason": reason,
        }
        for violation, kind, item, reason in (
            (pit, "forbidden", "", "not_observed"),
            (track, "not_worn", "helmet", "ended"),
        )
    ]


@given(sizes=st.lists(st.integers(3, 60), min_size=1, max_size=12), restarts=st.sets(st.integers(2, 12)))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_however_frames_come_each_alert_is_raised_once(sizes: list[int], restarts: set[int]):
    parts, rest = [], visit()
    for size in sizes:
        parts, rest = [*parts, rest[:size]], rest[size:]
    parts = [part for part in [*parts, rest] if part]
    with scratch() as ledger:
        ledger.configure("plant-1", RULES)
        connection = connect(ledger)
        for sequence, part in enumerate(parts, 1):
            if sequence in restarts:
                ledger.clock.now += 3600 * SECOND
                ledger.reap(ledger.clock())
                connection = connect(ledger)
            connection.send(sequence, part, last=sequence == len(parts))
        assert shown(ledger) == TOLD


def test_silence_ends_nothing_and_what_goes_on_is_not_told_again(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    connection = connect(ledger)
    connection.send(1, visit(14))
    clock.now += 600 * SECOND
    ledger.reap(clock.now)
    assert [row.state for row in ledger.violations("plant-1")] == [EpisodeState.PROVISIONAL]
    assert shown(ledger) == TOLD[:1]
    connection.send(2, visit()[14:], last=True)
    assert shown(ledger) == TOLD


def test_what_a_higher_epoch_ends_is_told(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connect(ledger).send(1, visit(14))
    connect(ledger, StreamName("plant-1", "bench", T0 + 100 * SECOND)).send(1, [seen(300)])
    ended = [row for row in Letters(ledger, "plant-1").latest() if row.kind == "violation_ended"]
    assert [json.loads(row.content)["violation"]["reason"] for row in ended] == ["replaced"]


def test_folding_anew_raises_nothing_and_what_goes_on_is_not_told_again(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connect(ledger).send_all(chunks(visit(70)))
    ledger.configure("plant-1", RULES.replace("forbidden: true, grace_s: 1", "forbidden: true, grace_s: 4"))
    reaggregate(ledger, "plant-1")
    assert [row.start_us for row in ledger.violations("plant-1")] == [at(4), at(22)]
    assert shown(ledger) == TOLD[:2]
    connect(ledger).send(10, visit()[70:], last=True)
    assert shown(ledger) == TOLD


def test_what_is_forgotten_is_not_sent_and_not_told_again(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connect(ledger).send_all(chunks(visit(16)))
    assert forget(ledger, "plant-1", to_us=at(5), dry_run=True).alerts == 1
    assert forget(ledger, "plant-1", to_us=at(5)).alerts == 1
    assert [row.start_us for row in ledger.violations("plant-1")] == [at(6)]
    connect(ledger).send(3, visit()[16:], last=True)
    assert shown(ledger) == TOLD[1:]


def test_only_what_became_known_in_time_is_told_where_a_rule_says_so(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES.replace("{name: over,", "{name: over, within_s: 30,"))
    clock.now = at(60)
    connect(ledger).send_all(chunks(visit()), last=True)
    assert shown(ledger) == [TOLD[0], *TOLD[2:]]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("when: violation_lasts", "when violation_lasts needs `longer_than_s`"),
        ("when: violation_opened, longer_than_s: 3", "write violation_lasts, or leave it"),
        ("when: violation_ended, tools: [drill]", "`tools` belongs to episodes, not to when violation_ended"),
        ("when: episode_ended, zones: [pit]", "`zones` belongs to violations, not to when episode_ended"),
        ("when: camera_blind, longer_than_s: 3, items: [helmet]", "`items` belongs to violations"),
        ("when: violation_opened, zones: [trak]", "alert a: there is no zone trak; did you mean track?"),
        ("when: violation_opened, zones: [pit], cameras: [gate]", "no zone pit on its `cameras`; known: none"),
        ("when: violation_opened, items: [gloves]", "alert a: there is no item gloves; known: helmet"),
        ("when: violation_open", "did you mean violation_opened?"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused_in_one_line(rule: str, words: str):
    with pytest.raises(SettingsError) as refusal:
        SiteSettings.parse(f"{ZONES}\nalerts: [{{name: a, {rule}, to: [x]}}]", "settings")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_rules_of_the_guide_fit_its_rail_yard():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "safety-equipment.md").read_text()
    yard, _, rules = (block.split("```")[0] for block in page.split("```yaml\n")[1:])
    assert {rule.when.value for rule in SiteSettings.parse(yard + rules, "the guide").alerts} == {
        "violation_opened",
        "violation_lasts",
    }
