"""The manifest of a research tool, `tool.yaml`: what it reads, what it takes, and all that it may give out."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from raypp.errors import ContentError, OptionError
from raypp.io.settings_file import as_model
from raypp.io.yaml import read_yaml
from raypp.sandbox.limits import SandboxLimits

MANIFEST = "tool.yaml"
FORM = "see docs/how-to/tool-platform.md for the form"
_MOST_LEVELS = 1 << 40
_MOST_ROWS = 10_000


def matching(pattern: str, words: str) -> AfterValidator:
    """Return a validator of texts; what is not as the pattern has it "must be" what the words say."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"must be {words}")
        return text

    return AfterValidator(check)


Word = Annotated[
    str, matching("[A-Za-z0-9][A-Za-z0-9 ._+-]{0,99}", "1 to 100 letters, digits, blanks, '.', '_', '+' and '-'")
]
"""A text that may stand in a table: nothing that a spreadsheet or a terminal takes for more than text."""
Identifier = Annotated[str, matching("[a-z][a-z0-9_]{0,39}", "1 to 40 small letters, digits and '_'")]


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value) > 10**15 or int(value.as_tuple().exponent) < -9:
        raise ValueError("must be a number between -1e15 and 1e15 with at most 9 decimal places")
    return value


Number = Annotated[Decimal, AfterValidator(_finite)]


class Reads(StrEnum):
    """Name what a tool reads."""

    DETECTIONS = "detections"
    CODES = "codes"
    COUNTS = "counts"
    PLAIN = "plain"


class NamesOf(StrEnum):
    """Name whose names a column may hold: those that the data have, which their owner knows."""

    SITES = "sites"
    CAMERAS = "cameras"
    STATIONS = "stations"
    TOOLS = "tools"
    CLASSES = "classes"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberRange(_Strict):
    """Numbers from `least` to `most`, rounded to steps from `least` on."""

    least: Number = Field(description="the smallest")
    most: Number = Field(description="the largest")
    step: Number = Field(gt=0, description="numbers are rounded to the next of these steps")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.most < self.least:
            raise ValueError("most is below least")
        if self.levels > _MOST_LEVELS:
            raise ValueError(f"a range of {self.levels:,} steps is more than {_MOST_LEVELS:,}: choose a larger step")
        return self

    @property
    def levels(self) -> int:
        """How many different numbers there are."""
        return int((self.most - self.least) / self.step) + 1

    def rounded(self, value: Decimal) -> Decimal | None:
        """Return the nearest step, or None for a number that is out of the range."""
        if not self.least <= value <= self.most:
            return None
        index = min(int((value - self.least) / self.step + Decimal("0.5")), self.levels - 1)
        return self.least + index * self.step


class Choices(_Strict):
    """One of some texts."""

    choices: tuple[Word, ...] = Field(min_length=1, max_length=1000, description="the texts")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("two choices are the same")
        return self


class NamedColumn(_Strict):
    """A name that stands in the data."""

    names: NamesOf = Field(description="of sites, cameras, stations, tools or classes")


class NumberParameter(NumberRange):
    """A parameter that is a number; a value that is no step is refused."""

    default: Number = Field(description="where none is given")


class ChoiceParameter(Choices):
    """A parameter that is one of some texts."""

    default: Word = Field(description="where none is given")


def _kind(value: object) -> str:
    """Name the kind that a column or parameter is to be, by its fields."""
    fields: object = (
        value if isinstance(value, dict) else type(value).model_fields if isinstance(value, _Strict) else ()
    )
    return next((name for name in ("choices", "names") if name in fields), "number")  # type: ignore[operator]


Column = Annotated[
    Annotated[NumberRange, Tag("number")] | Annotated[Choices, Tag("choices")] | Annotated[NamedColumn, Tag("names")],
    Discriminator(_kind),
]
Parameter = Annotated[
    Annotated[NumberParameter, Tag("number")] | Annotated[ChoiceParameter, Tag("choices")], Discriminator(_kind)
]


class OutputTable(_Strict):
    """A table that a tool writes, as CSV, to `/out/NAME.csv`."""

    rows: int = Field(ge=1, le=_MOST_ROWS, description="rows at most")
    cell: Identifier = Field(description="the column that counts what a row stands for; small counts stay inside")
    columns: dict[Identifier, Column] = Field(min_length=1, max_length=50, description="all columns, in their order")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        column = self.columns.get(self.cell)
        if not isinstance(column, NumberRange) or column.step != column.step.to_integral_value():
            raise ValueError(f"cell {self.cell} must be a column of whole numbers")
        if column.least != column.least.to_integral_value() or column.least < 0:
            raise ValueError(f"cell {self.cell} counts: its least must be a whole number from 0")
        return self


class ToolManifest(_Strict):
    """All that a tool states of itself."""

    schema_: Literal[1] = Field(alias="schema", description="version of this form")
    name: Annotated[str, matching("[a-z0-9][a-z0-9-]{0,39}", "1 to 40 small letters, digits and '-'")] = Field(
        description="small letters, digits and -"
    )
    version: Annotated[
        str, matching("[0-9A-Za-z][0-9A-Za-z.+-]{0,39}", "1 to 40 letters, digits, '.', '+' and '-'")
    ] = Field(description="a text, such as '1.0'; one changed byte of the tool needs another")
    summary: str = Field(min_length=1, max_length=300, description="what it is for, in one line")
    entry: Annotated[str, matching(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\.py", "a file that ends in .py")] = Field(
        description="the Python file that is run"
    )
    reads: Reads = Field(description="detections, codes, counts or plain")
    parameters: dict[Identifier, Parameter] = Field(
        default_factory=dict, max_length=50, description="what a user may choose"
    )
    writes: dict[Identifier, OutputTable] = Field(min_length=1, max_length=20, description="tables by name")
    resources: SandboxLimits = Field(default_factory=SandboxLimits, description="what it needs")
    wheels: dict[Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._+-]*\.whl", "a file that ends in .whl")], str] = (
        Field(default_factory=dict, max_length=50, description="SHA-256 of each file in `wheels/`, by name")
    )

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """NamedColumn of the files that it writes."""
        return tuple(f"{name}.csv" for name in self.writes)

    def arguments(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the values of all parameters as text.

        Args:
            given: values by the names of parameters; the others have their defaults.

        Raises:
            OptionError: naming an unknown parameter, or a value that is out of its range.
        """
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise OptionError(f"`parameter` {name} is none of tool {self.label}; it has {known}")
        return {name: _argument(name, which, given.get(name)) for name, which in self.parameters.items()}


def read_tool_manifest(content: bytes, where: str) -> ToolManifest:
    """Read a manifest.

    Args:
        content: of the file.
        where: its name, for messages.

    Raises:
        OptionError: naming the field and what is wrong.
    """
    try:
        document = read_yaml(content)
    except ContentError as error:
        raise OptionError(f"{where} {error}; {FORM}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema != 1:
        raise OptionError(f"{where}: schema {schema} is of another raypp; this one reads schema 1")
    return as_model(ToolManifest, document, where, FORM)


def _argument(name: str, which: NumberParameter | ChoiceParameter, given: str | None) -> str:
    if isinstance(which, ChoiceParameter):
        value = which.default if given is None else given
        if value not in which.choices:
            raise OptionError(f"`parameter` {name}={value} is none of {', '.join(which.choices)}")
        return value
    try:
        number = which.default if given is None else Decimal(given)
    except ArithmeticError:
        raise OptionError(f"`parameter` {name}={given} is no number") from None
    if not number.is_finite() or which.rounded(number) != number:
        raise OptionError(
            f"`parameter` {name}={number} is out of its range; give {which.least} to {which.most} in steps of "
            f"{which.step}"
        )
    return plain_number(number)


def plain_number(number: Decimal) -> str:
    """Return a number as text, without exponent and without zeros at its end."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
