"""Veiling with a learned veil: the encoder file is all that `raypp veil` needs besides the key."""

from pathlib import Path

import numpy as np
import pytest

from raypp.compare.images import LabelledImage, letterboxed
from raypp.geometry.boxes import Box
from raypp.shards.reader import ShardReader
from raypp.veil.encoder_file import seal_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.packing import unpack
from raypp.veil.spec import LearnedSpec
from raypp.veil.substitution import every_substitution
from raypp.veil.veil import open_veil
from tests.command import archive_bytes, raypp, succeed
from tests.veil.networks import small_network
from tests.videos import make_dataset

_KEY = VeilKey(bytes(range(32)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    save_owner_key(_KEY, place / "owner.key")
    network = small_network()
    spec = LearnedSpec(channels=6, bits=3, sub_keys=2, encoder=_KEY.name_encoder(network))
    (place / "encoder.veil").write_bytes(seal_encoder(spec, network, _KEY))
    (place / "spec.json").write_bytes(spec.canonical())
    make_dataset(place / "tools", count=4)
    return place


def _veil(place: Path, out: str, *options: object) -> tuple[object, ...]:
    return (
        "veil",
        place / "tools",
        "--out",
        place / out,
        "--key",
        place / "owner.key",
        "--size",
        96,
        "--on",
        "local",
        *options,
    )


def test_shards_hold_what_the_encoder_gives_and_are_the_same_again(place):
    for out in ("one", "two"):
        succeed(*_veil(place, out, "--spec", place / "encoder.veil"))
    assert archive_bytes(place / "one") == archive_bytes(place / "two")
    reader = ShardReader(str(place / "one"), None)
    spec = LearnedSpec.model_validate(reader.header.spec)
    veil = open_veil(spec, _KEY, place / "encoder.veil")
    assert reader.header.veil_id == veil.veil_id
    levels = set()
    for image in sorted((place / "tools").rglob("*.jpg")):
        _, pixels = letterboxed(LabelledImage(image, image.name, tuple[Box, ...]()), 96, spec.patch)
        own = veil._network.levels(pixels)
        levels |= {substitution.apply(own).tobytes() for substitution in every_substitution(spec, _KEY)}
    shape = (spec.channels, *own.shape[1:])
    codes = [unpack(packed, shape, spec.bits) for batch in reader.iterate() for packed in batch.column("code")]
    assert len(codes) == 4
    assert all(code.tobytes() in levels for code in codes)
    assert all(len(np.unique(code)) > 2 for code in codes)


def test_on_a_torch_device_codes_differ_at_most_on_the_edge_between_two_levels(place):
    codes = []
    for out, options in (("by-onnxruntime", ()), ("by-torch", ("--device", "cpu"))):
        succeed(*_veil(place, out, "--spec", place / "encoder.veil", *options))
        reader = ShardReader(str(place / out), None)
        rows = sorted(
            (sample, unpack(packed, (6, 9, 12), 3))
            for batch in reader.iterate()
            for sample, packed in zip(batch.column("sample_id"), batch.column("code"), strict=True)
        )
        codes.append(np.stack([code for _, code in rows]))
    assert codes[0].shape == codes[1].shape == (4, 6, 9, 12)
    assert np.mean(codes[0] != codes[1]) < 0.01


def test_what_cannot_be_is_said_in_one_line(place):
    for options, message in (
        (("--spec", place / "spec.json"), "a spec alone cannot veil; give the encoder file of `raypp fit`"),
        (("--spec", place / "encoder.veil", "--device", "gpu9"), "--device 'gpu9': torch has no such device here"),
        (("--spec", place / "tools"), "Is a directory"),
    ):
        done = raypp(*_veil(place, "none", *options))
        assert done.returncode, done.stderr
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (place / "none").exists()
