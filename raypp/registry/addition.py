"""A model added to the registry, with the evidence that gates ask for."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from raypp.audit.verdict.certificate import verify_certificate
from raypp.errors import CertificateError, ModelError
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.model_values import BundleFacts, RegisteredModel, VeilCertificate
from raypp.registry.bundle_folder import keep_bundle
from raypp.registry.evaluation_file import read_evaluation
from raypp.serving.bundles import bundle_header


def add_model(
    registry: ModelRegistry,
    bundle: Path,
    folder: Path,
    *,
    name: str | None = None,
    evaluations: Sequence[Path] = (),
    certificate: Path | None = None,
) -> RegisteredModel:
    """Keep a bundle and register it; once more with further evidence, that is added to what is there.

    Args:
        registry: of the ledger.
        bundle: the file that `raypp export` wrote.
        folder: where bundles are kept, on a disk that services read, too.
        name: by which people call the model; None: the file's name and the begin of its digest, or as before.
        evaluations: files of `raypp evaluate --json`, of this bundle.
        certificate: of an audit of the model's veil.

    Raises:
        ModelError: if the bundle cannot be read or served.
        OptionError: if an evaluation or the folder cannot be used.
        CertificateError: if the certificate was altered, or is of another veil.
        ConflictError: if another model has the name.
    """
    header = bundle_header(bundle)
    info = header.info
    if not info.spec:
        raise ModelError(f"bundle {bundle} does not hold the spec of its veil; export it again with `archive`")
    model_id, kept = keep_bundle(bundle, folder)
    measured = tuple(read_evaluation(path, model_id) for path in evaluations)
    audited = read_certificate(certificate, info.veil_id) if certificate else None
    known = {model.model_id: model.name for model in registry.models(info.veil_id)}
    model = registry.add(
        RegisteredModel(
            model_id=model_id,
            veil_id=info.veil_id,
            name=name or known.get(model_id) or f"{bundle.stem[:90]}-{model_id[:8]}",
            file=str(kept),
            facts=BundleFacts(
                architecture=info.architecture, classes=tuple(info.classes), size=info.size, epochs=header.epochs
            ),
            evaluations=measured,
            aliases=(),
            added_us=0,
            retired_us=None,
        )
    )
    if audited:
        registry.keep_certificate(audited)
    return model


def read_certificate(path: Path, veil_id: str) -> VeilCertificate:
    """Verify the certificate of a veil; raises CertificateError if it was altered, or is of another veil."""
    certificate = verify_certificate(path)
    if certificate.veil_id != veil_id:
        raise CertificateError(
            f"certificate {path} is of veil {certificate.veil_id}, the model reads {veil_id}; give that veil's own"
        )
    return VeilCertificate(
        veil_id=veil_id,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        signed_by=certificate.key_fingerprint,
        issued_us=round(datetime.fromisoformat(certificate.made_at).timestamp() * 1_000_000),
        verdicts={gate.name: str(gate.verdict) for gate in certificate.gates},
    )
