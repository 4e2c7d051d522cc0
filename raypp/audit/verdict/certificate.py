"""The certificate of an audit: what was attacked, how and with what result, signed by the owner of the key."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from raypp import __version__
from raypp.audit.core.adversary_name import AdversaryName
from raypp.audit.core.code import code_digest
from raypp.audit.core.row import AttackRow
from raypp.audit.verdict.assumptions import ASSUMPTIONS, not_attacked
from raypp.audit.verdict.canonical import from_base64, to_base64, to_canonical
from raypp.audit.verdict.gates import Gate, judge_gates
from raypp.audit.verdict.version_1 import upgraded
from raypp.errors import CertificateError, ContentError, SpecError
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import MOST_BYTES, read_json
from raypp.veil.key import VeilKey, fingerprint
from raypp.veil.spec import VeilSpec, parse_spec, veil_id

if TYPE_CHECKING:
    from raypp.audit.footage.evidence import Evidence  # to verify needs no decoder

__all__ = ["ASSUMPTIONS", "Certificate", "Gate", "ImageCounts", "certify", "judge_gates", "sign", "verify_certificate"]

CERTIFICATE = "certificate.json"
"""Name of its file, in the folder of an audit with what may be handed out."""
_DOMAIN = b"raypp certificate v1\0"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ImageCounts(BaseModel):
    """How many images an audit used.

    Attributes:
        known: those that attacks may learn from.
        victims: those that were attacked.
        passed_by: those left out because most others have another shape.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: int = Field(ge=0)
    victims: int = Field(ge=0)
    passed_by: int = Field(ge=0)


class _Signed(BaseModel):
    """Form and signer, as every version states them; all else is left unread until the signature is checked."""

    model_config = ConfigDict(frozen=True)

    version: Literal["raypp-audit-1", "raypp-audit-2"]
    public_key: str
    key_fingerprint: str


class Certificate(BaseModel):
    """The result of an audit. Holds nothing secret and no pixel.

    Attributes:
        version: of this form.
        veil_id: the audited veil, 32 hex digits.
        spec: its public parameters.
        key_fingerprint: of the public key, 16 hex digits.
        public_key: raw Ed25519 public key, 32 bytes as base64; its private half signs the certificate.
        raypp_version: of the program that attacked.
        made_at: when, ISO 8601 in UTC.
        budget: how much the attacks could spend: name of a preset.
        size: side of the square that images were letterboxed into, in pixels.
        images: how many.
        data_digest: SHA-256 of the victims' pixels, hex.
        code_digest: SHA-256 of the source of attacks, scores and veil, hex, from `code_digest()`.
        assumptions: what the figures rest on.
        bounds: figures that follow without any attack, such as bits per pixel; what they say is in `CAVEATS`.
        rows: every attack on the veil and on the baselines.
        gates: what `judge_gates` made of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["raypp-audit-2"] = "raypp-audit-2"
    veil_id: str
    spec: dict[str, JsonValue]
    key_fingerprint: str
    public_key: str
    raypp_version: str
    made_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")
    budget: str
    size: int = Field(gt=0)
    images: ImageCounts
    data_digest: Digest
    code_digest: Digest
    assumptions: tuple[str, ...]
    bounds: dict[str, float]
    rows: tuple[AttackRow, ...]
    gates: tuple[Gate, ...]

    def canonical(self) -> bytes:
        """Return the one byte string that is signed; raises ValueError if a figure is no finite number."""
        return to_canonical(self.model_dump(mode="json"))

    @classmethod
    def from_canonical(cls, text: bytes) -> Self:
        """Read what `canonical` wrote; raises ValidationError."""
        return cls.model_validate_json(text, strict=True)


def certify(
    spec: VeilSpec,
    key: VeilKey,
    rows: Sequence[AttackRow],
    *,
    evidence: "Evidence",
    bounds: Mapping[str, float],
    budget: str,
    size: int,
    adversaries: Collection[AdversaryName] = (),
) -> Certificate:
    """Return the certificate of an audit made just now, still to be signed.

    Args:
        spec: the veil's.
        key: the owner's; only its public half enters.
        rows: of all attacks.
        evidence: the images; only their numbers, their size and the victims' digest enter.
        bounds: figures that follow without any attack, from `bounds_on`.
        budget: name of a preset.
        size: side of the square that images were letterboxed into, in pixels.
        adversaries: whose attacks were chosen; none stands for all. The certificate says whose were left out.
    """
    victims = evidence.victims.frames
    return Certificate(
        veil_id=key.veil_id(spec),
        spec=spec.model_dump(mode="json"),
        key_fingerprint=key.fingerprint,
        public_key=to_base64(key.public_key),
        raypp_version=__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        budget=budget,
        size=size,
        images=ImageCounts(known=len(evidence.known), victims=len(victims), passed_by=evidence.passed_by),
        data_digest=hashlib.sha256(victims.tobytes()).hexdigest(),
        code_digest=code_digest(),
        assumptions=ASSUMPTIONS + not_attacked(adversaries),
        bounds=dict(bounds),
        rows=tuple(rows),
        gates=judge_gates(rows),
    )


def sign(certificate: Certificate, key: VeilKey) -> bytes:
    """Return the JSON document {"certificate": ..., "signature": base64} of a certificate and its Ed25519 signature.

    The signature is over `raypp certificate v1`, a zero byte, and the certificate as JSON with sorted keys and no
    spaces, so that the document may be laid out anew.

    Raises:
        CertificateError: if it names another key or veil than this key's, states another verdict than its rows, or
            holds a figure that is no number.
    """
    where = f"certificate of veil {certificate.veil_id}"
    if _public_key(certificate, where) != key.public_key:
        raise CertificateError(
            f"{where} names key {certificate.key_fingerprint}, but would be signed with {key.fingerprint}; "
            "sign with the key that made the veil"
        )
    _check_identity(certificate, where)
    try:
        message = certificate.canonical()
    except ValueError:
        raise CertificateError(f"{where} holds a figure that is not a number; leave out the row that has it") from None
    _check_gates(certificate, where)
    document = {"certificate": json.loads(message), "signature": to_base64(key.sign(_DOMAIN + message))}
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def verify_certificate(path: Path) -> Certificate:
    """Read a certificate, check its signature, and judge its gates anew from its rows; needs no key.

    It proves that the holder of the named key vouches for the rows, and that the verdict follows from them. Whether
    that is the right key is for the reader to check: by the fingerprint that the owner gives, or the veil_id in an
    archive. A certificate of version 1 is returned as one of this version, once its signature was checked.

    Raises:
        CertificateError: if it cannot be read, is no certificate, contradicts itself, states another verdict than its
            rows, or was altered.
    """
    where = f"certificate {path}"
    try:
        document = read_json(read_content(path, MOST_BYTES))
    except ContentError as error:
        raise CertificateError(f"{where} {error}; name the certificate.json of an audit") from None
    if not isinstance(document, dict) or set(document) != {"certificate", "signature"}:
        raise CertificateError(
            f"{where} has no `certificate` with a `signature`; name the certificate.json of an audit"
        )
    body, message = document["certificate"], to_canonical(document["certificate"])
    try:
        signed = _Signed.model_validate_json(message, strict=True)
        _check_signature(_public_key(signed, where), document["signature"], message, where)
        if signed.version == "raypp-audit-1":
            body = upgraded(body)
        certificate = Certificate.from_canonical(to_canonical(body))
    except ValidationError as error:
        raise CertificateError(
            f"{where}: field {first_fault(error)}; get it anew from its owner, or update raypp"
        ) from None
    _check_identity(certificate, where)
    _check_gates(certificate, where)
    return certificate


def _check_gates(certificate: Certificate, where: str) -> None:
    """Raise CertificateError unless the stated gates are what the rows say."""
    if certificate.gates != judge_gates(certificate.rows):
        raise CertificateError(
            f"{where}: its verdict is not what its own rows say; ask its owner for one that `raypp audit` of this "
            "version made"
        )


def _check_signature(public_key: bytes, signature: object, message: bytes, where: str) -> None:
    """Raise CertificateError unless the signature is that of the key over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(from_base64(signature), _DOMAIN + message)
    except InvalidSignature:
        raise CertificateError(
            f"{where}: its signature is false: it was altered, or another key signed it; get it anew from its owner"
        ) from None


def _public_key(certificate: "_Signed | Certificate", where: str) -> bytes:
    public_key = from_base64(certificate.public_key)
    if len(public_key) != 32:
        raise CertificateError(f"{where}: its public_key is not 32 bytes in base64; get it anew from its owner")
    if fingerprint(public_key) != certificate.key_fingerprint:
        raise CertificateError(
            f"{where}: its public key has fingerprint {fingerprint(public_key)}, not the one that it names; "
            "it was altered: get it anew from its owner"
        )
    return public_key


def _check_identity(certificate: Certificate, where: str) -> None:
    """Raise CertificateError unless the named veil is what the named spec and key make."""
    try:
        spec = parse_spec(to_canonical(certificate.spec), "spec")
    except SpecError:
        raise CertificateError(
            f"{where}: its spec is none that this raypp knows; get it anew, or update raypp"
        ) from None
    if veil_id(spec, from_base64(certificate.public_key)) != certificate.veil_id:
        raise CertificateError(
            f"{where}: its veil_id is not that of its spec and public key; it was altered: get it anew from its owner"
        )
