"""Folding a site anew gives what the settings would have given from the beginning."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from raypp.errors import StaleStreamError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.database import Database
from raypp.ledger.packing import pack_state
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.rewriting import RewritePlan, rewrite
from raypp.ledger.store import Ledger
from raypp.ledger.tables import StreamRow
from raypp.usage.episode import CloseReason, EpisodeState
from raypp.usage.settings import SiteSettings
from raypp.usage.state import FoldState
from tests.ledger.site import (
    ABOUT,
    SECOND,
    STREAM,
    T0,
    Clock,
    Connection,
    alone,
    chunks,
    content,
    working_day,
)

SHORT = "tools:\n- {class: drill, mode: present, min_on_s: 30}\n- {class: saw, mode: present, name: Saw}\n"


def test_aggregating_anew_equals_having_had_the_settings(ledger: Ledger):
    frames = working_day(400)
    Connection(ledger).send_all(chunks(frames), last=True)
    ledger.configure("plant-1", SHORT)
    done = reaggregate(ledger, "plant-1")
    assert (done.streams, done.already, done.changed, done.frames) == (1, 0, 1, 400)
    held = content(ledger)
    wanted = alone(frames, SiteSettings.parse(SHORT, "here"), CloseReason.END_OF_STREAM)
    assert (held.episodes, held.stretches) == wanted
    assert {episode.tool for episode in held.episodes} == {"Saw"}
    assert [frames for _, frames in held.frames] == [tuple(frames)]
    position = ledger.position(STREAM)
    assert position is not None
    assert (position.committed, position.ended) == (50, True)


def test_aggregating_anew_twice_changes_nothing_more(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(100)))
    ledger.configure("plant-1", SHORT)
    reaggregate(ledger, "plant-1")
    before = content(ledger), ledger.position(STREAM)
    again = reaggregate(ledger, "plant-1")
    assert (again.streams, again.already) == (0, 1)
    assert (content(ledger), ledger.position(STREAM)) == before
    forced = reaggregate(ledger, "plant-1", again=True)
    assert (forced.streams, forced.changed) == (1, 0)
    assert content(ledger) == before[0]


def test_a_dry_run_says_what_would_change_and_changes_nothing(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(400)), last=True)
    before = content(ledger), ledger.position(STREAM)
    done = reaggregate(ledger, "plant-1", SiteSettings.parse(SHORT, "here"), dry_run=True)
    assert (content(ledger), ledger.position(STREAM)) == before
    tools = {row.tool: (row.episodes_before, row.episodes_after) for row in done.tools}
    drill, saw = (sum(episode.tool == tool for episode in before[0].episodes) for tool in ("drill", "saw"))
    assert tools == {"drill": (drill, 0), "saw": (saw, 0), "Saw": (0, saw)}
    assert AuditLog(ledger).list() == ()


def test_a_live_stream_goes_on_after_being_aggregated_anew(ledger: Ledger):
    frames = working_day(400)
    parts = chunks(frames)
    live = Connection(ledger)
    for sequence, part in enumerate(parts[:20], 1):
        live.send(sequence, part)
    ledger.configure("plant-1", SHORT)
    reaggregate(ledger, "plant-1")
    with pytest.raises(StaleStreamError):
        live.send(21, parts[20])
    live = Connection(ledger)
    assert live.committed == 20
    for sequence, part in enumerate(parts[20:], 21):
        live.send(sequence, part)
    held = content(ledger)
    assert (held.episodes, held.stretches) == alone(frames, SiteSettings.parse(SHORT, "here"))


def test_frames_committed_while_a_stream_is_folded_anew_are_in(ledger: Ledger):
    frames = working_day(400)
    parts = chunks(frames)
    live = Connection(ledger)
    for sequence, part in enumerate(parts[:20], 1):
        live.send(sequence, part)

    class Overtaken(Database):
        """A database in which another connection commits just before a rewriting takes the stream's lock."""

        def write(self, **options):
            for sequence in range(21, 24):
                live.send(sequence, parts[sequence - 1])
            return super().write(**options)

    settings = SiteSettings.parse(SHORT, "here")
    ledger.remember_settings(settings)
    with ledger.database.read() as connection:
        stream_id = connection.exec_driver_sql("SELECT stream_id FROM streams").scalar_one()
    overtaken = Overtaken(ledger.database.engine, ledger.database.shown, ledger.database.turn)
    outcome = rewrite(overtaken, stream_id, RewritePlan(settings=settings), 0)
    assert outcome.frames == 8 * 23
    assert content(ledger).episodes == alone(frames[: 8 * 23], settings)[0]
    with pytest.raises(StaleStreamError):
        live.send(24, parts[23])


def test_settings_changed_in_mid_stream_are_found_again_by_folding_anew(ledger: Ledger):
    frames = working_day(400)
    parts = chunks(frames)
    for sequence, part in enumerate(parts, 1):
        if sequence == 14:
            ledger.configure("plant-1", SHORT)
        if sequence == 31:
            ledger.configure("plant-1", "max_frame_gap_s: 3\n")
        connection = Connection(ledger)
        connection.send(sequence, part)
    connection.send(51, [], last=True)
    before = content(ledger), ledger.position(STREAM)
    with ledger.database.read() as connection:
        stream_id = connection.exec_driver_sql("SELECT stream_id FROM streams").scalar_one()
    outcome = rewrite(ledger.database, stream_id, RewritePlan(), 0)
    assert not outcome.changes
    assert any(episode.reason is CloseReason.SETTINGS for episode in outcome.after)
    assert content(ledger) == before[0]
    assert ledger.position(STREAM).state_json == before[1].state_json


def test_classes_changed_in_mid_stream_are_found_again_by_folding_anew(ledger: Ledger):
    turned = replace(ABOUT, classes=("saw", "drill"), model_id="c" * 64)
    parts = chunks(working_day(160))
    for sequence, part in enumerate(parts, 1):
        Connection(ledger, about=ABOUT if sequence < 8 else turned).send(sequence, part)
    before = content(ledger)
    Connection(ledger, replace(STREAM, epoch=T0 + 1)).send(1, [])  # the older one ends with its own classes
    replaced = content(ledger)
    assert {episode.episode_id for episode in before.episodes} <= {episode.episode_id for episode in replaced.episodes}
    done = reaggregate(ledger, "plant-1", again=True)
    assert (done.streams, done.changed) == (1, 0)


def test_a_silent_stream_stays_silent_when_folded_anew(ledger: Ledger, clock: Clock):
    Connection(ledger).send_all(chunks(working_day(96)))
    assert ledger.reap(clock.now + 900 * SECOND)
    before = content(ledger)
    done = reaggregate(ledger, "plant-1", again=True)
    assert done.changed == 0
    assert content(ledger) == before
    assert any(episode.state is EpisodeState.PROVISIONAL for episode in before.episodes)


def test_a_state_that_cannot_be_read_is_made_anew(ledger: Ledger):
    frames = working_day(96)
    Connection(ledger).send_all(chunks(frames))
    good = ledger.position(STREAM)
    with ledger.database.write() as connection:
        connection.execute(update(StreamRow).values(fold=pack_state("of a version to come")))
    reaggregate(ledger, "plant-1", again=True)
    assert FoldState.from_json(ledger.position(STREAM).state_json) == FoldState.from_json(good.state_json)
