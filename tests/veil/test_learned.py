"""The learned veil: its encoder stays sealed, its codes are alike for any batch, and another key makes other names."""

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from raypp.errors import KeyFileError, SpecError
from raypp.veil.encoder_file import open_encoder, seal_encoder, spec_and_encoder
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_key, save_site_key
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import LearnedSpec, PatchSpec
from raypp.veil.substitution import every_substitution
from raypp.veil.veil import Veil, open_veil
from tests.veil.networks import small_network

KEY = VeilKey(bytes(range(32)))
NETWORK = small_network()
SPEC = LearnedSpec(channels=6, bits=3, sub_keys=3, encoder=KEY.name_encoder(NETWORK))


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    path = tmp_path / "encoder.veil"
    path.write_bytes(seal_encoder(SPEC, NETWORK, KEY))
    return path


def _frames(count: int = 3) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, 48, 64, 3), dtype=np.uint8)


def test_codes_have_the_specs_shape_and_values_and_do_not_depend_on_the_batch(encoder):
    stream = open_veil(SPEC, KEY, encoder).stream("site", "camera")
    frames = _frames()
    codes = stream.encode(frames)
    assert codes.shape == (3, 6, 6, 8)
    assert codes.max() < SPEC.levels
    assert len(np.unique(codes)) > 3
    assert np.array_equal(codes, np.concatenate([stream.encode(frame[None]) for frame in frames]))
    again = open_veil(SPEC, KEY, encoder).stream("site", "camera")
    assert np.array_equal(codes, again.encode(frames))


def test_each_sub_key_and_each_key_gives_names_of_its_own():
    network = EncoderNetwork(NETWORK)
    levels = network.levels(_frames(1)[0])
    mine, other = every_substitution(SPEC, KEY), every_substitution(SPEC, VeilKey(bytes(32)))
    codes = [substitution.apply(levels) for substitution in (*mine, *other)]
    for index, code_of_sub_key in enumerate(codes):
        assert all(np.mean(code_of_sub_key != later) > 0.3 for later in codes[index + 1 :])
    for substitution, code in zip(mine, codes, strict=False):
        back = np.empty_like(levels)
        for place, source in enumerate(substitution.source):
            back[source] = np.argsort(substitution.names[place])[code[place]]
        assert np.array_equal(back, levels)


def test_a_sites_key_opens_the_encoder_and_gives_the_owners_codes(encoder, tmp_path):
    save_site_key(SiteKey.derive_from(KEY, SPEC, "plant", ["gate"]), tmp_path / "plant.key")
    key = load_key(tmp_path / "plant.key")
    mine = open_veil(SPEC, key, encoder).stream("plant", "gate")
    owners = open_veil(SPEC, KEY, encoder).stream("plant", "gate")
    assert np.array_equal(mine.encode(_frames()), owners.encode(_frames()))
    plain = SiteKey.derive_from(KEY, PatchSpec(), "plant", ["gate"])
    with pytest.raises(KeyFileError, match="was derived for veil"):
        open_veil(SPEC, plain, encoder)


def test_only_its_own_key_opens_an_encoder_and_a_change_is_seen(encoder):
    with pytest.raises(SpecError, match="another key or key epoch, or is damaged"):
        open_veil(SPEC, VeilKey(bytes(32)), encoder)
    with pytest.raises(SpecError, match="another key or key epoch"):
        open_veil(SPEC, KEY.next_epoch(), encoder)
    content = bytearray(encoder.read_bytes())
    content[-1] ^= 1
    encoder.write_bytes(content)
    with pytest.raises(SpecError, match="damaged"):
        open_veil(SPEC, KEY, encoder)
    encoder.write_bytes(encoder.read_bytes()[:40])
    with pytest.raises(SpecError, match="encoder"):
        open_encoder(encoder, SPEC, KEY)


def test_neither_file_nor_spec_shows_the_encoder(encoder):
    content = encoder.read_bytes()
    assert all(NETWORK[start : start + 24] not in content for start in range(0, len(NETWORK) - 24, 8))
    assert SPEC.encoder != KEY.next_epoch().name_encoder(NETWORK)
    network = EncoderNetwork(NETWORK)
    assert repr(network) == "EncoderNetwork(secret)"
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(network)


def test_a_user_names_a_veil_by_spec_or_by_encoder(encoder, tmp_path):
    assert spec_and_encoder(encoder) == (SPEC, encoder)
    (tmp_path / "spec.json").write_bytes(SPEC.canonical())
    assert spec_and_encoder(tmp_path / "spec.json") == (SPEC, None)
    assert spec_and_encoder(None) == (PatchSpec(), None)
    with pytest.raises(SpecError, match="give the encoder file of `raypp fit`"):
        Veil(SPEC, KEY)
    other = SPEC.model_copy(update={"encoder": "0" * 32})
    with pytest.raises(SpecError, match="the veil asks for 0000"):
        open_veil(other, KEY, encoder)
    with pytest.raises(SpecError, match=r"no-encoder\.veil .*No such file"):
        open_veil(SPEC, KEY, tmp_path / "no-encoder.veil")
    with pytest.raises(SpecError, match="cannot be run"):
        EncoderNetwork(b"no network at all")


def test_frames_that_are_no_whole_cells_are_refused(encoder):
    stream = open_veil(SPEC, KEY, encoder).stream("site", "camera")
    with pytest.raises(SpecError, match="no multiple of the patch 8"):
        stream.encode(_frames()[:, :47])
