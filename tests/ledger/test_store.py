from dataclasses import replace

import pytest
from sqlalchemy import select

from raypp.errors import LedgerError, OptionError, StaleStreamError, StreamRefusedError, UnknownSiteError
from raypp.ledger.store import Ledger
from raypp.ledger.tables import StreamRow
from raypp.ledger.types import page_after
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.settings import SiteSettings
from raypp.usage.state import FoldState
from tests.ledger.site import ABOUT, CLASSES, SECOND, STREAM, T0, Clock, Connection, chunks, content, seen, working_day


def expected(frames, reason=None):
    """Return the episodes and stretches that the fold alone makes of frames."""
    fold = Fold(SiteSettings.default(), STREAM, CLASSES)
    state, changes = fold.advance(fold.begin(), frames)
    episodes = {episode.episode_id: episode for episode in changes.episodes}
    stretches = {stretch.start_us: stretch for stretch in changes.stretches}
    if reason is not None:
        state, changes = fold.finish(state, reason)
        episodes |= {episode.episode_id: episode for episode in changes.episodes}
        stretches |= {stretch.start_us: stretch for stretch in changes.stretches}
    return state, frozenset(episodes.values()), frozenset(stretches.values())


def test_a_stream_is_kept_whole(ledger: Ledger):
    frames = working_day()
    Connection(ledger).send_all(chunks(frames), last=True)
    held = content(ledger)
    state, episodes, stretches = expected(frames, CloseReason.END_OF_STREAM)
    assert held.frames == ((STREAM, tuple(frames)),)
    assert held.episodes == episodes
    assert {episode.tool for episode in episodes} == {"drill", "saw"}
    assert held.stretches == stretches
    position = ledger.position(STREAM)
    assert position is not None
    assert (position.committed, position.ended) == (30, True)
    assert FoldState.from_json(position.state_json or "") == state


def test_a_new_connection_goes_on_where_the_ledger_is(ledger: Ledger):
    frames = working_day()
    parts = chunks(frames)
    for sequence, part in enumerate(parts, 1):
        connection = Connection(ledger)
        assert connection.committed == sequence - 1
        connection.send(sequence, part)
    _, episodes, stretches = expected(frames)
    held = content(ledger)
    assert (held.episodes, held.stretches) == (episodes, stretches)


def test_a_repeated_chunk_changes_nothing(ledger: Ledger):
    parts = chunks(working_day())
    connection = Connection(ledger)
    connection.send(1, parts[0])
    before = content(ledger)
    again, _ = connection.prepare(1, [])
    with pytest.raises(StaleStreamError, match="2 is next"):
        ledger.commit(again)
    assert content(ledger) == before


def test_a_chunk_out_of_turn_is_refused(ledger: Ledger):
    connection = Connection(ledger)
    commit, _ = connection.prepare(3, [seen(0)])
    with pytest.raises(StaleStreamError, match="the ledger is at 0, so 1 is next"):
        ledger.commit(commit)
    assert list(ledger.frames(STREAM)) == []


def test_a_zombie_commits_nothing_once_another_has_opened(ledger: Ledger):
    parts = chunks(working_day())
    zombie = Connection(ledger)
    zombie.send(1, parts[0])
    heir = Connection(ledger)
    with pytest.raises(StaleStreamError, match="held by another connection"):
        zombie.send(2, parts[1])
    assert heir.send(2, parts[1]) == 2


def test_frame_indices_must_rise(ledger: Ledger):
    connection = Connection(ledger)
    with pytest.raises(StreamRefusedError, match="must rise"):
        connection.send(1, [seen(3), seen(2)])
    connection.send(1, [seen(3)])
    with pytest.raises(StreamRefusedError, match=r"frame 3 .* follows frame 3"):
        connection.send(2, [seen(3)])
    assert connection.send(2, [seen(4)]) == 2


def test_an_ended_stream_takes_no_more(ledger: Ledger):
    connection = Connection(ledger)
    connection.send(1, [seen(0)], last=True)
    again = Connection(ledger)
    assert again.position.ended
    assert again.committed == 1
    fold = Fold(SiteSettings.default(), STREAM, CLASSES)
    connection.state = fold.begin()
    commit, _ = connection.prepare(2, [seen(1)])
    with pytest.raises(StreamRefusedError, match="has ended"):
        ledger.commit(replace(commit, lease=again.position.lease))


def test_a_higher_epoch_takes_over_for_good(ledger: Ledger):
    frames = working_day(30)  # the drill is in use at the end
    old = Connection(ledger)
    old.send_all(chunks(frames))
    newer = StreamName(STREAM.site, STREAM.camera, STREAM.epoch + 1)
    assert Connection(ledger, newer).send(1, []) == 1
    _, episodes, stretches = expected(frames, CloseReason.REPLACED)
    held = content(ledger)
    assert held.episodes == episodes
    assert held.stretches == stretches
    assert {episode.reason for episode in episodes} == {CloseReason.ENDED, CloseReason.REPLACED}
    with pytest.raises(StaleStreamError):
        old.send(5, [seen(40)])
    with pytest.raises(StreamRefusedError, match=f"taken over by {newer.epoch}"):
        Connection(ledger, STREAM)


def test_a_higher_epoch_that_never_commits_ends_no_stream_and_leaves_no_camera(ledger: Ledger, clock: Clock):
    frames = working_day(60)
    parts = chunks(frames)
    good = Connection(ledger)
    good.send(1, parts[0])
    Connection(ledger, replace(STREAM, epoch=STREAM.epoch + 1))
    Connection(ledger, replace(STREAM, camera="mistyped"))
    for sequence, part in enumerate(parts[1:], 2):
        good.send(sequence, part)
    assert content(ledger).episodes == expected(frames)[1]
    assert Connection(ledger).committed == len(parts)
    assert [(stream.stream, stream.ended) for stream in ledger.streams("plant-1")] == [(STREAM, False)]
    ledger.reap(clock.now + 3700 * SECOND)
    with ledger.database.read() as connection:
        assert list(connection.execute(select(StreamRow.camera)).scalars()) == ["bench"]


def test_of_two_streams_that_are_opened_the_lower_epoch_never_comes_after_the_higher(ledger: Ledger):
    low, high = Connection(ledger), Connection(ledger, replace(STREAM, epoch=STREAM.epoch + 1))
    high.send(1, [seen(0)])
    with pytest.raises(StaleStreamError):
        low.send(1, [seen(0)])
    with pytest.raises(StreamRefusedError, match="taken over"):
        Connection(ledger)
    assert [stream.stream.epoch for stream in ledger.streams("plant-1")] == [STREAM.epoch + 1]


def test_epochs_from_the_future_are_refused(ledger: Ledger, clock: Clock):
    ahead = StreamName("plant-1", "bench", clock.now + 25 * 3600 * SECOND)
    for epoch in (ahead.epoch, 0, 2**63):
        with pytest.raises(StreamRefusedError, match="out of range"):
            ledger.open_stream(replace(ahead, epoch=epoch), ABOUT)
    assert ledger.streams("plant-1") == []


def test_names_are_checked(ledger: Ledger):
    with pytest.raises(UnknownSiteError, match="raypp site add"):
        ledger.open_stream(StreamName("elsewhere", "bench", T0), ABOUT)
    with pytest.raises(OptionError, match="camera"):
        ledger.open_stream(StreamName("plant-1", "bench/../x", T0), ABOUT)
    with pytest.raises(OptionError, match="site"):
        ledger.add_site("no spaces")


def test_numbers_that_would_be_rounded_are_refused(ledger: Ledger):
    connection = Connection(ledger)
    frame = seen(0)
    commit, _ = connection.prepare(1, [frame])
    detection = replace(working_day(1)[0].detections[0], x1=0.1)
    with pytest.raises(LedgerError, match="as_stored"):
        ledger.commit(replace(commit, frames=(replace(frame, detections=(detection,)),)))
    assert ledger.position(STREAM).committed == 0
    assert connection.send(1, [frame]) == 1


def test_changes_of_another_stream_are_refused(ledger: Ledger):
    connection = Connection(ledger)
    commit, _ = connection.prepare(1, working_day(30))
    with pytest.raises(LedgerError, match="another stream"):
        other = [replace(episode, stream=replace(STREAM, camera="x")) for episode in commit.changes.episodes]
        ledger.commit(replace(commit, changes=replace(commit.changes, episodes=tuple(other))))
    assert ledger.episodes("plant-1") == []


def test_the_reaper_closes_provisionally_and_an_outage_changes_nothing(ledger: Ledger, clock: Clock):
    frames = working_day(120)
    parts = chunks(frames)
    connection = Connection(ledger)
    for sequence in (1, 2, 3):
        connection.send(sequence, parts[sequence - 1])
    undisturbed = content(ledger).episodes
    assert ledger.reap(clock.now + 120 * SECOND) == []
    reaped = ledger.reap(clock.now + 121 * SECOND)
    assert {episode.tool for episode in reaped} == {
        episode.tool for episode in undisturbed if episode.state is EpisodeState.OPEN
    }
    assert {(episode.state, episode.reason) for episode in reaped} == {(EpisodeState.PROVISIONAL, CloseReason.SILENT)}
    assert ledger.reap(clock.now + 500 * SECOND) == []
    opened_again = {replace(episode, state=EpisodeState.OPEN, reason=None) for episode in reaped}
    assert opened_again <= undisturbed

    connection.send(4, [])  # says nothing of any episode, and yet opens them again
    assert content(ledger).episodes == undisturbed
    ledger.reap(clock.now + 500 * SECOND)
    again = Connection(ledger)
    for sequence, part in enumerate(parts[3:], 5):
        again.send(sequence, part)
    assert content(ledger).episodes == expected(frames)[1]


def test_a_reaped_stream_that_is_taken_over_is_final(ledger: Ledger, clock: Clock):
    frames = working_day(30)
    Connection(ledger).send_all(chunks(frames))
    assert ledger.reap(clock.now + 10_000 * SECOND)
    Connection(ledger, replace(STREAM, epoch=T0 + 9)).send(1, [])
    assert content(ledger).episodes == expected(frames, CloseReason.REPLACED)[1]


def test_reaping_goes_by_the_settings_of_the_site(ledger: Ledger, clock: Clock):
    ledger.configure("plant-1", "reap_after_s: 5\n")
    Connection(ledger).send(1, working_day(8))
    assert ledger.reap(clock.now + 4 * SECOND) == []
    assert ledger.reap(clock.now + 6 * SECOND)


def test_settings_have_versions(ledger: Ledger):
    assert ledger.site_settings("plant-1") == (None, 0)
    assert ledger.configure("plant-1", "time_zone: Europe/Berlin\n") == 1
    assert ledger.configure("plant-1", "time_zone: Europe/Berlin\n") == 1
    assert ledger.configure("plant-1", "max_frame_gap_s: 4\n") == 2
    assert ledger.site_settings("plant-1") == ("max_frame_gap_s: 4\n", 2)
    with pytest.raises(UnknownSiteError):
        ledger.site_settings("elsewhere")
    with pytest.raises(UnknownSiteError):
        ledger.configure("elsewhere", "")


def test_settings_that_cannot_be_recorded_are_not_given(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise LedgerError("the log is full")

    monkeypatch.setattr("raypp.ledger.store.write_audit", fail)
    with pytest.raises(LedgerError, match="the log is full"):
        ledger.configure("plant-1", "max_frame_gap_s: 4\n")
    assert ledger.site_settings("plant-1") == (None, 0)


def test_settings_are_recalled_as_they_were(ledger: Ledger):
    text = (
        "time_zone: Europe/Berlin\nshifts:\n- {name: early, start: '06:00', end: '14:00'}\n"
        "tools:\n- {class: drill, mode: present, min_on_s: 0.5}\n"
    )
    ledger.configure("plant-1", text)
    settings = SiteSettings.parse(text, "here")
    assert ledger.recall_settings(settings.settings_id) == settings
    assert ledger.recall_settings(settings.settings_id).settings_id == settings.settings_id
    with pytest.raises(LedgerError, match="remember_settings"):
        ledger.recall_settings("0" * 64)


def test_a_commit_with_unknown_settings_is_refused(ledger: Ledger):
    connection = Connection(ledger)
    commit, _ = connection.prepare(1, [seen(0)])
    with pytest.raises(LedgerError, match="remember_settings"):
        ledger.commit(replace(commit, settings_id="0" * 64))
    ledger.commit(commit)


def test_pages_hold_every_episode_once(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(1200)), last=True)
    whole = ledger.episodes("plant-1", limit=None)
    assert len(whole) > 15
    assert whole == sorted(whole, key=lambda episode: (episode.start_us, episode.episode_id))
    paged, after = [], None
    while page := ledger.episodes("plant-1", after=after, limit=4):
        paged += page
        after = page_after(page[-1])
    assert paged == whole
    assert ledger.episodes("plant-1", tools=["saw"], limit=None) == [
        episode for episode in whole if episode.tool == "saw"
    ]
    for token in ("x", "1-x", f"{2**70}-{'0' * 32}"):
        with pytest.raises(OptionError, match="page token"):
            ledger.episodes("plant-1", after=token)


def test_ranges_of_time_hold_what_reaches_into_them(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(400)), last=True)
    episodes, stretches = ledger.episodes("plant-1", limit=None), ledger.stretches("plant-1")
    first = episodes[0]
    for start, end in ((first.start_us, first.start_us + 1), (first.end_us - 1, first.end_us), (T0, T0 + 90 * SECOND)):
        wanted = [episode for episode in episodes if episode.start_us < end and episode.end_us > start]
        assert ledger.episodes("plant-1", start, end, limit=None) == wanted
        assert ledger.stretches("plant-1", start, end) == [
            stretch for stretch in stretches if stretch.start_us < end and stretch.end_us > start
        ]
    assert first not in ledger.episodes("plant-1", first.end_us, 0, limit=None)
    assert ledger.episodes("plant-1", 0, first.start_us) == []
    assert ledger.episodes("elsewhere") == []


def test_changed_episodes_are_found_by_processing_time(ledger: Ledger, clock: Clock):
    parts = chunks(working_day(400))
    connection = Connection(ledger)
    connection.send(1, parts[0])
    before = set(ledger.episodes("plant-1", limit=None))
    clock.now += SECOND
    for sequence, part in enumerate(parts[1:], 2):
        connection.send(sequence, part)
    changed = ledger.changed_episodes("plant-1", clock.now)
    assert changed
    assert set(changed) == set(ledger.episodes("plant-1", limit=None)) - before


def test_the_status_of_streams(ledger: Ledger, clock: Clock):
    frames = working_day(40)
    Connection(ledger).send_all(chunks(frames))
    clock.now += 7 * SECOND
    Connection(ledger, about=replace(ABOUT, clock_offset_us=-5, agent_version="0.1.0", live=False))
    (status,) = ledger.streams("plant-1")
    assert (status.stream, status.committed, status.frames) == (STREAM, 5, 40)
    assert status.detections == sum(len(frame.detections) for frame in frames)
    assert status.newest_us == frames[-1].timestamp_us
    assert (status.clock_offset_us, status.agent_version, status.live) == (-5, "0.1.0", False)
    assert status.opened_us - status.active_us == 7 * SECOND


def test_a_ledger_is_not_made_by_a_reader(empty_url: str):
    with pytest.raises(LedgerError, match=r"there is no ledger|is empty"):
        Ledger.open(empty_url, create=False)
    Ledger.open(empty_url).close()
    Ledger.open(empty_url, create=False).close()
