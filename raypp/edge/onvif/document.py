"""Documents that cameras answer with: XML of a few kilobytes, from whoever is on the network."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from raypp.errors import MediaError
from raypp.text.printable import printable

MOST_BYTES = 1 << 20
_MOST_TEXT = 300


def parse_document(content: bytes) -> Element:
    """Parse an answer.

    Raises:
        MediaError: if it is larger than `MOST_BYTES`, no XML, or declares entities or a document type.
    """
    if len(content) > MOST_BYTES:
        raise MediaError(f"answers with more than {MOST_BYTES:,} bytes, which no camera needs")
    try:
        return fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise MediaError("answers with XML that declares a document type or entities; it was not read") from None
    except (ParseError, ValueError, RecursionError):
        raise MediaError("answers with what is no XML; is it an ONVIF camera?") from None


def each(root: Element, name: str) -> Iterator[Element]:
    """Yield all elements of a local name, whatever their namespace: cameras differ in these."""
    return (element for element in root.iter() if _local(element) == name)


def first(root: Element, *names: str) -> Element | None:
    """Return the first element under a path of local names; None where there is none."""
    for name in names:
        element = next(each(root, name), None)
        if element is None:
            return None
        root = element
    return root


def text(root: Element, *names: str) -> str:
    """Return the text under a path of local names, as it may be shown; empty where there is none."""
    element = first(root, *names)
    return printable((element.text or "").strip()[:_MOST_TEXT]) if element is not None else ""


def number(root: Element, *names: str) -> float | None:
    """Return a number under a path of local names; None where there is none."""
    try:
        return float(text(root, *names))
    except ValueError:
        return None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
