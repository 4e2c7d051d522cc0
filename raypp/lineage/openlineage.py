"""A lineage as OpenLineage events: a START and a COMPLETE for each job that made something (openlineage.io, 2-0-2)."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from raypp import __version__
from raypp.lineage.node import LineageKind, LineageNode

_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSION_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
)
_ENGINE_FACET = "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
_FACTS_FACET = "urn:raypp:lineage-facts:1"
_PRODUCER = f"urn:raypp:{__version__}"
_NAMESPACE = "raypp"
_JOBS = {
    LineageKind.MODEL: "train",
    LineageKind.ARCHIVE: "veil",
    LineageKind.LABELS: "label",
    LineageKind.FIT: "fit",
    LineageKind.CERTIFICATE: "audit",
}
"""The job that makes each kind of node."""
_DATA = (*_JOBS, LineageKind.WEIGHTS, LineageKind.SOURCE)
"""Kinds that are files; the others are facts of a job."""


def to_events(model: LineageNode) -> Iterator[str]:
    """Write a lineage as events, one JSON document each; whatever is made later comes later.

    Args:
        model: the root of the lineage.

    Returns:
        START and COMPLETE of each job. The time of both is when the result was written, or that of the model where
        nobody knows. A job has the same runId whenever the same lineage is written.
    """
    nodes = {(node.kind, node.name): node for node in model.walk()}
    results = [node for kind in reversed(_JOBS) for node in nodes.values() if node.kind is kind]
    for node in results:
        inputs = _inputs(node, model)
        at_us = node.at_us if node.at_us is not None else model.at_us
        moment = datetime.fromtimestamp((at_us or 0) / 1e6, UTC).isoformat(timespec="microseconds")
        for state in ("START", "COMPLETE"):
            yield json.dumps(_event(node, model, inputs, state, moment), sort_keys=True)


def _event(
    node: LineageNode, model: LineageNode, inputs: Sequence[LineageNode], state: str, moment: str
) -> dict[str, Any]:
    job = _JOBS[node.kind]
    engine = {"version": _code(node, model), "name": "raypp", **_facet(_ENGINE_FACET)}
    return {
        "eventType": state,
        "eventTime": moment,
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA,
        "run": {
            "runId": str(uuid5(NAMESPACE_URL, f"raypp:{job}:{node.name}")),
            "facets": {"processing_engine": engine},
        },
        "job": {"namespace": _NAMESPACE, "name": job},
        "inputs": [_dataset(origin) for origin in inputs],
        "outputs": [_dataset(node)],
    }


def _inputs(node: LineageNode, model: LineageNode) -> list[LineageNode]:
    """Nodes that a job reads: files right below what it made; an archive's labels are made from that archive."""
    if node.kind is LineageKind.LABELS:
        return [archive] if (archive := model.first(LineageKind.ARCHIVE)) else []
    below = [*node.origins]
    for origin in node.origins:
        if origin.kind is LineageKind.DATASET:
            below += origin.origins
    return [origin for origin in below if origin.kind in _DATA and origin.name != "random"]


def _code(node: LineageNode, model: LineageNode) -> str:
    if node.kind is LineageKind.MODEL and (code := model.first(LineageKind.CODE)):
        return code.name
    return node.facts.get("code", "unknown")


def _dataset(node: LineageNode) -> dict[str, Any]:
    facts = {name.replace(" ", "_"): value for name, value in node.facts.items()}
    if node.kind is LineageKind.SOURCE:
        return {"namespace": "file", "name": node.name, "facets": {"raypp": {**facts, **_facet(_FACTS_FACET)}}}
    digest = node.facts.get("digest", node.name)
    return {
        "namespace": _NAMESPACE,
        "name": f"{node.kind.value.replace(' ', '-')}/{node.name}",
        "facets": {
            "version": {"datasetVersion": digest, **_facet(_VERSION_FACET)},
            "raypp": {**facts, **_facet(_FACTS_FACET)},
        },
    }


def _facet(schema: str) -> dict[str, str]:
    return {"_producer": _PRODUCER, "_schemaURL": schema}
