import io
import random
import zipfile

import pytest

from raypp.errors import OptionError
from raypp.toolbox.wheels import unpack_wheels


def _archive(method):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name in ("a/x.py", "a/y.py", "b.txt"):
            archive.writestr(name, f"a line of {name}\n" * 30)
    return content.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_anywhere_in_a_wheel_is_said_in_one_line(method, tmp_path):
    whole, chance, messages = _archive(method), random.Random(7), []
    for number in range(1500):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 4))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if not chance.randrange(10):
            del damaged[chance.randrange(len(damaged)) :]
        try:
            unpack_wheels({"some.whl": bytes(damaged)}, tmp_path / str(number))
        except OptionError as error:
            messages.append(str(error))
    assert len(messages) > 500
    assert all("some.whl" in message or "when they are unpacked" in message for message in messages)
    assert all("\n" not in message for message in messages)


def test_a_wheel_that_cannot_be_written_is_not_called_damaged(tmp_path):
    (tmp_path / "a").write_text("a file in the place of a folder")
    with pytest.raises(OptionError, match=r"'a/x\.py' cannot be unpacked to .*: (Not a directory|File exists)"):
        unpack_wheels({"some.whl": _archive(zipfile.ZIP_STORED)}, tmp_path)
