"""Detector bundles: one safetensors file with a detector's weights and, in its header, all that is known of it."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from cryptography.exceptions import InvalidTag
from safetensors import SafetensorError
from torch import Tensor

from raypp.detect.bundle_header import (
    DIGEST_KEY,
    HEADER_KEY,
    LENGTH_BYTES,
    SEALED_MAGIC,
    BundleHeader,
    damaged_bundle,
    is_sealed,
    parse_index,
    read_index,
)
from raypp.errors import ConflictError, ContentError, ModelError
from raypp.io.content import read_content
from raypp.shards.store import Store
from raypp.veil.envelope import Envelope, Passphrase, read_passphrase

MODEL_PASSPHRASE_VARIABLE = "RAYPP_MODEL_PASSPHRASE_FILE"
_MOST_BYTES = 4 << 30
_SEALED_VERSION = 2
"""Of the seal around a bundle; the first one did not name its cost."""
_SEALED = SEALED_MAGIC + bytes([_SEALED_VERSION])


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory: its header, and tensors by name; floating ones in the header's precision."""

    header: BundleHeader
    tensors: Mapping[str, Tensor]

    @classmethod
    def of(cls, header: BundleHeader, tensors: Mapping[str, Tensor]) -> "Bundle":
        """Make a bundle of tensors of any precision."""
        kind = torch.float16 if header.precision == "float16" else torch.float32
        stored = {
            name: tensor.detach().cpu().to(kind if tensor.is_floating_point() else tensor.dtype).contiguous()
            for name, tensor in tensors.items()
        }
        return cls(header, stored)

    def to_bytes(self) -> bytes:
        """Return the bundle as it is in a file: the same bytes for the same header and tensors."""
        header = self.header.model_dump_json()
        metadata = {"format": "pt", HEADER_KEY: header, DIGEST_KEY: _digest(header, self.tensors)}
        return with_sorted_index(safetensors.torch.save(dict(self.tensors), metadata))


def model_passphrase_from_environment() -> str:
    """Read the passphrase from the file that RAYPP_MODEL_PASSPHRASE_FILE names; raises ModelError without one."""
    named = os.environ.get(MODEL_PASSPHRASE_VARIABLE)
    if not named:
        raise ModelError(
            f"this bundle is sealed by a passphrase; put it in a file and set {MODEL_PASSPHRASE_VARIABLE} to it"
        )
    return read_passphrase(Path(named))


def write_bundle(bundle: Bundle, path: Path, passphrase: str | None = None, *, force: bool = False) -> int:
    """Write a bundle, whole or not at all; returns its size in bytes.

    Args:
        bundle: what to write.
        path: where.
        passphrase: to seal it under; None to leave it open.
        force: whether a file that is there may be replaced.

    Raises:
        ConflictError: if a file is there.
        ShardError: if it cannot be written.
    """
    if path.exists() and not force:
        raise ConflictError(f"{path} exists; choose another `out`, or replace it with `force`")
    content = bundle.to_bytes()
    if passphrase is not None:
        content = _SEALED + Envelope.seal(content, passphrase, _SEALED).to_bytes()
    Store(str(path.absolute().parent)).write_atomic(path.name, content)
    return len(content)


def read_bundle_header(path: Path, passphrase: Passphrase = model_passphrase_from_environment) -> BundleHeader:
    """Read a bundle's header; arguments and errors as for `read_bundle`."""
    try:
        if not is_sealed(path):
            return read_index(path).header
    except OSError as error:
        raise _unreadable(path, error) from None
    return read_bundle(path, passphrase).header


def read_bundle(path: Path, passphrase: Passphrase = model_passphrase_from_environment) -> Bundle:
    """Read a bundle; never runs any code from it.

    Args:
        path: the file.
        passphrase: called only if it is sealed.

    Raises:
        ModelError: if it is no bundle, damaged, altered, of a newer format, or does not open by the passphrase.
    """
    try:
        content = read_content(path, _MOST_BYTES)
    except ContentError as error:
        raise ModelError(f"bundle {path} {error}; give the path of a file that `raypp export` wrote") from None
    if content.startswith(SEALED_MAGIC):
        content = _opened(content, path, passphrase)
    index = parse_index(content, len(content), path)
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError):  # the latter: types unknown to torch
        raise damaged_bundle(path) from None
    if _digest(index.header_json, tensors) != index.sha256:
        raise damaged_bundle(path)
    return Bundle(index.header, tensors)


def _opened(content: bytes, path: Path, passphrase: Passphrase) -> bytes:
    version = content[len(SEALED_MAGIC) : len(_SEALED)]
    if version > _SEALED[-1:]:
        raise ModelError(
            f"bundle {path} has format version {version[0]}, this raypp reads up to {_SEALED_VERSION}; "
            "install a newer one"
        )
    read = Envelope.from_bytes if version == _SEALED[-1:] else Envelope.from_first_bytes
    try:
        return read(content[len(_SEALED) :]).open(passphrase(), content[: len(_SEALED)])
    except (InvalidTag, ValueError):
        pass  # raised anew below, so that no traceback shows the passphrase
    raise ModelError(f"bundle {path} does not open: wrong passphrase, or the file was cut short or altered")


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"bundle {path}: {error.strerror}; give the path of a file that `raypp export` wrote")


def with_sorted_index(content: bytes) -> bytes:
    """Return the same safetensors with the entries of its index in order: safetensors writes metadata in any.

    Args:
        content: the bytes of a safetensors file.
    """
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    index = json.loads(content[LENGTH_BYTES : LENGTH_BYTES + length])
    text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
    padded = text + b" " * (-len(text) % LENGTH_BYTES)  # so that tensors stay aligned
    return len(padded).to_bytes(LENGTH_BYTES, "little") + padded + content[LENGTH_BYTES + length :]


def _digest(header_json: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the header and every tensor's name, type, shape and bytes, hex: safetensors checks none of them."""
    digest = hashlib.sha256(header_json.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
