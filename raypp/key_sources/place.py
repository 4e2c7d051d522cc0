"""Places of keys: a file, or the URL of what hands the key out. Neither holds a secret."""

import os
import re
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from raypp.errors import KeyFileError

SYSTEMD = "systemd"
PKCS11, VAULT, AWSKMS = "pkcs11", "vault", "awskms"
WRAPPING = (PKCS11, VAULT, AWSKMS)
"""Sources that wrap a key file, and hand its key out by unwrapping it."""
_KNOWN = ("file", SYSTEMD, *WRAPPING)
_WRAPPED = "wrapped"
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):")
_CREDENTIAL = re.compile(r"[A-Za-z0-9._@-]{1,255}")
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_SECRET_ATTRIBUTES = frozenset({"pin-value", "token-value", "password"})


class KeyUrl(str):
    """URL of a key source, checked by `key_place`; it names where secrets are, and is none."""

    __slots__ = ()

    @property
    def scheme(self) -> str:
        """Kind of the source, such as pkcs11."""
        return self.partition(":")[0]

    @property
    def address(self) -> str:
        """URL without its query: which key it is, without how this machine reaches it."""
        return self.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """How this machine reaches the source: attributes after the question mark, decoded."""
        return attributes(self, self.partition("?")[2], "&")

    @property
    def wrapped_file(self) -> Path | None:
        """The wrapped key file that the URL names, if it names one."""
        named = self.query.get(_WRAPPED)
        return None if named is None else Path(named)

    def absolute(self) -> Self:
        """Return the URL itself: it means the same in every folder."""
        return self


KeyPlace = Path | KeyUrl
"""Where a key is: a file, or the URL of a source."""


def key_place(given: str | Path) -> KeyPlace:
    """Return where a key is.

    Args:
        given: a path, or a URL: `file:/PATH`, `systemd:NAME`, `pkcs11:...` (RFC 7512), `vault:...` or `awskms:...`.

    Raises:
        KeyFileError: if the URL is malformed, of an unknown kind, or holds a secret.
    """
    if isinstance(given, Path | KeyUrl):
        return given
    match = _SCHEME.match(given)
    if match is None:
        return Path(given)
    scheme = match["scheme"]
    if scheme not in _KNOWN:
        kinds = ", ".join(f"{known}:" for known in _KNOWN)
        raise KeyFileError(
            f"key source {scheme}: is unknown; give a file or a URL ({kinds}); a file may be ./{scheme}:..."
        )
    url = KeyUrl(given)
    if scheme == "file":
        return _file(url)
    if scheme == SYSTEMD:
        if not _CREDENTIAL.fullmatch(url[len("systemd:") :]):
            raise KeyFileError("a credential of systemd is given as systemd:NAME, as LoadCredential= names it")
        return url
    _check_query(url)
    return url


def optional_key_place(given: str | Path | None) -> KeyPlace | None:
    """Return where a key is, None for None; raises KeyFileError as `key_place` does."""
    return None if given is None else key_place(given)


def wrapping_url(given: str) -> KeyUrl:
    """Return the URL of a source that wraps keys; raises KeyFileError for anything else."""
    place = key_place(given)
    if not isinstance(place, KeyUrl) or place.scheme not in WRAPPING:
        kinds = ", ".join(f"{scheme}:" for scheme in WRAPPING)
        raise KeyFileError(f"{place} wraps no keys; give the URL of a source that does ({kinds})")
    return place


def secret_file(given: str) -> Path:
    """Return the file of a PIN or token, given as a path, file:/PATH or systemd:NAME; raises KeyFileError."""
    place = key_place(given)
    if isinstance(place, Path):
        return place
    if place.scheme != SYSTEMD:
        raise KeyFileError(f"{place.address} holds no PIN or token; give a file, or systemd:NAME")
    return credential(place)


def credential(url: KeyUrl) -> Path:
    """Return the file of a credential that systemd handed to this service; raises KeyFileError outside of one."""
    folder = os.environ.get(_CREDENTIALS)
    if not folder:
        raise KeyFileError(
            f"{url}: systemd has handed this process no credentials ({_CREDENTIALS} is not set); "
            "run it as a service with LoadCredential= or LoadCredentialEncrypted=, or give a file"
        )
    return Path(folder) / url[len("systemd:") :]


def attributes(url: KeyUrl, text: str, separator: str) -> dict[str, str]:
    """Return the attributes `name=value` of a part of a URL, decoded; raises KeyFileError if they are malformed."""
    values: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name in values:
            problem = f"names {name} twice" if equals else "holds a part without `=`"
            raise KeyFileError(f"key source {url.scheme}: {problem}; write each attribute once, as name=value")
        values[name] = unquote(value)
    return values


def _file(url: KeyUrl) -> Path:
    rest = url[len("file:") :]
    path = Path(unquote(rest.removeprefix("//")))
    if not path.is_absolute():
        raise KeyFileError(f"{url} names no path from the root; write file:/PATH, or the path alone")
    return path


def _check_query(url: KeyUrl) -> None:
    secret = _SECRET_ATTRIBUTES & {part.partition("=")[0] for part in re.split("[?&;]", url)}
    if secret:
        raise KeyFileError(
            f"key source {url.scheme}: {min(secret)} would show a secret on the command line; put it into a file of "
            "mode 0600, and name that by pin-source=file:/PATH or systemd:NAME"
        )
    wrapped = url.wrapped_file
    if wrapped is not None and not wrapped.is_absolute():
        raise KeyFileError(
            f"{url.address}: {_WRAPPED}={wrapped} is no path from the root; workers run in other folders"
        )
