"""Rules for ports: none of Ray's is reached from outside, and gRPC comes in through TLS alone."""

from collections.abc import Iterator

from tools.manifests.objects import Map, Resource

PLAIN = {9000: "gRPC", 8000: "pages", 8265: "the dashboard and jobs", 6379: "Ray's GCS", 10001: "Ray's client"}
"""Ports that know no TLS."""
_OF_RAY = ("-serve-svc", "-head-svc")
_OUTSIDE = ("LoadBalancer", "NodePort")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def port_faults(resources: list[Resource], owner: str) -> Iterator[str]:
    """Yield ways by which a port without TLS could be reached from outside.

    Args:
        resources: all objects.
        owner: the owner's namespace, where nothing else may leave, either.
    """
    encrypted = {
        target["name"]
        for resource in resources
        if resource.kind == "BackendTLSPolicy"
        for target in resource.spec["targetRefs"]
        if target["kind"] == "Service"
    }
    for resource in resources:
        yield from (f"{resource.title}: {fault}" for fault in _faults_of_entry(resource))
        yield from (f"{resource.title}: {fault}" for fault in _faults_of_route(resource, encrypted))
        if resource.kind == "NetworkPolicy":
            yield from (f"{resource.title}: {fault}" for fault in _faults_of_policy(resource, owner))
    yield from _undefended(resources)


def _faults_of_entry(resource: Resource) -> Iterator[str]:
    cluster = resource.ray_cluster
    head = cluster.get("headGroupSpec", {})
    services = [resource.spec] if resource.kind == "Service" else []
    services += [held["spec"] for held in (resource.spec.get("serveService"), head.get("headService")) if held]
    services += [{"type": head["serviceType"]}] if "serviceType" in head else []
    for service in services:
        if service.get("type") in _OUTSIDE or service.get("externalIPs"):
            yield "a Service opens a port to the outside; only the Gateway does, so leave its type at ClusterIP"
    if head.get("enableIngress"):
        yield "`enableIngress` puts Ray's dashboard, which runs code, behind an ingress; take it away"
    if resource.kind == "Ingress":
        yield "an ingress hands calls on without TLS; use a Gateway with a GRPCRoute and a BackendTLSPolicy"
    if resource.kind == "Gateway":
        for listener in resource.spec["listeners"]:
            if listener["protocol"] not in ("HTTPS", "TLS") or "tls" not in listener:
                yield f"listener {listener['name']} speaks {listener['protocol']}; give it HTTPS and a certificate"
    if resource.kind == "RayService":
        ports = head["template"]["spec"]["containers"][0].get("ports", [])
        names = {port["containerPort"]: port.get("name", "") for port in ports}
        if not names.get(9000, "").startswith("serve-"):
            yield "port 9000 is not named `serve-...`, so KubeRay carries no gRPC; name it serve-grpc"
        if resource.spec.get("upgradeStrategy", {}).get("type") == "NewClusterWithIncrementalUpgrade":
            yield "KubeRay's incremental upgrade carries no gRPC; set `upgradeStrategy.type: NewCluster`"


def _faults_of_route(resource: Resource, encrypted: set[str]) -> Iterator[str]:
    if not resource.kind.endswith("Route"):
        return
    for rule in resource.spec.get("rules", []):
        for backend in rule.get("backendRefs", []):
            name = backend["name"]
            if name.endswith(_OF_RAY):
                yield f"goes to {name}, past the front; let it go to raypp-front"
            elif name not in encrypted:
                yield f"goes to {name} in the clear; give that Service a BackendTLSPolicy"


def _faults_of_policy(resource: Resource, owner: str) -> Iterator[str]:
    for rule in resource.spec.get("ingress") or []:
        opened = {port.get("port") for port in rule.get("ports", [])} or {None}
        plain = ["every port"] if None in opened else sorted(PLAIN[port] for port in opened if port in PLAIN)
        sources = rule.get("from") or [{}]
        if plain and any(_is_anybody(source) for source in sources):
            yield f"lets anybody reach {', '.join(plain)}; name the pods that may"
        elif {"gRPC", "every port"} & {*plain} and any("namespaceSelector" in source for source in sources):
            yield "lets another namespace reach gRPC in the clear; only the front's pods may"
        elif resource.namespace == owner and any(set(source) == {"namespaceSelector"} for source in sources):
            yield "lets a whole namespace reach the owner's cluster; name its pods, too"
    for rule in (resource.spec.get("egress") or []) if resource.namespace == owner else []:
        targets = rule.get("to") or [{}]
        if any(not target or target.get("ipBlock", {}).get("cidr") in _EVERYWHERE for target in targets):
            yield "lets the owner's pods reach everywhere; name the addresses of the object store"


def _is_anybody(source: Map) -> bool:
    """Whether a source of a policy is no choice of pods: all addresses, or all namespaces."""
    return not source or "ipBlock" in source or (source.get("namespaceSelector") == {} and "podSelector" not in source)


def _undefended(resources: list[Resource]) -> Iterator[str]:
    """Yield namespaces made here where nothing is denied that no policy names."""
    denied: dict[str, set[str]] = {}
    for resource in resources:
        spec = resource.spec
        denies = not spec.get("ingress") and not spec.get("egress")
        if resource.kind == "NetworkPolicy" and spec.get("podSelector") == {} and denies:
            denied.setdefault(resource.namespace, set()).update(spec.get("policyTypes", ["Ingress"]))
    for resource in resources:
        if resource.kind != "Namespace":
            continue
        for way in ("Ingress", "Egress"):
            if way not in denied.get(resource.name, set()):
                yield f"{resource.title}: no NetworkPolicy denies {way} to all pods; add one of `podSelector: {{}}`"
        level = resource.document["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
        if level != "restricted":
            yield f"{resource.title}: set the label pod-security.kubernetes.io/enforce to restricted"
