"""A real nginx as the TLS front, rendered from the template that operators use, with certificates made for a test."""

import datetime as dt
import ipaddress
import shutil
import string
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.command import ROOT

TEMPLATE = ROOT / "cluster" / "tls" / "nginx.conf.template"
_LONG_AGO = dt.timedelta(days=30)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _builder(subject, subject, key, expired=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *, server: bool, expired: bool = False) -> tuple[bytes, bytes]:
        """Issue a certificate; returns it and its key as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(_name(name), self.certificate.subject, key, expired=expired)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if server:
            places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate, key.private_bytes(*form)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, expired: bool
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    end = now - dt.timedelta(days=1) if expired else now + dt.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LONG_AGO)
        .not_valid_after(end)
    )


@contextmanager
def running_front(
    place: Path, service: str, pages: str, secret: str, port: int, *, verify: bool, expired: bool = False
) -> Iterator[Authority]:
    """Run nginx before a service; gives the authority that its certificate, and those of its clients, are of."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        pytest.skip("nginx is not installed; on Debian: apt-get install nginx-light")
    authority = Authority.make("raypp test authority")
    certificate, key = authority.issue("localhost", server=True, expired=expired)
    place.mkdir()
    (place / "server.crt").write_bytes(certificate)
    (place / "server.key").write_bytes(key)
    (place / "clients.crt").write_bytes(authority.pem)
    rendered = string.Template(TEMPLATE.read_text()).safe_substitute(
        LISTEN=f"127.0.0.1:{port}",
        SERVICE=service,
        PAGES=pages,
        FOLDER=place,
        RUN=place,
        VERIFY_CLIENT="on" if verify else "off",
        FRONT_SECRET=secret,
    )
    (place / "nginx.conf").write_text(rendered)
    command = [nginx, "-p", place, "-c", place / "nginx.conf", "-e", place / "error.log", "-g", "daemon off;"]
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 20
            while not (place / "nginx.pid").exists() or not (place / "nginx.pid").read_text():
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield authority
        finally:
            process.terminate()
            process.wait(20)
