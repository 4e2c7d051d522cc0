"""Alerts are in the outbox exactly when what raised them is in the ledger."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from raypp.errors import SettingsError, StaleStreamError
from raypp.ledger.channels import ChannelQueues
from raypp.ledger.letters import Letters
from raypp.ledger.outbox import raise_alerts
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.silence import Silence, count_silent, raise_silence
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OutboxRow
from raypp.usage.episode import StreamName
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from tests.ledger.site import SECOND, STREAM, T0, Clock, Connection, at, chunks, scratch, seen, working_day

RULES = """
max_frame_gap_s: 5
alerts:
  - {name: drill used, when: episode_opened, tools: [drill], to: [office]}
  - {name: too long, when: episode_lasts, longer_than_s: 15, to: [office, plant]}
  - {name: put down, when: episode_ended, tools: [saw], to: [plant]}
  - {name: blind, when: camera_blind, longer_than_s: 10, to: [office]}
  - {name: bench silent, when: camera_silent, longer_than_s: 60, cameras: [bench], to: [office]}
  - {name: plant silent, when: site_silent, longer_than_s: 90, to: [plant]}
"""


def alerts(ledger: Ledger, site: str = "plant-1") -> list[tuple[str, str, float]]:
    """Kind, channel and seconds since T0 of all alerts, in order."""
    return sorted((row.moment_us, row.kind, row.channel) for row in Letters(ledger, site).latest(limit=10_000))


def shown(ledger: Ledger) -> list[str]:
    return [f"{(moment - T0) / SECOND:g} {kind} {channel}" for moment, kind, channel in alerts(ledger)]


def blinded(from_s: float, to_s: float, kinds: tuple[Observation, ...], frames: int = 120) -> list[SeenFrame]:
    """Two frames a second, of which some are blind, for a second each kind."""
    return [
        seen(number) if not at(from_s) <= T0 + number * SECOND // 2 < at(to_s)
        else replace(seen(number), observation=kinds[number // 2 % len(kinds)])
        for number in range(frames)
    ]  # fmt: skip


def test_each_edge_of_an_episode_raises_one_alert_in_order_of_event_time(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    # The drill is used from 0 for 20 s, and again every 40 s; the saw from 0 for 10 s, and again every 60 s.
    assert shown(ledger) == [
        "0 episode_opened office",
        "10 episode_ended plant",
        "15 episode_lasts office",
        "15 episode_lasts plant",
        "40 episode_opened office",
        "55 episode_lasts office",
        "55 episode_lasts plant",
        "70 episode_ended plant",
        "80 episode_opened office",
        "95 episode_lasts office",
        "95 episode_lasts plant",
    ]
    first = Letters(ledger, "plant-1").latest()[0]
    episode = ledger.episodes("plant-1", tools=["drill"])[0]
    content = json.loads(first.content)["episode"]
    assert content["episode_id"] == episode.episode_id
    assert (content["tool"], content["start_us"]) == ("drill", T0)
    assert len({row.alert_id for row in Letters(ledger, "plant-1").latest()}) == 8


@given(sizes=st.lists(st.integers(3, 90), min_size=1, max_size=20), restarts=st.sets(st.integers(0, 19)))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_however_frames_come_the_alerts_are_the_same(sizes: list[int], restarts: set[int]):
    def run(parts: list[tuple[SeenFrame, ...]], restarts: set[int]) -> list[tuple[object, ...]]:
        with scratch() as ledger:
            ledger.configure("plant-1", RULES)
            connection = Connection(ledger)
            for sequence, part in enumerate(parts, 1):
                if sequence in restarts:
                    connection = Connection(ledger)
                    ledger.clock.now += 3600 * SECOND
                    ledger.reap(ledger.clock())
                connection.send(sequence, part, last=sequence == len(parts))
            return sorted(
                (row.alert_id, row.channel, row.moment_us) for row in Letters(ledger, "plant-1").latest(limit=1000)
            )

    later = [
        replace(frame, frame_index=frame.frame_index + 160, timestamp_us=frame.timestamp_us + 80 * SECOND)
        for frame in blinded(5, 25, (Observation.COVERED,))
    ]
    frames = [*working_day(160), *later]
    parts, rest = [], frames
    for size in sizes:
        parts, rest = [*parts, tuple(rest[:size])], rest[size:]
    parts = [part for part in [*parts, tuple(rest)] if part]
    assert run(parts, restarts) == run([tuple(frames)], set())


def test_a_commit_that_is_rolled_back_leaves_no_alert(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connection = Connection(ledger)
    commit, _ = connection.prepare(1, working_day()[:60])
    Connection(ledger)  # another connection takes the stream: the first one's commit is stale
    with pytest.raises(StaleStreamError):
        ledger.commit(commit)
    assert alerts(ledger) == []
    with pytest.raises(ZeroDivisionError), ledger.database.write() as transaction:
        raise_alerts(transaction, 1, STREAM, commit.changes, None, 0)
        assert transaction.execute(select(OutboxRow.alert_id)).all()
        raise ZeroDivisionError
    assert alerts(ledger) == []


@pytest.mark.parametrize("kinds", [(Observation.COVERED,), (Observation.MOVED, Observation.FROZEN)])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_blind_time_is_told_once_whatever_blinds_the_camera(
    ledger: Ledger, kinds: tuple[Observation, ...], size: int
):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send_all(chunks(blinded(20, 40, kinds), size), last=True)
    assert shown(ledger) == ["30 camera_blind office"]
    content = json.loads(Letters(ledger, "plant-1").latest()[0].content)
    assert content == {
        "start_us": at(20),
        "observations": sorted(kind.name.lower() for kind in kinds),
        "longer_than_s": 10.0,
    }


def test_a_blind_time_that_is_short_or_broken_by_sight_is_not_told(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    frames = [
        frame if frame.frame_index != 60 else seen(60) for frame in blinded(21, 39, (Observation.COVERED,))
    ]  # a frame sees in the middle
    Connection(ledger).send_all(chunks(frames), last=True)
    assert shown(ledger) == []


def test_what_a_higher_epoch_ends_is_told(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send_all(chunks(working_day()[:12]))
    Connection(ledger, StreamName("plant-1", "bench", T0 + 100 * SECOND)).send(1, [seen(300)])
    ended = [row for row in Letters(ledger, "plant-1").latest() if row.kind == "episode_ended"]
    assert [json.loads(row.content)["episode"]["reason"] for row in ended] == ["replaced"]


def test_silence_is_told_once_and_anew_after_the_camera_was_heard(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    connection = Connection(ledger)
    connection.send(1, [seen(0)])
    heard_us = clock.now
    assert raise_silence(ledger, 0) == 0
    clock.now += 61 * SECOND
    assert [raise_silence(ledger, 0), raise_silence(ledger, 0)] == [1, 0]
    clock.now += 30 * SECOND
    assert raise_silence(ledger, 0) == 1
    raised = [(row.kind, row.camera, row.moment_us - heard_us) for row in Letters(ledger, "plant-1").latest()]
    assert raised == [("camera_silent", "bench", 60 * SECOND), ("site_silent", "", 90 * SECOND)]
    connection.send(2, [seen(1)])
    clock.now += 61 * SECOND
    assert raise_silence(ledger, 0) == 1


def test_cameras_and_sites_that_fell_silent_within_a_day_are_counted(ledger: Ledger, clock: Clock):
    ledger.add_site("plant-2")
    bench, gate, other = (
        Connection(ledger, StreamName(site, camera, T0))
        for site, camera in (("plant-1", "bench"), ("plant-1", "gate"), ("plant-2", "bench"))
    )
    for connection in (bench, gate, other):
        connection.send(1, [seen(0)])
    assert count_silent(ledger) == Silence(0, 0)
    clock.now += 3600 * SECOND
    bench.send(2, [seen(1)])
    assert count_silent(ledger) == Silence(cameras=2, sites=1)
    Connection(ledger, StreamName("plant-1", "gate", T0 + SECOND)).send(1, [seen(2)])
    assert count_silent(ledger) == Silence(cameras=1, sites=1)
    other.send(2, [seen(1)], last=True)
    assert count_silent(ledger) == Silence(0, 0)
    clock.now += 86_000 * SECOND
    assert count_silent(ledger) == Silence(cameras=2, sites=1)
    clock.now += 3600 * SECOND
    assert count_silent(ledger) == Silence(0, 0)


def test_while_nobody_listened_nobody_was_silent(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(1, [seen(0)])
    clock.now += 3600 * SECOND
    assert raise_silence(ledger, clock.now - 59 * SECOND) == 0
    assert raise_silence(ledger, clock.now - 61 * SECOND) == 1


def test_a_stream_that_ended_is_not_silent_and_one_long_gone_is_not_told_of(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(1, [seen(0)], last=True)
    clock.now += 3600 * SECOND
    assert raise_silence(ledger, 0) == 0
    Connection(ledger, StreamName("plant-1", "gate", T0)).send(1, [seen(0)])
    clock.now += 8 * 86_400 * SECOND
    assert raise_silence(ledger, 0) == 0


def test_only_what_became_known_in_time_is_told_where_a_rule_says_so(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES.replace("tools: [drill],", "tools: [drill], within_s: 60,"))
    clock.now = at(80)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert [line for line in shown(ledger) if "opened" in line] == [
        "40 episode_opened office",
        "80 episode_opened office",
    ]


def test_folding_anew_raises_nothing_and_what_goes_on_is_not_told_again(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    connection = Connection(ledger)
    connection.send_all(chunks(working_day()[:40]))
    before = shown(ledger)
    changed = RULES + "tools: [{class: drill, max_gap_s: 3}, {class: saw}]\n"
    ledger.configure("plant-1", changed)
    reaggregate(ledger, "plant-1")
    assert shown(ledger) == before
    Connection(ledger).send(6, working_day()[40:64])
    assert before == [
        "0 episode_opened office",
        "10 episode_ended plant",
        "15 episode_lasts office",
        "15 episode_lasts plant",
    ]
    assert shown(ledger) == before


def test_what_is_forgotten_is_not_sent(ledger: Ledger):
    ledger.configure("plant-1", RULES)
    Connection(ledger).send_all(chunks(working_day()), last=True)
    assert forget(ledger, "plant-1", from_us=at(10), to_us=at(60), dry_run=True).alerts == 6
    assert forget(ledger, "plant-1", from_us=at(10), to_us=at(60)).alerts == 6
    assert [line.split()[0] for line in shown(ledger)] == ["0", "70", "80", "95", "95"]


def test_alert_rules_change_neither_the_settings_id_nor_what_is_open(ledger: Ledger):
    ledger.configure("plant-1", "max_frame_gap_s: 5\n")
    before = ledger.present_settings("plant-1").settings_id
    connection = Connection(ledger)
    connection.send_all(chunks(working_day()[:24]))
    ledger.configure("plant-1", RULES)
    assert ledger.present_settings("plant-1").settings_id == before
    assert ledger.frames_apart("plant-1") == 0
    connection.send(4, working_day()[24:56])  # the connection that is open goes by the new rules
    assert "15 episode_lasts office" in shown(ledger)
    ledger.configure("plant-1", "max_frame_gap_s: 5\n")
    connection.send(5, working_day()[56:120])
    assert len(shown(ledger)) == 3


def test_channels_that_no_sender_has_are_refused_once_there_was_one(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", RULES)  # no sender yet: not checked
    ChannelQueues(ledger).declare(["office", "plants"])
    with pytest.raises(SettingsError) as refusal:
        ledger.configure("plant-1", RULES.replace("bench silent", "bench mute"))
    assert "alert too long: there is no channel plant; did you mean plants?" in str(refusal.value)
    ledger.configure("plant-1", RULES.replace("bench silent", "bench mute"), unchecked=True)
    clock.now += 2 * 3600 * SECOND
    assert ledger.known_channels() == {"office", "plants"}  # while no sender runs, the last ones count
    ChannelQueues(ledger).declare(["office", "plant"])
    assert ledger.known_channels() == {"office", "plant"}
    ledger.configure("plant-1", RULES)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{name: a, when: episode_lasts, longer_than_s: -1, to: [x]}", "longer_than_s must be greater than 0 (got -1)"),
        ("{name: a, when: episode_lasts, to: [x]}", "when episode_lasts needs `longer_than_s`"),
        ("{name: a, when: episode_opened, longer_than_s: 3, to: [x]}", "does not go with when episode_opened"),
        ("{name: a, when: camera_blind, longer_than_s: 3, tools: [drill], to: [x]}", "`tools` belongs to episodes"),
        ("{name: a, when: site_silent, longer_than_s: 3, cameras: [b], to: [x]}", "write camera_silent"),
        ("{name: a, when: episode_opened, tools: [dril], to: [x]}", "there is no tool dril; did you mean drill?"),
        ("{name: a, when: episode_opend, to: [x]}", "did you mean episode_opened?"),
        ("{name: a, when: episode_opened, to: []}", "`to` must name a channel"),
        ("{name: a, when: episode_opened, to: [x, x]}", "none twice"),
        ("{name: a, when: episode_opened, to: ['a b']}", "to, 1st: is no name of a channel"),
        ("{name: b, when: episode_opened, to: [x]}, {name: b, when: episode_ended, to: [x]}", "alert b stands twice"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused_in_one_line(rule: str, words: str):
    with pytest.raises(SettingsError) as refusal:
        SiteSettings.parse(f"tools: [{{class: drill}}]\nalerts: [{rule}]", "settings")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_tool_that_is_no_class_is_refused_where_a_site_has_no_tools_of_its_own(ledger: Ledger):
    Connection(ledger)  # its model's classes are known from now on
    with pytest.raises(SettingsError, match="alert drill used: there is no class drill2; write one of drill, saw"):
        ledger.configure("plant-1", RULES.replace("tools: [drill]", "tools: [drill2]"))


def test_waiting_alerts_are_found_by_an_index(ledger: Ledger):
    if not ledger.database.is_sqlite:
        pytest.skip("PostgreSQL reads so few rows without an index")
    plans = []
    with ledger.database.read() as connection:
        connection.exec_driver_sql("PRAGMA automatic_index=off")
        for query in (
            "SELECT site, camera FROM outbox WHERE channel = ? AND outbox.state = 1 GROUP BY site, camera",
            "SELECT tries FROM outbox WHERE channel = ? AND outbox.state = 1 AND site = ? ORDER BY camera, moment_us",
        ):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("a",) * query.count("?"))
            plans.append(" ".join(row[3] for row in rows))
    assert all("ix_outbox_waiting" in plan for plan in plans), plans
