"""URIs of keys on tokens (RFC 7512), as far as raypp wraps by them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from raypp.errors import KeyFileError
from raypp.key_sources.place import KeyUrl, attributes, secret_file

MODULE_VARIABLE = "RAYPP_PKCS11_MODULE"
PIN_VARIABLE = "RAYPP_PKCS11_PIN_FILE"
_TOKEN = ("token", "serial", "manufacturer", "model", "slot-id")
_OBJECT = ("object", "id", "type")
_QUERY = frozenset({"module-path", "pin-source", "wrapped"})
_SECRET_KEY, _PRIVATE = "secret-key", "private"


@dataclass(frozen=True)
class Pkcs11Uri:
    """A key on a token, and how this machine reaches it.

    Attributes:
        address: the URI without its query.
        token: which token: attributes token, serial, manufacturer, model and slot-id, as far as they are given.
        label: label of the key, or None.
        key_id: identifier of the key, or None.
        is_rsa: whether it is an RSA key pair (type=private); else it is an AES key.
        module: the token's PKCS#11 module, a shared object; None if nothing names it.
        pin_source: where the user's PIN is, as it was given; None if nothing names it.
    """

    address: str
    token: dict[str, str]
    label: str | None
    key_id: bytes | None
    is_rsa: bool
    module: str | None
    pin_source: str | None

    @classmethod
    def of(cls, url: KeyUrl) -> Self:
        """Read a URI; what its query lacks comes from the environment.

        Raises:
            KeyFileError: if it names no token or no key, or holds attributes that raypp does not know.
        """
        path = attributes(url, url.address.partition(":")[2], ";")
        query = url.query
        unknown = [name for name in path if name not in (*_TOKEN, *_OBJECT)] + sorted(query.keys() - _QUERY)
        if unknown:
            known = ", ".join([*_TOKEN, *_OBJECT, *sorted(_QUERY)])
            raise KeyFileError(f"{url.address}: attribute {unknown[0]} is not known here; those are: {known}")
        kind = path.get("type", _SECRET_KEY)
        if kind not in (_SECRET_KEY, _PRIVATE):
            raise KeyFileError(
                f"{url.address}: type={kind} wraps no keys; name an AES key (type={_SECRET_KEY}) or the private key of "
                f"an RSA pair (type={_PRIVATE})"
            )
        token = {name: path[name] for name in _TOKEN if name in path}
        if not token or not ("object" in path or "id" in path):
            raise KeyFileError(f"{url.address} names no key; write pkcs11:token=LABEL;object=LABEL")
        key_id = bytes_of(url.address, "id") if "id" in path else None
        module = query.get("module-path") or os.environ.get(MODULE_VARIABLE)
        pin_source = query.get("pin-source") or os.environ.get(PIN_VARIABLE)
        return cls(url.address, token, path.get("object"), key_id, kind == _PRIVATE, module, pin_source)

    def module_path(self) -> str:
        """Return the path of the module; raises KeyFileError if there is none, or it is relative."""
        if not self.module:
            raise KeyFileError(
                f"key source {self.address}: no PKCS#11 module is named; set {MODULE_VARIABLE} to the shared object "
                "of the token's maker, or write ?module-path=/PATH"
            )
        if not Path(self.module).is_absolute():
            raise KeyFileError(
                f"key source {self.address}: PKCS#11 module {self.module} is no path from the root; "
                "give it whole, so that no other file of that name is run"
            )
        return self.module

    def pin_path(self) -> Path:
        """Return the file of the user's PIN; raises KeyFileError if nothing names one."""
        if not self.pin_source:
            raise KeyFileError(
                f"key source {self.address}: nothing says where the PIN is; put it into a file of mode 0600 and set "
                f"{PIN_VARIABLE} to it, or to systemd:NAME, or write ?pin-source=file:/PATH"
            )
        return secret_file(self.pin_source)


def bytes_of(address: str, name: str) -> bytes:
    """Return the bytes of an attribute that is binary, such as id=%01%A2."""
    from urllib.parse import unquote_to_bytes  # noqa: PLC0415

    value = next(part for part in address.partition(":")[2].split(";") if part.startswith(f"{name}="))
    return unquote_to_bytes(value.partition("=")[2])
