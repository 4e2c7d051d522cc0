"""How each camera of a site is doing, all its epochs together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from raypp.ledger.types import StreamStatus
from raypp.reports.period import SECOND_US, Period

_TOGETHER_US = 60 * SECOND_US
"""Cameras that send are this close to each other; one further behind is sending what it could not send before."""


class CameraState(NamedTuple):
    """One camera; a tuple, since lists of sites hold tens of thousands.

    Attributes:
        camera: its name.
        since_us: when its first stream began, microseconds since 1970.
        newest_us: event time of its latest frame; None while it has none.
        folded_us: event time up to which its frames have been made uses of; None while none have.
        live: whether its timestamps are capture times of a live camera.
        ended: whether its latest stream has ended for good.
        quiet: whether it sends nothing although it has not ended.
        classes: of the model that detects for it, in order of class_id.
    """

    camera: str
    since_us: int
    newest_us: int | None
    folded_us: int | None
    live: bool
    ended: bool
    quiet: bool
    classes: tuple[str, ...] = ()

    @property
    def watches(self) -> bool:
        """Whether it is a live camera that has not ended, and has sent frames before: it should send now."""
        return self.live and not self.ended and self.newest_us is not None

    @property
    def receiving(self) -> bool:
        """Whether frames of it are coming in."""
        return self.watches and not self.quiet


def camera_states(streams: Iterable[StreamStatus], reap_after_s: float, now_us: int) -> tuple[CameraState, ...]:
    """Return the state of each camera, by name.

    Args:
        streams: of one site, epochs of a camera rising.
        reap_after_s: after so many seconds without a commit a camera is silent.
        now_us: the present, microseconds since 1970.
    """
    by_camera: dict[str, list[StreamStatus]] = {}
    for stream in streams:
        by_camera.setdefault(stream.stream.camera, []).append(stream)
    states = []
    for camera, epochs in sorted(by_camera.items()):
        last = epochs[-1]  # the latest epoch counts
        newest = max((epoch.newest_us for epoch in epochs if epoch.newest_us is not None), default=None)
        quiet = not last.ended and (last.silent or now_us - last.active_us > reap_after_s * SECOND_US)
        folded = max((epoch.folded_us for epoch in epochs if epoch.folded_us is not None), default=None)
        states.append(
            CameraState(camera, epochs[0].stream.epoch, newest, folded, last.live, last.ended, quiet, last.classes)
        )
    return tuple(states)


def watching(cameras: Iterable[CameraState], period: Period) -> tuple[str, ...]:
    """Return cameras that should have sent frames in a period, whether or not they did."""
    return tuple(camera.camera for camera in cameras if camera.watches and camera.since_us < period.to_us)


def silent_since(cameras: Iterable[CameraState], period: Period) -> dict[str, int]:
    """Return cameras that were silent at the end of a period, each with the time of its latest frame before."""
    return {
        camera.camera: camera.newest_us
        for camera in cameras
        if camera.watches and camera.quiet and camera.newest_us is not None and camera.newest_us < period.to_us
    }


def known_until(cameras: Sequence[CameraState], now_us: int) -> int:
    """Return up to when a site's frames should be here: those after it are on their way, and not unobserved.

    While cameras are receiving that is the latest moment of which all of them have sent, and whose frames have been
    made uses of; else it is the present.
    """
    ends = [camera.folded_us for camera in cameras if camera.receiving and camera.folded_us is not None]
    ends = [at_us for at_us in ends if at_us <= now_us]
    if not ends:
        return now_us
    return min(at_us for at_us in ends if at_us >= max(ends) - _TOGETHER_US)
