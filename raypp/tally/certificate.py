"""Certificates of parties: each signs its own, and all others pin it by its fingerprint."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from raypp.errors import OptionError, TallyError
from raypp.io.atomic import write_bytes
from raypp.io.private import create_secret
from raypp.text.names import check_stream_name

MOST_CERTIFICATE_BYTES = 100_000
_YEARS = 5


def make_certificate(party: str, key_path: Path, certificate_path: Path) -> str:
    """Write a party's key, mode 0600, and the certificate that it hands to the others; return the fingerprint.

    Args:
        party: its name.
        key_path: the new file of the key (EC P-256, PEM).
        certificate_path: the new file of the certificate (PEM).

    Raises:
        TallyError: if the key's file exists, or cannot be written.
        OptionError: if the certificate's file exists, or the name has other characters than letters and digits.
    """
    try:
        check_stream_name(party, "`party`")
    except ValueError as error:
        raise OptionError(str(error)) from None
    if certificate_path.exists():
        raise OptionError(f"`certificate` {certificate_path} exists; choose another name")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, party)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    with create_secret(key_path, "key of the tally", TallyError) as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        file.flush()
        os.fsync(file.fileno())
    pem = certificate.public_bytes(Encoding.PEM)
    write_bytes(certificate_path, pem)
    return fingerprint_of(pem, certificate_path)


def fingerprint_of(pem: bytes, path: Path) -> str:
    """Return the SHA-256 of a certificate, 64 hex digits.

    Args:
        pem: the certificate's file.
        path: for messages.

    Raises:
        OptionError: if it is no certificate, or has expired.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise OptionError(f"certificate {path} is none; give what `raypp tally certificate` wrote") from None
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise OptionError(f"certificate {path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; make a new one")
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
