"""Manifests against published schemas: Kubernetes' own, and those of KubeRay, Gateway API and cert-manager."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator

from tools.manifests.objects import Pod, Resource, pods_of
from tools.manifests.prune import SCHEMAS

KUBERNETES = "1.37"
"""The version of Kubernetes whose schemas are used: the newest that the package has."""


def schema_faults(resource: Resource) -> Iterator[str]:
    """Yield where an object, or a pod that it makes, does not fit its schema; fields that nobody knows, too."""
    kind = f"{resource.document['apiVersion']} {resource.kind}"
    if kind in pruned_schemas():
        errors = Draft202012Validator(pruned_schemas()[kind]).iter_errors(resource.document)
        for error in errors:
            yield f"{resource.title}: {_place(error)}: {_short(error.message)}"
        for pod in pods_of(resource):
            yield from _faults_of_pod(pod)
        return
    try:
        kubernetes_validate.validate(resource.document, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{resource.title}: {_place(error)}: {_short(error.message)}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{resource.title}: no schema of {kind} is here; check it yourself, or add it (tools/manifests/prune.py)"


@cache
def pruned_schemas() -> dict[str, Any]:
    """Return the schemas of this folder, by "group/version kind"."""
    return {
        kind: schema
        for file in sorted(SCHEMAS.glob("*.json"))
        for kind, schema in json.loads(file.read_text())["kinds"].items()
    }


def _faults_of_pod(pod: Pod) -> Iterator[str]:
    wrapped = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "checked"}, "template": pod.template}
    try:
        kubernetes_validate.validate(wrapped, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{pod.title}: {_place(error)}: {_short(error.message)}"


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error.path) or "object"


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:90]} ... {message[-90:]}"
