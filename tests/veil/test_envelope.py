"""Sealed files name what a passphrase is stretched by; older ones, and none that would stall their reader, open."""

import base64
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from raypp.veil.envelope import Envelope

_PHRASE, _PURPOSE = "some long words", b"purpose"
_SALT, _NONCE = bytes(range(16)), bytes(range(12))


def _sealed(n: int, p: int = 1) -> bytes:
    key = Scrypt(salt=_SALT, length=32, n=n, r=8, p=p).derive(_PHRASE.encode())
    return AESGCM(key).encrypt(_NONCE, b"content", _PURPOSE)


def _document(n: object, p: object = 1, **changed: object) -> dict[str, Any]:
    sealed = _sealed(n if isinstance(n, int) and 1 < n <= 1 << 15 else 1 << 15, 1)
    parts = {"salt": _SALT, "nonce": _NONCE, "sealed": sealed}
    encoded = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return {"kdf": "scrypt", "n": n, "r": 8, "p": p} | encoded | changed


def test_what_is_sealed_now_takes_128_mib_to_try() -> None:
    envelope = Envelope.seal(b"content", _PHRASE, _PURPOSE)
    document = envelope.to_json()
    assert (document["n"], document["r"], document["p"]) == (1 << 17, 8, 1)
    assert Envelope.from_json(document).open(_PHRASE, _PURPOSE) == b"content"
    assert Envelope.from_bytes(envelope.to_bytes()).open(_PHRASE, _PURPOSE) == b"content"


def test_what_was_sealed_at_another_cost_opens_at_its_own() -> None:
    assert Envelope.from_json(_document(1 << 15)).open(_PHRASE, _PURPOSE) == b"content"
    twice = _document(1 << 15, 2, sealed=base64.b64encode(_sealed(1 << 15, 2)).decode())
    assert Envelope.from_json(twice).open(_PHRASE, _PURPOSE) == b"content"
    with pytest.raises(InvalidTag):
        Envelope.from_json(twice | {"p": 1}).open(_PHRASE, _PURPOSE)
    assert Envelope.from_first_bytes(_SALT + _NONCE + _sealed(1 << 15)).open(_PHRASE, _PURPOSE) == b"content"


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 1 << 14}, {"n": 1 << 19}, {"n": 1 << 300}, {"n": 3 << 15}, {"n": 0}, {"n": -1}, {"n": "32768"},
        {"n": 32768.0}, {"n": None}, {"p": 5}, {"p": 0}, {"p": 1.0}, {"r": 1 << 20}, {"kdf": "none"}, {"salt": 3},
    ],
)  # fmt: skip
def test_a_cost_out_of_bounds_is_refused_before_it_is_paid(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Envelope.from_json(_document(1 << 15) | changed)
    with pytest.raises(ValueError):
        Envelope.from_bytes(b"\xff\x01" + _SALT + _NONCE)
    with pytest.raises(ValueError):
        Envelope.from_bytes(b"")
