"""Rows of CSV files that name their columns in the first line."""

import csv
from collections.abc import Collection
from pathlib import Path

from raypp.errors import OptionError


def read_csv_rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Read the rows of a CSV in UTF-8, each as its cells by column; row 0 is on line 2.

    Args:
        path: the file.
        columns: those that it must have, among others.

    Raises:
        OptionError: naming the file, if it cannot be read, is no CSV, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            rows = [] if missing else list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "no CSV in UTF-8"
        raise OptionError(f"{path}: {reason}; give a CSV file with the columns {', '.join(columns)}") from None
    if missing:
        raise OptionError(f"{path} has no column {missing[0]}; it needs {', '.join(columns)}")
    return rows
