"""Parquet modular encryption of shards under a data key: protection at rest, apart from the veil."""

import base64
import datetime as dt
import json
import secrets
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.errors import KeyFileError
from raypp.io.json import read_json
from raypp.io.private import create_secret, read_secret
from raypp.shards.schema import SHARD_SCHEMA
from raypp.veil.key import Secret
from raypp.veil.keyfile import DATA_MAGIC, content_digest

_KEY_NAME = "shards"
_NONCE_BYTES = 12
_SECRET_BYTES = 32


class DataKey(Secret):
    """256 secret bits that wrap the keys of encrypted shards; given to those who may read them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._factory = pe.CryptoFactory(lambda _: _Wrapping(secret))

    @classmethod
    def generate(cls) -> Self:
        """Draw a new key from the operating system."""
        return cls(secrets.token_bytes(32))

    def save(self, path: str | Path) -> None:
        """Write the key to a new file of mode 0600, outside any git working tree; raises KeyFileError."""
        with create_secret(Path(path), "data key", KeyFileError) as file:
            body = {"secret": base64.b64encode(self._secret).decode()}
            json.dump({"kind": DATA_MAGIC, "version": 1, "digest": content_digest(body)} | body, file)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file; raises KeyFileError if it is unreadable, open to others, or no data key."""
        secret = _parse(read_secret(path, "data key", "give the path of a data key", KeyFileError))
        if secret is not None:
            return cls(secret)
        raise KeyFileError(
            f"data key {path} is not a raypp data key, or was altered; restore it, or make one with "
            "`raypp keygen --data`"
        )

    def encryption(self) -> Any:
        """Properties that make pyarrow encrypt a shard, footer included."""
        columns = {_KEY_NAME: list(SHARD_SCHEMA.names)}
        configuration = pe.EncryptionConfiguration(footer_key=_KEY_NAME, column_keys=columns, double_wrapping=False)
        return self._factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)

    def table_encryption(self) -> Any:
        """Properties that make pyarrow encrypt a manifest or label table, footer included."""
        # One key for all columns: nested ones, such as boxes, have no names that a list of columns takes.
        whole = pe.EncryptionConfiguration(footer_key=_KEY_NAME, uniform_encryption=True, double_wrapping=False)
        return self._factory.file_encryption_properties(pe.KmsConnectionConfig(), whole)

    def decryption(self) -> Any:
        """Properties that make pyarrow decrypt a shard, manifest or label table."""
        configuration = pe.DecryptionConfiguration(cache_lifetime=dt.timedelta(minutes=5))
        return self._factory.file_decryption_properties(pe.KmsConnectionConfig(), configuration)


def _parse(text: bytes) -> bytes | None:
    # In a frame of its own, so that a traceback of a refusal can show no secret.
    try:
        document = read_json(text)
        secret = base64.b64decode(document["secret"], validate=True)
        digest = content_digest({"secret": document["secret"]})
        if document["kind"] != DATA_MAGIC or document.get("digest", digest) != digest:
            return None
        return secret if len(secret) == _SECRET_BYTES else None
    except (ValueError, KeyError, TypeError):
        return None


class _Wrapping(pe.KmsClient):  # type: ignore[misc]
    """Wraps each file's own key by AES-256-GCM under the data key."""

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self._cipher = AESGCM(secret)

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, key_bytes, master_key_identifier.encode())).decode()

    def unwrap_key(self, wrapped_key: str | bytes, master_key_identifier: str) -> bytes:
        raw = base64.b64decode(wrapped_key)
        try:
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], master_key_identifier.encode())
        except InvalidTag:
            raise KeyFileError("this data key does not open the archive; use the one it was encrypted with") from None
