"""Columns of Arrow from buffers: `pyarrow.array` loads pandas where it is installed, which takes a second."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def number_column(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Return numbers [N] as a column of a type of the same width."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def text_column(values: Sequence[str | None]) -> pa.Array:
    """Return texts as a column; None becomes null."""
    written = [(value or "").encode() for value in values]
    offsets = np.array([0, *accumulate(map(len, written))], np.int32)
    present = np.array([value is not None for value in values], bool)
    valid = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(written), [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(written))]
    )


def chosen_texts(values: Sequence[str | None], places: npt.NDArray[Any]) -> pa.Array:
    """Return for each place the text that stands there; places are int8 or int64 [N]."""
    return text_column(values).take(number_column(places, pa.from_numpy_dtype(places.dtype)))


def ascii_column(values: npt.NDArray[np.bytes_]) -> pa.Array:
    """Return texts of ASCII [N], padded with zeros as numpy has them, as a column."""
    lengths = np.char.str_len(values)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    padded = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize)
    written = padded[np.arange(values.dtype.itemsize) < lengths[:, None]]
    return pa.Array.from_buffers(pa.string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(written)])
