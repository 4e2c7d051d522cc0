"""Key files wrapped by a source: written, unwrapped again, and tried."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from raypp.errors import ContentError, KeyFileError
from raypp.io.json import read_json
from raypp.io.private import create_secret
from raypp.key_sources.place import KeyPlace, KeyUrl
from raypp.key_sources.reading import parse_wrapped, read_key
from raypp.key_sources.wrapped_file import SealingKey, WrappedFile
from raypp.key_sources.wrapper import wrapper_of
from raypp.veil.keyfile import KEY_KINDS, OWNER_MAGIC

_WHAT, _REMEDY = "key file", "name a key file that `raypp keygen` wrote"


def wrap_key(place: KeyPlace, source: KeyUrl, out: Path) -> WrappedFile:
    """Write a key file, wrapped by a source, and read it back by that source.

    Args:
        place: the key file of any kind, or the URL of its source so far.
        source: what wraps it.
        out: the new file, of mode 0600.

    Raises:
        KeyFileError: if one of the files cannot be used, or the source does not answer; nothing is written then.
    """
    sealing = _sealing_key(source)
    content = read_key(place, _WHAT, _REMEDY)
    public = _public(content)
    if public is None:
        del content, sealing  # a traceback may show locals
        raise _no_key(place)
    wrapped = WrappedFile.seal(content, sealing, source.address, *public)
    del content, sealing
    return _write(wrapped, out)


def wrap_new_key(make: Callable[[], str], source: KeyUrl, out: Path) -> WrappedFile:
    """Make a key and write it wrapped by a source, so that no plain copy of it ever lies on a disk.

    Args:
        make: draws the key, and returns the content of its key file; called once the source has answered.
        source: what wraps it.
        out: the new file, of mode 0600.

    Raises:
        KeyFileError: if the file cannot be written, or the source does not answer; nothing is written then.
    """
    sealing = _sealing_key(source)
    content = make().encode()
    kind, fingerprint = _public(content) or ("", "")
    wrapped = WrappedFile.seal(content, sealing, source.address, kind, fingerprint)
    del content, sealing  # a traceback may show locals
    return _write(wrapped, out)


def _sealing_key(source: KeyUrl) -> SealingKey:
    sealing = SealingKey.draw(wrapper_of(source))
    if sealing is None:
        raise KeyFileError(f"key source {source.address} does not unwrap what it has wrapped; name another key of it")
    return sealing


def _write(wrapped: WrappedFile, out: Path) -> WrappedFile:
    with create_secret(out, "wrapped key file", KeyFileError) as file:
        json.dump(wrapped.to_json(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return wrapped


def unwrap_key(place: KeyPlace, out: Path) -> None:
    """Write a key file as it was before it was wrapped; raises KeyFileError."""
    content = read_key(place, _WHAT, _REMEDY)
    with create_secret(out, _WHAT, KeyFileError) as file:
        file.write(content.decode())
        file.flush()
        os.fsync(file.fileno())


def try_key(place: KeyPlace) -> dict[str, str]:
    """Fetch a key once, as a person who waits for the answer; returns what is public of it, by name.

    Raises:
        KeyFileError: if it cannot be read or unwrapped, or is no key.
    """
    public = _public(read_key(place, _WHAT, _REMEDY, by_hand=True))
    if public is None:
        raise _no_key(place)
    kind, fingerprint = public
    return {"key": str(place), "kind": KEY_KINDS[kind]} | ({"fingerprint": fingerprint} if fingerprint else {})


def describe_wrapped(path: Path) -> dict[str, str]:
    """Describe a wrapped key file without its source; raises KeyFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{_WHAT} {path}: {error.strerror}; {_REMEDY}") from None
    wrapped = parse_wrapped(content, path, _WHAT)
    if wrapped is None:
        raise KeyFileError(f"{_WHAT} {path} is not wrapped; {_REMEDY}")
    lines = {"wrapped key": str(path), "wraps": KEY_KINDS.get(wrapped.wraps, "an unknown kind"), "by": wrapped.source}
    return lines | ({"fingerprint": wrapped.fingerprint} if wrapped.fingerprint else {})


def _public(content: bytes) -> tuple[str, str] | None:
    """Return the kind of a key file and an owner's fingerprint, if it has one; None for what is no key file."""
    try:
        document = read_json(content)
        kind = document["kind"]
        fingerprint = document.get("body", {}).get("fingerprint", "") if kind == OWNER_MAGIC else ""
    except (ContentError, KeyError, TypeError, AttributeError):
        return None
    return (kind, fingerprint) if kind in KEY_KINDS and isinstance(fingerprint, str) else None


def _no_key(place: KeyPlace) -> KeyFileError:
    return KeyFileError(f"{_WHAT} {place} is not a raypp key; {_REMEDY}")
