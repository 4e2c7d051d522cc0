"""The rule for names: what an object names is in the manifests, or made by a controller, or yours to make."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from tools.manifests.objects import Map, Pod, Resource, pods_of

YOURS = Path(__file__).parents[2] / "cluster" / "kuberay" / "yours.yaml"
"""What operators make by hand, and no manifest holds."""
_ADDRESS = re.compile(r"^([a-z][a-z0-9-]*):\d+$")
_EVERY_KEY = frozenset({"*"})


class Reference(NamedTuple):
    """What is named: an object, and perhaps a key of it."""

    kind: str
    namespace: str
    name: str
    key: str = ""


def dangling(resources: list[Resource]) -> Iterator[str]:
    """Yield each name that nothing bears, and each key that its object does not have."""
    keys = _keys(resources)
    told = set()
    for resource in resources:
        references = [*_of_object(resource), *(held for pod in pods_of(resource) for held in _of_pod(pod))]
        for reference in references:
            held = keys.get(reference[:3])
            fault = ""
            if held is None:
                fault = f"no {reference.kind} {reference.namespace}/{reference.name}".replace(" /", " ")
            elif reference.key and held != _EVERY_KEY and reference.key not in held:
                fault = f"{reference.kind} {reference.namespace}/{reference.name} has no key {reference.key}"
            if fault and (resource.title, fault) not in told:
                told.add((resource.title, fault))
                yield f"{resource.title}: {fault}; add it to the files, or to {YOURS.name} if you make it by hand"


def _keys(resources: list[Resource]) -> dict[tuple[str, str, str], frozenset[str]]:
    """Return the keys of all objects that there will be, by kind, namespace and name."""
    keys: dict[tuple[str, str, str], frozenset[str]] = {}
    for entry in yaml.safe_load(YOURS.read_text()):
        keys[entry["kind"], entry.get("namespace", ""), entry["name"]] = frozenset(entry.get("keys", _EVERY_KEY))
    for resource in resources:
        held = resource.document.get("data", {})
        keys[resource.kind, resource.namespace, resource.name] = frozenset(held) if held else _EVERY_KEY
        space = resource.namespace
        if resource.kind == "Certificate":
            keys["Secret", space, resource.spec["secretName"]] = frozenset({"tls.crt", "tls.key", "ca.crt"})
        if resource.kind in {"RayCluster", "RayJob", "RayService"}:
            keys["Service", space, f"{resource.name}-head-svc"] = _EVERY_KEY
        if resource.kind == "RayService":
            keys["Service", space, f"{resource.name}-serve-svc"] = _EVERY_KEY
    return keys


def _of_object(resource: Resource) -> Iterator[Reference]:
    space, spec = resource.namespace, resource.spec
    if resource.kind.endswith("Route"):
        yield from _of_route(space, spec)
    elif resource.kind == "Gateway":
        yield from _of_gateway(space, spec)
    elif resource.kind == "BackendTLSPolicy":
        yield from (Reference(target["kind"], space, target["name"]) for target in spec["targetRefs"])
        authorities = spec["validation"].get("caCertificateRefs", [])
        yield from (Reference(held["kind"], space, held["name"], "ca.crt") for held in authorities)
    elif resource.kind == "Certificate":
        issuer = spec["issuerRef"]
        kind = issuer.get("kind", "Issuer")
        yield Reference(kind, "" if kind == "ClusterIssuer" else space, issuer["name"])
    elif resource.kind == "Issuer" and "ca" in spec:
        yield Reference("Secret", space, spec["ca"]["secretName"])
    elif resource.kind == "PersistentVolumeClaim" and "storageClassName" in spec:
        yield Reference("StorageClass", "", spec["storageClassName"])


def _of_route(space: str, spec: Map) -> Iterator[Reference]:
    for parent in spec.get("parentRefs", []):
        yield Reference(parent.get("kind", "Gateway"), parent.get("namespace", space), parent["name"])
    for rule in spec.get("rules", []):
        for backend in rule.get("backendRefs", []):
            yield Reference(backend.get("kind", "Service"), backend.get("namespace", space), backend["name"])


def _of_gateway(space: str, spec: Map) -> Iterator[Reference]:
    yield Reference("GatewayClass", "", spec["gatewayClassName"])
    for listener in spec["listeners"]:
        for certificate in listener.get("tls", {}).get("certificateRefs", []):
            yield Reference("Secret", certificate.get("namespace", space), certificate["name"])


def _of_pod(pod: Pod) -> Iterator[Reference]:
    space, spec = pod.resource.namespace, pod.spec
    if "serviceAccountName" in spec:
        yield Reference("ServiceAccount", space, spec["serviceAccountName"])
    for secret in spec.get("imagePullSecrets", []):
        yield Reference("Secret", space, secret["name"])
    for volume in spec.get("volumes", []):
        yield from _of_volume(space, volume)
        if "csi" in volume:
            name = volume["csi"].get("volumeAttributes", {}).get("secretProviderClass")
            if name:
                yield Reference("SecretProviderClass", space, name)
    for container in pod.containers:
        for source in container.get("envFrom", []):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield Reference(kind, space, source[field]["name"])
        for variable in container.get("env", []):
            yield from _of_variable(space, variable)


def _of_volume(space: str, volume: Map) -> Iterator[Reference]:
    if "persistentVolumeClaim" in volume:
        yield Reference("PersistentVolumeClaim", space, volume["persistentVolumeClaim"]["claimName"])
    for part in (volume, *volume.get("projected", {}).get("sources", [])):
        for field, kind, name in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
            if field in part:
                held = part[field]
                named = Reference(kind, space, held.get(name) or held["name"])
                yield named
                yield from (named._replace(key=item["key"]) for item in held.get("items", []))


def _of_variable(space: str, variable: Map) -> Iterator[Reference]:
    source = variable.get("valueFrom", {})
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if field in source:
            yield Reference(kind, space, source[field]["name"], source[field]["key"])
    if address := _ADDRESS.match(str(variable.get("value", ""))):
        yield Reference("Service", space, address[1])
