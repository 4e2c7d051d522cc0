"""What reaches into a range of time, found by indexes: what a long history holds besides is not looked at.

Nothing but a bound on how long a row may last bounds where those begin that reach over the start of a range. So three
ranges of starts are looked at: of rows that last for more than a day, for more than an hour, and of all. Partial
indexes hold the long ones, which are few.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, true

from raypp.ledger.tables import DAY_US, DAYS, HOUR_US, HOURS, Base


def reaching_into(table: Any, site: str | Sequence[str], from_us: int, to_us: int) -> list[ColumnElement[bool]]:
    """List conditions for rows of a site, or some, whose [start_us, end_us) reaches into [from_us, to_us); no bound: 0.

    Each row meets one of them at most; those that meet a later one begin later.
    """
    named = table.site == site if isinstance(site, str) else table.site.in_(site)
    of_site = and_(named, table.start_us < to_us if to_us else true())
    if not from_us:
        return [of_site]
    day_us, hour_us = from_us - DAY_US, from_us - HOUR_US
    over = and_(of_site, table.end_us + 0 > from_us)  # the sum keeps SQLite from an index by ends, half a history
    return [
        and_(over, _lasts(table, DAYS), table.start_us < day_us),
        and_(over, _lasts(table, HOURS), table.start_us >= day_us, table.start_us < hour_us),
        and_(of_site, table.start_us >= hour_us, or_(table.end_us > from_us, table.start_us == from_us)),
    ]


def ending_last(table: Any, site: str, begun_us: int) -> list[ColumnElement[bool]]:
    """List conditions of which the row of a site that ends last meets one; `begun_us` is when the last one begins."""
    return [
        and_(table.site == site, table.start_us >= begun_us - HOUR_US),
        and_(table.site == site, table.start_us >= begun_us - DAY_US, _lasts(table, HOURS)),
        and_(table.site == site, _lasts(table, DAYS)),
    ]


def _lasts(table: type[Base], condition: str) -> ColumnElement[bool]:
    """Return a partial index's condition as it stands there: a database compares the texts, not the values."""
    name = table.__tablename__
    return literal_column(condition.replace("end_us", f"{name}.end_us").replace("start_us", f"{name}.start_us"))


def reaches_into(table: Any, from_us: int | None, to_us: int | None) -> ColumnElement[bool]:
    """The condition for rows whose [start_us, end_us) reaches into [from_us, to_us); no bound: None, or 0."""
    conditions: list[ColumnElement[bool]] = [true()]
    if from_us:
        conditions.append(or_(table.end_us > from_us, table.start_us == from_us))
    if to_us:
        conditions.append(table.start_us < to_us)
    return and_(*conditions)
