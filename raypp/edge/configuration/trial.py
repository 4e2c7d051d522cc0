"""Whether cameras start with a configuration that is on trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from raypp.edge.supervisor import Supervisor
from raypp.edge.work import CameraAtWork


@dataclass(frozen=True)
class ConfigurationTrial:
    """Cameras that gave frames before, and are captured anew: each has to give a frame again.

    Attributes:
        before: what captured each when the trial began, by the camera's name.
        until_s: when it is over, seconds of the monotonic clock.
    """

    before: Mapping[str, Supervisor | None]
    until_s: float

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return monotonic() > self.until_s

    def waiting(self, cameras: Mapping[str, CameraAtWork]) -> list[str]:
        """List the cameras that have not given a frame yet."""
        return [name for name, former in self.before.items() if not _gives(cameras.get(name), former)]


def begin_trial(cameras: Mapping[str, CameraAtWork], changed: set[str], seconds: float) -> ConfigurationTrial:
    """Begin a trial.

    Args:
        cameras: at work.
        changed: names of those that are captured anew.
        seconds: how long it lasts at most.
    """
    before = {
        name: camera.supervisor
        for name, camera in cameras.items()
        if name in changed and camera.supervisor is not None and any(camera.supervisor.frames)
    }
    return ConfigurationTrial(before, monotonic() + seconds)


def _gives(camera: CameraAtWork | None, former: Supervisor | None) -> bool:
    if camera is None or camera.supervisor is None or camera.supervisor is former:
        return False
    return camera.supervisor.finished or any(camera.supervisor.frames)
