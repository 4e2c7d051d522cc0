"""How pyarrow encrypts and decrypts Parquet under a data key: what needs pyarrow of `raypp.shards.encryption`."""

import base64
import datetime as dt
import secrets
from typing import Any

import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.errors import KeyFileError
from raypp.shards.schema import SHARD_SCHEMA

_KEY_NAME = "shards"
_NONCE_BYTES = 12


class ParquetProperties:
    """Properties of encryption and decryption under one data key.

    Args:
        secret: the key's 32 secret bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._factory = pe.CryptoFactory(lambda _: _Wrapping(secret))

    def of_shards(self) -> Any:
        """Return what makes pyarrow encrypt a shard, footer included."""
        columns = {_KEY_NAME: list(SHARD_SCHEMA.names)}
        configuration = pe.EncryptionConfiguration(footer_key=_KEY_NAME, column_keys=columns, double_wrapping=False)
        return self._factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)

    def of_tables(self) -> Any:
        """Return what makes pyarrow encrypt a manifest or label table, footer included."""
        # One key for all columns: nested ones, such as boxes, have no names that a list of columns takes.
        whole = pe.EncryptionConfiguration(footer_key=_KEY_NAME, uniform_encryption=True, double_wrapping=False)
        return self._factory.file_encryption_properties(pe.KmsConnectionConfig(), whole)

    def of_readers(self) -> Any:
        """Return what makes pyarrow decrypt a shard, manifest or label table."""
        configuration = pe.DecryptionConfiguration(cache_lifetime=dt.timedelta(minutes=5))
        return self._factory.file_decryption_properties(pe.KmsConnectionConfig(), configuration)


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
