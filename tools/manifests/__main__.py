"""Check rendered manifests before they are applied.

`kubectl kustomize cluster/kuberay/overlays/ml > ml.yaml && python -m tools.manifests ml.yaml`. Prints a line for each
fault. Give all files of one Kubernetes together, since names may be in another file.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.manifests.examples import example_faults
from tools.manifests.keys import key_faults
from tools.manifests.objects import ManifestError, Resource, read_manifests
from tools.manifests.pods import pod_faults
from tools.manifests.ports import port_faults
from tools.manifests.references import dangling
from tools.manifests.validation import schema_faults

OWNER = "raypp-owner"


def faults_of(resources: list[Resource], owner: str = OWNER) -> Iterator[str]:
    """Yield all faults of some objects.

    Objects that do not fit their schema are judged by nothing else: the other rules rely on their form.

    Args:
        resources: all objects of one Kubernetes.
        owner: the owner's namespace.
    """
    misshapen = [fault for resource in resources for fault in schema_faults(resource)]
    yield from misshapen
    if misshapen:
        return
    for resource in resources:
        yield from pod_faults(resource)
        yield from key_faults(resource, owner)
    yield from port_faults(resources, owner)
    yield from dangling(resources)


def main(arguments: list[str]) -> int:
    """Print the faults; returns 1 where there is one, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tools.manifests", description="Check rendered manifests.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what `kubectl kustomize` printed")
    parser.add_argument("--owner", default=OWNER, help="the owner's namespace (default: %(default)s)")
    parser.add_argument("--examples", action="store_true", help="let values pass that the repository ships as examples")
    options = parser.parse_args(arguments)
    try:
        resources = read_manifests(options.files)
    except ManifestError as error:
        print(error)
        return 2
    faults = list(faults_of(resources, options.owner))
    if not options.examples:
        faults += [fault for resource in resources for fault in example_faults(resource)]
    for fault in faults:
        print(fault)
    print(f"{len(resources)} objects, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
