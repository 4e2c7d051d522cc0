"""Each rule for manifests refuses what it is for: one change to the shipped manifests, one fault."""

from collections.abc import Callable
from typing import Any

import pytest

from tools.manifests.__main__ import faults_of
from tools.manifests.objects import Map, Resource

Objects = Callable[..., list[Resource]]


def _object(resources: list[Resource], kind: str, name: str) -> Map:
    return next(held.document for held in resources if (held.kind, held.name) == (kind, name))


def _at(document: Any, path: str) -> tuple[Any, Any]:
    """The holder of a place, and its key or index there."""
    *parts, last = [int(part) if part.isdigit() else part.replace("~", "/") for part in path.split("/")]
    for part in parts:
        document = document[part]
    return document, last


def _changed(resources: list[Resource], place: str, value: Any) -> list[Resource]:
    """Set (or, for `...`, take away) a place that is named `Kind name path`."""
    kind, name, path = place.split(" ")
    holder, last = _at(_object(resources, kind, name), path)
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return resources


_HEAD = "RayCluster raypp-ml spec/headGroupSpec/template/spec"
_JOB = "RayJob train spec"
_FRONT = "Deployment raypp-front spec/template/spec"
_OTHERS = {"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "x"}}}
_LOAD_BALANCER = {"ports": [{"port": 9000}], "type": "LoadBalancer"}

CHANGES = [
    # schemas
    (f"{_HEAD}/containers/0/imagePullPolicie", "Always", "imagePullPolicie"),
    (f"{_JOB}/shutdownAfterJobFinish", True, "shutdownAfterJobFinish"),
    ("RayService raypp spec/rayClusterConfig/workerGroupSpecs/0/minReplicas", "two", "'two' is not of type"),
    ("GRPCRoute sites spec/rules/0/matches/0/method/services", "x", "services"),
    ("Certificate raypp-front spec/dnsName", "x", "dnsName"),
    ("PodDisruptionBudget raypp-front spec/maxUnavailables", 1, "maxUnavailables"),
    # images
    (f"{_HEAD}/containers/0/image", "registry.example/raypp-ml:latest", "moves"),
    (f"{_HEAD}/initContainers/0/image", "registry.example:5000/raypp-ml", "means `latest`"),
    # who runs
    (f"{_HEAD}/securityContext/runAsNonRoot", ..., "may run as root"),
    (f"{_FRONT}/securityContext/runAsUser", 0, "runs as root"),
    (f"{_FRONT}/securityContext/seccompProfile", ..., "no seccomp profile"),
    (f"{_HEAD}/containers/0/securityContext/allowPrivilegeEscalation", True, "may gain rights"),
    (f"{_HEAD}/initContainers/0/securityContext/readOnlyRootFilesystem", False, "may write to its image"),
    (f"{_JOB}/submitterPodTemplate/spec/containers/0/securityContext/capabilities", ..., "keeps capabilities"),
    (f"{_HEAD}/containers/0/securityContext/privileged", True, "is privileged"),
    (f"{_HEAD}/hostNetwork", True, "shares its machine's Network"),
    (f"{_HEAD}/volumes/0", {"name": "tmp", "hostPath": {"path": "/tmp"}}, "is a hostPath"),
    ("RayCluster raypp-ml spec/autoscalerOptions/securityContext", ..., "autoscaler: may gain rights"),
    ("RayCluster raypp-ml spec/autoscalerOptions/version", "v1", "is not version v2"),
    (f"{_JOB}/submitterPodTemplate", ..., "own submitter has no securityContext"),
    (f"{_JOB}/submissionMode", "SidecarMode", "own submitter has no securityContext"),
    # amounts
    (f"{_HEAD}/containers/0/resources/limits/memory", ..., "no `resources.limits.memory`"),
    (f"{_FRONT}/containers/0/resources/requests/cpu", ..., "no `resources.requests.cpu`"),
    # keys
    (f"{_HEAD}/volumes/0", {"name": "tmp", "secret": {"secretName": "raypp-owner-key"}}, "names 'raypp-owner-key'"),
    (f"{_HEAD}/containers/0/env", [{"name": "RAYPP_KEY_FILE", "value": "/x"}], "names 'RAYPP_KEY_FILE'"),
    (f"{_JOB}/entrypoint", "python -m jobs.train_detector /a --key /k", "names '--key'"),
    (f"{_JOB}/entrypoint", "python -m jobs.veil_archive /a --out /b", "names 'jobs.veil_archive'"),
    (f"{_HEAD}/containers/0/image", "registry.example/raypp-owner:1", "names 'raypp-owner'"),
    ("ConfigMap raypp-places data/KEY", '{"kind": "raypp-veil-key"}', "looks like a key"),
    # ports
    ("Service raypp-front spec/type", "LoadBalancer", "opens a port to the outside"),
    ("RayService raypp spec/serveService", {"spec": _LOAD_BALANCER}, "opens a port to the outside"),
    ("RayCluster raypp-ml spec/headGroupSpec/serviceType", "NodePort", "opens a port to the outside"),
    ("RayCluster raypp-ml spec/headGroupSpec/enableIngress", True, "behind an ingress"),
    (f"{_HEAD}/containers/0/ports/0/hostPort", 6379, "opens a port of its machine"),
    ("Gateway raypp spec/listeners/0/protocol", "HTTP", "speaks HTTP"),
    ("GRPCRoute sites spec/rules/0/backendRefs/0/name", "raypp-serve-svc", "past the front"),
    ("BackendTLSPolicy raypp-front spec/targetRefs/0/name", "raypp-serve-svc", "in the clear"),
    ("RayService raypp spec/rayClusterConfig/headGroupSpec/template/spec/containers/0/ports/3/name", "grpc", "serve-"),
    ("RayService raypp spec/upgradeStrategy/type", "NewClusterWithIncrementalUpgrade", "carries no gRPC"),
    ("NetworkPolicy service spec/ingress/0/from", ..., "lets anybody reach gRPC"),
    ("NetworkPolicy service spec/ingress/0/from/0", {"ipBlock": {"cidr": "10.0.0.0/8"}}, "lets anybody reach gRPC"),
    ("NetworkPolicy service spec/ingress/0/from/0", {"namespaceSelector": {}}, "lets anybody reach gRPC"),
    ("NetworkPolicy service spec/ingress/0/from/0", _OTHERS, "another namespace reach gRPC in the clear"),
    ("NetworkPolicy ray-nodes spec/ingress/0/from/0", _OTHERS, "another namespace reach gRPC in the clear"),
    ("NetworkPolicy deny-all spec/policyTypes", ["Egress"], "denies Ingress"),
    ("Namespace raypp-ml metadata/labels/pod-security.kubernetes.io~enforce", "baseline", "to restricted"),
    # names
    ("RayService raypp spec/rayClusterConfig/headGroupSpec/template/spec/volumes/4/secret/secretName", "x", "Secret"),
    (f"{_HEAD}/containers/0/envFrom/0/configMapRef/name", "places", "no ConfigMap raypp-ml/places"),
    (f"{_HEAD}/volumes/2/persistentVolumeClaim/claimName", "x", "no PersistentVolumeClaim raypp-ml/x"),
    (f"{_HEAD}/serviceAccountName", "x", "no ServiceAccount raypp-ml/x"),
    (f"{_HEAD}/imagePullSecrets", [{"name": "x"}], "no Secret raypp-ml/x"),
    (f"{_FRONT}/containers/0/env/1/value", "raypp-serve:9000", "no Service raypp-ml/raypp-serve"),
    (f"{_FRONT}/volumes/3/projected/sources/0/secret/items/0/key", "x.crt", "raypp-front-tls has no key x.crt"),
    ("GRPCRoute sites spec/parentRefs/0/name", "x", "no Gateway raypp-ml/x"),
    ("Gateway raypp spec/listeners/0/tls/certificateRefs/0/name", "x", "no Secret raypp-ml/x"),
    ("Gateway raypp spec/gatewayClassName", "x", "no GatewayClass x"),
    ("BackendTLSPolicy raypp-front spec/validation/caCertificateRefs/0/name", "x", "no ConfigMap raypp-ml/x"),
    ("Certificate raypp-public spec/issuerRef/name", "x", "no ClusterIssuer x"),
    ("Issuer raypp-authority spec/ca/secretName", "x", "no Secret raypp-ml/x"),
    ("PersistentVolumeClaim raypp-work spec/storageClassName", "x", "no StorageClass x"),
]


@pytest.mark.parametrize(("place", "value", "fault"), CHANGES, ids=[f"{change[0]}={change[1]}" for change in CHANGES])
def test_one_change_is_one_fault(place: str, value: Any, fault: str, resources_of: Objects) -> None:
    resources = resources_of("overlays/ml", "jobs/train")
    assert fault in "\n".join(faults_of(_changed(resources, place, value)))


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        ("NetworkPolicy store spec/egress/0/to/0/ipBlock/cidr", "0.0.0.0/0", "reach everywhere"),
        ("NetworkPolicy store spec/egress/0/to", ..., "reach everywhere"),
        ("NetworkPolicy submission spec/ingress/0/from/1/podSelector", ..., "a whole namespace"),
        ("NetworkPolicy submission spec/ingress/0/from", ..., "lets anybody reach the dashboard and jobs"),
        ("NetworkPolicy deny-all spec/policyTypes", ["Ingress"], "denies Egress"),
    ],
)
def test_nothing_outside_submits_to_the_owner_and_nothing_leaves_it(
    place: str, value: Any, fault: str, resources_of: Objects
) -> None:
    assert fault in "\n".join(faults_of(_changed(resources_of("overlays/owner"), place, value)))


def test_no_manifest_holds_a_secret(resources_of: Objects) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "raypp-owner"}}
    resources = [*resources_of("overlays/owner"), Resource(secret | {"stringData": {"a": "b"}})]
    assert [fault for fault in faults_of(resources) if "holds a secret in a manifest" in fault]


def test_an_object_that_no_schema_is_here_for_is_told(resources_of: Objects) -> None:
    stranger = {"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}}
    assert any("no schema of x.example/v1 Thing" in fault for fault in faults_of([Resource(stranger)]))
