"""A certificate held against what its reader has from the owner: a fingerprint, or an archive."""

from pathlib import Path

from raypp.audit.verdict.certificate import Certificate, verify_certificate
from raypp.errors import CertificateError, ShardError
from raypp.shards.manifest import read_manifest
from raypp.shards.store import Store
from raypp.shards.vouching import check_fingerprint, check_signature
from raypp.veil.key import fingerprint as fingerprint_of


def verify_vouched(path: Path, fingerprint: str | None = None, archive: Store | None = None) -> Certificate:
    """Read a certificate, and check its signature, its verdict, and whose it is.

    Args:
        path: its file.
        fingerprint: of the key that must have signed it; None for any.
        archive: whose veil and key it must be of; None for any.

    Raises:
        OptionError: if the fingerprint is none.
        CertificateError: if it was altered or contradicts itself, or is of another key or veil.
        ShardError: if the archive cannot be read, or its own signature does not hold.
    """
    wanted = check_fingerprint(fingerprint) if fingerprint else None
    certificate = verify_certificate(path)
    signer = certificate.key_fingerprint
    if wanted is not None and signer != wanted:
        raise CertificateError(f"certificate {path} is signed by {signer}, not by {wanted}; get it from its owner")
    if archive is not None:
        _check_of_archive(certificate, path, archive)
    return certificate


def _check_of_archive(certificate: Certificate, path: Path, store: Store) -> None:
    """Raise CertificateError unless a certificate is of the veil and key that an archive names."""
    manifest = read_manifest(store)
    header = manifest.header
    problems = check_signature(store, manifest, {}, None).problems
    if problems:
        raise ShardError(f"archive {store.root}: {problems[0]}")
    signer = fingerprint_of(bytes.fromhex(header.public_key))
    if (certificate.key_fingerprint, certificate.veil_id) != (signer, header.veil_id):
        raise CertificateError(
            f"certificate {path} is of veil {certificate.veil_id} and key {certificate.key_fingerprint}, archive "
            f"{store.root} of {header.veil_id} and {signer}; get the certificate of that veil from its owner"
        )
