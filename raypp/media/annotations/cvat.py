"""CVAT's own XML, "for images" and "for video": boxes, polygons, ellipses and tracks, in pixels."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from raypp.errors import LabelError
from raypp.geometry.boxes import Edges, centre
from raypp.media.annotations.boxes import LabelledShape, hull, turned
from raypp.media.annotations.document import (
    Annotations,
    ImageAnnotation,
    VideoAnnotation,
    left_out_lines,
    names_in_order,
)
from raypp.media.annotations.tracks import Keyframe, LabelTrack, by_frame

_SHAPES = frozenset(["box", "polygon", "ellipse", "mask", "polyline", "points", "cuboid", "skeleton", "tag"])


class CvatReader:
    """Reads the root element `annotations` of CVAT's version 1.1."""

    def recognises(self, document: Any) -> bool:
        """Whether the root is CVAT's."""
        return isinstance(document, Element) and document.tag == "annotations" and document.find("version") is not None

    def read(self, document: Element, where: str) -> Annotations:
        """Read images and tracks; what no box can be made of (lines, points, tags) is left out and told."""
        left_out: Counter[str] = Counter()
        images = [_image(element, where, left_out) for element in document.iter("image")]
        tracks = list(document.iter("track"))
        videos = [_video(document, tracks, where, left_out)] if tracks or not images else []
        declared = [
            (element.findtext("name") or "").strip()
            for element in document.iter("label")
            if element.find("name") is not None
        ]
        used = [shape.name for image in images for shape in image.shapes]
        used += [track.name for video in videos for track in video.tracks]
        # A skeleton's points are declared as labels, too, and nothing but points is made of them.
        points = {name for name in declared if _is_point(document, name)} - set(used)
        return Annotations(
            "CVAT XML",
            names_in_order([name for name in declared if name and name not in points], used),
            images=tuple(images),
            videos=tuple(videos),
            left_out=left_out_lines(where, left_out, "since nothing is to be seen of them, or no box can be made"),
        )


def _is_point(document: Element, name: str) -> bool:
    return any(
        element.findtext("name") == name and element.find("parent") is not None for element in document.iter("label")
    )


def _image(image: Element, where: str, left_out: Counter[str]) -> ImageAnnotation:
    name = image.get("name") or ""
    place = f"{where}: image {name}"
    if not name:
        raise LabelError(f"{place} has no name; export it again")
    problem = None
    shapes: list[LabelledShape] = []
    extent = (1.0, 1.0)
    try:
        extent = _number(image, "width", place), _number(image, "height", place)
        shapes = list(_shapes(image, place, left_out))
    except LabelError as error:
        problem = str(error)
    return ImageAnnotation(name, extent, tuple(shapes), image.get("subset") or None, problem)


def _shapes(image: Element, place: str, left_out: Counter[str]) -> Iterator[LabelledShape]:
    for child in image:
        if child.tag not in _SHAPES:
            continue
        edges = _edges(child, place)
        if child.get("outside") == "1":
            left_out["labels marked as outside"] += 1
        elif edges is None:
            left_out[f"labels of kind {child.tag}"] += 1
        else:
            yield LabelledShape(_label(child, place), edges)


def _label(element: Element, place: str) -> str:
    name = (element.get("label") or "").strip()
    if not name:
        raise LabelError(f"{place}: a {element.tag} has no label; export it again")
    return name


def _edges(element: Element, place: str) -> Edges | None:
    """Edges of a shape; None for a kind that no box can be made of."""
    if element.tag == "box":
        left, top, right, bottom = (_number(element, name, place) for name in ("xtl", "ytl", "xbr", "ybr"))
        edges = left, top, right, bottom
    elif element.tag == "ellipse":
        x, y, rx, ry = (_number(element, name, place) for name in ("cx", "cy", "rx", "ry"))
        edges = x - rx, y - ry, x + rx, y + ry
    elif element.tag == "polygon":
        return hull(_points(element, place))
    elif element.tag == "mask":
        left, top, width, height = (_number(element, name, place) for name in ("left", "top", "width", "height"))
        return left, top, left + width, top + height
    else:
        return None
    degrees = _number(element, "rotation", place) if element.get("rotation") else 0.0
    return turned(edges, degrees, centre(edges))


def _points(element: Element, place: str) -> list[float]:
    try:
        numbers = [float(word) for pair in (element.get("points") or "").split(";") for word in pair.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2:
        raise LabelError(f"{place}: a polygon's points {(element.get('points') or '')[:60]!r} are no 3 pairs or more")
    return numbers


def _number(element: Element, name: str, place: str) -> float:
    try:
        return float(element.get(name) or "")
    except ValueError:
        raise LabelError(
            f"{place}: {element.tag} has {name}={element.get(name)!r}, no number; export it again"
        ) from None


def _video(document: Element, tracks: list[Element], where: str, left_out: Counter[str]) -> VideoAnnotation:
    meta = document.find("meta")
    about = meta if meta is not None else document
    width, height = (_meta(about, f"original_size/{name}") for name in ("width", "height"))
    if not width or not height:
        raise LabelError(f"{where} has no original_size, so its boxes cannot be placed; export it again from CVAT")
    keyed = [(track, _keyframes(track, where, left_out)) for track in tracks]
    mentioned = [keyframe.frame for _, keyframes in keyed for keyframe in keyframes]
    start, stop, size = (_meta(about, name) for name in ("start_frame", "stop_frame", "size"))
    first = start if start is not None else 0
    last = stop if stop is not None else first + size - 1 if size else max(mentioned, default=first)
    name = about.findtext(".//source") if meta is not None else None
    return VideoAnnotation(
        (name or "").strip() or None,
        (float(width), float(height)),
        first,
        max([last, *mentioned]),
        where,
        tracks=tuple(
            LabelTrack(_label(track, f"{where}: track {track.get('id')}"), by_frame(keyframes), max([last, *mentioned]))
            for track, keyframes in keyed
            if keyframes
        ),
    )


def _keyframes(track: Element, where: str, left_out: Counter[str]) -> list[Keyframe]:
    keyframes = []
    place = f"{where}: track {track.get('id')}"
    for child in track:
        if child.tag not in _SHAPES:
            continue
        edges = _edges(child, place)
        if edges is None:
            left_out[f"labels of kind {child.tag} in tracks"] += 1
            continue
        frame = _number(child, "frame", place)
        if not frame.is_integer() or frame < 0:
            raise LabelError(f"{place}: frame {child.get('frame')} is no whole number; export it again")
        shown = child.get("outside") != "1"
        keyframes.append(Keyframe(int(frame), edges, shown, shown))
    return keyframes


def _meta(about: Element, name: str) -> int | None:
    """A whole number of the task's description, wherever this version of CVAT puts it."""
    text = about.findtext(f".//{name}")
    return int(text) if text and text.strip().isdigit() else None
