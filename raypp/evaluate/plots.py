"""Images of an evaluation, drawn without any global state: curves, confusions, and boxes on codes."""

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from raypp.detect.inputs.batch import NO_CELL
from raypp.evaluate.errors import classify_errors
from raypp.evaluate.metrics import Curves
from raypp.evaluate.request import PredictedSample
from raypp.evaluate.scores import Scores
from raypp.media.drawing import OUTCOME_COLOURS, MarkOutcome, OutcomeBox, draw_outcomes, outcome_counts
from raypp.veil.view import component_view

RgbImage = npt.NDArray[np.uint8]
"""uint8[H, W, 3], RGB."""

_MOST_NAMED = 20
_MOST_COUNTED = 30
_DPI = 110
_INK, _PAPER, _OUTSIDE = (20, 20, 20), (250, 250, 248), (114, 114, 114)
_FADED = 0.45
_TILE, _COLUMNS, _GAP, _LINE = 420, 3, 10, 18
_OUTCOMES = {
    MarkOutcome.FOUND: "found",
    MarkOutcome.MISSED: "a label that was missed",
    MarkOutcome.WRONG: "a detection that is wrong",
}


def precision_recall_image(curves: Curves, scores: Scores) -> RgbImage:
    """Draw precision over recall at IoU 0.5: the mean over classes, and each class where there are few enough."""
    figure = Figure(figsize=(9, 5.5), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid(color="0.9")
    named = len(curves.classes) <= _MOST_NAMED
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, (class_scores, precision) in enumerate(zip(scores.classes, curves.precision_KR, strict=True)):
        style = (
            {"color": colours[number % len(colours)], "label": f"{class_scores.name} {class_scores.map50:.3f}"}
            if named
            else {}
        )
        axes.plot(curves.recall_R, precision, **({"color": "0.75"} | style), linewidth=1)
    if curves.classes:
        mean = curves.precision_KR.mean(axis=0)
        axes.plot(curves.recall_R, mean, color="black", linewidth=2.5, label=f"all classes {scores.map50:.3f}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), title="AP at IoU 0.5", frameon=False)
    axes.set_title(f"Precision and recall: {scores.labels} labels on {scores.samples} frames", loc="left")
    return _drawn(figure)


def confusion_image(counts_NN: npt.NDArray[np.int64], classes: Sequence[str], confidence: float) -> RgbImage:
    """Draw a confusion matrix as `raypp.evaluate.errors.confusion` counts it: shades by column, counts as numbers."""
    names = [*classes, "background"]
    shares = counts_NN / np.maximum(counts_NN.sum(axis=0, keepdims=True), 1)
    side = float(np.clip(3 + 0.42 * len(names), 6, 24))
    figure = Figure(figsize=(side + 1, side), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="labelled", ylabel="predicted")
    axes.set_title(f"Confusion at confidence {confidence:.2f}, IoU 0.5", loc="left")
    figure.colorbar(drawn, ax=axes, label="share of the column", shrink=0.8)
    if len(names) <= _MOST_COUNTED:
        for row, column in zip(*np.nonzero(counts_NN), strict=True):
            colour = "white" if shares[row, column] > 0.55 else "black"
            text = str(counts_NN[row, column])
            axes.text(int(column), int(row), text, ha="center", va="center", color=colour, fontsize=8)
    return _drawn(figure)


def detections_image(
    samples: Sequence[PredictedSample], classes: Sequence[str], pixels: int, confidence: float
) -> RgbImage | None:
    """Draw what was found, missed and is wrong on the best three-component view of the codes.

    Args:
        samples: samples, in the order in which they are drawn; those without codes are left out.
        classes: names of the classes.
        pixels: side of the square.
        confidence: detections below it are left out.

    Returns:
        The image; None where no codes were kept.
    """
    shown = [sample for sample in samples if sample.codes_CGG is not None]
    if not shown:
        return None
    verdicts = [classify_errors(sample.detections, confidence) for sample in shown]
    boxes = [verdict.outcomes(pixels) for verdict in verdicts]
    tiles = [_tile(sample, view, marked) for sample, view, marked in zip(shown, _views(shown), boxes, strict=True)]
    columns = min(_COLUMNS, len(shown))
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) + 2 * _LINE + _GAP for row in rows]
    sheet = Image.new("RGB", (_GAP + columns * (_TILE + _GAP), 2 * _LINE + 2 * _GAP + sum(heights)), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    _legend(pen, font, [box for some in boxes for box in some], confidence)
    for number, (sample, verdict, tile) in enumerate(zip(shown, verdicts, tiles, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * (_TILE + _GAP), 2 * _LINE + 2 * _GAP + sum(heights[:row])
        sheet.paste(tile, (left, top))
        where = f"  {sample.origin.site}/{sample.origin.camera}" if sample.origin.site else ""
        pen.text((left, top + tile.height + 3), f"{sample.matches.sample_id[:12]}{where}", fill=_INK, font=font)
        text = "; ".join(sample.in_words(classes) for sample in verdict.errors) or "no error"
        pen.text(
            (left, top + tile.height + 3 + _LINE),
            textwrap.shorten(text, _TILE // 7, placeholder=" ..."),
            fill=_INK,
            font=font,
        )
    return np.asarray(sheet)


def _tile(sample: PredictedSample, view: RgbImage, boxes: Sequence[OutcomeBox]) -> Image.Image:
    """One frame's codes, faded so that boxes stand out, cut to where the frame has cells."""
    assert sample.codes_CGG is not None  # noqa: S101 - chosen by that
    rows, columns = _window(sample.codes_CGG)
    factor = _TILE / (columns.stop - columns.start)
    side = round(factor * len(view))
    plain = Image.fromarray(view).resize((side, side), Image.Resampling.NEAREST)
    square = Image.blend(plain, Image.new("RGB", plain.size, _OUTSIDE), _FADED)
    draw_outcomes(square, boxes)
    left, top, bottom = (round(factor * edge) for edge in (columns.start, rows.start, rows.stop))
    return square.crop((left, top, left + _TILE, bottom))


def _legend(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    boxes: Sequence[OutcomeBox],
    sure: float,
) -> None:
    """Say what was found in all, each word in the colour of its boxes."""
    text = f"of these frames, from confidence {sure:.2f}: {outcome_counts(boxes)}; on the codes' three-component view"
    pen.text((_GAP, _GAP), text, fill=_INK, font=font)
    left = float(_GAP)
    for outcome, words in _OUTCOMES.items():
        pen.rectangle((left, _GAP + _LINE + 2, left + 14, _GAP + _LINE + 14), outline=OUTCOME_COLOURS[outcome], width=3)
        pen.text((left + 20, _GAP + _LINE), words, fill=_INK, font=font)
        left += 36 + font.getlength(words)


def _drawn(figure: Figure) -> RgbImage:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _views(samples: Sequence[PredictedSample]) -> list[RgbImage]:
    """View codes in their square; those of one sub-key together, since each sub-key has its own components."""
    squares = [sample.codes_CGG for sample in samples if sample.codes_CGG is not None]
    views = [np.full((*codes.shape[1:], 3), _OUTSIDE, dtype=np.uint8) for codes in squares]
    sub_keys = [int(codes[-1, 0, 0]) for codes in squares]
    for sub_key in set(sub_keys):
        members = [number for number, other in enumerate(sub_keys) if other == sub_key]
        windows = [_window(squares[number]) for number in members]
        codes = [squares[number][:-1][:, *window] for number, window in zip(members, windows, strict=True)]
        for number, window, view in zip(members, windows, component_view(codes), strict=True):
            views[number][window] = view
    return views


def _window(codes_CGG: npt.NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns of the square where a frame has cells."""
    rows, columns = np.nonzero((codes_CGG[:-1] != NO_CELL).any(axis=0))
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
