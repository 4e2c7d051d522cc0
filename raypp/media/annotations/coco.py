"""COCO JSON: images, categories and annotations with boxes in pixels."""

from collections import Counter
from typing import Any

from raypp.errors import LabelError
from raypp.geometry.boxes import Edges, centre
from raypp.media.annotations.boxes import LabelledShape, hull, turned
from raypp.media.annotations.document import Annotations, ImageAnnotation, left_out_lines

_NO_BOX = "for a box is needed; draw boxes or polygons"


class CocoReader:
    """Reads COCO's format for object detection; polygons become their hull where an annotation has no box."""

    def recognises(self, document: Any) -> bool:
        """Whether it has COCO's lists of images and categories."""
        return (
            isinstance(document, dict)
            and isinstance(document.get("images"), list)
            and isinstance(document.get("annotations", document.get("categories")), list)
        )

    def read(self, document: Any, where: str) -> Annotations:
        """Read all images, those without annotations as empty; regions of many objects are left out and counted."""
        if not isinstance(document.get("annotations"), list) or not isinstance(document.get("categories"), list):
            raise LabelError(f"{where} is COCO JSON without annotations or categories; export the labels with it")
        try:
            names = {category["id"]: str(category["name"]) for category in document["categories"]}
            images = {entry["id"]: entry for entry in document["images"]}
        except (KeyError, TypeError):
            raise LabelError(f"{where}: an image or category has no id or name; export it again") from None
        if len(images) != len(document["images"]):
            raise LabelError(f"{where}: two images have one id; export it again")
        shapes: dict[Any, list[LabelledShape]] = {}
        problems: dict[Any, str] = {}
        left_out: Counter[str] = Counter()
        for number, annotation in enumerate(document["annotations"], 1):
            place = f"{where}: annotation {annotation.get('id', number) if isinstance(annotation, dict) else number}"
            if not isinstance(annotation, dict) or annotation.get("image_id") not in images:
                raise LabelError(f"{place} is of no image of the list; export it again")
            if annotation.get("iscrowd"):
                left_out["regions of many objects (iscrowd)"] += 1
                continue
            image = annotation["image_id"]
            try:
                shapes.setdefault(image, []).append(_shape(annotation, names, place))
            except LabelError as error:
                problems.setdefault(image, str(error))
        ordered = tuple(names[key] for key in sorted(names, key=lambda key: (str(type(key)), key)))
        return Annotations(
            "COCO JSON",
            tuple(dict.fromkeys(ordered)),
            images=tuple(_image(entry, shapes.get(key, []), problems.get(key), where) for key, entry in images.items()),
            left_out=left_out_lines(where, left_out, "since they are no single objects"),
        )


def _image(entry: dict[str, Any], shapes: list[LabelledShape], problem: str | None, where: str) -> ImageAnnotation:
    name = str(entry.get("file_name") or entry.get("id"))
    width, height = _length(entry.get("width")), _length(entry.get("height"))
    if width is None or height is None:
        problem = problem or f"{where}: image {name} has no width and height; export it again with them"
    return ImageAnnotation(name, (width or 1.0, height or 1.0), tuple(shapes), problem=problem)


def _length(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < 1e6 else None


def _shape(annotation: dict[str, Any], names: dict[Any, str], place: str) -> LabelledShape:
    if annotation.get("category_id") not in names:
        raise LabelError(f"{place}: category {annotation.get('category_id')!r} is not in the list; add or correct it")
    return LabelledShape(names[annotation["category_id"]], _edges(annotation, place))


def _edges(annotation: dict[str, Any], place: str) -> Edges:
    box = annotation.get("bbox")
    attributes = annotation.get("attributes")
    try:
        if box:
            x, y, w, h = (float(value) for value in box)
            edges = x, y, x + w, y + h
            # CVAT writes the box before it was turned, and the angle beside it.
            degrees = float(attributes.get("rotation") or 0) if isinstance(attributes, dict) else 0.0
            return turned(edges, degrees, centre(edges))
        points = [float(value) for part in annotation["segmentation"] for value in part]
        if len(points) >= 6:
            return hull(points)
    except (KeyError, TypeError, ValueError):
        pass
    raise LabelError(f"{place} has no box of 4 numbers and no polygon, {_NO_BOX}")
