"""Keys on PKCS#11 tokens: HSMs, smart cards, SoftHSM. A wrong PIN is tried once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import pkcs11
from pkcs11 import MGF, Attribute, GCMParams, KeyType, Mechanism, ObjectClass, TokenFlag
from pkcs11 import exceptions as failures

from raypp.errors import KeyFileError, PinError
from raypp.io.private import read_secret
from raypp.key_sources.pkcs11_uri import Pkcs11Uri
from raypp.key_sources.wrapper import PURPOSE

_NONCE_BYTES = 12
_OAEP = (Mechanism.SHA_1, MGF.SHA1, None)
"""RFC 8017 with SHA-1, which every token has; OAEP needs no hash that resists collisions."""
_WRONG_PIN = (failures.PinIncorrect, failures.PinInvalid, failures.PinLenRange)
_CHECK = "then try it by hand, once: `raypp key check`"
_ONE_AT_A_TIME = Lock()
_REFUSED: set[tuple[str, str, int]] = set()
"""Address, PIN file and its time of change, of each PIN that was refused: not all tokens tell that themselves."""


class Pkcs11Token:
    """A key on a token, used within the token: an AES key by AES-GCM, an RSA pair by OAEP.

    Args:
        uri: which key, on which token, and how it is reached.
        by_hand: whether a PIN may be tried after a wrong one; a program that is started anew and anew may not.
    """

    def __init__(self, uri: Pkcs11Uri, *, by_hand: bool = False) -> None:
        self._uri = uri
        self._by_hand = by_hand

    def wrap(self, secret: bytes) -> bytes:
        """Return nonce (12 bytes), ciphertext and tag (16), or what OAEP gives; raises KeyFileError."""
        if self._uri.is_rsa:
            with self._key(ObjectClass.PUBLIC_KEY) as key:
                block: bytes = key.encrypt(PURPOSE + secret, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=_OAEP)
            return block
        nonce = secrets.token_bytes(_NONCE_BYTES)
        with self._key() as key:
            sealed: bytes = key.encrypt(secret, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, PURPOSE))
        return nonce + sealed

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret; raises KeyFileError."""
        if self._uri.is_rsa:
            return self._unwrap_block(wrapped)
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        with self._key() as key:
            secret: bytes = key.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, PURPOSE))
        return secret

    def _unwrap_block(self, wrapped: bytes) -> bytes:
        with self._key(ObjectClass.PRIVATE_KEY) as key:
            block: bytes = key.decrypt(wrapped, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=_OAEP)
        if not block.startswith(PURPOSE):
            del block  # a traceback may show locals
            raise self._error("what the token unwrapped is no key of raypp", "restore the file from your backup")
        return block.removeprefix(PURPOSE)

    @contextmanager
    def _key(self, kind: ObjectClass = ObjectClass.SECRET_KEY) -> Iterator[Any]:
        """Log in, and out again in the end: no session stays open, and a fork inherits none."""
        path = self._uri.module_path()
        self._uri.pin_path()
        with _ONE_AT_A_TIME:
            module = self._module(path)
            try:
                with self._session(module) as session:
                    yield self._find(session, kind)
            except failures.PKCS11Error as failure:
                refusal = type(failure).__name__
                raise self._error(
                    f"the token refused ({refusal})",
                    "check that the file was wrapped by this very key, and is unaltered",
                ) from None
            finally:
                module.finalize()

    def _module(self, path: str) -> Any:
        try:
            return pkcs11.lib(path)
        except (failures.PKCS11Error, OSError) as failure:
            reason = str(failure).rpartition(": ")[2] or type(failure).__name__
            remedy = "give the shared object that the token's maker names"
            raise self._error(f"PKCS#11 module {path} cannot be loaded ({reason})", remedy) from None

    def _session(self, module: Any) -> Any:
        token = self._token(module)
        self._check_tries(token)
        path = self._uri.pin_path()
        pin = _pin(path)
        named = self._uri.address, str(path), path.stat().st_mtime_ns
        if named in _REFUSED and not self._by_hand:
            del pin
            raise PinError(self._line("the PIN is wrong, and is not tried again", f"correct it in {path}"))
        try:
            return token.open(user_pin=pin)
        except _WRONG_PIN:
            _REFUSED.add(named)
            problem, remedy = "the PIN is wrong; it was tried once", f"correct it in {path}, {_CHECK}"
        except failures.PinLocked:
            problem, remedy = _locked()
        except failures.PinExpired:
            problem, remedy = "the PIN has expired", "set a new one with the token's own tool"
        del pin  # a traceback may show locals
        raise PinError(self._line(problem, remedy))

    def _token(self, module: Any) -> Any:
        present = [slot.get_token() for slot in module.get_slots(token_present=True)]
        tokens = [token for token in present if _matches(token, self._uri.token)]
        if len(tokens) == 1:
            return tokens[0]
        if tokens:
            raise self._error(f"{len(tokens)} tokens match", "add serial=... to the URI")
        labels = ", ".join(sorted(token.label for token in present if token.label)) or "none"
        raise self._error(f"no such token (present: {labels})", "plug it in, or correct the URI")

    def _check_tries(self, token: Any) -> None:
        """Refuse before a try that could lock the token: one wrong PIN has been counted already."""
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise PinError(self._line(*_locked()))
        if not token.flags & TokenFlag.USER_PIN_INITIALIZED:
            raise self._error("the token has no user PIN", "set one with the token's own tool")
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise PinError(self._line("one wrong PIN more locks the token", "log in with the token's own tool first"))
        if token.flags & TokenFlag.USER_PIN_COUNT_LOW and not self._by_hand:
            problem = "the token counts a wrong PIN, so no other is tried"
            raise PinError(self._line(problem, f"correct it in {self._uri.pin_source}, {_CHECK}"))

    def _find(self, session: Any, kind: ObjectClass) -> Any:
        algorithm = KeyType.RSA if self._uri.is_rsa else KeyType.AES
        wanted: dict[Attribute, Any] = {Attribute.CLASS: kind, Attribute.KEY_TYPE: algorithm}
        wanted |= {} if self._uri.label is None else {Attribute.LABEL: self._uri.label}
        wanted |= {} if self._uri.key_id is None else {Attribute.ID: self._uri.key_id}
        keys = list(session.get_objects(wanted))
        if len(keys) == 1:
            return keys[0]
        if keys:
            raise self._error(f"{len(keys)} {algorithm.name} keys match", "add id=... to the URI")
        half = "public half of an RSA key" if kind is ObjectClass.PUBLIC_KEY else f"{algorithm.name} key"
        raise self._error(f"the token has no such {half}", "correct the URI, or generate the key on the token")

    def _error(self, problem: str, remedy: str) -> KeyFileError:
        return KeyFileError(self._line(problem, remedy))

    def _line(self, problem: str, remedy: str) -> str:
        return f"key source {self._uri.address}: {problem}; {remedy}"


def _pin(path: Path) -> str:
    content = read_secret(path, "PIN file", "write the token's user PIN into it, mode 0600", KeyFileError)
    pin = content.decode("utf-8", "replace").rstrip("\r\n")
    del content  # a traceback may show locals
    if not pin:
        raise KeyFileError(f"PIN file {path} is empty; write the token's user PIN into it")
    return pin


def _matches(token: Any, wanted: dict[str, str]) -> bool:
    has = {
        "token": token.label,
        "serial": token.serial.decode("utf-8", "replace") if isinstance(token.serial, bytes) else str(token.serial),
        "manufacturer": token.manufacturer_id,
        "model": token.model,
        "slot-id": str(token.slot.slot_id),
    }
    return all(has[name].strip() == value for name, value in wanted.items())


def _locked() -> tuple[str, str]:
    return "the token has locked its PIN", "have its security officer set a new one (C_InitPIN)"
