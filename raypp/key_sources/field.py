"""The type of a setting that says where a key is."""

from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from raypp.key_sources.place import KeyPlace, key_place


def _absolute(given: object) -> KeyPlace:
    if not isinstance(given, str | Path):
        raise ValueError("a key is given as a path or as the URL of its source")  # noqa: TRY004 - pydantic's own
    return key_place(given).absolute()


AbsoluteKeyPlace = Annotated[KeyPlace, PlainValidator(_absolute), PlainSerializer(str)]
"""A key's file, kept from the root, or the URL of its source."""
