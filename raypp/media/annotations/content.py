"""The content of label documents: read whole, within bounds, as text, JSON or XML."""

import codecs
import json
from typing import Any

from raypp.errors import LabelError
from raypp.media.files import open_source

MOST_TEXT = 16 << 20
MOST_DOCUMENT = 1 << 30
MOST_XML = 256 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PASSED_BY = frozenset(["segmentation", "counts", "keypoints"])


def read_document_text(url: str, most_bytes: int = MOST_TEXT) -> str:
    """Read a text file, UTF-8 or with the mark of UTF-16, without its mark.

    Raises:
        LabelError: if it is larger, or no such text.
        SourceReadError: if it cannot be read.
    """
    return decode_document(read_bytes(url, most_bytes), url)


def decode_document(content: bytes, url: str) -> str:
    """Return the text that bytes are in UTF-8 or, marked as such, UTF-16; raises LabelError."""
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise LabelError(f"label file {url} is no UTF-8 text; export it again") from None


def read_bytes(url: str, most_bytes: int = MOST_DOCUMENT) -> bytes:
    """Read a file whole; raises LabelError if it is larger, SourceReadError if it cannot be read."""
    stream = open_source(url)
    try:
        if stream.size > most_bytes:
            raise LabelError(
                f"label file {url} has {stream.size / 1e6:.0f} MB, and at most {most_bytes / 1e6:.0f} MB are read; "
                "export it in parts, each beside its images"
            )
        return stream.read(stream.size)
    finally:
        stream.close()


def read_head(url: str, count: int = 4096) -> bytes:
    """Read the first bytes of a file; raises SourceReadError if it cannot be read."""
    stream = open_source(url)
    try:
        return stream.read(count)
    finally:
        stream.close()


def parse_json(content: bytes, url: str) -> Any:
    """Parse JSON; of annotations with a box, what is large beside it is let go at once.

    Raises:
        LabelError: if it is no JSON.
    """
    try:
        return json.loads(decode_document(content, url), object_hook=_slim)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else "nested too deeply"
        raise LabelError(f"{url} is no JSON ({reason}); export it again") from None


def _slim(entry: dict[str, Any]) -> dict[str, Any]:
    if entry.get("bbox"):
        for name in _PASSED_BY & entry.keys():
            del entry[name]
    return entry


def parse_xml(content: bytes, url: str) -> Any:
    """Parse XML without entities, which labels never need.

    Raises:
        LabelError: if it is no XML, or defines entities.
    """
    # Few need it, and none at a site: loaded where there is XML.
    from defusedxml import DefusedXmlException  # noqa: PLC0415
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415

    try:
        return fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise LabelError(f"{url} is no XML ({error}); export it again") from None
    except (DefusedXmlException, ValueError):
        raise LabelError(
            f"{url} defines its own type or entities, which no label document needs; export it again"
        ) from None
