"""Episodes as rows of a table, with words for how each ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from raypp.reports.colours import Colours
from raypp.usage.episode import CloseReason, Episode, EpisodeState
from raypp.web.values import Badge

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


@dataclass(frozen=True, slots=True)
class EpisodeTable:
    """Episodes in the order given, each with how it ended.

    Attributes:
        caption: what it lists.
        rows: one an episode.
        zone: of its times.
        colours: of the tools.
    """

    caption: str
    rows: tuple[tuple[Episode, Badge], ...]
    zone: ZoneInfo
    colours: Colours


def episode_table(episodes: Sequence[Episode], zone: ZoneInfo, colours: Colours, caption: str) -> EpisodeTable:
    """List episodes, one a row, in the order given."""
    return EpisodeTable(caption, tuple((episode, ending(episode)) for episode in episodes), zone, colours)


def ending(episode: Episode) -> Badge:
    """Say in a few words whether and why an episode ended."""
    if episode.state is EpisodeState.OPEN:
        return Badge(STATE[episode.state], "good")
    words = ENDED.get(episode.reason, "ended") if episode.reason else "ended"
    if episode.state is EpisodeState.PROVISIONAL:
        return Badge(f"{words}, {STATE[episode.state]}", "warn")
    return Badge(words)
