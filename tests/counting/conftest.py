"""A detector with random weights that counts what it takes for crystals, and images of crystals."""

from pathlib import Path

import pytest

from raypp.demo.micrographs.dataset import MicrographSettings, write_micrographs
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.serving.bundles import SPEC, write_eager_bundle


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `owner.key`, `eager.model` and `micrographs`."""
    place = tmp_path_factory.mktemp("counting")
    key = VeilKey.generate()
    save_owner_key(key, place / "owner.key")
    write_eager_bundle(place / "eager.model", veil_id=key.veil_id(SPEC), classes=("crystal", "agglomerate"))
    write_micrographs(MicrographSettings(place / "micrographs", train=1, val=4, test=2))
    return place
