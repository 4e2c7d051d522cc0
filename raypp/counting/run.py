"""A count of images from their files to tables and a report."""

from collections.abc import Sequence
from pathlib import Path

from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.plain_image import DecodeOptions, read_image
from raypp.counting.report import REPORT_FILE, ReportImage, count_report
from raypp.counting.summary import CountSummary, count_summary
from raypp.counting.tables import write_tables
from raypp.errors import OptionError
from raypp.io.atomic import whole_folder
from raypp.io.private import private_umask
from raypp.progress import SILENT, Progress

_MOST_SHOWN = 200


def run_count(
    counter: ImageCounter,
    paths: Sequence[str],
    out: Path | None = None,
    options: DecodeOptions = DecodeOptions(),  # noqa: B008 - it never changes
    progress: Progress = SILENT,
) -> CountSummary:
    """Count images; write tables and a report, all or nothing.

    Args:
        counter: counts.
        paths: files and URLs.
        out: a new folder, for the owner's eyes alone; None for none.
        options: how images are decoded.
        progress: is told how far it is.

    Raises:
        OptionError: if `out` holds something or cannot be written, or a region does not fit.
        MediaError: if an image cannot be decoded.
    """
    options.check()
    check_out(out)
    if counter.regions is not None:
        counter.regions.check_names(tuple(Path(path).name for path in paths))
    counts: list[ImageCount] = []
    shown: list[ReportImage] = []
    with progress.task("counting", len(paths)) as advance:
        for path in paths:
            image = read_image(path, options)
            count = counter.count(image)
            counts.append(count)
            if out is not None and len(shown) < _MOST_SHOWN:
                shown.append(ReportImage.of(image, count))
            advance(1, "", 1)
    summary = count_summary(counter, counts)
    if out is not None:
        _write(out, counter, counts, summary, shown)
    return summary


def check_out(out: Path | None) -> None:
    """Raise OptionError if a folder holds something."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f"`out` {out} is there and not empty; choose another folder")


def _write(
    out: Path,
    counter: ImageCounter,
    counts: Sequence[ImageCount],
    summary: CountSummary,
    shown: list[ReportImage],
) -> None:
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        with private_umask(), whole_folder(out) as folder:
            folder.mkdir(exist_ok=True)
            write_tables(folder, counter, counts)
            (folder / REPORT_FILE).write_text(count_report(summary, shown), encoding="utf-8")
            (folder / "summary.json").write_text(summary.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; choose a folder that can be written") from None
