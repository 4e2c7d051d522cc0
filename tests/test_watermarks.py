"""The search for what may have been left finds each secret wherever it lies."""

from raypp.veil.key import VeilKey
from tests.serving.bundles import SPEC
from tests.watermarks import places_with, secrets_of


def test_each_secret_is_found_amid_zeros_and_nothing_else_is(tmp_path):
    needles = secrets_of(VeilKey.generate(), SPEC, "plant", ["gate"])
    place = tmp_path / "memory"
    for before in (0, 1, 4096):
        for name, needle in needles.items():
            place.write_bytes(bytes(before) + needle + bytes(64))
            assert f"{name} in {place}" in places_with([place], {name: needle})
    place.write_bytes(bytes(1 << 20))
    assert places_with([place], needles) == []
