"""Episodes as a table, with words for how each ended."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from raypp.reports.colours import Colours
from raypp.reports.wording import clock, date_words, duration, share
from raypp.usage.episode import CloseReason, Episode, EpisodeState
from raypp.usage.shifts import local
from raypp.web.html import Html, element

ENDED = {
    CloseReason.ENDED: "put away",
    CloseReason.NOT_OBSERVED: "camera stopped seeing",
    CloseReason.END_OF_STREAM: "recording ended",
    CloseReason.REPLACED: "camera started anew",
    CloseReason.SETTINGS: "settings changed",
    CloseReason.SILENT: "camera is silent",
}
"""Words for why an episode ended."""

STATE = {
    EpisodeState.OPEN: "in use now",
    EpisodeState.PROVISIONAL: "end not certain yet",
    EpisodeState.FINAL: "final",
}
"""Words for how certain the end of an episode is."""


def episode_table(episodes: Sequence[Episode], zone: ZoneInfo, colours: Colours, caption: str) -> Html:
    """List episodes, one a row, in the order given."""
    heads = ("Tool", "Station", "Camera", "Day", "Start", "End", "Duration", "Seen in use", "Ended")
    numeric = {"Duration", "Seen in use"}
    head = [element("th", name, scope="col", class_="n" if name in numeric else None) for name in heads]
    rows = [_row(episode, zone, colours) for episode in episodes]
    table = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
        class_="episodes",
    )
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def badge(episode: Episode) -> Html:
    """Say in a few words whether and why an episode ended."""
    if episode.state is EpisodeState.OPEN:
        return element("span", STATE[episode.state], class_="badge good")
    words = ENDED.get(episode.reason, "ended") if episode.reason else "ended"
    if episode.state is EpisodeState.PROVISIONAL:
        return element("span", f"{words}, {STATE[episode.state]}", class_="badge warn")
    return element("span", words, class_="badge")


def _row(episode: Episode, zone: ZoneInfo, colours: Colours) -> Html:
    length = episode.end_us - episode.start_us
    colour = f"dot c{colours[episode.tool]}" if episode.tool in colours else "dot"
    return element(
        "tr",
        element("td", element("i", class_=colour), " ", episode.tool, class_="w"),
        element("td", episode.station or "-", class_="w"),
        element("td", episode.stream.camera, class_="w"),
        element("td", date_words(local(episode.start_us, zone)), class_="t"),
        element("td", clock(episode.start_us, zone), class_="t"),
        element("td", clock(episode.end_us, zone), class_="t"),
        element("td", duration(length), class_="n"),
        element("td", share(episode.seen_us / length) if length else "-", class_="n"),
        element("td", badge(episode)),
        data_episode=episode.episode_id,
    )
