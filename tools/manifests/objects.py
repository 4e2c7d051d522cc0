"""Objects of rendered manifests, and the pods that they make."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Map = dict[str, Any]

_CLUSTERS = {"RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}
"""Where the cluster stands in the spec of KubeRay's kinds that bring one."""


class ManifestError(Exception):
    """A file that is no list of Kubernetes objects."""


@dataclass(frozen=True)
class Resource:
    """One object of a manifest."""

    document: Map

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace; no text where it has none."""
        return str(self.document["metadata"].get("namespace", ""))

    @property
    def spec(self) -> Map:
        """Its spec; empty where it has none."""
        return self.document.get("spec") or {}

    @property
    def title(self) -> str:
        """How faults name it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def ray_cluster(self) -> Map:
        """The spec of the Ray cluster that it is or brings; empty where it is none of KubeRay's."""
        if self.kind == "RayCluster":
            return self.spec
        return self.spec.get(_CLUSTERS[self.kind]) or {} if self.kind in _CLUSTERS else {}


@dataclass(frozen=True)
class Pod:
    """The template of a pod, with the object that makes it."""

    resource: Resource
    part: str
    template: Map

    @property
    def spec(self) -> Map:
        """The pod's spec."""
        return self.template.get("spec") or {}

    @property
    def title(self) -> str:
        """How faults name it."""
        return f"{self.resource.title}, {self.part}"

    @property
    def containers(self) -> list[Map]:
        """All containers, those that start first before the others."""
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]


def read_manifests(files: list[Path]) -> list[Resource]:
    """Read all objects of some files, in their order; raises ManifestError."""
    found = []
    for file in files:
        try:
            documents = list(yaml.safe_load_all(file.read_text()))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ManifestError(f"{file}: {str(error).splitlines()[0]}; give what `kubectl kustomize` prints") from None
        found += [_resource(file, document) for document in documents if document is not None]
    if not found:
        raise ManifestError(f"{', '.join(map(str, files))}: no object in it; give what `kubectl kustomize` prints")
    return found


def pods_of(resource: Resource) -> Iterator[Pod]:
    """Yield each template of pods of an object."""
    spec = resource.spec
    if resource.kind == "Pod":
        yield Pod(resource, "pod", resource.document)
    elif resource.kind == "CronJob":
        yield Pod(resource, "template", spec["jobTemplate"]["spec"]["template"])
    elif resource.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"}:
        yield Pod(resource, "template", spec["template"])
    cluster = resource.ray_cluster
    if head := cluster.get("headGroupSpec"):
        yield Pod(resource, "head", head["template"])
    for group in cluster.get("workerGroupSpecs", []):
        yield Pod(resource, f"group {group['groupName']}", group["template"])
    if submitter := spec.get("submitterPodTemplate"):
        yield Pod(resource, "submitter", submitter)


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in a value, names of fields among them."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield str(key)
            yield from texts_of(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts_of(held)
    elif isinstance(value, str):
        yield value


def _resource(file: Path, document: Any) -> Resource:
    is_object = isinstance(document, dict) and isinstance(document.get("metadata"), dict)
    if not is_object or not all(isinstance(document.get(key), str) for key in ("apiVersion", "kind")):
        raise ManifestError(f"{file}: holds what is no Kubernetes object; give what `kubectl kustomize` prints")
    if not isinstance(document["metadata"].get("name"), str):
        raise ManifestError(f"{file}: a {document['kind']} has no `metadata.name`")
    return Resource(document)
