"""Who a source and a frame are, by keyed hashes: a plain hash would confirm a guessed file to anyone."""

from raypp.media.files import SourceStream
from raypp.veil.derivation import keyed_hash
from raypp.veil.key import Keyring

EDGE_BYTES = 64 * 1024
"""How much of a file's head and tail enters its identity: a full read of a large archive is not acceptable."""


def source_identity(key: Keyring, site: str, stream: SourceStream, index: bytes, name: str = "") -> bytes:
    """Identify a file by keyed hash of its size, head, tail and index; 32 bytes.

    Args:
        key: owner's or site's key.
        site: the site whose hash secret is used.
        stream: the opened file, read at both ends.
        index: fingerprint of the container's index; empty for images.
        name: place within its dataset, for images that a dataset may hold twice; empty otherwise.
    """
    size = stream.size
    stream.seek(0)
    head = stream.read(EDGE_BYTES)
    stream.seek(max(0, size - EDGE_BYTES))
    tail = stream.read(EDGE_BYTES)
    stream.seek(0)
    return keyed_hash(key.hash_secret(site, "identity"), b"file", b"%d" % size, head, tail, index, name.encode())


def pseudonym(key: Keyring, site: str, identity: bytes) -> str:
    """Public name of a source that says nothing of its file's name or content; 16 hex digits."""
    return keyed_hash(key.hash_secret(site, "pseudonym"), identity).hex()[:16]


def sample_id(
    key: Keyring, site: str, identity: bytes, timestamp_us: int, variant: int = 0, view: str | None = None
) -> str:
    """Identity of a frame: keyed hash of source identity and presentation time; 32 hex digits.

    A variant's has its number in the hash, too; 0 is the frame itself. So has a view its name; None is the whole frame.
    """
    secret = key.hash_secret(site, "identity")
    when = b"%d" % timestamp_us
    if view is not None:
        return keyed_hash(secret, b"view", identity, when, view.encode(), b"%d" % variant).hex()[:32]
    if variant == 0:
        return keyed_hash(secret, b"frame", identity, when).hex()[:32]
    return keyed_hash(secret, b"variant", identity, when, b"%d" % variant).hex()[:32]


def variant_seed(key: Keyring, site: str, sample_id: str) -> bytes:
    """Seed of what is done to a frame to make a variant of it, 32 bytes: by key and sample_id, so never drawn.

    With the key in it, nobody outside can tell by how much a variant was recoloured.
    """
    return keyed_hash(key.hash_secret(site, "identity"), b"variant seed", sample_id.encode())


def segment_id(key: Keyring, site: str, *parts: bytes) -> str:
    """Name of a unit of work, a pure function of what it covers; 32 hex digits."""
    return keyed_hash(key.hash_secret(site, "pseudonym"), b"segment", *parts).hex()[:32]
