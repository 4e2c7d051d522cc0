"""An archive's signature in words, for people: who vouches for what, or that nobody does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from raypp.errors import OptionError, RayppError
from raypp.shards.labels import list_versions
from raypp.shards.manifest import Manifest
from raypp.shards.signature import SIGNATURE_FILE, read_signature
from raypp.shards.store import Store
from raypp.veil.key import FINGERPRINT_HEX

UNSIGNED = "unsigned: only accidents are told, not what somebody altered on purpose"


@dataclass(frozen=True)
class Vouching:
    """Result of checking a signature.

    Attributes:
        statement: who signed the archive, or that nobody did, in one line.
        fingerprint: of the key that signed; None where no signature holds.
        problems: one line each; empty if nothing contradicts the signature or the fingerprint that was given.
    """

    statement: str
    fingerprint: str | None = None
    problems: tuple[str, ...] = ()


def check_fingerprint(text: str) -> str:
    """Return a fingerprint as keys print it; raises OptionError for what is none."""
    normalised = text.strip().lower()
    if not re.fullmatch(f"[0-9a-f]{{{FINGERPRINT_HEX}}}", normalised):
        raise OptionError(
            f"`fingerprint` {text} is none; give the {FINGERPRINT_HEX} digits that `raypp keygen` and "
            "`raypp inspect owner.key` print"
        )
    return normalised


def check_signature(store: Store, manifest: Manifest, labels: Mapping[str, str], wanted: str | None) -> Vouching:
    """Hold an archive's manifest and label versions against its signature.

    Args:
        store: the archive.
        manifest: its manifest.
        labels: digests of its readable label versions, by name.
        wanted: fingerprint that the signer must have; None for any.
    """
    try:
        signature = read_signature(store)
    except RayppError as error:
        return Vouching("signature damaged", problems=(str(error),))
    if signature is None:
        remedy = f"the archive is unsigned, and so may be from anybody and not from {wanted}; ask its owner to sign it"
        return Vouching(UNSIGNED, problems=(remedy,) if wanted else ())
    who = signature.fingerprint
    if not signature.is_true():
        problem = f"{SIGNATURE_FILE} is false: it was altered, or {who} never made it"
        return Vouching("signature false", problems=(problem,))
    problems = []
    if signature.public_key != manifest.header.public_key:
        problems.append(f"the archive is signed by {who}, which is not the key that its header names")
    if signature.manifest != manifest.digest:
        problems.append(
            f"the manifest is not the one that {who} signed: it was altered, or a job was stopped before it signed; "
            "run `raypp veil` again, or get the archive anew from its owner"
        )
    problems += [
        f"labels {name} are not those that {who} signed; they were altered"
        for name, digest in signature.labels.items()
        if labels.get(name, digest) != digest
    ]
    if wanted is not None and who != wanted:
        problems.append(f"the archive is signed by {who}, not by {wanted}")
    compare = "the key you gave" if wanted else "compare with the owner's fingerprint"
    added = sorted(set(labels) - set(signature.labels))
    rest = f"; not signed: labels {', '.join(added)}" if added else ""
    gone = sorted(set(signature.labels) - set(list_versions(store)))
    rest += f"; signed, but not here: labels {', '.join(gone)}" if gone else ""
    if problems:
        return Vouching(f"signed by {who}, and not as it is", problems=tuple(problems))
    return Vouching(f"signed by {who} ({compare}){rest}", who)
