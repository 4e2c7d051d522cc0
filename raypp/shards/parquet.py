"""Parquet files, read on the thread that asks.

Arrow reads ahead on threads of its own, and a process that ends while one of those starts is aborted with status 134
instead of its own (apache/arrow#34314), which on a busy machine happens to every third command of a second or two.
"""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import ContentError

_MOST_FOOTER_BYTES, _MOST_FOOTER_ENTRIES = 16 << 20, 1 << 20
_BATCH_ROWS = 4096
_LEAST_UNPACKED, _MOST_GROWTH = 8 << 20, 100
_ENCRYPTED_MAGIC = b"PARE"


def open_parquet(source: Any, decryption: Any = None, *, ahead: bool = False) -> pq.ParquetFile:
    """Open a Parquet file; read it with `use_threads=False`.

    Args:
        source: a path, or an open file.
        decryption: properties to decrypt it by, or None.
        ahead: whether Arrow may read ahead on its own threads, which a store far away needs.
    """
    return pq.ParquetFile(
        source,
        decryption_properties=decryption,
        pre_buffer=ahead,
        thrift_string_size_limit=_MOST_FOOTER_BYTES,
        thrift_container_size_limit=_MOST_FOOTER_ENTRIES,
    )


def is_encrypted(content: bytes) -> bool:
    """Whether a whole Parquet file is encrypted."""
    return content[:4] == _ENCRYPTED_MAGIC


def parquet_table(content: bytes, decryption: Any = None) -> pa.Table:
    """Return what a whole Parquet file of identities holds, of which each takes some bytes.

    Args:
        content: the file.
        decryption: for one that is encrypted.

    Raises:
        ContentError: if it unpacks to far more than that: a few bytes can stand for billions of rows.
        pyarrow.ArrowException: if it is damaged.
    """
    file = open_parquet(io.BytesIO(content), decryption if is_encrypted(content) else None)
    most = _LEAST_UNPACKED + _MOST_GROWTH * len(content)
    batches: list[pa.RecordBatch] = []
    unpacked = 0
    if file.metadata.num_rows <= len(content):
        for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
            batches.append(batch)
            unpacked += batch.nbytes
            if unpacked > most:
                break
        else:
            return pa.Table.from_batches(batches, file.schema_arrow)
    raise ContentError(f"{len(content):,} bytes of Parquet unpack to far more than such a table holds")
