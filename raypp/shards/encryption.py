"""Parquet modular encryption of shards under a data key: protection at rest, apart from the veil."""

import base64
import json
import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from raypp.errors import KeyFileError
from raypp.io.json import read_json
from raypp.io.private import create_secret
from raypp.key_sources.place import key_place
from raypp.key_sources.reading import read_key
from raypp.veil.key import Secret
from raypp.veil.keyfile import DATA_MAGIC, content_digest

if TYPE_CHECKING:
    from raypp.shards.parquet_properties import ParquetProperties

_SECRET_BYTES = 32


class DataKey(Secret):
    """256 secret bits that wrap the keys of encrypted shards; given to those who may read them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def generate(cls) -> Self:
        """Draw a new key from the operating system."""
        return cls(secrets.token_bytes(32))

    def save(self, path: str | Path) -> None:
        """Write the key to a new file of mode 0600, outside any git working tree; raises KeyFileError."""
        with create_secret(Path(path), "data key", KeyFileError) as file:
            file.write(self.file_text())

    def file_text(self) -> str:
        """Return what `save` writes, for wrapping it before it is written and for nothing else."""
        body = {"secret": base64.b64encode(self._secret).decode()}
        return json.dumps({"kind": DATA_MAGIC, "version": 1, "digest": content_digest(body)} | body)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a key file, or what the URL of its source names.

        Raises:
            KeyFileError: if it is unreadable, open to others, or no data key; or if its source does not unwrap it.
        """
        secret = _parse(read_key(key_place(path), "data key", "give the path of a data key"))
        if secret is not None:
            return cls(secret)
        raise KeyFileError(
            f"data key {path} is not a raypp data key, or was altered; restore it, or make one with "
            "`raypp keygen --data`"
        )

    @cached_property
    def _properties(self) -> "ParquetProperties":
        from raypp.shards.parquet_properties import ParquetProperties  # noqa: PLC0415 - needs pyarrow, slow to import

        return ParquetProperties(self._secret)

    def encryption(self) -> Any:
        """Properties that make pyarrow encrypt a shard, footer included."""
        return self._properties.of_shards()

    def table_encryption(self) -> Any:
        """Properties that make pyarrow encrypt a manifest or label table, footer included."""
        return self._properties.of_tables()

    def decryption(self) -> Any:
        """Properties that make pyarrow decrypt a shard, manifest or label table."""
        return self._properties.of_readers()


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
