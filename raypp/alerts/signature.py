"""Signatures of webhooks, as Standard Webhooks 1 has them: HMAC-SHA256 over id, time and body, by one or more keys."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.private import read_secret

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
_REMEDY = "make one: (umask 077; echo whsec_$(openssl rand -base64 32) > FILE)"


def read_signing_key(path: Path, channel: str) -> bytes:
    """Read a key; raises OptionError if it is missing, malformed, short, or open to others."""
    what = f"channel {channel}: key file"
    text = read_secret(path, what, _REMEDY, OptionError).strip()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX.encode()), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX.encode()) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise OptionError(
            f"{what} {path} holds no key of {_LEAST_BYTES} to {_MOST_BYTES} bytes as {_PREFIX}BASE64; {_REMEDY}"
        )
    return key


def signature_headers(keys: Sequence[bytes], alert_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that let a receiver check a body.

    Args:
        keys: each of them signs, so that a receiver may know the old or the new one.
        alert_id: the event's id.
        at_s: when it is sent, seconds since 1970: a receiver refuses what is minutes old.
        body: what is sent.
    """
    signed = b"%b.%d.%b" % (alert_id.encode(), at_s, body)
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": alert_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
