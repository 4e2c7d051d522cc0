"""Label documents as labelling tools import them: COCO JSON, CVAT XML "for images" and Label Studio JSON."""

import json
from collections.abc import Callable, Mapping
from xml.etree import ElementTree as ET

from raypp.media.annotations.document import Annotations, ImageAnnotation
from raypp.media.annotations.label_tool import LabelTool

_DIGITS = 4
"""Digits of a pixel in CVAT's XML."""
_LOCAL = "/data/local-files/?d="
"""Begin of Label Studio's addresses of files on its own disk."""


def document_files(annotations: Annotations, tool: LabelTool) -> Mapping[str, bytes]:
    """Return the files that a tool imports, by name; all images are in pixels and have labels, or none to show.

    Args:
        annotations: images with boxes, and the classes in order.
        tool: whose format.
    """
    return _WRITERS[tool](annotations)


def _coco(annotations: Annotations) -> Mapping[str, bytes]:
    numbers = {name: number for number, name in enumerate(annotations.classes, 1)}
    images: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for number, image in enumerate(annotations.images, 1):
        width, height = map(round, image.extent)
        images.append({"id": number, "file_name": image.name, "width": width, "height": height})
        for shape in image.shapes:
            left, top, right, bottom = shape.edges
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": number,
                    "category_id": numbers[shape.name],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "segmentation": [],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()]
    return {"annotations.json": _json({"images": images, "categories": categories, "annotations": boxes})}


def _cvat(annotations: Annotations) -> Mapping[str, bytes]:
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, "meta"), "task"), "labels")
    for name in annotations.classes:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "attributes")
    for number, image in enumerate(annotations.images):
        width, height = (str(round(side)) for side in image.extent)
        element = ET.SubElement(root, "image", id=str(number), name=image.name, width=width, height=height)
        for shape in image.shapes:
            corners = zip(("xtl", "ytl", "xbr", "ybr"), shape.edges, strict=True)
            places = {name: f"{edge:.{_DIGITS}f}" for name, edge in corners}
            kept = {"label": shape.name, "source": "manual", "occluded": "0", "z_order": "0"}
            ET.SubElement(element, "box", kept | places)
    ET.indent(root)
    return {"annotations.xml": ET.tostring(root, "utf-8", xml_declaration=True)}


def _label_studio(annotations: Annotations) -> Mapping[str, bytes]:
    tasks = [_task(number, image) for number, image in enumerate(annotations.images, 1)]
    view = ET.Element("View")
    ET.SubElement(view, "Image", name="image", value="$image")
    labels = ET.SubElement(view, "RectangleLabels", name="label", toName="image")
    for name in annotations.classes:
        ET.SubElement(labels, "Label", value=name)
    ET.indent(view)
    return {"config.xml": ET.tostring(view, "utf-8"), "annotations.json": _json(tasks)}


def _task(number: int, image: ImageAnnotation) -> dict[str, object]:
    width, height = image.extent
    regions = []
    for place, shape in enumerate(image.shapes, 1):
        left, top, right, bottom = shape.edges
        value = {
            "x": 100 * left / width,
            "y": 100 * top / height,
            "width": 100 * (right - left) / width,
            "height": 100 * (bottom - top) / height,
            "rotation": 0,
            "rectanglelabels": [shape.name],
        }
        regions.append(
            {
                "id": f"{number}-{place}",
                "type": "rectanglelabels",
                "from_name": "label",
                "to_name": "image",
                "original_width": round(width),
                "original_height": round(height),
                "value": value,
            }
        )
    return {"id": number, "data": {"image": _LOCAL + image.name}, "annotations": [{"result": regions}]}


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


_WRITERS: Mapping[LabelTool, Callable[[Annotations], Mapping[str, bytes]]] = {
    LabelTool.COCO: _coco,
    LabelTool.CVAT: _cvat,
    LabelTool.LABEL_STUDIO: _label_studio,
}
