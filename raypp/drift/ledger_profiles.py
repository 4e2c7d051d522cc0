"""Profiles of the detections that a ledger keeps: chunks of each camera and day, evenly spread over it."""

import json
from dataclasses import dataclass
from datetime import date, timedelta

from raypp.drift.archive_profiles import PeriodSampling
from raypp.drift.detection_counts import DetectionCounter
from raypp.drift.period import hour_of, midnight_us
from raypp.drift.profile import Profile, ProfileKind, Subject
from raypp.ledger.samples import sample_frames, streams_of_models
from raypp.ledger.store import Ledger


@dataclass(frozen=True)
class DetectionSource:
    """Days of a site's detections.

    Attributes:
        ledger: the site's.
        site: the site.
        first, last: days, such as "2026-03-02", both included.
    """

    ledger: Ledger
    site: str
    first: str
    last: str


def ledger_profiles(
    source: DetectionSource, camera: str | None, sampling: PeriodSampling, least_confidence: float
) -> list[Profile]:
    """Count the detections of a site on some days.

    Args:
        source: the days.
        camera: only this one; None: all.
        sampling: its `frames` chunks of a day are read at most; days begin in its zone, and its periods do not matter.
        least_confidence: detections below are left out.
    """
    counters: dict[tuple[Subject, str], DetectionCounter] = {}
    with source.ledger.database.read() as connection:
        for stream in streams_of_models(connection, source.site, camera):
            for day in days_between(source.first, source.last):
                from_us, to_us = midnight_us(day, sampling.zone), midnight_us(next_day(day), sampling.zone)
                for sequence, frame in sample_frames(connection, stream.stream_id, from_us, to_us, sampling.frames):
                    model_id, classes = stream.model_at(sequence)
                    subject = Subject(source.site, stream.camera, ProfileKind.DETECTIONS, model_id)
                    key = subject, day
                    if key not in counters:
                        counters[key] = DetectionCounter(*key, tuple(json.loads(classes)), least_confidence)
                    counters[key].add(frame, hour_of(frame.timestamp_us, sampling.zone))
    return [counters[key].profile() for key in sorted(counters)]


def next_day(day: str) -> str:
    """Return the day after one."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def days_between(first: str, last: str) -> tuple[str, ...]:
    """Return the days from one to another, both included."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    return tuple((date.fromisoformat(first) + timedelta(days=number)).isoformat() for number in range(days + 1))
