"""Alerts of executions, raised once nothing that the ledger may still take in changes what is said of them."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from raypp.ledger.judged import move_judged, read_judged, sites_with_execution_rules
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamStatus
from raypp.procedure.final import CameraProgress, Settled, read_together, settle, watched_places
from raypp.procedure.verdict import DEVIATIONS, Judgement, StepVerdict
from raypp.usage.alert_rules import AlertRule
from raypp.usage.alerts import Alert, raised
from raypp.usage.procedure_rules import Deviation

_WAIT_US = 86_400_000_000
"""How long a silent camera is waited for, where the rule does not say."""


class ExecutionWatch:
    """Looks at the executions of sites whose alert rules ask for them.

    Args:
        ledger: the ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: dict[str, object] = {}

    def look(self) -> None:
        """Write the alerts of executions that are final since the look before.

        Alerts, and how far executions are judged, are written in one transaction. So a look that is killed has
        changed nothing, and the next one, by whomever, finds the same executions under the same ids.

        Raises:
            RayppError: where the ledger cannot be used now, or pm4py is not installed.
        """
        for site, rules in sites_with_execution_rules(self._ledger.database).items():
            self._look_at(site, rules)

    def _look_at(self, site: str, rules: Sequence[AlertRule]) -> None:
        ledger, now_us = self._ledger, self._ledger.clock()
        known = rules, ledger.site_settings(site), ledger.version(site)
        settings = ledger.present_settings(site)
        progress = {name: _progress(own, now_us) for name, own in _by_camera(ledger.streams(site))}
        judged = read_judged(ledger.database, site)
        waits_us = {
            procedure.name: max(_WAIT_US if rule.wait_s is None else round(rule.wait_s * 1e6) for rule in own)
            for procedure in settings.procedures
            if (own := [rule for rule in rules if rule.is_about(procedure.name)])
        }
        places = watched_places(settings, progress, judged, waits_us, now_us)
        state = known, [place.gone for place in places]
        if self._seen.get(site) == state:
            return
        settled: list[Settled] = []
        for group in read_together(places):
            from_us, to_us = group[0].range_us[0], max(place.range_us[1] for place in group)
            stretches = ledger.stretches(site, from_us, to_us)
            settled += settle(settings, group, places, ledger.episode_columns(site, from_us, to_us), stretches)
        deviating = [judgement for place in settled for judgement in place.deviating]
        alerts = [alert for judgement in deviating for alert in _alerts(rules, site, judgement)]
        after = {place.watched.key: place.until_us for place in settled}
        moved = {key: until_us for key, until_us in after.items() if judged.get(key) != until_us}
        written = not moved or move_judged(ledger.database, site, (judged, moved), rules, alerts, now_us)
        # what waits for nothing but the present to go on, such as the end of a shift, changes no row
        if written and not any(place.pending and place.watched.over for place in settled):
            self._seen[site] = state


def _by_camera(streams: Iterable[StreamStatus]) -> Iterator[tuple[str, list[StreamStatus]]]:
    by_camera: dict[str, list[StreamStatus]] = {}
    for stream in streams:
        if stream.newest_us is not None:
            by_camera.setdefault(stream.stream.camera, []).append(stream)
    yield from by_camera.items()


def _progress(streams: Sequence[StreamStatus], now_us: int) -> CameraProgress:
    return CameraProgress(
        folded_us=max(stream.folded_us or 0 for stream in streams),
        quiet_us=now_us - max(map(attrgetter("active_us"), streams)),
        ended=all(stream.ended for stream in streams),
    )


def _alerts(rules: Iterable[AlertRule], site: str, judgement: Judgement) -> Iterator[Alert]:
    """Say which alerts an execution raises, with the moment of its end."""
    execution = judgement.execution
    kinds = {Deviation(verdict.value) for verdict in judgement.deviations}
    cameras = execution.place.cameras
    for rule in rules:
        concerned = rule.is_about(execution.procedure) and any(map(rule.concerns, cameras))
        if concerned and (not rule.deviations or kinds & set(rule.deviations)):
            what = execution.identity(site)
            camera = cameras[0] if len(cameras) == 1 else ""
            yield raised(rule, site, camera, execution.end_us, {"execution": _content(judgement, what)}, what)


def _content(judgement: Judgement, execution_id: str) -> dict[str, Any]:
    execution = judgement.execution
    deviations: list[dict[str, Any]] = [
        {
            "deviation": verdict.value,
            "step": step.step,
            "time": step.time,
            "tool": step.use and step.use.tool,
            "start_us": step.use and step.use.start_us,
            "end_us": step.use and step.use.end_us,
        }
        for step in judgement.steps
        for verdict in step.verdicts
        if verdict in DEVIATIONS
    ]
    deviations += [_whole(verdict) for verdict in judgement.verdicts if verdict in DEVIATIONS]
    return {
        "execution_id": execution_id,
        "procedure": execution.procedure,
        "cameras": list(execution.place.cameras),
        "station": execution.place.station,
        "start_us": execution.start_us,
        "end_us": execution.end_us,
        "fitness": judgement.fitness,
        "deviations": deviations,
    }


def _whole(verdict: StepVerdict) -> dict[str, Any]:
    """Say a deviation of the execution as a whole."""
    return {"deviation": verdict.value, "step": None, "time": 0, "tool": None, "start_us": None, "end_us": None}
