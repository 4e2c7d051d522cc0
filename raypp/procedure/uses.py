"""Uses at one place as the steps of a procedure see them: episodes, joined where breaks do not part them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from raypp.procedure.prescription import Prescription
from raypp.procedure.sight import PlaceSight
from raypp.usage.episode import CloseReason, Episode, EpisodeState


@dataclass(frozen=True, slots=True)
class StepUse:
    """One use: what counts as one time of a step, or as one use of a tool that is no step.

    Attributes:
        label: of the step, see `Prescription.labels`; None for a tool that is no step.
        tool, station: of its first episode.
        start_us, end_us: event time, end exclusive.
        least_us, most_us: how long it lasted at least, and at most, with what was not observed around and within it.
        open: whether it is under way, as far as is known.
        episodes: what it is made of, by start.
    """

    label: int | None
    tool: str
    station: str
    start_us: int
    end_us: int
    least_us: int
    most_us: int
    open: bool
    episodes: tuple[Episode, ...]

    @property
    def middle_us(self) -> int:
        """The moment in its middle."""
        return (self.start_us + self.end_us) // 2


def uses_of(
    prescription: Prescription,
    episodes: Iterable[Episode],
    sight: PlaceSight,
    until_us: int,
) -> list[StepUse]:
    """Make the uses of a place of its episodes, by start.

    Episodes of one step are one use where they overlap, where the break between them is within the step's `max_gap_s`,
    and where the cameras did not see between them.

    Args:
        prescription: the procedure.
        episodes: of the place.
        sight: what the place's cameras saw.
        until_us: up to when everything is known.
    """
    groups: dict[tuple[int | None, str], list[Episode]] = {}
    for episode in episodes:
        label = prescription.label_of(episode.tool, episode.station)
        groups.setdefault((label, "" if label is not None else episode.tool), []).append(episode)
    uses = []
    for (label, _), own in groups.items():
        gap_us = 0
        if label is not None:
            gap_us = min(round(prescription.steps[step].max_gap_s * 1e6) for step in prescription.steps_with(label))
        own.sort(key=attrgetter("start_us", "end_us", "episode_id"))
        joined = _joined(own, sight, gap_us, prescription.longest_gap_us)
        uses += [_use(label, pieces, sight, until_us) for pieces in joined]
    return sorted(uses, key=lambda use: (use.start_us, use.end_us, use.tool, use.station, use.episodes[0].episode_id))


def spans_of(episodes: Iterable[Episode], sight: PlaceSight, until_us: int) -> list[StepUse]:
    """Make uses of the episodes of one lane that is no step, such as a part on a fixture."""
    own = sorted(episodes, key=attrgetter("start_us", "end_us", "episode_id"))
    return [_use(None, joined, sight, until_us) for joined in _joined(own, sight, 0, None)]


def _joined(
    episodes: Sequence[Episode], sight: PlaceSight, gap_us: int, limit_us: int | None
) -> Iterator[list[list[Episode]]]:
    """Group episodes into uses, each a list of pieces between which the cameras did not see."""
    pieces: list[list[Episode]] = []
    end_us = 0
    for episode in episodes:
        if pieces:
            break_us = episode.start_us - end_us
            if break_us <= gap_us:
                pieces[-1].append(episode)
                end_us = max(end_us, episode.end_us)
                continue
            if (limit_us is None or break_us <= limit_us) and sight.blind_between(end_us, episode.start_us):
                pieces.append([episode])
                end_us = episode.end_us
                continue
            yield pieces
        pieces, end_us = [[episode]], episode.end_us
    if pieces:
        yield pieces


def _use(label: int | None, pieces: list[list[Episode]], sight: PlaceSight, until_us: int) -> StepUse:
    episodes = tuple(episode for piece in pieces for episode in piece)
    start_us, end_us = episodes[0].start_us, max(episode.end_us for episode in episodes)
    last = max(episodes, key=lambda episode: (episode.end_us, episode.episode_id))
    whole = [(piece[0].start_us, max(episode.end_us for episode in piece)) for piece in pieces]
    # its end is known where it was seen not to go on
    over_us = end_us if last.reason is CloseReason.ENDED else sight.blind_after(end_us, until_us)
    return StepUse(
        label=label,
        tool=episodes[0].tool,
        station=episodes[0].station,
        start_us=start_us,
        end_us=end_us,
        least_us=max(end - start for start, end in whole),
        most_us=over_us - sight.blind_before(start_us),
        open=last.state is not EpisodeState.FINAL,
        episodes=episodes,
    )
