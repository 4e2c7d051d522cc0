"""A benchmark from begin to end: parts in turn, and rates to a file, beside those that are there."""

import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from raypp import __version__
from raypp.bench.parts import BenchRun, BenchSettings, Part
from raypp.capacity.rates import MeasuredMachine, MeasuredRates
from raypp.errors import OptionError
from raypp.io.atomic import write_text
from raypp.progress import SILENT, Progress

_NEEDS = {Part.DETECT: ("torch", "ultralytics"), Part.LEDGER: ("sqlalchemy",), Part.SERVICE: ("ray", "torch")}


def run_bench(settings: BenchSettings, out: Path, progress: Progress = SILENT) -> MeasuredRates:
    """Measure parts, and write their rates to a file; other parts that the file has stay as they are.

    Args:
        settings: what is measured.
        out: the file, JSON.
        progress: is told of each step.

    Returns:
        All rates of the file.

    Raises:
        OptionError: if the file holds something else or is of another machine, a package is missing, or an option
            cannot be used.
        RayppError: if service or agent cannot be measured.
    """
    _check(settings, out)
    machine = _machine()
    before = MeasuredRates.load(out) if out.exists() else None
    if before and _identity(before.machine) != _identity(machine):
        raise OptionError(
            f"`out` {out} has rates of another machine ({before.machine.processor}, {before.machine.cores} cores); "
            "name a new file"
        )
    with (
        tempfile.TemporaryDirectory(prefix="raypp-bench-") as folder,
        progress.task("bench", BenchRun.steps(settings)) as advance,
    ):
        run = BenchRun(settings, Path(folder), lambda what: advance(1, what, 0), {})
        for part in settings.parts:
            getattr(run, part)()
    kept = before.model_dump(exclude={"raypp", "measured_at", "machine"}) if before else {}
    measured = {"raypp": __version__, "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "machine": machine}
    rates = MeasuredRates.model_validate(kept | measured | run.rates)
    write_text(out, rates.model_dump_json(indent=1) + "\n")
    return rates


def _check(settings: BenchSettings, out: Path) -> None:
    if not out.absolute().parent.is_dir():
        raise OptionError(f"`out` {out}: {out.absolute().parent} is no folder; make it first")
    if out.is_dir():
        raise OptionError(f"`out` {out} is a folder; name a file in it")
    if settings.video and not settings.video.is_file():
        raise OptionError(f"`video` {settings.video} is no file; give a video, or leave it out")
    patches = {spec.patch for spec in settings.specs.values()}
    for size in settings.sizes:
        if any(size % (4 * patch) for patch in patches) or not 64 <= size <= 4096:
            raise OptionError(f"`size` {size}: give 64 to 4096 pixels, a multiple of {4 * max(patches)}")
    for part in settings.parts:
        if lacking := [name for name in _NEEDS.get(part, ()) if find_spec(name) is None]:
            raise OptionError(f"part {part} needs {', '.join(lacking)}; install raypp[cluster], or name other parts")


def _machine() -> MeasuredMachine:
    gpu = None
    if find_spec("torch"):
        from raypp.bench.detecting import gpu_name  # noqa: PLC0415 - slow to load

        gpu = gpu_name()
    return MeasuredMachine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpu=gpu,
        load=os.getloadavg()[0],
    )


def _identity(machine: MeasuredMachine) -> tuple[object, ...]:
    return machine.processor, machine.cores, machine.memory_bytes, machine.gpu


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
