"""Where a command runs, from its options; spellings of one release ago are still taken."""

from raypp.cli.console import error_console, say
from raypp.errors import OptionError
from raypp.execution import ExecutionSettings, On


def execution_of(
    on: On,
    address: str | None,
    *,
    workers: int | None = None,
    cpus: float | None = None,
    gpus: float | None = None,
    here: bool = False,
    on_ray: bool = False,
) -> ExecutionSettings:
    """Return where a command is asked to run.

    Args:
        on: `--on`.
        address: `--address`.
        workers: `--workers`, where it says how many work at once; 0 is an old spelling of this process.
        cpus: `--cpus`.
        gpus: `--gpus`, or 1 for `--gpu`.
        here: `--here`, an old spelling.
        on_ray: `--on-ray`, an old spelling.

    Raises:
        OptionError: if options contradict each other, or Ray is asked for and not installed.
    """
    old = {"--here": (here, On.LOCAL), "--workers 0": (workers == 0, On.LOCAL), "--on-ray": (on_ray, On.RAY)}
    for spelling, (given, meant) in old.items():
        if not given:
            continue
        if on not in {On.AUTO, meant}:
            raise OptionError(f"{spelling} is --on {meant}, and --on {on} was given; leave out {spelling}")
        say(error_console(), [f"raypp: write --on {meant} for {spelling}, which the next release no longer takes"])
        on = meant
    execution = ExecutionSettings(on=on, address=address, workers=workers or None, cpus=cpus, gpus=gpus)
    execution.check("workers", "cpus", "gpus")
    return execution
