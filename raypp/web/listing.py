"""A table that its reader filters, sorts and pages through, by the address alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from raypp.errors import OptionError
from raypp.text.wording import counted
from raypp.web.site_heading import SiteView
from raypp.web.values import Chip, Pager

PAGE_ROWS = 100

Filters: TypeAlias = Mapping[str, tuple[str, Sequence[tuple[str, str]]]]
"""By name: a label, and values with their texts."""
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Heading:
    """Heading of a column; `address` sorts by it, empty where nothing does.

    Attributes:
        text: its name.
        numeric: whether its cells are numbers.
        address: what sorts by it, or turns the order.
        order: ascending or descending, where it is sorted by; else none.
    """

    text: str
    numeric: bool = False
    address: str = ""
    order: str = "none"


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a filter may have."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A field of the form that filters."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ListForm:
    """How a table is filtered.

    Attributes:
        address: of the page.
        kept: further fields of its address by name.
        filters: fields of the form.
        active: filters that are set; each leads to the page without it.
    """

    address: str
    kept: tuple[tuple[str, str], ...]
    filters: tuple[Filter, ...]
    active: tuple[Chip, ...]


@dataclass(frozen=True)
class ListedTable(Generic[_Row]):
    """One page of a table.

    Attributes:
        count: how many rows there are, and of how many, in words.
        headings: of the columns.
        rows: of this page.
        form: how they are filtered.
        pager: where one is.
    """

    count: str
    headings: tuple[Heading, ...]
    rows: tuple[_Row, ...]
    form: ListForm
    pager: Pager


@dataclass(frozen=True, slots=True)
class Choice:
    """Filters, order and page of a table, as an address asks for them.

    Attributes:
        view: the site and the period.
        values: filters that are set, by name.
        sort: name of the column to sort by.
        descending: whether the largest comes first.
        page: from 1.
        anchor: id of the table.
    """

    view: SiteView
    values: Mapping[str, str]
    sort: str
    descending: bool
    page: int
    anchor: str

    def address(self, page: int | None = None, **changes: str) -> str:
        """Return the address of the page with other fields; None: from its first page on."""
        sort = f"-{self.sort}" if self.descending else self.sort
        fields = {**self.values, "sort": sort, **changes}
        return f"{self.view.here}{self.view.query(page, **fields)}#{self.anchor}"

    def heading(self, text: str, name: str = "", *, numeric: bool = False) -> Heading:
        """Return the heading of a column; `name` sorts by it, numbers with the largest first."""
        if not name:
            return Heading(text, numeric)
        here = name == self.sort
        first = "-" if numeric or name == "start" else ""
        turned = name if self.descending else f"-{name}"
        order = "none" if not here else "descending" if self.descending else "ascending"
        return Heading(text, numeric, self.address(sort=turned if here else f"{first}{name}"), order)

    def form(self, filters: Filters) -> ListForm:
        """Return the form that filters.

        Args:
            filters: by name: a label, and values with their texts.
        """
        kept = {"sort": f"-{self.sort}" if self.descending else self.sort} | self.view.period_fields()
        return ListForm(
            self.view.here,
            tuple(kept.items()),
            tuple(
                Filter(
                    name,
                    label,
                    (
                        Option("", "all", not self.values.get(name)),
                        *(Option(value, text, self.values.get(name) == value) for value, text in options),
                    ),
                )
                for name, (label, options) in filters.items()
            ),
            tuple(
                Chip(
                    f"{label.lower()}: {dict(options).get(self.values[name], self.values[name])} ✕",
                    self.address(None, **{name: ""}),
                )
                for name, (label, options) in filters.items()
                if self.values.get(name)
            ),
        )

    def table(
        self,
        rows: Callable[[slice], Iterable[_Row]],
        count: tuple[str, int, int],
        headings: tuple[Heading, ...],
        filters: Filters,
    ) -> ListedTable[_Row]:
        """Return the page that is asked for.

        Args:
            rows: makes those of a page.
            count: what they are, such as "violation", how many no filter leaves out, and how many there are.
            headings: of the columns.
            filters: as for `form`.
        """
        noun, some, every = count
        pager = self.pager(some)
        return ListedTable(
            counted(some, noun) + (f" of {every:,}" if some < every else ""),
            headings,
            tuple(rows(slice((pager.page - 1) * PAGE_ROWS, pager.page * PAGE_ROWS))),
            self.form(filters),
            pager,
        )

    def pager(self, rows: int) -> Pager:
        """Return where one is among the pages of so many rows."""
        pages = max(1, -(-rows // PAGE_ROWS))
        page = min(self.page, pages)
        links = tuple(
            Chip(text, self.address(other))
            for text, other in (("\u2039 Before", page - 1), ("After \u203a", page + 1))
            if 1 <= other <= pages
        )
        return Pager(page, pages, links)


def read_choice(
    view: SiteView, query: Mapping[str, str], names: Sequence[str], sorts: Sequence[str], page: int, anchor: str
) -> Choice:
    """Read what an address asks of a table; without a sort, the latest begun come first.

    Raises:
        OptionError: for a sort that is none.
    """
    text = query.get("sort") or "-start"
    sort = text.removeprefix("-")
    if sort not in sorts:
        raise OptionError(f"sort {text[:40]!r} is no column; give one of {', '.join(sorts)}, or -{sorts[0]}")
    values = {name: query[name] for name in names if query.get(name)}
    return Choice(view, values, sort, text.startswith("-"), page, anchor)


def known(name: str, value: str | None, values: Sequence[str]) -> str | None:
    """Return the value of a filter that takes only some.

    Raises:
        OptionError: for any other.
    """
    if value is not None and value not in values:
        raise OptionError(f"{name} {value[:40]!r} is none; give one of {', '.join(values)}")
    return value
