"""Formats of labels that are known by sight and not read: they are named, with the way to one that is."""

from pathlib import PurePosixPath
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element


class Foreign(NamedTuple):
    """A document of a format that is not read.

    Attributes:
        kind: name of the format.
        image: the image that it labels, or None where it labels many.
    """

    kind: str
    image: str | None


def foreign(document: Any, where: str) -> Foreign | None:
    """Tell whether a document holds labels in a format that is not read; None for anything else.

    Args:
        document: what JSON or XML made of it.
        where: the file.
    """
    stem = PurePosixPath(where).stem
    if isinstance(document, Element):
        return _of_xml(document, stem)
    if isinstance(document, dict):
        return _of_object(document, stem)
    listed = isinstance(document, list) and document and isinstance(document[0], dict)
    return Foreign("CreateML JSON", None) if listed and {"image", "annotations"} <= document[0].keys() else None


def _of_xml(root: Element, stem: str) -> Foreign | None:
    if root.tag == "annotation" and root.find("object") is not None:
        return Foreign("Pascal VOC XML", root.findtext("filename") or stem)
    return Foreign("an XML of annotations", None) if root.tag == "annotations" else None


def _of_object(document: dict[str, Any], stem: str) -> Foreign | None:
    if isinstance(document.get("shapes"), list) and "imagePath" in document:
        return Foreign("labelme JSON", str(document["imagePath"]))
    if isinstance(document.get("objects"), list) and isinstance(document.get("size"), dict):
        return Foreign("Supervisely JSON", stem)
    if isinstance(document.get("categories"), dict) and isinstance(document.get("items"), list):
        return Foreign("Datumaro JSON", None)
    regions = document.get("_via_img_metadata", document)
    values = list(regions.values())[:3] if isinstance(regions, dict) else []
    is_via = any(isinstance(value, dict) and {"regions", "filename"} <= value.keys() for value in values)
    return Foreign("VIA JSON", None) if is_via else None
