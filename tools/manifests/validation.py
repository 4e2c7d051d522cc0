"""Manifests against published schemas: Kubernetes' own, and those of KubeRay, Gateway API and cert-manager."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry
from referencing import Resource as Contents

from tools.manifests.objects import Resource, pods_of
from tools.manifests.prune import SCHEMAS

KUBERNETES = "1.37.0"
"""The version of Kubernetes whose schemas are used: the newest that the package has."""
_FOLDER = f"kubernetes-json-schema/v{KUBERNETES}-local-strict"  # strict: no field that the schema does not name


def schema_faults(resource: Resource) -> Iterator[str]:
    """Yield where an object, or a pod that it makes, does not fit its schema; fields that nobody knows, too."""
    kind = f"{resource.document['apiVersion']} {resource.kind}"
    if kind in pruned_schemas():
        yield from _told(resource.title, Draft202012Validator(pruned_schemas()[kind]), resource.document)
        for pod in pods_of(resource):
            wrapped = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {}, "template": pod.template}
            yield from _told(pod.title, _of_kubernetes("v1", "PodTemplate"), wrapped)
        return
    try:
        validator = _of_kubernetes(resource.document["apiVersion"], resource.kind)
    except FileNotFoundError:
        yield f"{resource.title}: no schema of {kind} is here; check it yourself, or add it (tools/manifests/prune.py)"
        return
    yield from _told(resource.title, validator, resource.document)


@cache
def pruned_schemas() -> dict[str, Any]:
    """Return the schemas of this folder, by "group/version kind"."""
    return {
        kind: schema
        for file in sorted(SCHEMAS.glob("*.json"))
        for kind, schema in json.loads(file.read_text())["kinds"].items()
    }


@cache
def _of_kubernetes(version: str, kind: str) -> Any:
    """Return the validator of one of Kubernetes' own kinds; raises FileNotFoundError."""
    group = re.sub(r"^([^./]*)(\.[^/]*)?/", r"\1-", version)
    schema = schema_contents(f"{_FOLDER}/{kind.lower()}-{group}.json", KUBERNETES)
    registry = Contents.from_contents(schema) @ (_definitions() @ Registry())
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions() -> Any:
    return Contents.from_contents(schema_contents(f"{_FOLDER}/_definitions.json", KUBERNETES))


def _told(title: str, validator: Any, document: Any) -> Iterator[str]:
    for error in validator.iter_errors(document):
        yield f"{title}: {_place(error)}: {_short(error.message)}"


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error.path) or "object"


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:90]} ... {message[-90:]}"
