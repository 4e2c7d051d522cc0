"""Values of pages whose every text is hostile, and what is left of a page's structure."""

import dataclasses
from enum import Enum

from pydantic import BaseModel

from tests.web.pages import Page

NASTY = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"' onload='x' &\u202e"


def with_names(value, name):
    """Return a value of a page with every text in it replaced by one."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return name
    if isinstance(value, BaseModel):
        return value.model_copy(update={key: with_names(part, name) for key, part in value})
    if dataclasses.is_dataclass(value):
        parts = {field.name: with_names(getattr(value, field.name), name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **parts)
    if isinstance(value, tuple | list):
        return type(value)(with_names(part, name) for part in value)
    if isinstance(value, dict):
        return {with_names(key, name): with_names(part, name) for key, part in value.items()}
    return value


def shape(text):
    return [(tag, sorted(attributes)) for tag, attributes in Page(text).elements]
