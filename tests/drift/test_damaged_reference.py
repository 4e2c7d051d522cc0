import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from raypp.drift.reference_file import read_reference
from raypp.errors import OptionError

_WORDS = "is no reference of drift, or damaged"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_anywhere_is_said_in_one_line(save, tmp_path: Path) -> None:
    path, chance = tmp_path / "drift.npz", random.Random(5)
    save(path, **{"header": np.array("{}"), "0/table/a": np.arange(200, dtype=np.float32)})
    whole = path.read_bytes()
    for _ in range(600):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 4))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged))
        with pytest.raises(OptionError, match=_WORDS):
            read_reference(path)


def test_a_damaged_deflated_part_is_told(tmp_path: Path) -> None:
    path = tmp_path / "drift.npz"
    np.savez_compressed(path, header=np.array("{" + " " * 5000))
    with zipfile.ZipFile(path) as archive:
        start = archive.infolist()[0].header_offset + 60
    content = bytearray(path.read_bytes())
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(content))
    with pytest.raises(OptionError, match=_WORDS):
        read_reference(path)
