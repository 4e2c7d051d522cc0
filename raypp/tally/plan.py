"""The plan of a tally: who takes part, which figures are asked for, and what is opened of them."""

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.settings_file import as_model, read_settings_file
from raypp.tally.certificate import MOST_CERTIFICATE_BYTES, fingerprint_of
from raypp.text.names import Name

LEAST_PARTIES, MOST_PARTIES = 3, 15
_MOST_CELLS, _MOST_FIGURES = 10_000, 100
_FORM = "see docs/how-to/tally.md for the form"


class Statistic(StrEnum):
    """Name a statistic that may be opened."""

    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    QUARTILES = "quartiles"
    RANK = "rank"


class Source(StrEnum):
    """Name where a party takes its figure from: a report of raypp, or a file of values."""

    GIVEN = "given"
    USES = "uses"
    USE_HOURS = "use_hours"
    PERSON_HOURS = "person_hours"
    VIOLATIONS = "violations"
    VIOLATION_RATE = "violations_per_1000_person_hours"

    @property
    def is_of_safety(self) -> bool:
        """Whether a report on safety has it."""
        return self in {Source.PERSON_HOURS, Source.VIOLATIONS, Source.VIOLATION_RATE}


class TallyFigure(BaseModel):
    """A figure that each party has, or counts in cells; with what is opened of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    source: Source = Field(Source.GIVEN, description="where a party takes it from")
    tool: str | None = Field(None, description="only this tool; of `uses` and `use_hours`")
    most: float = Field(gt=0, le=1e12, description="the largest value that a party may have; the least is 0")
    decimals: int = Field(0, ge=0, le=6, description="decimal places that count")
    open: tuple[Statistic, ...] = Field((Statistic.SUM,), min_length=1, description="what is opened")
    cells: tuple[str, ...] = Field((), max_length=_MOST_CELLS, description="names of counts, summed one by one")
    least_total: int = Field(0, ge=0, description="a cell whose sum is below stays closed")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cells and (self.open != (Statistic.SUM,) or self.decimals):
            raise ValueError("cells are counts, of which only the sum is opened: leave `open` and `decimals` out")
        if len(set(self.cells)) < len(self.cells):
            raise ValueError("two cells have one name")
        if self.least_total and not self.cells:
            raise ValueError("least_total goes with cells")
        if self.tool is not None and (self.cells or self.source not in {Source.USES, Source.USE_HOURS}):
            raise ValueError("tool goes with a single figure of uses or use_hours")
        if self.cells and self.source not in {Source.GIVEN, Source.USES}:
            raise ValueError("cells are given, or uses by tool")
        return self

    @property
    def tells_sums(self) -> bool:
        """Whether a sum over all parties follows from what is opened."""
        return bool({Statistic.SUM, Statistic.MEAN} & {*self.open})

    @property
    def scale(self) -> int:
        """By which a value becomes a whole number."""
        return int(10**self.decimals)

    @property
    def most_units(self) -> int:
        """The largest value as a whole number."""
        return round(self.most * self.scale)


class TallyParty(BaseModel):
    """A party: where it listens, and its certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[str, Field(pattern=r"^[^\s:/]+:\d{1,5}$")] = Field(description="host:port")
    certificate: Path = Field(description="a file of `raypp tally certificate`; from the plan's folder")
    fingerprint: str = Field("", pattern="^([0-9a-f]{64})?$", description="SHA-256 of it; from the file by default")

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The address in two parts."""
        host, _, port = self.address.rpartition(":")
        return host, int(port)


class TallyPlan(BaseModel):
    """A whole plan; every party has the same."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    name: Name
    parties: dict[Name, TallyParty] = Field(
        min_length=LEAST_PARTIES, max_length=MOST_PARTIES, description="in the order that all have"
    )
    from_: str | None = Field(None, alias="from", description="local time at which reports begin, ISO 8601")
    to: str | None = Field(None, description="local time at which they end")
    least: int = Field(LEAST_PARTIES, ge=LEAST_PARTIES, description="a figure of fewer parties stays closed")
    least_coverage: float = Field(0.0, ge=0, le=1, description="a party that observed less has no figure")
    figures: tuple[TallyFigure, ...] = Field(min_length=1, max_length=_MOST_FIGURES)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [figure.name for figure in self.figures]
        if len(set(names)) < len(names):
            raise ValueError("two figures have one name")
        for cells in (each for each in self.figures if each.cells and each.least_total):
            for whole in self.figures:
                if whole is not cells and whole.tells_sums and whole.source is cells.source is not Source.GIVEN:
                    raise ValueError(f"the sum of {whole.name} would tell what closed cells of {cells.name} hold")
        if len({party.fingerprint for party in self.parties.values()}) < len(self.parties):
            raise ValueError("two parties have one certificate")
        if len({party.address for party in self.parties.values()}) < len(self.parties):
            raise ValueError("two parties have one address")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what the plan says, whatever its file looks like; 64 hex digits."""
        values = self.model_dump(mode="json", exclude={"parties": {"__all__": {"certificate"}}})
        values["parties"] = list(values["parties"].items())  # their order counts
        return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def number(self, party: str) -> int:
        """Return the number of a party in the plan's order; raises OptionError if it is none."""
        if party not in self.parties:
            raise OptionError(f"`party` {party} is no party of the plan; it has {', '.join(self.parties)}")
        return list(self.parties).index(party)

    def warnings(self) -> tuple[str, ...]:
        """Say what of a small group's figures would tell more than it seems."""
        lines = []
        parties = len(self.parties)
        for figure in self.figures:
            if Statistic.MEDIAN in figure.open and parties < 5:
                lines.append(f"{figure.name}: the median of {parties} may be the very figure of one of them")
            if Statistic.QUARTILES in figure.open and parties < 8:
                lines.append(f"{figure.name}: quartiles of {parties} tell most of their figures, if not whose they are")
            if figure.tells_sums and parties == LEAST_PARTIES:
                lines.append(f"{figure.name}: of a sum of three, two who work together know the third's")
        return tuple(lines)


def load_tally_plan(path: Path) -> TallyPlan:
    """Read a plan from YAML or JSON; certificates start at its folder.

    Raises:
        OptionError: naming the file, the field and what is wrong.
    """
    document = read_settings_file(path, "plan", _FORM)
    parties = document.get("parties") if isinstance(document, dict) else None
    for party in parties.values() if isinstance(parties, dict) else ():
        if isinstance(party, dict) and isinstance(party.get("certificate"), str):
            party["certificate"] = str(path.absolute().parent / party["certificate"])
            party["fingerprint"] = _checked_fingerprint(Path(party["certificate"]), party.get("fingerprint"))
    return as_model(TallyPlan, document, f"plan {path}", _FORM)


def _checked_fingerprint(path: Path, stated: object) -> str:
    try:
        fingerprint = fingerprint_of(read_content(path, MOST_CERTIFICATE_BYTES), path)
    except ContentError as error:
        raise OptionError(f"certificate {path} {error}; get the file from its party") from None
    if stated not in {None, "", fingerprint}:
        raise OptionError(f"certificate {path} is not the one that the plan states; ask its party for the right one")
    return fingerprint
