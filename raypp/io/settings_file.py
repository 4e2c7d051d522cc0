"""Settings files that people write, as YAML or JSON: read and checked in one way, with each fault named."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.problems import joined, problems
from raypp.io.yaml import MOST_BYTES, read_yaml

Model = TypeVar("Model", bound=BaseModel)


def read_settings_file(path: Path, kind: str, remedy: str, *, as_written: bool = False) -> Any:
    """Read a file of YAML or JSON.

    Args:
        path: the file.
        kind: what to call it in errors, such as `plan`.
        remedy: what to do about them.
        as_written: whether numbers and truth values stay texts.

    Raises:
        OptionError: naming the file, if it cannot be read or is no YAML.
    """
    try:
        return read_yaml(read_content(path, MOST_BYTES), as_written=as_written)
    except ContentError as error:
        raise OptionError(f"{kind} {path} {error}; {remedy}") from None


def as_model(model: type[Model], document: object, where: str, remedy: str, *, values: bool = True) -> Model:
    """Return a document as a model.

    Args:
        model: what it must be.
        document: as it was read.
        where: what to call it in errors, such as its kind and path.
        remedy: what to do about them.
        values: whether errors show what stands there; not where it may be a secret.

    Raises:
        OptionError: naming each field that is wrong.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise OptionError(joined(where, problems(error, model, document, values=values), remedy)) from None
