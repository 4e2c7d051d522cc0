"""A retention policy: what is kept where for how long, as `retention.yaml` says it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from raypp.errors import KeyFileError, OptionError
from raypp.io.filesystem import is_url
from raypp.io.settings_file import Model, as_model, read_settings_file
from raypp.key_sources.place import key_place
from raypp.ledger.tables import DAY_US
from raypp.ledger.times import parse_duration

_FORM = "see docs/how-to/retention-policy.md for the form"
_MOST_RULES = 1000


class Action(StrEnum):
    """Done with what is older."""

    FORGET = "forget"
    """It is forgotten for good."""
    REPORT = "report"
    """It is counted, and stays."""


def _age(text: str) -> str:
    try:
        too_short = parse_duration(text, "age") < DAY_US
    except OptionError:
        raise ValueError("must be a number and d or w, such as 400d, and at most 36600d") from None
    if too_short:
        raise ValueError("must be 1d at least")
    return text


class _Rule(BaseModel):
    """One rule; ages are a number and a unit, such as 400d."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    age: Annotated[str, AfterValidator(_age)] = Field(description="how long it is kept, 1d at least, such as 400d")
    action: Action = Field(description="forget, or report: count, and change nothing")

    @property
    def age_us(self) -> int:
        """The age in microseconds."""
        return parse_duration(self.age, "age")


class ArchiveRule(_Rule):
    """Frames of an archive, by the time at which they were captured."""

    kind: Literal["archive"] = Field(description="a veiled archive")
    archive: str = Field(min_length=1, description="its folder or URL")
    key: str = Field(min_length=1, description="the owner's key: its file, or the URL of its source")
    data_key: str | None = Field(None, min_length=1, description="data key of an encrypted archive")
    private: Path | None = Field(None, description="the owner's side of it (default: ARCHIVE-private)")
    site: str | None = Field(None, description="only this site")
    camera: str | None = Field(None, description="only this camera, with its views")

    @property
    def place(self) -> str:
        """The archive, for people."""
        return self.archive


class LedgerRule(_Rule):
    """All that a ledger holds of frames, by whole weeks."""

    kind: Literal["ledger"] = Field(description="a ledger, of all sites")
    ledger: str = Field(min_length=1, repr=False, description="its URL, or a settings file with `ledgers`")

    @property
    def place(self) -> str:
        """The ledger, for people."""
        return self.ledger


_KINDS: dict[str, type[BaseModel]] = {"archive": ArchiveRule, "ledger": LedgerRule}

RetentionRule = Annotated[ArchiveRule | LedgerRule, Field(discriminator="kind")]


class RetentionPolicy(BaseModel):
    """A whole policy; its rules are done one after another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[RetentionRule, ...] = Field(min_length=1, max_length=_MOST_RULES, description="what is kept how long")


def load_policy(path: Path) -> RetentionPolicy:
    """Read a policy from YAML or JSON; paths in it start at its folder.

    Raises:
        OptionError: naming the file, the rule, the field and what is wrong.
    """
    document = read_settings_file(path, "policy", _FORM)
    rules = document.get("rules") if isinstance(document, dict) else None
    for number, rule in enumerate(rules if isinstance(rules, list) else (), 1):
        kind = rule.get("kind") if isinstance(rule, dict) else None
        model = _KINDS.get(kind) if isinstance(kind, str) else None
        if model is None:
            raise OptionError(f"policy {path}, rule {number}: kind must be {' or '.join(_KINDS)}; {_FORM}")
        _validated(model, rule, f"policy {path}, rule {number}")
    policy = _validated(RetentionPolicy, document, f"policy {path}")
    folder = path.absolute().parent
    placed = (_placed(rule, folder, f"policy {path}, rule {number}") for number, rule in enumerate(policy.rules, 1))
    return RetentionPolicy(rules=tuple(placed))


def _validated(model: type[Model], document: object, where: str) -> Model:
    return as_model(model, document, where, _FORM, values=False)  # a ledger's URL may hold its password


def _placed(rule: ArchiveRule | LedgerRule, folder: Path, where: str) -> ArchiveRule | LedgerRule:
    """Return a rule whose paths are from the root; URLs stay as they are."""
    if isinstance(rule, LedgerRule):
        is_file = not is_url(rule.ledger) and rule.ledger.endswith((".yaml", ".yml"))
        if not is_file and not is_url(rule.ledger):
            raise OptionError(
                f"{where}: ledger is no URL and no settings file .yaml; give sqlite:///PATH or "
                "postgresql+psycopg://USER@HOST/NAME"
            )
        return rule.model_copy(update={"ledger": str(folder / rule.ledger)}) if is_file else rule
    placed = {} if is_url(rule.archive) else {"archive": str(folder / rule.archive)}
    for name in ("key", "data_key"):
        value = getattr(rule, name)
        try:
            place = None if value is None else key_place(value)
        except KeyFileError as error:
            raise OptionError(f"{where}: {name}: {error}") from None
        if isinstance(place, Path):
            placed[name] = str(folder / place)
    private = None if rule.private is None else folder / rule.private
    return rule.model_copy(update={**placed, "private": private})
