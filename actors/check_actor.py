"""The Ray actor that verifies shards: it owns the opened archive, and nothing else."""

from pydantic import TypeAdapter

from raypp.key_sources.place import KeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store
from raypp.shards.verification import ShardCheck, check_shard

CHECK = TypeAdapter(ShardCheck)


class CheckActor:
    """Checks shards against their receipts.

    Args:
        root: the archive, a folder or URL that this node reaches.
        data_key: path of the data key of encrypted shards, or None.
    """

    def __init__(self, root: str, data_key: KeyPlace | None) -> None:
        self._root = root
        self._data_key_path = data_key

    def begin(self) -> None:
        """Open the archive; raises ShardError or KeyFileError if that cannot be."""
        self._data_key = DataKey.load(self._data_key_path) if self._data_key_path else None
        self._store = Store(self._root, self._data_key)
        self._header = read_manifest(self._store).header

    def work(self, row: bytes, again: bool) -> bytes:  # noqa: ARG002 - checking again changes nothing
        """Check the shard of a receipt; rows as `Receipt.to_bytes` writes them, and `CHECK` reads them."""
        receipt = Receipt.from_bytes(row, "receipt")
        return CHECK.dump_json(check_shard(self._store, self._header, self._data_key, receipt))
