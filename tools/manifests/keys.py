"""The rule for keys: they are in the owner's namespace alone, and in no manifest at all."""

import re
from collections.abc import Iterator

from tools.manifests.objects import Resource, texts_of

_OF_THE_OWNER = re.compile(
    r"RAYPP_KEY_(PASSPHRASE_)?FILE|owner[-_.]?key|raypp-owner(-key)?|(^|\s)--key([\s=]|$)|jobs\.(veil_archive|fit_veil|audit_veil)",
    re.IGNORECASE,
)
_SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|raypp-(veil|site|data)-key")


def key_faults(resource: Resource, owner: str) -> Iterator[str]:
    """Yield where an object holds a secret, or names the owner's key outside the owner's namespace.

    Args:
        resource: the object.
        owner: the owner's namespace.
    """
    if resource.kind == "Secret" and (resource.document.get("data") or resource.document.get("stringData")):
        yield f"{resource.title}: holds a secret in a manifest; make it with `kubectl create secret`, or by your vault"
    texts = list(texts_of(resource.document))
    for text in texts:
        if found := _SECRET.search(text):
            yield f"{resource.title}: holds {found[0]!r}, which looks like a key; no manifest holds one"
    if owner in (resource.namespace, resource.name if resource.kind == "Namespace" else ""):
        return
    for name in sorted({found[0].strip() for text in texts if (found := _OF_THE_OWNER.search(text))}):
        yield f"{resource.title}: names {name!r} outside namespace {owner}; the key never leaves its owner"
