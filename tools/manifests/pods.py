"""Rules for pods: who they run as, which images they run, what they ask for. Pod Security `restricted`, and more."""

import re
from collections.abc import Iterator

from tools.manifests.objects import Map, Pod, Resource, pods_of

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_TAG = re.compile(r":(?P<tag>[\w][\w.-]{0,127})$")
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_HOST = ("hostNetwork", "hostPID", "hostIPC")


def pod_faults(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with the pods of an object."""
    for pod in pods_of(resource):
        for container in pod.containers:
            title = f"{pod.title}, container {container.get('name')}"
            yield from (f"{title}: {fault}" for fault in _image_faults(container))
            yield from (f"{title}: {fault}" for fault in _amount_faults(container.get("resources", {})))
            yield from (f"{title}: {fault}" for fault in _privilege_faults(container, pod))
        yield from (f"{pod.title}: {fault}" for fault in _volume_faults(pod))
    yield from (f"{resource.title}: {fault}" for fault in _faults_of_added_containers(resource))


def _image_faults(container: Map) -> Iterator[str]:
    image = str(container.get("image", ""))
    if _DIGEST.search(image):
        return
    tag = _TAG.search(image)
    if tag is None:
        yield f"image {image!r} has neither tag nor digest, which means `latest`; name a digest"
    elif tag["tag"] == "latest":
        yield f"image {image} moves; name a digest, or the tag of a version"


def _amount_faults(resources: Map) -> Iterator[str]:
    for kind in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in resources.get(kind, {}):
                yield f"no `resources.{kind}.{what}`; a node may be filled by it"


def _privilege_faults(container: Map, pod: Pod) -> Iterator[str]:
    own, shared = container.get("securityContext", {}), pod.spec.get("securityContext", {})
    if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield "may run as root; set `runAsNonRoot: true`"
    if own.get("runAsUser", shared.get("runAsUser")) in (0, None):
        yield "runs as root, or as whom its image says; set `runAsUser` to a number above 0"
    if own.get("seccompProfile", shared.get("seccompProfile", {})).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "no seccomp profile; set `seccompProfile: {type: RuntimeDefault}`"
    yield from _context_faults(own)
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "opens a port of its machine; take `hostPort` away"


def _context_faults(context: Map) -> Iterator[str]:
    if context.get("privileged"):
        yield "is privileged; take `privileged` away"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may gain rights; set `allowPrivilegeEscalation: false`"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image; set `readOnlyRootFilesystem: true`"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []) or capabilities.get("add"):
        yield "keeps capabilities; set `capabilities: {drop: [ALL]}`"


def _volume_faults(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.get("volumes", []):
        kinds = volume.keys() - {"name"} - _VOLUMES
        if kinds:
            yield f"volume {volume['name']} is a {', '.join(sorted(kinds))}, which `restricted` does not allow"
    for what in _HOST:
        if pod.spec.get(what):
            yield f"shares its machine's {what.removeprefix('host')}; take `{what}` away"


def _faults_of_added_containers(resource: Resource) -> Iterator[str]:
    """Yield faults of containers that KubeRay adds: the autoscaler, and what submits a job."""
    cluster = resource.ray_cluster
    if cluster.get("enableInTreeAutoscaling"):
        options = cluster.get("autoscalerOptions", {})
        yield from (f"autoscaler: {fault}" for fault in _context_faults(options.get("securityContext", {})))
        yield from (f"autoscaler: {fault}" for fault in _amount_faults(options.get("resources", {})))
        if options.get("version") != "v2":
            yield "autoscaler: is not version v2; set `autoscalerOptions.version: v2`"
    sends = resource.spec.get("submissionMode", "K8sJobMode") == "K8sJobMode"
    if resource.kind == "RayJob" and not (sends and resource.spec.get("submitterPodTemplate")):
        yield (
            "KubeRay's own submitter has no securityContext, so a namespace that is `restricted` refuses it; "
            "set `submissionMode: K8sJobMode` and `submitterPodTemplate`"
        )
