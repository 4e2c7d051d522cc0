"""The report on one site as data: the documented fields of `raypp report --json` and of GetSiteReport."""

from typing import Literal

from pydantic import Field

from raypp.usage.coverage import Coverage, ReportPart, ThreeStates


class Durations(ReportPart):
    """How long uses lasted. Only those count whose start and end were seen and lie in the report's range."""

    count: int = Field(description="uses that count here")
    mean_s: float | None = Field(description="mean in seconds; none without uses, as all that follow")
    min_s: float | None
    p10_s: float | None = Field(description="10th percentile, linearly interpolated")
    p50_s: float | None = Field(description="median")
    p90_s: float | None
    max_s: float | None


class LaneReport(ReportPart):
    """One tool at one station of one camera."""

    camera: str
    tool: str
    station: str = Field(description="empty: the camera's whole frame")
    mode: str | None = Field(description="present, absent, moving, in_hand or worn; none: not in the settings any more")
    used: bool = Field(description="whether it was used at all")
    states: ThreeStates
    episodes: int = Field(description="uses that have a part in the range")
    open: int = Field(description="of these, still under way")
    provisional: int = Field(description="of these, closed only because the stream is silent")
    durations: Durations


class UseTotal(ReportPart):
    """One tool, or one station, over all cameras that watch it."""

    name: str
    used: bool
    states: ThreeStates = Field(description="used: some camera saw it; not used: every camera saw that it was not")
    episodes: int
    durations: Durations


class WornReport(ReportPart):
    """One piece of safety equipment at one station of one camera: whether it was worn while somebody was seen."""

    camera: str
    equipment: str
    station: str
    seen_s: float = Field(description="seconds in which somebody was seen who should wear it")
    worn_s: float = Field(description="of these, seconds in which everybody seen wore it")
    worn_share: float | None = Field(description="worn_s of seen_s, 0 to 1; none where nobody was seen")
    not_observed_s: float = Field(description="seconds in which the camera did not see")


class ShiftReport(ReportPart):
    """One shift of one day, as far as it lies in the range."""

    name: str = Field(description="name of the shift")
    day: str = Field(description="local date on which it starts, YYYY-MM-DD")
    start: str = Field(description="local time with offset, ISO 8601")
    end: str
    start_us: int = Field(description="microseconds since 1970, clipped to the range")
    end_us: int
    coverage: list[Coverage]
    tools: list[UseTotal]
    stations: list[UseTotal]
    worn: list[WornReport]


class Step(ReportPart):
    """One use, in the order of starts."""

    number: int = Field(description="from 1")
    episode_id: str
    camera: str
    tool: str
    station: str
    start: str = Field(description="local time with offset, ISO 8601; of the whole use, not clipped")
    end: str
    start_us: int
    end_us: int
    duration_s: float = Field(description="of the part in the range")
    seen_s: float = Field(description="of the whole use, breaks not counted")
    state: Literal["open", "provisional", "final"]
    reason: str | None = Field(description="ended, not_observed, end_of_stream, replaced, settings, silent; none: open")
    clipped: bool = Field(description="whether it begins before the range or ends after it")


class Transition(ReportPart):
    """How often one tool was followed by another on the same camera."""

    before: str
    after: str
    count: int = Field(description="times with all of the time between them observed")
    not_observed: int = Field(description="times with time between them that was not: another may have come between")
    mean_pause_s: float = Field(description="mean time from end to start over both; 0 where they overlap")


class StreamOverlap(ReportPart):
    """Time that two streams of one camera saw, such as a recording that was streamed twice; it is counted once."""

    camera: str
    stream_epoch: int = Field(description="epoch of the later stream, whose uses are left out there")
    start: str = Field(description="local time with offset, ISO 8601")
    end: str
    start_us: int
    end_us: int = Field(description="exclusive")


class LostPart(ReportPart):
    """Chunks that the site was told are committed, and that a restore of the ledger to an earlier moment has lost."""

    camera: str
    stream_epoch: int
    first_chunk: int
    last_chunk: int
    start: str | None = Field(description="local time with offset, ISO 8601; none: not known, as all that follow")
    end: str | None
    start_us: int | None
    end_us: int | None


class SiteReport(ReportPart):
    """Use of tools at one site over a range of time.

    Every sum of seconds is of the part in [from_us, to_us). Seconds of ThreeStates add up to the range.
    """

    schema_version: Literal[1] = 1
    site: str
    time_zone: str
    settings_id: str
    from_us: int = Field(description="microseconds since 1970, inclusive")
    to_us: int = Field(description="exclusive")
    start: str = Field(description="from_us as local time with offset, ISO 8601")
    end: str
    coverage: list[Coverage] = Field(description="by camera")
    tools: list[UseTotal]
    stations: list[UseTotal]
    lanes: list[LaneReport] = Field(description="by camera, tool, station")
    worn: list[WornReport] = Field(description="safety equipment")
    shifts: list[ShiftReport] = Field(description="by start; empty without shifts in the settings")
    sequence: list[Step] = Field(description="uses by start; safety equipment is not in it")
    transitions: list[Transition] = Field(description="most frequent first")
    overlaps: list[StreamOverlap] = Field(
        default=[], description="time that several streams of a camera saw; counted once"
    )
    lost: list[LostPart] = Field(
        default=[],
        description="since the range's start, without what was streamed again; empty unless a ledger was restored",
    )
