"""Keys: nothing secret in any text or pickle; who may veil what; what differs between epochs and cameras."""

import base64
import copy
import dataclasses
import json
import os
import pickle
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypp.errors import KeyFileError
from raypp.veil import keyfile
from raypp.veil.key import HASH_USES, SiteKey, VeilKey, stream_name
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil

SPEC = PatchSpec()
BYTES = bytes((7 * i + 201) % 256 for i in range(32))
KEY = VeilKey(BYTES)
SITE = SiteKey.derive_from(KEY, SPEC, "north", ["rack 1", "rack 2"])
FRAMES = np.random.default_rng(1).integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
VEIL = Veil(SPEC, KEY)
SECRETS = [
    KEY,
    SITE,
    KEY.stream(SPEC, "north", "rack 1"),
    VEIL.stream("north", "rack 1").tables,
]
HOLDERS = [*SECRETS, VEIL, VEIL.stream("north", "rack 1")]
name_of = lambda value: type(value).__name__


def needles(secret: bytes) -> list[str]:
    """Every way in which 32 secret bytes could show in a text."""
    plain = secret[:16]
    return [plain.hex(), repr(plain)[2:-1], base64.b64encode(secret).decode()[:20], str(list(secret[:4]))[1:-1]]


def everything_secret() -> list[str]:
    stream = KEY.stream(SPEC, "north", "rack 1")
    seeds = [BYTES, stream.weights_seed, stream.dither_seed, *(KEY.hash_secret("north", use) for use in HASH_USES)]
    first = VEIL.stream("north", "rack 1").tables.first
    return [needle for seed in seeds for needle in needles(seed)] + [str(first[0, :4].tolist())[1:-1]]


def assert_shows_nothing(text: str) -> None:
    leaked = [needle for needle in everything_secret() if needle in text]
    assert not leaked


@pytest.mark.parametrize("value", HOLDERS, ids=name_of)
@pytest.mark.parametrize("show", [repr, str, format, lambda v: f"{v!a:>20}", lambda v: f"{[v]}"])
def test_no_text_of_a_holder_shows_a_secret(value: Any, show: Callable[[Any], str]) -> None:
    assert_shows_nothing(show(value))


@pytest.mark.parametrize("value", HOLDERS, ids=name_of)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_holds_a_secret_is_pickled(value: Any, protocol: int) -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(value, protocol)


@pytest.mark.parametrize("value", SECRETS, ids=name_of)
def test_secrets_are_neither_copied_nor_written_as_json(value: Any) -> None:
    for spread in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            spread(value)
    with pytest.raises(TypeError):
        json.dumps(value)


def refused_length(tmp_path: Path) -> None:
    VeilKey(BYTES + b"\0")


def refused_epoch(tmp_path: Path) -> None:
    VeilKey(BYTES, -1)


def refused_camera(tmp_path: Path) -> None:
    SITE.stream(SPEC, "north", "rack 9")


def refused_spec(tmp_path: Path) -> None:
    Veil(PatchSpec(bits=2), SITE)


def refused_file(tmp_path: Path) -> None:
    body = {"secret": base64.b64encode(BYTES + b"\0").decode(), "epoch": 0}
    path = tmp_path / "owner.key"
    path.write_text(json.dumps({"kind": keyfile.OWNER_MAGIC, "version": 1, "body": body}))
    path.chmod(0o600)
    keyfile.load_key(path)


def refused_overwriting(tmp_path: Path) -> None:
    keyfile.save_owner_key(KEY, tmp_path / "owner.key")
    keyfile.save_owner_key(KEY, tmp_path / "owner.key")


REFUSALS = [refused_length, refused_epoch, refused_camera, refused_spec, refused_file, refused_overwriting]


@pytest.mark.parametrize("act", REFUSALS)
def test_errors_show_no_secret_not_even_with_their_locals(act: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as caught:
        act(tmp_path)
    assert_shows_nothing(str(caught.value))
    own = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in own.stack if "raypp" in frame.filename and "tests" not in frame.filename]
    assert frames
    assert_shows_nothing("".join(text for frame in frames for text in (frame.locals or {}).values()))


def test_the_public_half_shows_nothing_and_tells_keys_apart() -> None:
    keys = [KEY, KEY.next_epoch(), VeilKey(bytes(32))]
    assert len({key.public_key for key in keys}) == len({key.fingerprint for key in keys}) == 3
    assert len({key.veil_id(SPEC) for key in keys}) == 3
    assert_shows_nothing(KEY.public_key.hex() + KEY.fingerprint + KEY.veil_id(SPEC))


@pytest.mark.parametrize("camera", ["rack 1", "rack 2"])
def test_a_site_key_gives_the_owners_codes_for_its_cameras(camera: str) -> None:
    mine, owners = Veil(SPEC, SITE), VEIL
    assert mine.veil_id == owners.veil_id
    assert np.array_equal(mine.stream("north", camera).encode(FRAMES), owners.stream("north", camera).encode(FRAMES))
    assert all(SITE.hash_secret("north", use) == KEY.hash_secret("north", use) for use in HASH_USES)


def _altered(path: Path, field: str, value: str) -> Path:
    """A key file in which one letter in the middle of a value is another one."""
    middle = len(value) // 2
    other = value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
    text = path.read_text()
    assert text.count(f'"{field}": "{value}"') == 1
    path.write_text(text.replace(f'"{field}": "{value}"', f'"{field}": "{other}"'))
    return path


def test_an_owners_key_file_notices_a_changed_letter_and_a_changed_epoch(tmp_path: Path) -> None:
    for name in ("letter", "epoch"):
        keyfile.save_owner_key(KEY, tmp_path / name)
    _altered(tmp_path / "letter", "secret", base64.b64encode(BYTES).decode())
    text = (tmp_path / "epoch").read_text()
    (tmp_path / "epoch").write_text(text.replace('"epoch": 0', '"epoch": 1'))
    for name in ("letter", "epoch"):
        with pytest.raises(KeyFileError, match=r"was altered since it was written.*; restore it") as caught:
            keyfile.load_key(tmp_path / name)
        assert_shows_nothing(str(caught.value))


def test_a_site_key_file_notices_a_changed_letter(tmp_path: Path) -> None:
    keyfile.save_site_key(SITE, tmp_path / "north.key")
    assert isinstance(keyfile.load_key(tmp_path / "north.key"), SiteKey)
    hashes = json.loads((tmp_path / "north.key").read_text())["body"]["hashes"]
    with pytest.raises(KeyFileError, match="was altered"):
        keyfile.load_key(_altered(tmp_path / "north.key", "pseudonym", hashes["pseudonym"]))


def test_key_files_of_older_versions_which_hold_no_fingerprint_still_open(tmp_path: Path) -> None:
    keyfile.save_owner_key(KEY, tmp_path / "owner.key")
    keyfile.save_site_key(SITE, tmp_path / "north.key")
    for name, field in (("owner.key", "fingerprint"), ("north.key", "digest")):
        document = json.loads((tmp_path / name).read_text())
        del document["body"][field]
        (tmp_path / name).write_text(json.dumps(document))
        loaded = keyfile.load_key(tmp_path / name)
        assert loaded.public_key == KEY.public_key


def test_a_site_key_survives_its_file(tmp_path: Path) -> None:
    keyfile.save_site_key(SITE, tmp_path / "north.key", "a phrase")
    loaded = keyfile.load_key(tmp_path / "north.key", lambda: "a phrase")
    assert isinstance(loaded, SiteKey)
    assert loaded.export() == SITE.export()


def test_a_site_gets_a_camera_more_by_another_key_as_the_refusal_says(tmp_path: Path) -> None:
    path = tmp_path / "north.key"
    keyfile.save_site_key(SITE, path)
    held = path.read_bytes()
    larger = SiteKey.derive_from(KEY, SPEC, "north", [*SITE.cameras, "rack 9"])
    with pytest.raises(KeyFileError, match=r"choose another name .* `cameras`, .* in place of the older one"):
        keyfile.save_site_key(larger, path)
    assert path.read_bytes() == held
    for camera in SITE.cameras:
        assert np.array_equal(
            Veil(SPEC, larger).stream("north", camera).encode(FRAMES),
            Veil(SPEC, SITE).stream("north", camera).encode(FRAMES),
        )


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: SITE.stream(SPEC, "north", "rack 3"), "cannot veil camera rack 3 of site north"),
        (lambda: SITE.stream(SPEC, "south", "rack 1"), "cannot veil camera rack 1 of site south"),
        (lambda: SITE.stream(SPEC, "north", "rack 1", b"image"), "cannot veil still images"),
        (lambda: SITE.hash_secret("south", "identity"), "cannot serve site south"),
        (lambda: Veil(PatchSpec(bits=2), SITE), KEY.veil_id(SPEC) + ", not for " + KEY.veil_id(PatchSpec(bits=2))),
    ],
)
def test_a_site_key_refuses_everything_else(act: Callable[[], object], message: str) -> None:
    with pytest.raises(KeyFileError, match=message):
        act()


def test_a_site_key_holds_neither_the_owners_secret_nor_its_root() -> None:
    held = json.dumps(SITE.export())
    for secret in (BYTES, KEY._root):
        assert not [needle for needle in needles(secret) if needle in held]


def test_epochs_cameras_sites_and_images_differ() -> None:
    def codes(key: VeilKey, site: str, camera: str, image: bytes | None = None) -> bytes:
        return Veil(SPEC, key).stream(site, camera, image).encode(FRAMES).tobytes()

    variants = [
        codes(KEY, "north", "rack 1"),
        codes(KEY.next_epoch(), "north", "rack 1"),
        codes(VeilKey(bytes(32)), "north", "rack 1"),
        codes(KEY, "north", "rack 2"),
        codes(KEY, "south", "rack 1"),
        codes(KEY, "north", "rack 1", b"image"),
        codes(KEY, "north", "rack 1", b"another"),
    ]
    assert len(set(variants)) == len(variants)
    assert codes(KEY, "north", "rack 1") == variants[0]


def test_names_that_join_alike_are_different_streams() -> None:
    names = {stream_name("a", "bc"), stream_name("ab", "c"), stream_name("abc", ""), stream_name("a", "b", b"c")}
    assert len(names) == 4


@pytest.mark.parametrize("count", [1, 2, 4, 7, 64])
def test_streams_spread_over_all_sub_keys(count: int) -> None:
    spec = PatchSpec(sub_keys=count)
    cameras = 40 * count
    used = Counter(KEY.stream(spec, "north", f"rack {camera}").sub_key for camera in range(cameras))
    assert set(used) == set(range(count))
    # Six standard deviations of a fair draw: a chooser with a bias fails, chance does not.
    assert max(used.values()) < 40 + 6 * 40**0.5


def test_streams_of_a_sub_key_share_weights_and_differ_in_dither() -> None:
    spec = PatchSpec(sub_keys=1)
    first, second = (KEY.stream(spec, "north", camera) for camera in ("rack 1", "rack 2"))
    assert first.weights_seed == second.weights_seed
    assert first.dither_seed != second.dither_seed
    other = KEY.stream(spec.model_copy(update={"dither": 3}), "north", "rack 1")
    assert other.weights_seed != first.weights_seed


def test_stream_secrets_are_fixed() -> None:
    again = VeilKey(BYTES).stream(SPEC, "north", "rack 1")
    mine = KEY.stream(SPEC, "north", "rack 1")
    fields = [field.name for field in dataclasses.fields(mine)]
    assert [getattr(again, name) for name in fields] == [getattr(mine, name) for name in fields]


def _site_document() -> dict[str, Any]:
    return {"kind": keyfile.SITE_MAGIC, "version": 1, "body": SITE.export()}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"kind": "raypp-veil-key", "body": ' + b'{"a":' * 100_000,
        b'{"kind": "raypp-veil-key", "version": 1, "body": {"secret": "", "epoch": Infinity}}',
        b'{"kind": "raypp-veil-key", "version": 1, "body": {"secret": "", "epoch": 1e400}}',
        b'{"kind": "raypp-veil-key", "version": 1, "body": {"secret": "%s", "epoch": 1.5}}' % base64.b64encode(BYTES),
        b'{"kind": "raypp-veil-key", "version": 1, "body": {"secret": "%s", "epoch": -1}}' % base64.b64encode(BYTES),
        b'{"kind": "raypp-veil-key", "version": 1, "body": []}',
        b'{"kind": ["raypp-veil-key"]}',
        b'{"kind": "raypp-veil-key", "wrapped": []}',
        json.dumps(_site_document() | {"body": SITE.export() | {"cameras": []}}).encode(),
        json.dumps(_site_document() | {"body": SITE.export() | {"cameras": {"a": []}}}).encode(),
        json.dumps(_site_document() | {"body": SITE.export() | {"hashes": {}}}).encode(),
        json.dumps(_site_document() | {"body": SITE.export() | {"public_key": "00"}}).encode(),
        json.dumps(_site_document() | {"body": SITE.export() | {"site": "\x1b[2J"}}).encode(),
        json.dumps(_site_document() | {"body": SITE.export() | {"spec": 3}}).encode(),
        b"x" * 5_000_000,
    ],
)
def test_a_malformed_key_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"key file .*some\.key") as refused:
        keyfile.load_key(path, lambda: "phrase")
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_key_files_are_found_beside_pipes_which_nothing_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    keyfile.save_owner_key(VeilKey.generate(), tmp_path / "b")
    assert keyfile.find_key_files(tmp_path) == [tmp_path / "b"]
