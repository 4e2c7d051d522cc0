"""A site's uses beside true ones that a person marked on the videos its cameras sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from raypp.errors import OptionError
from raypp.ledger.store import Ledger
from raypp.reports.records import Recorded
from raypp.reports.request import read_report
from raypp.reports.truth_record import ComparedUse, ToolScore, TruthReport, UseVerdict
from raypp.reports.wording import iso
from raypp.usage.metrics import LabelledSpan, SegmentalF1, segmental_f1, segmental_matches, temporal_iou
from raypp.usage.observation import Observation
from raypp.usage.spans import length, union, within
from raypp.usage.true_uses import true_spans

OVERLAPS = (0.1, 0.25, 0.5)
"""Least IoU of a match; the last decides which uses count as right."""
_LEAST_SEEN = 0.5


@dataclass(frozen=True)
class _Camera:
    """Uses of one camera, in seconds since its video began; `unseen` are true ones that it did not observe."""

    name: str
    start_us: int
    predicted: Sequence[LabelledSpan]
    true: Sequence[LabelledSpan]
    unseen: Sequence[LabelledSpan]

    def only(self, tool: str) -> "_Camera":
        """Return the camera with uses of one tool alone."""
        spans = ([span for span in some if span.label == tool] for some in (self.predicted, self.true, self.unseen))
        return _Camera(self.name, self.start_us, *spans)


def compare_with_truth(
    ledger: Ledger,
    site: str,
    files: Mapping[str, Path],
    from_text: str | None = None,
    to_text: str | None = None,
    tools: tuple[str, ...] = (),
) -> TruthReport:
    """Compare a site's uses with true ones.

    A true use of which a camera observed less than half is left out of all scores, and counted as not observed.

    Args:
        ledger: the ledger.
        site: name of the site.
        files: of each camera, the CSV of its video's true uses, in seconds since the video's first frame.
        from_text: as for `read_report`; the range has to hold the beginning of one video of each camera.
        to_text: likewise.
        tools: only these; empty for all.

    Raises:
        UnknownSiteError: naming the sites there are.
        OptionError: for a time, camera or tool that is none, a camera without frames or with several streams in the
            range, or a file that cannot be read.
        LabelError: for a wrong line of a file.
    """
    true = {camera: true_spans(path) for camera, path in files.items()}
    recorded = read_report(ledger, site, from_text, to_text, (), tools)
    known = {stretch.stream.camera for stretch in recorded.stretches} | {state.camera for state in recorded.cameras}
    for camera in files:
        if camera not in known:
            some = ", ".join(sorted(known)) or "none"
            raise OptionError(f"`truth` {camera!r}: {site} has no camera of that name; known: {some}")
    recorded = recorded.only(tuple(files), ())
    cameras = [_camera(recorded, name, spans, tools) for name, spans in true.items()]
    names = sorted(
        {str(span.label) for camera in cameras for span in (*camera.predicted, *camera.true, *camera.unseen)}
    )
    zone = recorded.settings.zone
    return TruthReport(
        site=site,
        time_zone=zone.key,
        start=iso(recorded.period.from_us, zone),
        end=iso(recorded.period.to_us, zone),
        videos={camera.name: iso(camera.start_us, zone) for camera in cameras},
        f1={f"{overlap:g}": _score(cameras, overlap).f1 for overlap in OVERLAPS},
        total=_row("all", cameras),
        tools=[_row(name, [camera.only(name) for camera in cameras]) for name in names],
        uses=[use for camera in cameras for use in _uses(camera)],
    )


def _camera(recorded: Recorded, name: str, true: Sequence[LabelledSpan], tools: Sequence[str]) -> _Camera:
    """Gather what a camera saw of its video, and what there was to be seen."""
    stretches = [stretch for stretch in recorded.stretches if stretch.stream.camera == name]
    zone = recorded.settings.zone
    starts = sorted({stretch.stream for stretch in stretches})
    if not stretches:
        raise OptionError(f"`truth` {name}: it sent no frames in this range; name a range in which its video was sent")
    if len(starts) > 1:
        begun = [min(each.start_us for each in stretches if each.stream == stream) for stream in starts]
        times = ", ".join(iso(at_us, zone) for at_us in sorted(begun))
        raise OptionError(
            f"`truth` {name}: it began {len(starts)} videos in this range, at {times}; name a range of one"
        )
    start_us = min(stretch.start_us for stretch in stretches)
    if start_us < recorded.period.from_us:
        raise OptionError(
            f"`truth` {name}: its video began before this range, at {iso(start_us, zone)}; begin `from_` there"
        )
    observed = union(
        (stretch.start_us - start_us, stretch.end_us - start_us)
        for stretch in stretches
        if stretch.observation is Observation.OBSERVED
    )
    wanted = [span for span in true if not tools or span.label in tools]

    def seen(span: LabelledSpan) -> bool:
        start, end = round(span.start_s * 1e6), round(span.end_s * 1e6)
        return length(within(observed, start, end)) >= _LEAST_SEEN * (end - start)

    predicted = [
        LabelledSpan(use.tool, (use.start_us - start_us) / 1e6, (use.end_us - start_us) / 1e6)
        for use in recorded.uses()
        if use.stream.camera == name
    ]
    unseen = [span for span in wanted if not seen(span)]
    return _Camera(name, start_us, predicted, [span for span in wanted if seen(span)], unseen)


def _score(cameras: Sequence[_Camera], overlap: float) -> SegmentalF1:
    return sum((segmental_f1(each.predicted, each.true, overlap) for each in cameras), SegmentalF1(0, 0, 0))


def _row(name: str, cameras: Sequence[_Camera]) -> ToolScore:
    """Score the uses of some cameras under a name."""
    score = _score(cameras, OVERLAPS[-1])
    errors = [
        abs(camera.predicted[guess].duration_s - camera.true[real].duration_s)
        for camera in cameras
        for guess, real in segmental_matches(camera.predicted, camera.true, OVERLAPS[-1]).items()
    ]
    return ToolScore(
        tool=name,
        true=score.hits + score.misses,
        reported=score.hits + score.false_alarms,
        right=score.hits,
        not_observed=sum(len(camera.unseen) for camera in cameras),
        precision=score.precision if score.hits + score.false_alarms else None,
        recall=score.recall if score.hits + score.misses else None,
        f1=score.f1,
        duration_error_s=fmean(errors) if errors else None,
    )


def _uses(camera: _Camera) -> list[ComparedUse]:
    """List true and reported uses by time, matched ones together."""
    matches = segmental_matches(camera.predicted, camera.true, OVERLAPS[-1])
    rows = [
        *(_use(camera.name, camera.predicted[place], camera.true[real]) for place, real in matches.items()),
        *(_use(camera.name, span, None) for place, span in enumerate(camera.predicted) if place not in matches),
        *(_use(camera.name, None, span) for place, span in enumerate(camera.true) if place not in matches.values()),
        *(_use(camera.name, None, span, unseen=True) for span in camera.unseen),
    ]
    return sorted(rows, key=lambda row: (row.first_s, row.tool, row.verdict))


def _use(camera: str, reported: LabelledSpan | None, true: LabelledSpan | None, *, unseen: bool = False) -> ComparedUse:
    verdict = UseVerdict.RIGHT if reported and true else UseVerdict.FALSE_ALARM if reported else UseVerdict.MISSED
    label = reported.label if reported else true.label if true else ""
    return ComparedUse(
        camera=camera,
        tool=str(label),
        verdict=UseVerdict.NOT_OBSERVED if unseen else verdict,
        true_start_s=true.start_s if true else None,
        true_end_s=true.end_s if true else None,
        reported_start_s=reported.start_s if reported else None,
        reported_end_s=reported.end_s if reported else None,
        iou=temporal_iou(reported, true) if reported and true else None,
    )
