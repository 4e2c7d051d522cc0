"""A key is given as a path or a URL; no URL holds a secret, and a malformed one is refused in a line."""

import pickle
from pathlib import Path

import pytest

from raypp.audit.settings import AuditSettings
from raypp.errors import KeyFileError
from raypp.key_sources.pkcs11_uri import Pkcs11Uri
from raypp.key_sources.place import KeyUrl, credential, key_place, wrapping_url
from raypp.veil.spec import PatchSpec

URI = "pkcs11:token=raypp;object=owner?wrapped=/etc/raypp/owner.key.wrapped"


@pytest.mark.parametrize("given", ["owner.key", "./pkcs11:x", "/a/b c", Path("x"), "~/owner.key"])
def test_a_path_stays_a_path(given: str | Path) -> None:
    assert key_place(given) == Path(given)


@pytest.mark.parametrize("given", ["file:/etc/raypp/own%20er.key", "file:///etc/raypp/own%20er.key"])
def test_a_file_url_is_its_path(given: str) -> None:
    assert key_place(given) == Path("/etc/raypp/own er.key")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "gopher:owner",
            r"key source gopher: is unknown; .*\(file:, systemd:, pkcs11:, vault:, awskms:.*may be \./gopher:",
        ),
        ("file:owner.key", "names no path from the root"),
        ("systemd:../owner.key", "given as systemd:NAME"),
        ("pkcs11:token=raypp;object=owner?wrapped=owner.key", "wrapped=owner.key is no path from the root"),
        ("pkcs11:token=raypp;object=owner?wrapped=/a&wrapped=/b", "names wrapped twice"),
    ],
)
def test_a_malformed_url_is_refused(given: str, says: str) -> None:
    with pytest.raises(KeyFileError, match=says) as caught:
        key_place(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["?pin-value={}", ";pin-value={}", "?wrapped=/a&pin-value={}"])
def test_a_pin_in_a_url_is_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(KeyFileError, match="pin-source=file:/PATH") as caught:
        key_place("pkcs11:token=raypp;object=owner" + place.format("8271"))
    assert "8271" not in str(caught.value)


def test_settings_keep_a_url_through_json_and_pickle_and_a_path_from_the_root(tmp_path: Path) -> None:
    fields = {"sources": "images", "out": tmp_path, "spec": PatchSpec()}
    settings = AuditSettings(key_path=URI, **fields)
    assert isinstance(settings.key_path, KeyUrl)
    sent = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own
    for copy in (AuditSettings.model_validate_json(settings.model_dump_json()), sent):
        assert copy.key_path == settings.key_path
        assert copy.key_path.absolute() == URI
    assert AuditSettings(key_path="owner.key", **fields).key_path == Path.cwd() / "owner.key"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("pkcs11:object=owner", "names no key"),
        ("pkcs11:token=raypp", "names no key"),
        ("pkcs11:token=raypp;object=owner;colour=red", "attribute colour is not known"),
        ("pkcs11:token=raypp;object=owner?module-name=x", "attribute module-name is not known"),
        ("pkcs11:token=raypp;object=owner;type=cert", "type=cert wraps no keys"),
    ],
)
def test_a_uri_that_names_no_key_is_refused(uri: str, says: str) -> None:
    with pytest.raises(KeyFileError, match=says):
        Pkcs11Uri.of(wrapping_url(uri))


def test_attributes_of_a_uri_are_decoded() -> None:
    uri = Pkcs11Uri.of(wrapping_url("pkcs11:token=The%20Token;id=%01%A2;type=secret-key"))
    assert uri.token == {"token": "The Token"}
    assert uri.key_id == b"\x01\xa2"


def test_a_relative_module_is_not_loaded() -> None:
    uri = Pkcs11Uri.of(wrapping_url("pkcs11:token=raypp;object=owner?module-path=evil.so"))
    with pytest.raises(KeyFileError, match=r"module evil\.so is no path from the root"):
        uri.module_path()


def test_outside_of_a_service_a_credential_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    url = key_place("systemd:owner.key")
    assert isinstance(url, KeyUrl)
    with pytest.raises(KeyFileError, match="LoadCredential"):
        credential(url)


@pytest.mark.parametrize("given", ["owner.key", "systemd:owner.key"])
def test_what_wraps_nothing_is_refused_as_a_wrapper(given: str) -> None:
    with pytest.raises(KeyFileError, match="wraps no keys"):
        wrapping_url(given)
