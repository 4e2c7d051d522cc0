"""Vault and KMS unwrap the same key; what does not answer, refuses or was altered starts nothing, in one line."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.errors import KeyFileError
from raypp.key_sources import reading
from raypp.key_sources.place import key_place, wrapping_url
from raypp.veil.keyfile import load_key, save_owner_key
from raypp.veil.wrapping import try_key, wrap_key
from tests.key_sources.test_pkcs11 import KEY, assert_shows_no_secret, shown, veiled
from tests.key_sources.vault_server import TOKEN, VaultServer, running_vault

pytest.importorskip("hvac", reason="install raypp[keys-vault]")
boto3 = pytest.importorskip("boto3", reason="install raypp[keys-aws]")

TRANSIT = "vault:transit/keys/owner"
SECRET = "vault:secret/data/raypp/owner"


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_FETCHED", {})


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultServer]:
    with running_vault() as server:
        monkeypatch.setenv("VAULT_ADDR", server.address)
        monkeypatch.setenv("RAYPP_VAULT_TOKEN_FILE", str(tmp_path / "token"))
        _write(tmp_path / "token", TOKEN)
        yield server


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    moto = pytest.importorskip("moto", reason="install moto")
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "eu-central-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with moto.mock_aws():
        client = boto3.client("kms", region_name="eu-central-1")
        arn = client.create_key()["KeyMetadata"]["Arn"]
        client.create_alias(AliasName="alias/raypp", TargetKeyId=arn)
        yield arn


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    save_owner_key(KEY, tmp_path / "owner.key")
    return tmp_path / "owner.key"


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n")
    path.chmod(0o600)


def _wrapped(plain: Path, url: str) -> Path:
    out = plain.with_name("owner.key.wrapped")
    wrap_key(plain, wrapping_url(url), out)
    assert_shows_no_secret(out.read_text())
    return out


def _with(wrapped: Path, **fields: str) -> Path:
    path = wrapped.with_name("altered")
    _write(path, json.dumps(json.loads(wrapped.read_text()) | fields))
    return path


def test_transit_and_a_secret_give_the_files_veil(vault: VaultServer, plain: Path) -> None:
    wrapped = _wrapped(plain, TRANSIT)
    vault.kept["raypp/owner"] = {"key": plain.read_text(), "sealed": wrapped.read_text()}
    places = [plain, wrapped, f"{TRANSIT}?wrapped={wrapped}", SECRET, f"{SECRET}?field=sealed"]
    assert {veiled(load_key(key_place(place))) for place in places} == {veiled(KEY)}


@pytest.mark.parametrize("form", ["awskms:alias/raypp", "awskms:///alias/raypp", "awskms:{arn}"])
def test_kms_gives_the_files_veil(kms: str, plain: Path, form: str) -> None:
    assert veiled(load_key(_wrapped(plain, form.format(arn=kms)))) == veiled(KEY)


def test_a_server_is_called_once_by_a_process(vault: VaultServer, plain: Path) -> None:
    vault.kept["raypp/owner"] = {"key": plain.read_text()}
    wrapped = _wrapped(plain, TRANSIT)
    vault.calls.clear()
    for _ in range(3):
        load_key(wrapped)
        load_key(key_place(SECRET))
    assert vault.calls == ["POST transit/decrypt/owner", "GET secret/data/raypp/owner"]
    vault.sealed = True
    assert veiled(load_key(wrapped)) == veiled(KEY)
    with pytest.raises(KeyFileError, match="sealed or not ready; unseal it"):
        try_key(wrapped)


def test_a_wrong_token_is_refused_and_not_shown(vault: VaultServer, plain: Path, tmp_path: Path) -> None:
    wrapped = _wrapped(plain, TRANSIT)
    vault.calls.clear()
    _write(tmp_path / "token", "hvs.another-token")
    with pytest.raises(
        KeyFileError, match=r"the token was refused; .* allows update on transit/decrypt/owner"
    ) as caught:
        load_key(wrapped)
    assert "hvs.another-token" not in shown(caught.value)
    assert vault.calls == ["POST transit/decrypt/owner"]


def test_a_server_that_is_away_or_silent_ends_the_command(
    vault: VaultServer, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = _wrapped(plain, TRANSIT)
    monkeypatch.setattr("raypp.key_sources.vault._TIMEOUT_S", (0.5, 0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(KeyFileError, match=r"does not answer \(ReadTimeout\); start the server"):
            load_key(wrapped)
        assert time.monotonic() - began < 10
    with pytest.raises(KeyFileError, match=r"does not answer \(ConnectionError\)"):
        load_key(wrapped)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("VAULT_ADDR", "", "VAULT_ADDR names no server"),
        ("VAULT_ADDR", "http://vault.example.com:8200", "would send the token in the clear; use https"),
        ("RAYPP_VAULT_TOKEN_FILE", "/nowhere/token", "token file of Vault /nowhere/token: No such file"),
    ],
)
def test_what_is_missing_is_named(
    vault: VaultServer, plain: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(KeyFileError, match=says):
        wrap_key(plain, wrapping_url(TRANSIT), plain.with_name("new"))
    assert not plain.with_name("new").exists()


def test_another_key_of_vault_an_altered_file_and_no_such_secret_are_told_apart(
    vault: VaultServer, plain: Path
) -> None:
    wrapped = _wrapped(plain, TRANSIT)
    with pytest.raises(
        KeyFileError, match=r"the server refused \(InvalidRequest\); check that the file was wrapped by"
    ):
        load_key(_with(wrapped, source="vault:transit/keys/other"))
    with pytest.raises(KeyFileError, match="truncated or was altered"):
        load_key(_with(wrapped, fingerprint="0" * 16))
    with pytest.raises(KeyFileError, match="no such key or secret"):
        load_key(key_place(SECRET))
    vault.kept["raypp/owner"] = {"password": plain.read_text()}
    with pytest.raises(KeyFileError, match=r"no text in key; name (its field|another): \?field=NAME") as caught:
        load_key(key_place(SECRET))
    assert_shows_no_secret(shown(caught.value))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("vault:transit/owner", "names no key"),
        ("vault:transit/keys/a/b", "names no key"),
        ("vault:transit/keys/owner?addr=x", "attribute addr is not known"),
        ("vault:secret/data/owner", "is a secret, which wraps nothing"),
        ("awskms:https://kms.example.com/alias/x", "names no key"),
        ("awskms:alias/raypp?endpoint=x", "attribute endpoint is not known"),
    ],
)
def test_a_url_that_names_no_wrapping_key_is_refused(plain: Path, url: str, says: str) -> None:
    with pytest.raises(KeyFileError, match=says):
        wrap_key(plain, wrapping_url(url), plain.with_name("new"))


def test_kms_refusals_name_code_and_remedy(kms: str, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = _wrapped(plain, "awskms:alias/raypp")
    with pytest.raises(KeyFileError, match=r"KMS refused \(NotFoundException\); correct the URL, or the region"):
        load_key(_with(wrapped, source="awskms:alias/nothing"))
    with pytest.raises(KeyFileError, match=r"KMS refused \(\w+\); check"):
        load_key(_with(wrapped, data_key="AAAA"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(KeyFileError, match=r"KMS cannot be reached \(NoRegionError\)"):
        wrap_key(plain, wrapping_url("awskms:alias/raypp"), plain.with_name("new"))
