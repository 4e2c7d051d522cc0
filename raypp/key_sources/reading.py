"""The content of key files, wherever they come from: fetched once by each process that needs it."""

import hashlib
from pathlib import Path
from threading import Lock

from raypp.errors import KeyFileError
from raypp.io.private import read_secret
from raypp.key_sources.place import SYSTEMD, KeyPlace, KeyUrl, credential, wrapping_url
from raypp.key_sources.wrapped_file import WrappedFile
from raypp.key_sources.wrapper import wrapper_of

_UNWRAPPED: dict[tuple[KeyUrl, bytes], bytes] = {}
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
    with _LOCK:
        named = url, hashlib.sha256(content).digest()
        if by_hand or named not in _UNWRAPPED:
            _UNWRAPPED[named] = _unwrap(wrapped, url, path, what, by_hand=by_hand)
        return _UNWRAPPED[named]


def parse_wrapped(content: bytes, path: Path, what: str) -> WrappedFile | None:
    """Return the wrapped file that a content is, None if it is none; raises KeyFileError for half of one."""
    try:
        return WrappedFile.parse(content)
    except ValueError:
        del content  # a traceback may show locals
        raise _damaged(path, what) from None


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


def _unwrap(wrapped: WrappedFile, url: KeyUrl, path: Path, what: str, *, by_hand: bool) -> bytes:
    try:
        return wrapped.open(wrapper_of(url, by_hand=by_hand))
    except ValueError:
        raise _damaged(path, what) from None


def _damaged(path: Path, what: str) -> KeyFileError:
    return KeyFileError(f"{what} {path}: the wrapped key is truncated or was altered; restore it from your backup")
