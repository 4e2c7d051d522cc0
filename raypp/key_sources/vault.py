"""Keys in HashiCorp Vault or OpenBao: transit wraps a key file; a secret of KV version 2 holds one whole."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import hvac
import requests
from hvac import exceptions as failures

from raypp.errors import KeyFileError
from raypp.io.private import read_secret
from raypp.key_sources.place import KeyUrl, secret_file

TOKEN_VARIABLE = "RAYPP_VAULT_TOKEN_FILE"
_ADDRESS_VARIABLE = "VAULT_ADDR"
_TIMEOUT_S = (5, 10)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSIT, _KV = "keys", "data"


@dataclass(frozen=True)
class VaultPlace:
    """A key of transit, or a secret of KV version 2, by the path that Vault's own API has.

    Attributes:
        address: the URL without its query.
        mount: where the engine is mounted.
        kind: `keys` of transit, or `data` of KV.
        name: name of the key, or path of the secret.
        field: of a secret, the field that holds the key file.
    """

    address: str
    mount: str
    kind: str
    name: str
    field: str

    @classmethod
    def of(cls, url: KeyUrl) -> Self:
        """Read a URL such as vault:transit/keys/raypp or vault:secret/data/raypp/owner; raises KeyFileError."""
        parts = [part for part in url.address.partition(":")[2].split("/") if part]
        cut = next((at for at, part in enumerate(parts) if at and part in {_TRANSIT, _KV}), 0)
        rest, query = parts[cut + 1 :], url.query
        if not cut or not rest or (parts[cut] == _TRANSIT and len(rest) > 1):
            raise KeyFileError(
                f"{url.address} names no key; write vault:transit/keys/NAME, or vault:MOUNT/data/PATH for a secret"
            )
        unknown = query.keys() - ({"wrapped"} if parts[cut] == _TRANSIT else {"field"})
        if unknown:
            raise KeyFileError(f"{url.address}: attribute {min(unknown)} is not known here; leave it out")
        return cls(url.address, "/".join(parts[:cut]), parts[cut], "/".join(rest), query.get("field", "key"))

    @property
    def wraps(self) -> bool:
        """Whether it is a key that wraps, and no secret."""
        return self.kind == _TRANSIT


class VaultTransit:
    """A key of the transit engine, which never leaves the server.

    Args:
        place: which key.
    """

    def __init__(self, place: VaultPlace) -> None:
        self._place = place

    def wrap(self, secret: bytes) -> bytes:
        """Return the server's ciphertext; raises KeyFileError."""
        given = {"name": self._place.name, "mount_point": self._place.mount}
        plain = base64.b64encode(secret).decode()
        seal = lambda client: client.secrets.transit.encrypt_data(plaintext=plain, **given)  # noqa: E731
        return _field(self._place, _call(self._place, seal), "ciphertext").encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret; raises KeyFileError."""
        given = {"name": self._place.name, "mount_point": self._place.mount}
        text = wrapped.decode("ascii", "replace")
        unseal = lambda client: client.secrets.transit.decrypt_data(ciphertext=text, **given)  # noqa: E731
        return base64.b64decode(_field(self._place, _call(self._place, unseal), "plaintext"))


def read_kv(place: VaultPlace) -> bytes:
    """Return the key file that a secret of KV version 2 holds; raises KeyFileError."""
    given = {"path": place.name, "mount_point": place.mount, "raise_on_deleted_version": True}
    read = lambda client: client.secrets.kv.v2.read_secret_version(**given)  # noqa: E731
    return _field(place, _call(place, read), "data", place.field).encode()


def _call(place: VaultPlace, ask: Callable[[Any], Any]) -> Any:
    """Ask the server once, within seconds; its own words stand in no error, for they may repeat what was sent."""
    address = _server(place)
    client = hvac.Client(
        url=address,
        token=_token(place),
        verify=os.environ.get("VAULT_CACERT") or True,
        timeout=_TIMEOUT_S,
        allow_redirects=False,  # another host would be given the token
        namespace=os.environ.get("VAULT_NAMESPACE"),
    )
    rights = f"update on {place.mount}/decrypt/{place.name}" if place.wraps else "read on it"
    try:
        return ask(client)
    except requests.RequestException as failure:
        kind = type(failure).__name__
        problem, remedy = f"{address} does not answer ({kind})", f"start the server, or correct {_ADDRESS_VARIABLE}"
    except (failures.Forbidden, failures.Unauthorized):
        problem, remedy = "the token was refused", f"give one that has not expired, whose policy allows {rights}"
    except failures.InvalidPath:
        problem, remedy = "the server has no such key or secret", "correct the URL, and mind VAULT_NAMESPACE"
    except (failures.VaultDown, failures.VaultNotInitialized):
        problem, remedy = "the server is sealed or not ready", "unseal it"
    except failures.VaultError as failure:
        problem = f"the server refused ({type(failure).__name__})"
        remedy = "check that the file was wrapped by this very key, and is unaltered"
    finally:
        client.adapter.close()
    raise KeyFileError(f"key source {place.address}: {problem}; {remedy}")


def _server(place: VaultPlace) -> str:
    address = os.environ.get(_ADDRESS_VARIABLE, "").rstrip("/")
    parts = urlsplit(address)
    if not parts.hostname or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise KeyFileError(
            f"key source {place.address}: {_ADDRESS_VARIABLE} names no server; set it to https://HOST:8200"
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise KeyFileError(
            f"key source {place.address}: {_ADDRESS_VARIABLE} would send the token in the clear; use https"
        )
    return address


def _token(place: VaultPlace) -> str:
    named = os.environ.get(TOKEN_VARIABLE)
    path = secret_file(named) if named else Path.home() / ".vault-token"
    remedy = f"log in with `vault login`, or set {TOKEN_VARIABLE} to a file of mode 0600 or to systemd:NAME"
    token = read_secret(path, "token file of Vault", remedy, KeyFileError).decode("utf-8", "replace").strip()
    if token.isascii() and token.isprintable() and token:
        return token
    del token  # a traceback may show locals
    raise KeyFileError(f"key source {place.address}: token file {path} holds no token; {remedy}")


def _field(place: VaultPlace, answer: Any, *names: str) -> str:
    """Return a text of an answer's data."""
    value = answer.get("data") if isinstance(answer, dict) else None
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value
    del answer, value  # a traceback may show locals
    raise KeyFileError(
        f"key source {place.address}: the answer has no text in {names[-1]}; name its field: ?field=NAME"
    )
