"""Files of one report in one folder: texts, and tables as Parquet."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import OptionError
from raypp.io.atomic import whole_file, write_parts


def write_texts_and_tables(folder: Path, texts: Mapping[str, str], tables: Mapping[str, pa.Table]) -> list[Path]:
    """Write texts and tables by their names, each whole or not at all; return their paths.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_parts(folder / name, [text])
        for name, table in tables.items():
            with whole_file(folder / name) as part:
                pq.write_table(table, part, compression="zstd")
    except OSError as error:
        raise OptionError(f"`out` {folder}: {error.strerror or error}; name a folder you may write to") from None
    return [folder / name for name in (*texts, *tables)]
