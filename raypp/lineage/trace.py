"""Tracing a detector down to what it was made from; whatever does not fit is refused, never guessed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from raypp.audit.verdict.certificate import Certificate
from raypp.audit.verdict.vouched import verify_vouched
from raypp.datasets.version import DatasetVersion, find_version
from raypp.errors import ConflictError
from raypp.lineage.fit import TracedFit, read_fit
from raypp.lineage.model import TracedModel, read_model, sha256_of
from raypp.lineage.node import LineageKind, LineageNode
from raypp.lineage.sources import source_nodes
from raypp.shards.reader import ShardReader
from raypp.shards.signature import read_signature
from raypp.text.wording import counted
from raypp.veil.key import VeilKey, fingerprint

_UNKNOWN = "not told: the model is of an older raypp"


@dataclass(frozen=True)
class LineageRequest:
    """Detector, and what it is traced through.

    Attributes:
        model: a bundle, a run, or a detector's folder.
        archive: that it was trained on; None for what the model alone tells.
        certificate: of an audit of its veil, or None.
        fit: folder of the fit that it started from, or that made its veil; None for none.
        key: the owner's, for its epoch; None outside.
        private: the owner's side of the archive, to name its sources; None outside.
    """

    model: Path
    archive: ShardReader | None = None
    certificate: Path | None = None
    fit: Path | None = None
    key: VeilKey | None = None
    private: Path | None = None


def trace_lineage(request: LineageRequest) -> LineageNode:
    """Trace a detector.

    Raises:
        ModelError: if the detector cannot be read.
        ShardError: if the archive cannot be read, or does not hold the dataset version.
        CertificateError: if the certificate does not hold.
        ConflictError: if archive, certificate, fit or key are not those of the detector.
    """
    model = read_model(request.model)
    version = None if request.archive is None else find_version(request.archive.store, model.info.dataset_version)
    fit = None if request.fit is None else _fit(model, request.fit, inside=request.private is not None)
    facts = {"file": model.name, **model.facts, "classes": ", ".join(model.info.classes)}
    origins = (
        *_code(model),
        _weights(model, fit),
        _dataset(model, version, request),
        _veil(model, version, fit, request),
    )
    return LineageNode(kind=LineageKind.MODEL, name=model.digest, facts=facts, at_us=model.at_us, origins=origins)


def _fit(model: TracedModel, folder: Path, *, inside: bool) -> TracedFit:
    fit = read_fit(folder, inside=inside)
    weights = model.provenance.initial_weights if model.provenance else None
    if fit.veil_id != model.info.veil_id and (weights is None or weights.sha256 != fit.start_sha256):
        raise ConflictError(
            f"fit {folder} made veil {fit.veil_id}, the model is of {model.info.veil_id}; give its own fit"
        )
    return fit


def _code(model: TracedModel) -> list[LineageNode]:
    versions = model.provenance.code if model.provenance else (_UNKNOWN,)
    return [LineageNode(kind=LineageKind.CODE, name=version) for version in versions]


def _weights(model: TracedModel, fit: TracedFit | None) -> LineageNode:
    if model.provenance is None:
        return LineageNode(kind=LineageKind.WEIGHTS, name=_UNKNOWN)
    weights = model.provenance.initial_weights
    if weights is None:
        return LineageNode(kind=LineageKind.WEIGHTS, name="random")
    origins = (fit.node,) if fit is not None and fit.start_sha256 == weights.sha256 else ()
    return LineageNode(kind=LineageKind.WEIGHTS, name=weights.sha256, facts={"file": weights.name}, origins=origins)


def _dataset(model: TracedModel, version: DatasetVersion | None, request: LineageRequest) -> LineageNode:
    info, provenance = model.info, model.provenance
    labels = LineageNode(
        kind=LineageKind.LABELS,
        name=info.labels_version,
        facts={"digest": provenance.labels_digest if provenance else _UNKNOWN},
    )
    archive = LineageNode(kind=LineageKind.ARCHIVE, name=provenance.manifest if provenance else _UNKNOWN)
    if version is not None and request.archive is not None:
        _check_version(model, version)
        labels, archive = _labels(version), _archive(version, request.archive, request)
    tag = {"tag": provenance.tag} if provenance and provenance.tag else {}
    if version is not None and version.tags:
        tag["tags now"] = ", ".join(version.tags)
    return LineageNode(kind=LineageKind.DATASET, name=info.dataset_version, facts=tag, origins=(labels, archive))


def _check_version(model: TracedModel, version: DatasetVersion) -> None:
    if version.digest != model.info.dataset_version:
        raise ConflictError(
            f"model {model.name} was trained on dataset version {model.info.dataset_version}, not {version.digest}; "
            "name the archive it was trained on by `archive`"
        )


def _labels(version: DatasetVersion) -> LineageNode:
    splits = ", ".join(f"{count} {name}" for name, count in sorted(version.labels.splits.items()))
    facts = {"digest": version.labels.digest, "frames": splits, "classes": ", ".join(version.labels.classes)}
    return LineageNode(kind=LineageKind.LABELS, name=version.labels.version, facts=facts)


def _archive(version: DatasetVersion, reader: ShardReader, request: LineageRequest) -> LineageNode:
    receipts, header = version.manifest.receipts, version.manifest.header
    signature = read_signature(reader.store)
    signed = signature is not None and signature.manifest == version.manifest.digest and signature.is_true()
    facts = {
        "frames": counted(sum(receipt.source_frames for receipt in receipts), "frame"),
        "sources": counted(len({source for receipt in receipts for source in receipt.sources}), "source"),
        "sampling": header.sampling,
        "veil": header.veil_id,
        "signed by": signature.fingerprint if signature is not None and signed else "nobody, as it was then",
    }
    sources = source_nodes(reader, version, request.private) if request.private else ()
    return LineageNode(
        kind=LineageKind.ARCHIVE,
        name=version.manifest.digest,
        facts=facts,
        at_us=version.written_us,
        origins=sources,
    )


def _veil(
    model: TracedModel, version: DatasetVersion | None, fit: TracedFit | None, request: LineageRequest
) -> LineageNode:
    veil_id, spec = model.info.veil_id, model.info.spec
    facts = {"family": str(spec.get("family", "patch"))}
    origins: list[LineageNode] = []
    if "encoder" in spec:
        facts["encoder"] = str(spec["encoder"])
    if version is not None and (header := version.manifest.header).veil_id != veil_id:
        facts["rekeyed from"] = header.veil_id
    elif version is not None:
        origins.append(_key(fingerprint(bytes.fromhex(header.public_key)), request.key))
    if fit is not None and fit.veil_id == veil_id:
        origins.append(fit.node)
    if request.certificate is not None:
        certificate = verify_vouched(request.certificate)
        if certificate.veil_id != veil_id:
            raise ConflictError(
                f"certificate {request.certificate} is of veil {certificate.veil_id}, the model of {veil_id}; get the "
                "certificate of that veil from its owner"
            )
        origins.append(_certificate(certificate, request.certificate))
        if not any(node.kind is LineageKind.KEY for node in origins):
            origins.append(_key(certificate.key_fingerprint, request.key))
    return LineageNode(kind=LineageKind.VEIL, name=veil_id, facts=facts, origins=tuple(origins))


def _key(named: str, key: VeilKey | None) -> LineageNode:
    if key is None:
        return LineageNode(kind=LineageKind.KEY, name=named, facts={"epoch": "told by the owner's key alone"})
    if key.fingerprint != named:
        raise ConflictError(f"key {key.fingerprint} is not that of the veil, {named}; give the owner's with `key_path`")
    return LineageNode(kind=LineageKind.KEY, name=named, facts={"epoch": str(key.epoch)})


def _certificate(certificate: Certificate, path: Path) -> LineageNode:
    verdicts = ", ".join(f"{gate.name}: {gate.verdict}" for gate in certificate.gates)
    facts = {
        "signed by": certificate.key_fingerprint,
        "made at": certificate.made_at,
        "budget": certificate.budget,
        "gates": verdicts,
        "code": f"{certificate.raypp_version}+{certificate.code_digest[:12]}",
    }
    at_us = int(datetime.fromisoformat(certificate.made_at).timestamp() * 1e6)
    return LineageNode(kind=LineageKind.CERTIFICATE, name=sha256_of(path), facts=facts, at_us=at_us)
