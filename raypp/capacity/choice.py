"""Which of the measured rates a load is planned with."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from raypp.capacity.rates import (
    AgentRate,
    DecodeRate,
    DetectRate,
    LedgerRate,
    MeasuredRates,
    ServiceRate,
    VeilRate,
    WireRate,
)
from raypp.capacity.settings import CapacitySettings
from raypp.errors import OptionError

R = TypeVar("R", VeilRate, WireRate)


class RateChoice:
    """The rates of a file that fit a load.

    Args:
        rates: as measured.
        settings: the load.

    Raises:
        OptionError: if a rate that is needed was not measured; it names what was, and how to measure the rest.
    """

    def __init__(self, rates: MeasuredRates, settings: CapacitySettings) -> None:
        self._settings = settings
        self.veil = self._of_spec("veil", rates.veil)
        self.wire = self._of_spec("wire", rates.wire)
        self._decode = _decode_line(rates.decode, settings)
        self.detect = self._detector(rates.detect)
        self.ledger = self._ledger(rates.ledger)
        self.service = _measured_service(rates.service, settings.size)
        self.agent: AgentRate = _measured("agent", rates.agent)

    def decode_ms(self, fps: float) -> float:
        """CPU milliseconds of a second of a camera's video of which `fps` frames are taken.

        Between measured rates it is a straight line; below the least, that one's cost; beyond the most, in proportion.
        """
        least, most = self._decode[0], self._decode[-1]
        if fps <= least[0]:
            return least[1]
        for (left, left_ms), (right, right_ms) in pairwise(self._decode):
            if fps <= right:
                return left_ms + (right_ms - left_ms) * (fps - left) / (right - left)
        return most[1] * fps / most[0]

    def _of_spec(self, part: str, measured: Sequence[R]) -> R:
        size, spec = self._settings.size, self._settings.spec
        for rate in measured:
            if (rate.size, rate.spec) == (size, spec):
                return rate
        raise _unmeasured(part, f"`size` {size} of `spec` {spec}", (f"{rate.size} of {rate.spec}" for rate in measured))

    def _detector(self, measured: Sequence[DetectRate]) -> DetectRate:
        settings = self._settings
        known = [rate for rate in measured if (rate.size, rate.device) == (settings.size, settings.device)]
        fitting = [rate for rate in known if settings.engine in {None, rate.engine, rate.engine.split(maxsplit=1)[0]}]
        if not fitting:
            wanted = (
                f"engine {settings.engine or 'of any kind'} on `device` {settings.device} with `size` {settings.size}"
            )
            raise _unmeasured("detect", wanted, (f"{r.engine} on {r.device} with {r.size}" for r in measured))
        return min(fitting, key=lambda rate: rate.cpu_ms if settings.device == "cpu" else rate.wall_ms)

    def _ledger(self, measured: Sequence[LedgerRate]) -> LedgerRate:
        for rate in measured:
            if rate.kind == self._settings.database:
                return rate
        remedy = "; it needs a URL: `raypp bench --postgres URL`" if self._settings.database == "postgresql" else ""
        raise _unmeasured("ledger", f"`database` {self._settings.database}", (rate.kind for rate in measured), remedy)


def _decode_line(measured: Sequence[DecodeRate], settings: CapacitySettings) -> list[tuple[float, float]]:
    """Frames a second that are taken, and milliseconds of a second of video, rising in both.

    Of a video of another size or rate than any that was measured, costs are in proportion to pixels a second.
    """
    if not measured:
        raise _unmeasured("decode", "no video", ())
    pixels = settings.width * settings.height * settings.video_fps
    nearest = min((_pixels(rate) for rate in measured), key=lambda known: abs(known - pixels))
    line, most_ms = [], 0.0
    for rate in sorted((rate for rate in measured if _pixels(rate) == nearest), key=lambda rate: rate.fps):
        most_ms = max(most_ms, rate.cpu_ms * pixels / nearest)
        line.append((rate.fps, most_ms))
    return line


def _pixels(rate: DecodeRate) -> float:
    return rate.width * rate.height * rate.video_fps


def _measured_service(rate: ServiceRate | None, size: int) -> ServiceRate:
    """Return the rate of a service whose frames are no smaller than the load's."""
    measured = _measured("service", rate)
    if measured.size < size:
        raise _unmeasured("service", f"`size` {size}", (str(measured.size),))
    return measured


T = TypeVar("T")


def _measured(part: str, rate: T | None) -> T:
    if rate is None:
        raise _unmeasured(part, f"no {part}", ())
    return rate


def _unmeasured(part: str, wanted: str, measured: Iterable[str], remedy: str = "") -> OptionError:
    known = ", ".join(dict.fromkeys(measured)) or "nothing"
    how = remedy or f"; measure it with `raypp bench --only {part}`"
    return OptionError(f"rates: {part} has not {wanted}; it has {known}{how}")
