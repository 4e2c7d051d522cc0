"""Packing loses nothing, has the promised size and bit order, and refuses what does not fit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.veil.packing import pack, packed_size, unpack


@given(st.data(), st.integers(1, 8), st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_unpack_undoes_pack(data: st.DataObject, bits: int, shape: list[int]) -> None:
    count = math.prod(shape)
    values = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count))
    codes = np.array(values, dtype=np.uint8).reshape(shape)
    packed = pack(codes, bits)
    assert len(packed) == packed_size(count, bits) == math.ceil(count * bits / 8)
    back = unpack(packed, tuple(shape), bits)
    assert back.dtype == np.uint8
    assert back.flags.writeable
    assert np.array_equal(back, codes)


@given(st.integers(1, 8), st.lists(st.integers(0, 255), max_size=40))
def test_values_follow_each_other_from_the_highest_bit(bits: int, values: list[int]) -> None:
    codes = np.array([value % 2**bits for value in values], dtype=np.uint8)
    text = "".join(f"{value:0{bits}b}" for value in codes)
    text += "0" * (-len(text) % 8)
    assert pack(codes, bits) == bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def test_memory_layout_does_not_matter() -> None:
    codes = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 8
    assert pack(np.asfortranarray(codes), 3) == pack(codes, 3)
    assert pack(codes[:, ::2, ::-1], 3) == pack(codes[:, ::2, ::-1].copy(), 3)


@pytest.mark.parametrize("bits", range(1, 8))
def test_a_value_too_large_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"code value {2**bits} does not fit {bits} bits"):
        pack(np.array([0, 2**bits], dtype=np.uint8), bits)


@pytest.mark.parametrize("bits", [-1, 0, 9])
def test_bits_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"bits is {bits}, must be 1 to 8"):
        pack(np.zeros(1, dtype=np.uint8), bits)
    with pytest.raises(ValueError, match=f"bits is {bits}, must be 1 to 8"):
        unpack(b"", (0,), bits)


@pytest.mark.parametrize("length", [0, 5, 7])
def test_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=rf"{length} packed bytes, but shape \(3, 4\) at 4 bits needs 6"):
        unpack(bytes(length), (3, 4), 4)
