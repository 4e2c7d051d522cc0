"""The content of key files, wherever they come from: fetched once by each process that needs it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from raypp.errors import KeyFileError
from raypp.io.private import read_secret
from raypp.key_sources.place import SYSTEMD, VAULT, KeyPlace, KeyUrl, credential, wrapping_url
from raypp.key_sources.wrapped_file import WrappedFile
from raypp.key_sources.wrapper import require_package, wrapper_of

_FETCHED: dict[tuple[KeyUrl, bytes], bytes] = {}
_LOCK = Lock()


def read_key(place: KeyPlace, what: str, remedy: str, *, by_hand: bool = False) -> bytes:
    """Return the content of a key file as it was before it was wrapped.

    A source that unwraps is called once by a process: what it gave serves the later calls.

    Args:
        place: the file, or the URL of its source.
        what: what it is called in messages, such as "key file".
        remedy: what helps where there is no such file.
        by_hand: a person waits: the source is called anew, and may try a PIN after a wrong one.

    Raises:
        KeyFileError: if it cannot be read or unwrapped; it names the source and a remedy.
    """
    path: str | Path
    if isinstance(place, KeyUrl) and place.scheme == VAULT and not _unwraps(place):
        path, url, content = place.address, None, _once((place, b""), lambda: _secret_of_vault(place), anew=by_hand)
    else:
        path, url = _path_and_url(place)
        content = read_secret(path, what, remedy, KeyFileError)
    wrapped = parse_wrapped(content, path, what)
    if wrapped is None:
        if url is not None:
            del content  # a traceback may show locals
            raise KeyFileError(
                f"{what} {path} is not wrapped, and {url.address} unwraps; wrap it with `raypp key wrap`"
            )
        return content
    if url is None:
        url = wrapping_url(wrapped.source)
    elif url.address != wrapped.source:
        raise KeyFileError(
            f"{what} {path} was wrapped by {wrapped.source}, and not by {url.address}; give the source that wrapped it"
        )
    named = url, hashlib.sha256(content).digest()
    return _once(named, lambda: _unwrap(wrapped, url, path, what, by_hand=by_hand), anew=by_hand)


def parse_wrapped(content: bytes, path: str | Path, what: str) -> WrappedFile | None:
    """Return the wrapped file that a content is, None if it is none; raises KeyFileError for half of one."""
    try:
        return WrappedFile.parse(content)
    except ValueError:
        del content  # a traceback may show locals
        raise _damaged(path, what) from None


def _once(named: tuple[KeyUrl, bytes], fetch: Callable[[], bytes], *, anew: bool) -> bytes:
    with _LOCK:
        if anew or named not in _FETCHED:
            _FETCHED[named] = fetch()
        return _FETCHED[named]


def _unwraps(url: KeyUrl) -> bool:
    """Whether a URL of Vault names a key, and no secret."""
    require_package(url)
    from raypp.key_sources.vault import VaultPlace  # noqa: PLC0415 - its package may be missing

    return VaultPlace.of(url).wraps


def _secret_of_vault(url: KeyUrl) -> bytes:
    from raypp.key_sources.vault import VaultPlace, read_kv  # noqa: PLC0415 - its package may be missing

    return read_kv(VaultPlace.of(url))


def _path_and_url(place: KeyPlace) -> tuple[Path, KeyUrl | None]:
    """Return the file to read, and what unwraps it if the file is not to say so itself."""
    if not isinstance(place, KeyUrl):
        return place, None
    if place.scheme == SYSTEMD:
        return credential(place), None
    path = place.wrapped_file
    if path is None:
        raise KeyFileError(
            f"{place.address} unwraps a key file, and none is named; give the file that `raypp key wrap` wrote, "
            "or add ?wrapped=/PATH to the URL"
        )
    return path, place


def _unwrap(wrapped: WrappedFile, url: KeyUrl, path: str | Path, what: str, *, by_hand: bool) -> bytes:
    try:
        return wrapped.open(wrapper_of(url, by_hand=by_hand))
    except ValueError:
        raise _damaged(path, what) from None


def _damaged(path: str | Path, what: str) -> KeyFileError:
    return KeyFileError(f"{what} {path}: the wrapped key is truncated or was altered; restore it from your backup")
