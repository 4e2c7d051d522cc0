"""Label Studio's JSON and JSON-MIN: rectangles, ellipses and polygons in percent, and rectangles of videos."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from raypp.errors import LabelError
from raypp.geometry.boxes import Edges
from raypp.media.annotations.boxes import LabelledShape, hull, turned
from raypp.media.annotations.document import (
    Annotations,
    ImageAnnotation,
    VideoAnnotation,
    left_out_lines,
    names_in_order,
)
from raypp.media.annotations.tracks import Keyframe, LabelTrack, by_frame

_PERCENT = (100.0, 100.0)
_BOXED = ("rectanglelabels", "polygonlabels", "ellipselabels")
_UNBOXED = ("brushlabels", "keypointlabels", "rectangle", "polygon", "ellipse", "brush", "keypoint", "bitmask")
_MEDIA = ("video", "image", "img", "url", "file")


class LabelStudioReader:
    """Reads a list of tasks, as "JSON" or "JSON-MIN" exports it."""

    def recognises(self, document: Any) -> bool:
        """Whether it is a list of tasks."""
        if not isinstance(document, list) or not document or not isinstance(document[0], dict):
            return False
        first = document[0]
        whole = isinstance(first.get("data"), dict) and ("annotations" in first or "predictions" in first)
        return whole or any(_is_result(value) for value in first.values())

    def read(self, document: Any, where: str) -> Annotations:
        """Read all tasks; a task that nobody has annotated says nothing of its image."""
        images: list[ImageAnnotation] = []
        videos: list[VideoAnnotation] = []
        left_out: Counter[str] = Counter()
        for number, task in enumerate(document, 1):
            place = f"{where}: task {task.get('id', number) if isinstance(task, dict) else number}"
            if not isinstance(task, dict):
                raise LabelError(f"{place} is no object; export it again from Label Studio")
            name = _file_of(task, place)
            try:
                results = _results(task, place)
                if results is None:
                    left_out["tasks without an annotation"] += 1
                elif any(result.get("type") == "videorectangle" for result in results):
                    videos.append(_video(name, results, place))
                else:
                    shapes = tuple(_shapes(results, place, left_out))
                    images.append(ImageAnnotation(name, _PERCENT, shapes, in_pixels=False))
            except LabelError as error:
                images.append(ImageAnnotation(name, _PERCENT, (), problem=str(error), in_pixels=False))
        used = [shape.name for image in images for shape in image.shapes]
        used += [track.name for video in videos for track in video.tracks]
        return Annotations(
            "Label Studio JSON",
            tuple(sorted(names_in_order(used))),
            images=tuple(images),
            videos=tuple(videos),
            left_out=left_out_lines(where, left_out, "since there is no box in them"),
        )


def _is_result(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], dict)
        and any(isinstance(value[0].get(kind), list) for kind in _BOXED)
    )


def _file_of(task: Mapping[str, Any], place: str) -> str:
    """The task's file, as a path: uploads and local files are named by URLs of Label Studio itself."""
    data = task.get("data") if isinstance(task.get("data"), dict) else task
    assert isinstance(data, dict)  # noqa: S101
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    named = next((texts[key] for key in _MEDIA if key in texts), None)
    named = named or next((text for text in texts.values() if "/" in text or "." in text), None)
    if named is None:
        raise LabelError(f"{place} names no file under {', '.join(_MEDIA[:2])}; export it again from Label Studio")
    parts = urlsplit(named)
    local = parse_qs(parts.query).get("d")
    return unquote(local[0] if local else parts.path or named)


def _results(task: Mapping[str, Any], place: str) -> list[dict[str, Any]] | None:
    """The one annotation's regions; None for a task that has none."""
    if "data" not in task:
        lists = [value for value in task.values() if _is_result(value)]
        return [_of_minimal(region) for values in lists for region in values] if lists else None
    done = [
        annotation
        for annotation in task.get("annotations") or ()
        if isinstance(annotation, dict) and not annotation.get("was_cancelled")
    ]
    truths = [annotation for annotation in done if annotation.get("ground_truth")]
    chosen = truths if len(truths) == 1 else done
    if not chosen:
        return None
    results = [annotation.get("result") for annotation in chosen]
    if any(result != results[0] for result in results[1:]):
        raise LabelError(
            f"{place} has {len(chosen)} annotations that differ; mark one as ground truth and export it again"
        )
    if not isinstance(results[0], list) or not all(isinstance(result, dict) for result in results[0]):
        raise LabelError(f"{place} has an annotation without a list of results; export it again")
    return results[0]


def _of_minimal(region: Mapping[str, Any]) -> dict[str, Any]:
    """A region as the full export has it."""
    kind = next((kind for kind in _BOXED if kind in region), "unknown")
    return {"type": kind, "value": region} | {
        key: region[key] for key in ("original_width", "original_height") if key in region
    }


def _shapes(results: list[dict[str, Any]], place: str, left_out: Counter[str]) -> Iterator[LabelledShape]:
    for region in results:
        kind = str(region.get("type"))
        if kind in _BOXED:
            value = region.get("value")
            if not isinstance(value, dict):
                raise LabelError(f"{place}: a region has no value; export it again")
            yield LabelledShape(_label(value, kind, place), _edges(region, value, kind, place))
        elif kind in _UNBOXED:
            left_out[f"regions of kind {kind}"] += 1


def _label(value: Mapping[str, Any], kind: str, place: str) -> str:
    names = value.get(kind)
    if not isinstance(names, list) or len(names) != 1 or not str(names[0]).strip():
        raise LabelError(f"{place}: a region has the labels {names!r}; give each region exactly one")
    return str(names[0]).strip()


def _edges(region: Mapping[str, Any], value: Mapping[str, Any], kind: str, place: str) -> Edges:
    try:
        if kind == "polygonlabels":
            return hull([float(number) for pair in value["points"] for number in pair])
        x, y = float(value["x"]), float(value["y"])
        if kind == "ellipselabels":
            rx, ry = float(value["radiusX"]), float(value["radiusY"])
            edges, about = (x - rx, y - ry, x + rx, y + ry), (x, y)
        else:
            edges, about = (x, y, x + float(value["width"]), y + float(value["height"])), (x, y)
        return _turned(edges, float(value.get("rotation") or 0), about, _aspect(region))
    except (KeyError, TypeError, ValueError, IndexError):
        raise LabelError(f"{place}: a region of kind {kind} has no place in numbers; export it again") from None


def _aspect(region: Mapping[str, Any]) -> float | None:
    """Width of the image over its height; None where the region does not say."""
    width, height = region.get("original_width"), region.get("original_height")
    return width / height if isinstance(width, int) and isinstance(height, int) and width > 0 < height else None


def _turned(edges: Edges, degrees: float, about: tuple[float, float], aspect: float | None) -> Edges:
    """Label Studio turns a rectangle about its upper left corner, in pixels; percents of width and height differ."""
    if not degrees % 360:
        return edges
    if aspect is None:
        raise ValueError("a turned region without original_width and original_height")
    left, top, right, bottom = edges
    square = turned((left * aspect, top, right * aspect, bottom), degrees, (about[0] * aspect, about[1]))
    return square[0] / aspect, square[1], square[2] / aspect, square[3]


def _video(name: str, results: list[dict[str, Any]], place: str) -> VideoAnnotation:
    tracks = []
    counts: set[int] = set()
    rates: set[float] = set()
    for region in results:
        value = region.get("value")
        if region.get("type") != "videorectangle":
            continue
        if not isinstance(value, dict) or not isinstance(value.get("sequence"), list) or not value["sequence"]:
            raise LabelError(f"{place}: a region has no sequence of keyframes; export it again")
        count, seconds = value.get("framesCount"), value.get("duration")
        if not isinstance(count, int) or count < 1:
            raise LabelError(f"{place}: a region has no framesCount, so its frames cannot be placed; export it again")
        counts.add(count)
        if isinstance(seconds, int | float) and seconds > 0:
            rates.add(count / seconds)
        keyframes = by_frame([_keyframe(key, region, place) for key in value["sequence"]])
        tracks.append(LabelTrack(_label(value, "labels", place), keyframes, count - 1))
    return VideoAnnotation(
        name, _PERCENT, 0, max(counts) - 1, place, tracks=tuple(tracks), rate=min(rates) if rates else None
    )


def _keyframe(key: Any, region: Mapping[str, Any], place: str) -> Keyframe:
    try:
        x, y = float(key["x"]), float(key["y"])
        edges = x, y, x + float(key["width"]), y + float(key["height"])
        frame = int(key["frame"]) - 1  # numbered from 1
        edges = _turned(edges, float(key.get("rotation") or 0), (x, y), _aspect(region))
    except (KeyError, TypeError, ValueError):
        raise LabelError(f"{place}: a keyframe has no frame or no place in numbers; export it again") from None
    # A keyframe that is not enabled is itself still shown; after it the object is gone until the next one.
    return Keyframe(max(frame, 0), edges, shown=True, goes_on=key.get("enabled") is not False)
