"""Encoder files: the public spec of a learned veil, and its secret encoder sealed under the owner's key."""

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.errors import ContentError, SpecError
from raypp.io.content import read_content
from raypp.veil.key import Keyring, VeilKey
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec, load_spec, parse_spec

ENCODER_FILE, START_FILE = "encoder.veil", "start.model"
"""What a fit leaves in its folder: the encoder, and the detector that trainings on the veil start from."""
MAGIC = b"raypp-encoder-1\n"
_LENGTH_BYTES, _NONCE_BYTES = 4, 12
_MOST_SPEC_BYTES, _MOST_BYTES = 1 << 16, 1 << 28


def seal_encoder(spec: LearnedSpec, content: bytes, key: VeilKey) -> bytes:
    """Return the encoder file of a network, which opens with the owner's key, or a site's key made for its spec.

    Args:
        spec: the veil's spec, whose `encoder` is `key.name_encoder(content)`.
        content: the network's ONNX file.
        key: the owner's key.
    """
    head = spec.canonical()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key.encoder_secret(spec)).encrypt(nonce, content, head)
    return MAGIC + len(head).to_bytes(_LENGTH_BYTES, "big") + head + nonce + sealed


def open_encoder(path: Path, spec: LearnedSpec, key: Keyring) -> bytes:
    """Return the network that an encoder file holds.

    Args:
        path: the file.
        spec: the veil it must be of.
        key: the key it was sealed under.

    Raises:
        SpecError: if it is no encoder file, of another veil, damaged, or of another key.
        KeyFileError: if a site key was derived for another spec.
    """
    body, rest = _parts(path)
    if body != spec:
        raise SpecError(
            f"encoder {path} is {body.encoder}, but the veil asks for {spec.encoder}; give the one it names"
        )
    try:
        return AESGCM(key.encoder_secret(spec)).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], spec.canonical())
    except (InvalidTag, ValueError):  # the latter: a nonce that was cut short
        raise SpecError(
            f"encoder {path} does not open: it was sealed under another key or key epoch, or is damaged; "
            "use the key it was fitted with"
        ) from None


def spec_and_encoder(path: Path | None) -> tuple[VeilSpec, Path | None]:
    """Read what a user names a veil by: a spec's JSON file, or an encoder file, which is returned beside its spec.

    Args:
        path: the file; None for the default veil.

    Raises:
        SpecError: if it is neither.
    """
    if path is None:
        return PatchSpec(), None
    if is_encoder_file(path):
        return _parts(path)[0], path.absolute()
    return load_spec(path), None


def is_encoder_file(path: Path) -> bool:
    """Whether a file begins as an encoder file; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _parts(path: Path) -> tuple[LearnedSpec, bytes]:
    try:
        content = read_content(path, _MOST_BYTES)
    except ContentError as error:
        raise SpecError(f"encoder {path} {error}; give the file that `raypp fit` wrote") from None
    begin = len(MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(content[len(MAGIC) : begin], "big")
    if not content.startswith(MAGIC) or length > _MOST_SPEC_BYTES:
        raise SpecError(f"{path} is no encoder file of raypp; give the file that `raypp fit` wrote")
    spec = parse_spec(content[begin : begin + length], f"encoder {path}")
    if not isinstance(spec, LearnedSpec):
        raise SpecError(f"{path} is no encoder file of raypp; give the file that `raypp fit` wrote")
    return spec, content[begin + length :]
