"""The commands of `raypp drift`: a reference of quiet days is made, and days are checked against it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import json_option, write_json
from raypp.cli.ledger import LedgerUrl, note, opened_ledger, say
from raypp.cli.options import DataKeyFile, OneCamera
from raypp.drift.period_kind import PeriodKind
from raypp.errors import OptionError
from raypp.io.atomic import write_text
from raypp.io.clock import now_us
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.drift.run import Checked

_Archives = Annotated[list[str] | None, typer.Argument(help="Veiled archives.")]
_Site = Annotated[str | None, typer.Option(help="Site whose detections are read from the ledger.")]
_First = Annotated[str | None, typer.Option("--from", help="First day of detections, such as 2026-11-02.")]
_Last = Annotated[str | None, typer.Option("--to", help="Last day of detections (default: the first).")]


def drift_reference(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    archives: _Archives = None,
    ledger: LedgerUrl = None,
    site: _Site = None,
    from_day: _First = None,
    to_day: _Last = None,
    camera: OneCamera = None,
    period: Annotated[
        PeriodKind, typer.Option(help="What is compared: days, hours, or whole sources (videos).")
    ] = PeriodKind.DAY,
    frames: Annotated[int, typer.Option(help="Frames of a period that are counted, evenly spread.", min=20)] = 200,
    confidence: Annotated[float, typer.Option(help="Least confidence of detections.", min=0, max=1)] = 0.25,
    timezone: Annotated[str, typer.Option(help="Time zone in which days begin, such as Europe/Berlin.")] = "UTC",
    data_key: DataKeyFile = None,
) -> None:
    """Learn what each camera's quiet days are like: its codes from veiled archives, its detections from a ledger.

    Five days of a camera are needed, and twelve are better.

    Example: raypp drift reference veiled --out drift.npz

    Example: raypp drift reference --out drift.npz --site plant-1 --from 2026-11-02 --to 2026-11-13 --ledger L
    """
    from raypp.drift.archive_profiles import PeriodSampling
    from raypp.drift.run import make_reference

    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(f"--timezone {timezone!r} is no time zone; give a name such as Europe/Berlin") from None
    with _checked(archives, ledger, site, from_day, to_day, camera, data_key) as source:
        reference, few, size = make_reference(source, out, PeriodSampling(period, frames, zone), confidence)
    for subject, learned in reference.subjects.items():
        say(f"{subject.site}/{subject.camera}  {subject.kind.value}  {counted(len(learned.periods), period.value)}")
    for line in few:
        note(f"left out: {line}")
    note(f"wrote {out}, {size / 1e3:.0f} kB: histograms and distances, no frame")


def drift_check(
    reference: Annotated[Path, typer.Argument(help="File of `raypp drift reference`.")],
    archives: _Archives = None,
    ledger: LedgerUrl = None,
    site: _Site = None,
    from_day: _First = None,
    to_day: _Last = None,
    camera: OneCamera = None,
    alpha: Annotated[
        float, typer.Option(help="Chance of any false alarm among all that is checked.", min=1e-6, max=0.5)
    ] = 0.01,
    data_key: DataKeyFile = None,
    json_file: Annotated[Path | None, json_option("the report")] = None,
    metrics_file: Annotated[
        Path | None, typer.Option("--metrics", help="Write counts here for Prometheus' textfile collector.")
    ] = None,
) -> None:
    """Say which cameras see other things than on their quiet days, and what changed. Needs no key and no pixels.

    The exit status is 3 where a camera drifted.

    Example: raypp drift check drift.npz veiled-today

    Example: raypp drift check drift.npz --ledger sqlite:///ledger.db --site plant-1 --from 2026-11-14
    """
    from raypp.drift.report import metric_lines, report_lines
    from raypp.drift.run import check_drift

    with _checked(archives, ledger, site, from_day, to_day, camera, data_key) as source:
        report = check_drift(reference, source, alpha)
    for line in report_lines(report):
        say(line)
    drifted = len(report.drifted)
    note(f"{drifted} of {counted(len(report.checked), 'profile')} drifted; chance of any false alarm {alpha:g}")
    write_json(json_file, report)
    if metrics_file is not None:
        _write_metrics(metrics_file, metric_lines(report, now_us() / 1e6))
    end_with_attention(bool(drifted))


@contextmanager
def _checked(
    archives: list[str] | None,
    ledger: str | None,
    site: str | None,
    from_day: str | None,
    to_day: str | None,
    camera: str | None,
    data_key: str | None,
) -> "Iterator[Checked]":
    """Open what a command works on."""
    from raypp.drift.ledger_profiles import DetectionSource
    from raypp.drift.run import Checked
    from raypp.shards.encryption import DataKey

    key = DataKey.load(data_key) if data_key else None
    if site is None:
        if from_day or to_day:
            raise OptionError("--from and --to are days of a site's detections; give --site, too")
        if not archives:
            raise OptionError("nothing to read; give an archive, or --ledger, --site and --from")
        yield Checked(tuple(archives), None, camera, key)
        return
    if from_day is None:
        raise OptionError(f"--site {site} needs --from, the first day of its detections, such as 2026-11-02")
    first, last = _day(from_day, "--from"), _day(to_day or from_day, "--to")
    if first > last:
        raise OptionError(f"--from {from_day} is after --to {to_day}; give an earlier day")
    with opened_ledger(ledger, site) as opened:
        yield Checked(tuple(archives or ()), DetectionSource(opened, site, first, last), camera, key)


def _write_metrics(path: Path, lines: list[str]) -> None:
    try:
        write_text(path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise OptionError(f"--metrics {path}: {error.strerror}; name a file you may write") from None


def _day(text: str, option: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise OptionError(f"{option} {text!r} is no day; write 2026-11-02") from None


drift = command_group("Find cameras that see other things than they were trained on, from codes and detections alone.")
drift.command("reference")(drift_reference)
drift.command("check")(drift_check)
