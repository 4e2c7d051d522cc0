"""A token's key unwraps the owner's key; a wrong PIN is tried once; nothing shows a secret."""

import base64
import json
import traceback
from pathlib import Path

import numpy as np
import pytest

from jobs.cluster import refuse_key_in_working_dir
from raypp.cli.exit_codes import ExitCode
from raypp.cli.keygen import keygen
from raypp.errors import KeyFileError, PinError
from raypp.key_sources.place import key_place, wrapping_url
from raypp.shards.encryption import DataKey
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_key, load_owner_key, owner_key_text, save_owner_key, save_site_key
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from raypp.veil.wrapping import describe_wrapped, try_key, unwrap_key, wrap_key, wrap_new_key
from tests.command import raypp
from tests.key_sources.softhsm import PIN, WRONG_PIN, SoftHsm, started

SPEC = PatchSpec()
BYTES = bytes((11 * i + 77) % 256 for i in range(32))
KEY = VeilKey(BYTES)
FRAMES = np.random.default_rng(3).integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
COUNT_LOW = 0x10000


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return started(tmp_path, monkeypatch)


@pytest.fixture
def wrapped(token: SoftHsm, tmp_path: Path) -> Path:
    save_owner_key(KEY, tmp_path / "owner.key")
    wrap_key(tmp_path / "owner.key", wrapping_url(token.uri), tmp_path / "owner.key.wrapped")
    return tmp_path / "owner.key.wrapped"


def veiled(key: VeilKey | SiteKey) -> tuple[str, bytes]:
    veil = Veil(SPEC, key)
    return veil.veil_id, veil.stream("north", "rack 1").encode(FRAMES).tobytes()


def shown(error: BaseException) -> str:
    """An error with its traceback and the locals of every frame of raypp."""
    own = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in own.stack if "/raypp/" in frame.filename]
    return "".join([str(error), *(text for frame in frames for text in (frame.locals or {}).values())])


def assert_shows_no_secret(text: str) -> None:
    secrets = [PIN, WRONG_PIN, base64.b64encode(BYTES).decode()[:20], repr(BYTES[:16])[2:-1], BYTES.hex()[:20]]
    assert not [secret for secret in secrets if secret in text]


def test_file_systemd_and_token_give_the_same_veil(
    token: SoftHsm, wrapped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "owner.key"
    (tmp_path / "credentials").mkdir()
    for name, path in (("owner", plain), ("sealed", wrapped)):
        (tmp_path / "credentials" / name).write_bytes(path.read_bytes())
        (tmp_path / "credentials" / name).chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    places = [plain, f"file:{plain}", "systemd:owner", wrapped, "systemd:sealed", f"{token.uri}?wrapped={wrapped}"]
    assert {veiled(load_owner_key(key_place(place))) for place in places} == {veiled(KEY)}


def test_site_keys_data_keys_and_sealed_keys_are_wrapped_too(token: SoftHsm, tmp_path: Path) -> None:
    save_site_key(SiteKey.derive_from(KEY, SPEC, "north", ["rack 1"]), tmp_path / "north.key")
    DataKey.generate().save(tmp_path / "data.key")
    save_owner_key(KEY, tmp_path / "owner.key", "a phrase of the owner")
    for name in ("north", "data", "owner"):
        wrap_key(tmp_path / f"{name}.key", wrapping_url(token.uri), tmp_path / f"{name}.wrapped")
    assert veiled(load_key(tmp_path / "north.wrapped")) == veiled(KEY)
    assert veiled(load_key(tmp_path / "owner.wrapped", lambda: "a phrase of the owner")) == veiled(KEY)
    assert DataKey.load(tmp_path / "data.wrapped")._secret == DataKey.load(tmp_path / "data.key")._secret


def test_a_wrapped_file_shows_what_it_is_and_holds_no_secret(token: SoftHsm, wrapped: Path) -> None:
    assert wrapped.stat().st_mode & 0o777 == 0o600
    assert_shows_no_secret(wrapped.read_text())
    told_by = {"wrapped key": str(wrapped), "wraps": "owner's key", "by": token.uri, "fingerprint": KEY.fingerprint}
    assert describe_wrapped(wrapped) == told_by


def test_an_rsa_pair_wraps_and_only_its_private_half_unwraps(token: SoftHsm, tmp_path: Path) -> None:
    save_owner_key(KEY, tmp_path / "owner.key")
    pair = wrapping_url("pkcs11:token=raypp;object=pair;type=private")
    wrapped = wrap_key(tmp_path / "owner.key", pair, tmp_path / "owner.wrapped")
    assert veiled(load_key(tmp_path / "owner.wrapped")) == veiled(KEY)
    assert_shows_no_secret((tmp_path / "owner.wrapped").read_text())
    foreign = _encrypted_by(token, b"something else that the pair has encrypted")
    assert len(foreign) == len(wrapped.data_key)
    altered = _with(tmp_path / "owner.wrapped", data_key=base64.b64encode(foreign).decode())
    with pytest.raises(KeyFileError, match="what the token unwrapped is no key of raypp"):
        load_key(altered)
    for uri, says in (
        ("pkcs11:token=raypp;object=pair", "has no such AES key"),
        ("pkcs11:token=raypp;object=owner;type=private", "has no such public half of an RSA key"),
        ("pkcs11:token=raypp;object=pair;type=cert", r"type=cert wraps no keys; name an AES key \(type=secret-key\)"),
    ):
        with pytest.raises(KeyFileError, match=says):
            wrap_key(tmp_path / "owner.key", wrapping_url(uri), tmp_path / "new")
        assert not (tmp_path / "new").exists()


def _encrypted_by(token: SoftHsm, content: bytes) -> bytes:
    import pkcs11

    module = pkcs11.lib(token.module)
    try:
        with module.get_token(token_label="raypp").open(user_pin=PIN) as session:
            public = session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, label="pair")
            return bytes(public.encrypt(content, mechanism=pkcs11.Mechanism.RSA_PKCS_OAEP))
    finally:
        module.finalize()


@pytest.mark.parametrize("phrase", [None, "a phrase of the owner"])
def test_a_new_key_is_wrapped_before_it_is_written(
    token: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phrase: str | None
) -> None:
    if phrase:
        (tmp_path / "phrase").write_text(phrase)
        (tmp_path / "phrase").chmod(0o600)
    kept: list[bytes] = []
    draw = VeilKey.generate
    monkeypatch.setattr(VeilKey, "generate", lambda: (key := draw(), kept.append(key.export_secret()))[0])
    folder = tmp_path / "keys"
    keygen(out=folder / "owner", passphrase_file=tmp_path / "phrase" if phrase else None, wrap=token.uri)
    owner = load_owner_key(folder / "owner", lambda: str(phrase))
    assert [owner.export_secret()] == kept
    plain = base64.b64encode(kept[0])
    assert [path.name for path in folder.iterdir() if plain in path.read_bytes() or not path.stat().st_size] == []
    assert {path.name for path in folder.iterdir()} == {"owner"}
    assert describe_wrapped(folder / "owner").get("fingerprint") == (None if phrase else owner.fingerprint)


def test_site_and_data_keys_are_wrapped_before_they_are_written(token: SoftHsm, tmp_path: Path) -> None:
    keygen(out=tmp_path / "owner", wrap=token.uri)
    keygen(out=tmp_path / "north", site="north", camera=["rack 1"], key=str(tmp_path / "owner"), wrap=token.uri)
    keygen(out=tmp_path / "data", data=True, wrap=token.uri)
    owner = load_owner_key(tmp_path / "owner")
    assert veiled(load_key(tmp_path / "north")) == veiled(owner)
    DataKey.load(tmp_path / "data")
    assert {describe_wrapped(tmp_path / name)["by"] for name in ("owner", "north", "data")} == {token.uri}


def test_where_the_source_fails_no_key_is_made(token: SoftHsm, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="has no such AES key"):
        keygen(out=tmp_path / "owner", wrap="pkcs11:token=raypp;object=none")
    (tmp_path / "there").touch()
    with pytest.raises(KeyFileError, match="exists; a secret is never overwritten") as refused:
        wrap_new_key(lambda: owner_key_text(KEY), wrapping_url(token.uri), tmp_path / "there")
    assert_shows_no_secret(shown(refused.value))
    with pytest.raises(KeyFileError, match=r"wraps no keys; give the URL of a source that does"):
        keygen(out=tmp_path / "owner", wrap="systemd:owner")
    assert not (tmp_path / "owner").exists()


def test_a_key_is_unwrapped_once_by_a_process(token: SoftHsm, wrapped: Path) -> None:
    load_key(wrapped)
    token.write_pin(WRONG_PIN)
    assert load_owner_key(wrapped).fingerprint == KEY.fingerprint
    assert not token.flags() & COUNT_LOW


def test_a_wrong_pin_is_tried_once_and_the_corrected_one_by_hand(token: SoftHsm, wrapped: Path) -> None:
    token.write_pin(WRONG_PIN)
    with pytest.raises(PinError, match=r"the PIN is wrong; it was tried once; correct it in .*raypp key check"):
        load_key(wrapped)
    assert token.flags() & COUNT_LOW
    token.write_pin(PIN)
    for _ in range(3):  # nothing is tried any more, not even what is right
        with pytest.raises(PinError, match="counts a wrong PIN, so no other is tried"):
            load_key(wrapped)
    assert try_key(wrapped)["fingerprint"] == KEY.fingerprint
    assert not token.flags() & COUNT_LOW
    assert veiled(load_key(wrapped)) == veiled(KEY)


def test_a_wrong_pin_is_not_tried_again_by_a_process_though_the_token_counts_none(
    token: SoftHsm, wrapped: Path
) -> None:
    token.write_pin(WRONG_PIN)
    for says in ("it was tried once", "is not tried again"):
        with pytest.raises(PinError, match=says):
            load_key(wrapped)
        if says == "it was tried once":
            token.log_in()
    assert not token.flags() & COUNT_LOW


def test_no_error_shows_pin_or_key(token: SoftHsm, wrapped: Path, tmp_path: Path) -> None:
    other = wrapping_url("pkcs11:token=raypp;object=nothing")
    token.write_pin(WRONG_PIN)
    with pytest.raises(KeyFileError) as refused:
        load_key(wrapped)
    assert_shows_no_secret(shown(refused.value))
    token.write_pin(PIN)
    try_key(wrapped)
    with pytest.raises(KeyFileError, match="no such AES key") as missing:
        wrap_key(tmp_path / "owner.key", other, tmp_path / "new")
    assert_shows_no_secret(shown(missing.value))
    with pytest.raises(KeyFileError, match="exists") as twice:
        wrap_key(tmp_path / "owner.key", wrapping_url(token.uri), wrapped)
    assert_shows_no_secret(shown(twice.value))


def _with(wrapped: Path, **fields: str) -> Path:
    path = wrapped.with_name("altered")
    path.write_text(json.dumps(json.loads(wrapped.read_text()) | fields))
    path.chmod(0o600)
    return path


def test_an_altered_file_opens_nothing(wrapped: Path) -> None:
    sealed = json.loads(wrapped.read_text())["sealed"]
    letter = "A" if sealed[40] != "A" else "B"
    altered = [{"fingerprint": "0" * 16}, {"sealed": sealed[:40] + letter + sealed[41:]}, {"sealed": sealed[:40]}]
    for fields in altered:
        with pytest.raises(KeyFileError, match="truncated or was altered; restore it from your backup"):
            load_key(_with(wrapped, **fields))
    with pytest.raises(KeyFileError, match="the token refused"):
        load_key(_with(wrapped, source="pkcs11:token=raypp;object=other"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_truncated_file_is_damaged(wrapped: Path, share: float) -> None:
    content = wrapped.read_bytes()
    wrapped.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(KeyFileError, match="truncated or was altered"):
        load_key(wrapped)


def test_a_file_names_no_module_to_run(wrapped: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.so").write_text("no shared object")
    with pytest.raises(KeyFileError, match="truncated or was altered"):
        load_key(_with(wrapped, source=f"pkcs11:token=raypp;object=owner?module-path={tmp_path}/evil.so"))


def test_a_url_of_another_source_than_the_files_names_both(token: SoftHsm, wrapped: Path) -> None:
    other = "pkcs11:token=raypp;object=other"
    with pytest.raises(KeyFileError, match=f"was wrapped by {token.uri}, and not by {other}"):
        load_key(key_place(f"{other}?wrapped={wrapped}"))
    with pytest.raises(KeyFileError, match="is not wrapped"):
        load_key(key_place(f"{token.uri}?wrapped={wrapped.with_suffix('')}"))
    with pytest.raises(KeyFileError, match="none is named"):
        load_key(key_place(token.uri))


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RAYPP_PKCS11_MODULE", "/nowhere/hsm.so", r"module /nowhere/hsm\.so cannot be loaded \(.*No such file"),
        ("RAYPP_PKCS11_MODULE", "", "no PKCS#11 module is named; set RAYPP_PKCS11_MODULE"),
        ("RAYPP_PKCS11_PIN_FILE", "", "nothing says where the PIN is"),
        ("RAYPP_PKCS11_PIN_FILE", "/nowhere/pin", "PIN file /nowhere/pin: No such file"),
    ],
)
def test_what_is_missing_is_named(
    wrapped: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(KeyFileError, match=says):
        load_key(wrapped)


def test_a_token_that_is_not_there_is_told_from_those_that_are(token: SoftHsm, wrapped: Path) -> None:
    with pytest.raises(KeyFileError, match=r"no such token \(present: raypp\)"):
        load_key(_with(wrapped, source="pkcs11:token=other;object=owner"))


def test_an_uploaded_wrapped_key_is_told_from_a_lost_one(
    wrapped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner.key").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"working_dir": "x"}}')
    with pytest.raises(KeyFileError, match=r"owner\.key\.wrapped is a wrapped key, which opens only with its source"):
        refuse_key_in_working_dir()


def test_commands_wrap_check_and_unwrap(token: SoftHsm, tmp_path: Path) -> None:
    save_owner_key(KEY, tmp_path / "owner.key")
    plain, sealed, again = (str(tmp_path / name) for name in ("owner.key", "owner.key.wrapped", "again.key"))
    done = raypp("key", "wrap", "--key", plain, "--by", token.uri, "--out", sealed)
    assert f"wrapped key {sealed}: opened by {token.uri}" in done.stderr
    assert KEY.fingerprint in raypp("key", "check", "--key", sealed).stdout
    token.write_pin(WRONG_PIN)
    refused = raypp("keygen", "--site", "n", "--camera", "c", "--key", sealed, "--out", str(tmp_path / "n.key"))
    assert refused.returncode == ExitCode.PIN, "which tells systemd not to start it again"
    assert len(refused.stderr.splitlines()) == 1
    assert "it was tried once" in refused.stderr
    assert not (tmp_path / "n.key").exists()
    token.write_pin(PIN)
    raypp("key", "check", "--key", sealed)
    unwrap_key(Path(sealed), Path(again))
    assert Path(again).read_bytes() == Path(plain).read_bytes()
