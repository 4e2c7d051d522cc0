"""Key files: JSON of mode 0600, optionally sealed under a passphrase."""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import IO, Any, Literal

from cryptography.exceptions import InvalidTag

from raypp.errors import ContentError, KeyFileError
from raypp.io.json import read_json
from raypp.io.private import create_secret
from raypp.key_sources.place import KeyPlace, key_place
from raypp.key_sources.reading import read_key
from raypp.key_sources.wrapped_file import WRAPPED_MAGIC
from raypp.text.names import check_name
from raypp.veil.derivation import SECRET_BYTES
from raypp.veil.envelope import Envelope, Passphrase, read_passphrase
from raypp.veil.key import HASH_USES, SiteKey, StreamSecrets, VeilKey
from raypp.veil.spec import spec_of

OWNER_MAGIC = "raypp-veil-key"
SITE_MAGIC = "raypp-site-key"
DATA_MAGIC = "raypp-data-key"
KEY_KINDS = {OWNER_MAGIC: "owner's key", SITE_MAGIC: "site key", DATA_MAGIC: "data key"}
"""Kinds of keys, as people read them."""
SPLIT_MAGIC: Literal["raypp-split-key"] = "raypp-split-key"
SHARE_MAGIC = "raypp-key-share"
KEY_VARIABLE = "RAYPP_KEY_FILE"
PASSPHRASE_VARIABLE = "RAYPP_KEY_PASSPHRASE_FILE"
_SNIFF_BYTES = 256
_DIGEST_HEX = 16
_PUBLIC_BYTES = 32
_MOST_EPOCH, _MOST_SUB_KEY = (1 << 31) - 1, 63
_ALTERED = "it was altered since it was written, and would be another key; restore it from your backup"
LOSS_REMEDIES = {
    OWNER_MAGIC: (
        "an owner's key: make a new one (`raypp keygen`), not an epoch of it, for whoever has the file derives all "
        "epochs and signs with it; what was veiled or signed under it counts as open"
    ),
    SITE_MAGIC: (
        "a site's key: make the next epoch of its owner's (`raypp keygen --next-epoch`), and derive the keys of all "
        "sites from that"
    ),
    DATA_MAGIC: "a data key: make a new one (`raypp keygen --data`) for what is written from now on",
    WRAPPED_MAGIC: (
        "a wrapped key, which opens only with its source: see that nobody else may unwrap there, or wrap it anew by "
        "another key of the source and delete the old one"
    ),
    SPLIT_MAGIC: "a split key, which opens only by two shares: nothing is lost while at most one share is",
    SHARE_MAGIC: (
        "a share of a split key: with a second one it opens the key, so split the key anew among its persons "
        "(`raypp key split`), and delete the old split key and shares"
    ),
}
"""What helps when a key was lost to somebody, by the kind of its file."""
_KEY_FILE = "key file"
_NEXT_SITE_KEY = (
    "choose another name for the key, name each camera that it should hold with `cameras`, and give it to "
    "`raypp stream --key` in place of the older one; cameras of both keep their veil"
)
_NO_KEY = (
    "name the owner's key (`raypp keygen` makes one), or at a site the key that the owner derived for it "
    "(`raypp keygen --site`)"
)


def default_key_path() -> Path:
    """Where `raypp keygen` puts a key unless told otherwise: the user's own configuration folder."""
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "raypp" / "owner.key"


def resolve_key_place(given: str | Path | None) -> KeyPlace:
    """Return the key to use: the given one, else the one RAYPP_KEY_FILE names, else the default file.

    Raises:
        KeyFileError: if it is a URL that names no source.
    """
    if given is not None:
        return key_place(given)
    named = os.environ.get(KEY_VARIABLE)
    return key_place(named) if named else default_key_path()


def passphrase_from_environment() -> str:
    """Read the passphrase from the file that RAYPP_KEY_PASSPHRASE_FILE names; raises KeyFileError without one."""
    named = os.environ.get(PASSPHRASE_VARIABLE)
    if not named:
        raise KeyFileError(
            f"this key file is wrapped by a passphrase; put it in a file and set {PASSPHRASE_VARIABLE} to it"
        )
    return read_passphrase(Path(named))


def save_owner_key(key: VeilKey, path: str | Path, passphrase: str | None = None) -> None:
    """Write the owner's key to a new file of mode 0600.

    Args:
        key: the key.
        path: the file; its folder is made where there is none.
        passphrase: to seal it under; None to leave it open to whoever may read the file.

    Raises:
        KeyFileError: if the file exists, cannot be written, or would lie in a git working tree.
    """
    with create_secret(Path(path), _KEY_FILE, KeyFileError) as file:
        _save(file, owner_key_text(key, passphrase))


def save_site_key(key: SiteKey, path: Path, passphrase: str | None = None) -> None:
    """Write a site's key to a new file of mode 0600; raises KeyFileError if the file exists."""
    with create_secret(path, _KEY_FILE, KeyFileError, _NEXT_SITE_KEY) as file:
        _save(file, site_key_text(key, passphrase))


def owner_key_text(key: VeilKey, passphrase: str | None = None) -> str:
    """Return what `save_owner_key` writes, for wrapping it before it is written and for nothing else."""
    body = {"epoch": key.epoch, "secret": _b64(key.export_secret()), "fingerprint": key.fingerprint}
    return _text(OWNER_MAGIC, body, passphrase)


def site_key_text(key: SiteKey, passphrase: str | None = None) -> str:
    """Return what `save_site_key` writes, for wrapping it before it is written and for nothing else."""
    body = key.export()
    return _text(SITE_MAGIC, body | {"digest": content_digest(body)}, passphrase)


def load_owner_key(place: KeyPlace, passphrase: Passphrase = passphrase_from_environment) -> VeilKey:
    """Read the owner's key; raises KeyFileError if it is unreadable, open to others, or not the owner's key."""
    key = load_key(place, passphrase)
    if not isinstance(key, VeilKey):
        raise KeyFileError(f"key file {place} is a site key; this needs the owner's key")
    return key


def load_key(
    place: KeyPlace, passphrase: Passphrase = passphrase_from_environment, remedy: str = _NO_KEY
) -> VeilKey | SiteKey:
    """Read an owner's or a site's key.

    Args:
        place: the key file, or the URL of its source.
        passphrase: called only if the file is sealed under one.
        remedy: what helps where there is no such file, or it is no key.

    Raises:
        KeyFileError: if the file is unreadable, readable by others, no key, or the passphrase is wrong; or if its
            source does not unwrap it.
    """
    document = _read(place, remedy)
    magic = document.get("kind")
    if magic in (SPLIT_MAGIC, SHARE_MAGIC):
        raise KeyFileError(
            f"key file {place} is {'a share of ' if magic == SHARE_MAGIC else ''}a split key, which two persons open: "
            "name the `shares` of both to `raypp show`, or write the whole key by `raypp key join`"
        )
    if magic not in (OWNER_MAGIC, SITE_MAGIC):
        raise KeyFileError(f"key file {place} is not a raypp key; {remedy}")
    phrase = passphrase() if "wrapped" in document else None
    try:
        return _parse(document, magic, phrase)
    except InvalidTag:
        reason = "wrong passphrase, or the file was altered; check the passphrase"
    except (KeyError, TypeError, ValueError, AttributeError):
        reason = "damaged content; restore it from your backup"
    except KeyFileError as error:
        reason = str(error)
    del document, phrase  # a traceback may show locals
    raise KeyFileError(f"key file {place}: {reason}")


def parse_owner_key(content: bytes) -> VeilKey:
    """Return the key of what `owner_key_text` gave without a passphrase; raises ValueError or KeyFileError."""
    return _owner(read_json(content)["body"])


def find_key_files(folder: Path) -> list[Path]:
    """Return every raypp key file below a folder, by content and not by name, sorted; passes by unreadable files."""
    files = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {".git", ".venv", "__pycache__"}]
        files += [path for path in (Path(base, name) for name in names) if is_key_file(path)]
    return sorted(files)


def is_key_file(path: Path) -> bool:
    """Whether a file is a raypp key of any kind, by its content; False if it cannot be read."""
    return kind_of(path) is not None


def kind_of(path: Path) -> str | None:
    """Return the kind of a key file by its content, one of those in LOSS_REMEDIES, or None.

    Pipes and devices are none: reading one could wait forever.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError:
        return None
    return next(
        (magic for magic in (WRAPPED_MAGIC, SPLIT_MAGIC, SHARE_MAGIC, *KEY_KINDS) if magic.encode() in head), None
    )


def content_digest(body: dict[str, Any]) -> str:
    """16 hex digits that change when anything in the body of a key file does."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()[:_DIGEST_HEX]


def _text(magic: str, body: dict[str, Any], passphrase: str | None) -> str:
    document = {"kind": magic, "version": 1}
    document |= {"body": body} if passphrase is None else {"wrapped": _wrap(body, passphrase, magic)}
    return json.dumps(document, indent=1)


def _save(file: IO[str], text: str) -> None:
    file.write(text)
    file.flush()
    os.fsync(file.fileno())


def _read(place: KeyPlace, remedy: str) -> dict[str, Any]:
    try:
        document = read_json(read_key(place, _KEY_FILE, remedy))
    except ContentError:
        document = None
    if not isinstance(document, dict):
        raise KeyFileError(f"key file {place} is not a raypp key; {remedy}")
    return document


def _parse(document: dict[str, Any], magic: str, phrase: str | None) -> VeilKey | SiteKey:
    body = document["body"] if phrase is None else _unwrap(document["wrapped"], phrase, magic)
    return _owner(body) if magic == OWNER_MAGIC else _site(body)


def _wrap(body: dict[str, Any], passphrase: str, magic: str) -> dict[str, Any]:
    return Envelope.seal(json.dumps(body).encode(), passphrase, magic.encode()).to_json()


def _unwrap(wrapped: dict[str, Any], passphrase: str, magic: str) -> dict[str, Any]:
    body: dict[str, Any] = read_json(Envelope.from_json(wrapped).open(passphrase, magic.encode()))
    return body


def _owner(body: dict[str, Any]) -> VeilKey:
    key = VeilKey(base64.b64decode(body["secret"], validate=True), _number(body["epoch"], _MOST_EPOCH))
    if body.get("fingerprint", key.fingerprint) != key.fingerprint:
        raise KeyFileError(_ALTERED)
    return key


def _site(body: dict[str, Any]) -> SiteKey:
    rest = {name: value for name, value in body.items() if name != "digest"}
    if "digest" in body and body["digest"] != content_digest(rest):
        raise KeyFileError(_ALTERED)
    cameras = {
        check_name(name): StreamSecrets(
            _number(stream["sub_key"], _MOST_SUB_KEY),
            _secret(stream["weights_seed"]),
            _secret(stream["dither_seed"]),
        )
        for name, stream in body["cameras"].items()
    }
    hashes = {use: _secret(body["hashes"][use]) for use in HASH_USES}
    spec = spec_of(body["spec"])
    encoder = _secret(body["encoder"]) if "encoder" in body else None
    public_key = bytes.fromhex(body["public_key"])
    if len(public_key) != _PUBLIC_BYTES:
        raise ValueError
    return SiteKey(spec, public_key, check_name(body["site"]), cameras, hashes, encoder)


def _secret(text: str) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) != SECRET_BYTES:
        del secret, text  # a traceback may show locals
        raise ValueError
    return secret


def _number(value: object, most: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError
    return value


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
