"""The `raypp count` commands: objects counted and measured on images that are veiled in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.commands import require_packages
from raypp.cli.console import ConsoleProgress, error_console, say, say_address
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.flags import with_flags
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile, OwnerFolder, OwnersKey
from raypp.errors import OptionError

if TYPE_CHECKING:
    from raypp.counting.accuracy import CountAccuracy
    from raypp.counting.opening import CountSettings
    from raypp.detect.count_calibration import CountCalibration

count = command_group("Count and measure objects on images, which are veiled in memory; detection sees codes alone.")

_NEEDS = ("torch", "ultralytics", "cv2", "jinja2")
_Model = Annotated[Path, typer.Option(help="The detector: a file of `raypp count calibrate`.")]
_Dataset = Annotated[str, typer.Argument(help="Labelled plain images in YOLO layout; with sizes.csv, also sizes.")]
_Encoder = Annotated[Path | None, typer.Option(help="Encoder file of a learned veil, as for `raypp veil`.")]
_Scale = Annotated[str | None, typer.Option(help="Length of a pixel, such as 0.8um/px (default: sizes in pixels).")]
_Threshold = Annotated[
    float | None, typer.Option(help="Count boxes of this confidence, instead of the model's calibrated thresholds.")
]
_Tile = Annotated[int | None, typer.Option(help="Side of a tile of large images, in pixels (default: the model's).")]
_Page = Annotated[int | None, typer.Option(help="Page of TIFFs of several, from 1.")]
_Bits = Annotated[int | None, typer.Option(help="Bits that 16-bit images use, such as 12.")]
_Server = Annotated[
    str | None, typer.Option(help="Have codes detected on by the service at HOST:PORT (default: here, by --model).")
]
_Token = Annotated[Path | None, typer.Option("--token-file", help="File with the site's token, for --server.")]
_Ca = Annotated[Path | None, typer.Option(help="Speak TLS with --server, trusting this CA.")]
_Tls = Annotated[bool, typer.Option("--tls", help="Speak TLS with --server, trusting the system's certificates.")]


@count.command("sample")
def count_sample(
    out: Annotated[Path, typer.Option(help="Folder to write; new or empty.")] = Path("micrographs"),
    train: Annotated[int, typer.Option(help="Images to train on.", min=0)] = 240,
    val: Annotated[int, typer.Option(help="Images to calibrate on.", min=0)] = 60,
    test: Annotated[int, typer.Option(help="Images to measure on.", min=0)] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images.", min=0)] = 0,
    size: Annotated[str, typer.Option(help="Width and height of an image, in pixels.")] = "640x480",
    density: Annotated[float, typer.Option(help="Particles, relative to about 24 in 640x480 pixels.")] = 1.0,
    scale: Annotated[str, typer.Option(help="Length of a pixel, in which true sizes are written.")] = "0.8um/px",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be drawn, and draw nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Draw micrographs of crystals with exact truth: a dataset in YOLO layout, sizes.csv and artefacts.csv.

    Example: raypp count sample --out micrographs --seed 1

    Example: raypp count sample --out large --train 0 --val 0 --test 4 --size 2400x1800
    """
    require_packages(("cv2",), "count sample")
    from raypp.counting.pixel_scale import PixelScale
    from raypp.demo.micrographs.dataset import MicrographSettings, write_micrographs

    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise OptionError(f"`size` {size!r} must be WIDTHxHEIGHT, such as 640x480")
    settings = MicrographSettings(
        out=out,
        train=train,
        val=val,
        test=test,
        seed=seed,
        size=(int(width), int(height)),
        density=density,
        um_per_px=PixelScale.parse(scale).per_px,
    )
    console = error_console()
    images = ", ".join(f"{number} {split}" for split, number in settings.counts.items())
    if dry_run:
        settings.check()
        say(console, [f"would draw    {images} of {size} pixels, seed {seed}, in {out}"])
        return
    summary = write_micrographs(settings, ConsoleProgress(console))
    particles = ", ".join(f"{number} of class {name}" for name, number in summary.particles.items())
    say(
        console,
        (
            f"drawn         {images} images in {summary.out}",
            f"truth         {particles}; {summary.artefacts} artefacts",
        ),
    )
    write_json(json_file, summary)


@count.command("calibrate")
def count_calibrate(
    dataset: _Dataset,
    model: Annotated[Path, typer.Option(help="The detector: a file of `raypp export`.")],
    out: Annotated[Path, typer.Option(help="The new file: the same detector, and how it counts.")],
    key: OwnersKey = None,
    spec: _Encoder = None,
    scale: _Scale = None,
    split: Annotated[str, typer.Option(help="Split to calibrate on; not one that was trained on.")] = "val",
    agglomerate: Annotated[
        str | None, typer.Option(help="Class whose objects consist of others (default: agglomerate, if there is one).")
    ] = None,
    page: _Page = None,
    bits: _Bits = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Seal the file under the passphrase in this file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Choose thresholds at which totals are right, and learn sizes and focus, from labelled images.

    Example: raypp count calibrate micrographs --model crystals.model --spec fitted/encoder.veil --scale 0.8um/px \
--out counts.model
    """
    require_packages(_NEEDS, "count calibrate")
    from raypp.counting.calibrate import calibrate_counting
    from raypp.counting.calibrated_bundle import write_calibrated
    from raypp.counting.opening import open_counter
    from raypp.counting.plain_image import DecodeOptions
    from raypp.counting.truth import read_truth
    from raypp.veil.envelope import new_passphrase

    if out.exists() and not force:
        raise OptionError(f"`out` {out} exists; choose another, or replace it with `force`")
    options = DecodeOptions(page, bits)
    options.check()
    passphrase = new_passphrase(passphrase_file) if passphrase_file else None
    truth = read_truth(dataset, split)
    counter = open_counter(_settings(model, key, spec, scale), calibrates=True)
    console = error_console()
    calibration = calibrate_counting(counter, truth, agglomerate, options, ConsoleProgress(console))
    write_calibrated(model, calibration, out, passphrase, force=force)
    say(console, _calibration_lines(calibration, counter.rules.classes, out))
    write_json(json_file, calibration)


@count.command("images")
def count_images(
    files: Annotated[list[str], typer.Argument(help="Images, folders of them, or URLs.")],
    model: _Model,
    key: OwnersKey = None,
    spec: _Encoder = None,
    scale: _Scale = None,
    roi: Annotated[Path | None, typer.Option(help="Regions that count: polygons in pixels by image, JSON.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for tables and a report; it shows plain images.")] = None,
    threshold: _Threshold = None,
    tile: _Tile = None,
    page: _Page = None,
    bits: _Bits = None,
    server: _Server = None,
    token_file: _Token = None,
    ca: _Ca = None,
    tls: _Tls = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, list images, and count none.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Count and measure objects on images; no image is written but into the report.

    Example: raypp count images field-1.png field-2.png --model counts.model --spec fitted/encoder.veil \
--scale 0.8um/px --out counts

    Example: raypp count images slides/ --model counts.model --roi rois.json
    """
    require_packages(_NEEDS, "count images")
    from raypp.counting.opening import open_counter
    from raypp.counting.plain_image import DecodeOptions, list_images
    from raypp.counting.run import check_out, run_count
    from raypp.counting.summary import count_summary_lines

    console = error_console()
    paths = list_images(files)
    check_out(out)
    settings = _settings(model, key, spec, scale, threshold, tile, roi, _connection(server, token_file, ca, tls=tls))
    counter = open_counter(settings)
    if dry_run:
        say(console, [f"would count   {len(paths)} images, the first {paths[0]}"])
        return
    summary = run_count(counter, paths, out, DecodeOptions(page, bits), ConsoleProgress(console))
    say(console, count_summary_lines(summary))
    if out is not None:
        say(console, [f"look at       {out / 'report.html'} (plain images: for the owner's eyes)"])
    write_json(json_file, summary)
    end_with_attention(bool(summary.cannot_tell))


@count.command("evaluate")
def count_evaluate(
    dataset: _Dataset,
    model: _Model,
    key: OwnersKey = None,
    spec: _Encoder = None,
    scale: _Scale = None,
    split: Annotated[str, typer.Option(help="Split to measure on: neither trained nor calibrated on.")] = "test",
    page: _Page = None,
    bits: _Bits = None,
    json_file: JsonFile = None,
) -> None:
    """Measure how right counts and sizes are, on labelled images: totals, and image by image.

    Example: raypp count evaluate micrographs --model counts.model --spec fitted/encoder.veil --scale 0.8um/px
    """
    require_packages(_NEEDS, "count evaluate")
    from raypp.counting.accuracy import measure_counting
    from raypp.counting.opening import open_counter
    from raypp.counting.plain_image import DecodeOptions
    from raypp.counting.truth import read_truth

    options = DecodeOptions(page, bits)
    options.check()
    truth = read_truth(dataset, split)
    counter = open_counter(_settings(model, key, spec, scale))
    if counter.rules.classes != truth.classes:
        raise OptionError(
            f"dataset {dataset} has classes {', '.join(truth.classes)}, the model {', '.join(counter.rules.classes)}"
        )
    console = error_console()
    accuracy, _ = measure_counting(counter, truth, options, ConsoleProgress(console))
    say(console, _accuracy_lines(accuracy))
    write_json(json_file, accuracy)


@count.command("serve")
def count_serve(
    model: _Model,
    key: OwnersKey = None,
    spec: _Encoder = None,
    scale: _Scale = None,
    threshold: _Threshold = None,
    tile: _Tile = None,
    page: _Page = None,
    bits: _Bits = None,
    server: _Server = None,
    token_file: _Token = None,
    ca: _Ca = None,
    tls: _Tls = False,
    archive: Annotated[
        str | None, typer.Option(help="Archive that dropped images are of, so that corrections become its labels.")
    ] = None,
    private: OwnerFolder = None,
    corrections: Annotated[
        Path, typer.Option(help="With --archive: new file of corrected boxes, which `raypp label import` takes.")
    ] = Path("corrections.json"),
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 for the page; 0 for any.", min=0, max=65535)] = 0,
) -> None:
    """Count on a page of this machine: drop images, see counts and sizes, correct boxes by hand.

    Images stay in memory. Of corrections, boxes alone are written.

    Example: raypp count serve --model counts.model --spec fitted/encoder.veil --scale 0.8um/px

    Example: raypp count serve --model counts.model --spec fitted/encoder.veil --archive veiled-crystals
    """
    require_packages((*_NEEDS, "starlette", "uvicorn"), "count serve")
    from raypp.counting.desk import ImageDesk
    from raypp.counting.opening import open_corrections, open_counter
    from raypp.counting.plain_image import DecodeOptions
    from raypp.reveal.count_page import serve_counts

    options = DecodeOptions(page, bits)
    options.check()
    if private is not None and archive is None:
        raise OptionError("--private is of an archive; name it by --archive")
    connection = _connection(server, token_file, ca, tls=tls)
    settings = _settings(model, key, spec, scale, threshold, tile, None, connection)
    counter = open_counter(settings)
    kept = open_corrections(counter, settings, archive, private, corrections) if archive else None
    serve_counts(ImageDesk(counter, options, kept), port, say_address, with_flags)
    if kept is not None and kept.images:
        words = f"--from coco --archive {archive} --name NEW"
        say(error_console(), [f"corrected     {len(kept.images)} images: raypp label import {corrections} {words}"])


def _settings(
    model: Path,
    key: str | None,
    spec: Path | None,
    scale: str | None,
    threshold: float | None = None,
    tile: int | None = None,
    roi: Path | None = None,
    connection: object = None,
) -> "CountSettings":
    from raypp.counting.opening import CountSettings
    from raypp.veil.keyfile import resolve_key_place

    return CountSettings(model, resolve_key_place(key), spec, scale, threshold, tile, roi, connection)  # type: ignore[arg-type]


def _connection(server: str | None, token_file: Path | None, ca: Path | None, *, tls: bool) -> object:
    if server is None:
        if token_file is not None or ca is not None or tls:
            raise OptionError("--token-file, --ca and --tls are of a service; name it by --server")
        return None
    if token_file is None:
        raise OptionError(f"`server` {server} needs the site's token; give --token-file")
    from raypp.edge.uplink.connection import ServiceConnection

    connection = ServiceConnection(server, token_file, tls=tls or ca is not None, ca_path=ca)
    connection.check()
    return connection


def _calibration_lines(calibration: "CountCalibration", classes: tuple[str, ...], out: Path) -> Iterator[str]:
    for name, each in zip(classes, calibration.classes, strict=True):
        sizes = ""
        if each.sizes:
            sizes = f"; sizes by {each.sizes.boxes} boxes, uncalibrated {100 * each.sizes.bias:+.1f} %"
        yield f"{name:<14}threshold {each.threshold:.2f}: {sum(each.counted)} of {sum(each.truth)} labelled{sizes}"
    yield f"calibrated    on {len(calibration.classes[0].truth)} {calibration.split} images, in {out}"


def _accuracy_lines(accuracy: "CountAccuracy") -> Iterator[str]:
    yield f"counted       {accuracy.images - accuracy.cannot_tell} of {accuracy.images} {accuracy.split} images"
    for each in (accuracy.all, *accuracy.classes):
        inside = "" if each.within_interval is None else f", {100 * each.within_interval:.0f} % within the interval"
        sizes = ""
        if each.ks is not None and each.d50_error is not None and each.d90_error is not None:
            sizes = f"; D50 {100 * each.d50_error:+.1f} %, D90 {100 * each.d90_error:+.1f} %, KS {each.ks:.3f}"
        yield (
            f"{each.name:<14}{each.counted} of {each.truth}: totals {each.totals:.3f}, "
            f"per image {each.per_image:.3f}{inside}{sizes}"
        )
    if accuracy.members_error is not None:
        yield f"members       of agglomerates {100 * accuracy.members_error:+.1f} %"
