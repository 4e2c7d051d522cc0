"""The parts of a benchmark: what each measures, and in how many steps."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field

from raypp.io.clock import now_us
from raypp.io.settings import FrozenSettings
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec

_VEILED_FRAMES, _MINUTES, _ENCODED_S = 75, 1.0, 4
_FPS = (1.0, 2.0, 5.0, 25.0)
_WIRE_FPS = 2.0
_SMALL = "yolov8p"
DEFAULT = "default"


class Part(StrEnum):
    """Parts, in the order in which they are measured."""

    VEIL = "veil"
    DECODE = "decode"
    WIRE = "wire"
    DETECT = "detect"
    LEDGER = "ledger"
    SERVICE = "service"


class BenchSettings(FrozenSettings):
    """Settings of a benchmark.

    Attributes:
        parts: that are measured.
        sizes: sides of squares, in pixels; a service is measured at the first.
        specs: veils by name; a service is measured with the first.
        model: a bundle to measure detectors by; None for a yolov8n with random weights.
        postgres: URL of a PostgreSQL to measure, too; a service is then measured with it.
        video: what is decoded and veiled; None for one that is made, with noise in all of its image.
    """

    parts: tuple[Part, ...] = tuple(Part)
    sizes: tuple[int, ...] = (640,)
    specs: dict[str, PatchSpec] = Field(default_factory=lambda: {DEFAULT: PatchSpec()})
    model: Path | None = None
    postgres: str | None = None
    video: Path | None = None


@dataclass
class BenchRun:
    """A benchmark on its way.

    Args:
        settings: of it.
        folder: for its files.
        step: is called after each step, with a word for it.

    Attributes:
        rates: what was measured so far, by field of `MeasuredRates`.
    """

    settings: BenchSettings
    folder: Path
    step: Callable[[str], None]
    rates: dict[str, Any]
    _video: Path | None = None

    def video(self) -> Path:
        """Return the video, which is made where none was given."""
        from raypp.bench.sample_video import make_source  # noqa: PLC0415 - decoding is slow to load

        if self._video is None:
            made_here = self.folder / "in" / "video.mp4"
            self._video = self.settings.video or make_source(made_here, _MINUTES, encoded_s=_ENCODED_S)
        return self._video

    def veil(self) -> None:
        """Measure veiling, by spec and size."""
        from raypp.bench.veiling import veil_rate  # noqa: PLC0415

        combinations = [
            (name, spec, size) for name, spec in self.settings.specs.items() for size in self.settings.sizes
        ]
        self.rates["veil"] = [
            veil_rate(self.video(), size, name, spec, _VEILED_FRAMES) for name, spec, size in combinations
        ]
        self.step("veil")

    def decode(self) -> None:
        """Measure sampled decoding, by frames a second."""
        from raypp.bench.veiling import decode_rate  # noqa: PLC0415

        self.rates["decode"] = [decode_rate(self.video(), self.settings.sizes[0], fps) for fps in _FPS]
        self.step("decode")

    def wire(self) -> None:
        """Measure bytes on the wire, by spec and size."""
        from raypp.bench.replay import Replay  # noqa: PLC0415

        key = VeilKey.generate()
        self.rates["wire"] = [
            Replay.of_video(self.video(), size, spec, key, _WIRE_FPS).wire_rate(name, size, now_us())
            for name, spec in self.settings.specs.items()
            for size in self.settings.sizes
        ]
        self.step("wire")

    def detect(self) -> None:
        """Measure detectors, by size and engine, on the CPU and on a GPU where there is one."""
        from raypp.bench import detecting  # noqa: PLC0415

        spec = next(iter(self.settings.specs.values()))
        bundles = [self.settings.model] if self.settings.model else [
            self.bundle("yolov8n", size, spec) for size in self.settings.sizes
        ]  # fmt: skip
        measured = []
        for bundle in bundles:
            measured += [detecting.cpu_rate(bundle, *choice) for choice in detecting.engines_here()]
            measured += detecting.gpu_rates(bundle)
        self.rates["detect"] = measured
        self.step("detect")

    def ledger(self) -> None:
        """Measure a SQLite ledger, and a PostgreSQL that was given."""
        from raypp.bench.ledger import postgres_rate, sqlite_rate  # noqa: PLC0415

        measured = [sqlite_rate(self.folder, lambda: self.step("SQLite"))]
        if self.settings.postgres:
            measured.append(postgres_rate(self.settings.postgres, lambda: self.step("PostgreSQL")))
        self.rates["ledger"] = measured

    def bundle(self, architecture: str, size: int, spec: PatchSpec, veil_id: str = "ab" * 16) -> Path:
        """Write a bundle with random weights."""
        from raypp.bench.sample_bundle import sample_info, write_sample_bundle  # noqa: PLC0415

        path = self.folder / f"{architecture}-{size}.model"
        return write_sample_bundle(path, sample_info(architecture, spec, size, veil_id))

    def service(self) -> None:
        """Measure a service with a small detector, and an agent that streams to it."""
        from raypp.bench.whole import measure_service  # noqa: PLC0415

        size, (spec, *_) = self.settings.sizes[0], self.settings.specs.values()
        key = VeilKey.generate()
        bundle = self.bundle(_SMALL, size, spec, key.veil_id(spec))
        service, agent = measure_service(
            self.folder, self.video(), bundle, key, self.settings.postgres, lambda: self.step("service")
        )
        self.rates |= {"service": service, "agent": agent}

    @staticmethod
    def steps(settings: BenchSettings) -> int:
        """Return how many steps a benchmark takes."""
        ledgers = 8 if settings.postgres else 4
        return sum({Part.LEDGER: ledgers, Part.SERVICE: 6}.get(part, 1) for part in settings.parts)
