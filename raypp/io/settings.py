"""Base of the settings that people write in Python, and the types of their paths."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from raypp.errors import OptionError
from raypp.io.filesystem import is_url
from raypp.io.problems import problems


class FrozenSettings(BaseModel):
    """Settings that do not change once they are made.

    Raises:
        OptionError: if a field is missing, unknown, or of a type that it cannot have; it names the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            sentences = problems(error, type(self), fields)
            quoted = "; ".join(re.sub(r"^\w+", r"`\g<0>`", sentence) for sentence in sentences)
            raise OptionError(f"{type(self).__name__}: {quoted}") from None


def absolute_place(place: str) -> str:
    """Return a place as workers find it, whatever folder they run in: a path from the root, or a URL as it is."""
    return place if is_url(place) else str(Path(place).absolute())


AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""A path, kept from the root: workers run in other folders."""
Place = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, Path) else given)]
"""A folder or a URL, given as text or as a path."""
AbsolutePlace = Annotated[Place, AfterValidator(absolute_place)]
"""A folder, kept from the root, or a URL."""
AbsolutePlaces = Annotated[
    tuple[AbsolutePlace, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str | Path) else given)
]
"""Places, each kept from the root; one alone needs no list."""
