"""Parquet files, read on the thread that asks.

Arrow reads ahead on threads of its own, and a process that ends while one of those starts is aborted with status 134
instead of its own (apache/arrow#34314), which on a busy machine happens to every third command of a second or two.
"""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ENCRYPTED_MAGIC = b"PARE"


def open_parquet(source: Any, decryption: Any = None, *, ahead: bool = False) -> pq.ParquetFile:
    """Open a Parquet file; read it with `use_threads=False`.

    Args:
        source: a path, or an open file.
        decryption: properties to decrypt it by, or None.
        ahead: whether Arrow may read ahead on its own threads, which a store far away needs.
    """
    return pq.ParquetFile(source, decryption_properties=decryption, pre_buffer=ahead)


def is_encrypted(content: bytes) -> bool:
    """Whether a whole Parquet file is encrypted."""
    return content[:4] == _ENCRYPTED_MAGIC


def parquet_table(content: bytes, decryption: Any = None) -> pa.Table:
    """Return what a whole Parquet file holds; `decryption` is for one that is encrypted."""
    properties = decryption if is_encrypted(content) else None
    return open_parquet(io.BytesIO(content), properties).read(use_threads=False)
