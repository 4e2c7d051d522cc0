"""Values that several pages show; templates turn them into HTML."""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Crumb:
    """A page above another, or that page itself: its name and address."""

    name: str
    address: str


SITES = Crumb("Sites", "/")
"""The first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Base of all pages.

    Attributes:
        template: its file.
        refreshes: whether it keeps itself fresh.
        title: of the browser's window.
        crumbs: the pages above it in order, itself last.
    """

    template: ClassVar[str]
    refreshes: ClassVar[bool] = True
    title: str
    crumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """There is nothing to show, and what to do; a command, if there is one, ends the text."""

    headline: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words in a colour."""

    text: str
    look: Literal["", "good", "warn", "bad"] = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A link that looks like a button; `here` where it leads to what is shown already."""

    text: str
    address: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Pager:
    """Which of several pages is shown, and the way to those beside it."""

    page: int
    pages: int
    links: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with its name, and what it is of."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Going:
    """A use, or a violation, that has not ended for certain; `open` while its camera still sees it."""

    text: str
    open: bool
