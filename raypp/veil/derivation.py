"""Secret bytes out of a secret, one label per use: HKDF-SHA256; integers out of them by a ChaCha20 stream.

Never a library's random generator: its stream may change between versions, and these bytes must be the same for
ever. HKDF is RFC 5869, ChaCha20 RFC 8439.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES = 32


def derive(secret: bytes, label: bytes) -> bytes:
    """Derive 32 bytes from a secret for the one use that `label` names."""
    return HKDF(hashes.SHA256(), length=SECRET_BYTES, salt=None, info=b"raypp/1/" + label).derive(secret)


def keyed_hash(secret: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 over length-prefixed parts, so that no two lists of parts give the same input; 32 bytes."""
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big"))
        mac.update(part)
    return mac.digest()
