"""The manifests as they are shipped: valid, complete, and with the same settings as the other ways to deploy."""

import os
from collections.abc import Callable, ItemsView
from pathlib import Path

import pytest
import yaml

import raypp
from tests.cluster.conftest import KUBERAY
from tests.command import ROOT
from tools.manifests.__main__ import faults_of, main
from tools.manifests.examples import example_faults
from tools.manifests.objects import Pod, Resource, pods_of

Objects = Callable[..., list[Resource]]
_OWNERS_JOBS = ("jobs/veil", "jobs/fit", "jobs/fit-gpu", "jobs/audit")


@pytest.mark.parametrize(
    "folders",
    [
        ("overlays/gpu",),
        ("overlays/owner", *_OWNERS_JOBS),
        ("overlays/ml", "jobs/train", "jobs/train-gpu"),
    ],
)
def test_what_is_shipped_has_no_fault(folders: tuple[str, ...], resources_of: Objects) -> None:
    assert list(faults_of(resources_of(*folders))) == []


def test_the_cpu_overlay_is_both_places_and_nothing_else(resources_of: Objects) -> None:
    documents = [resource.document for resource in resources_of("overlays/owner", "overlays/ml")]
    both = [resource.document for resource in resources_of("overlays/cpu")]
    assert sorted(map(str, both)) == sorted(map(str, documents))


def test_nothing_is_left_to_be_replaced_and_examples_are_told(resources_of: Objects) -> None:
    for folder in ("overlays/cpu", *_OWNERS_JOBS, "jobs/train"):
        examples = [fault for resource in resources_of(folder) for fault in example_faults(resource)]
        assert examples
        assert not [fault for fault in examples if "replaced" in fault]


def test_a_drain_waits_for_heads_of_jobs(resources_of: Objects) -> None:
    """KubeRay gives pods of a job's cluster no label that says so."""
    for place, jobs in (("owner", _OWNERS_JOBS), ("ml", ("jobs/train", "jobs/train-gpu"))):
        (budget,) = [held for held in resources_of(f"overlays/{place}") if held.name == "heads-of-jobs"]
        pods = [pod for resource in resources_of(*jobs) for pod in pods_of(resource)]
        chosen = [pod.part for pod in pods if _labels(pod) >= budget.spec["selector"]["matchLabels"].items()]
        assert chosen == ["head"] * len(jobs)


def _labels(pod: Pod) -> ItemsView[str, str]:
    return pod.template.get("metadata", {}).get("labels", {}).items()


def test_images_are_of_this_version(resources_of: Objects) -> None:
    images = {
        container["image"]
        for resource in resources_of("overlays/cpu", *_OWNERS_JOBS, "jobs/train")
        for pod in pods_of(resource)
        for container in pod.containers
    }
    assert {image for image in images if "/raypp-" in image} == {
        f"registry.example/raypp-{place}:{raypp.__version__}" for place in ("owner", "ml")
    }


@pytest.mark.parametrize(("overlay", "gpus"), [("overlays/ml", 0), ("overlays/gpu", 1)])
def test_the_service_is_that_of_serve_yaml(overlay: str, gpus: int, resources_of: Objects) -> None:
    (service,) = [resource for resource in resources_of(overlay) if resource.kind == "RayService"]
    config = yaml.safe_load(service.spec["serveConfigV2"])
    expected = yaml.safe_load((ROOT / "cluster" / "serve.yaml").read_text())
    arguments = expected["applications"][0]["args"]
    arguments["front_secret_file"] = "/secrets/front.secret"
    arguments["detectors"]["gpus"] = gpus
    assert config == expected


def test_ray_is_the_version_of_the_lock(resources_of: Objects) -> None:
    lock = (ROOT / "requirements-ml.txt").read_text()
    versions = {
        resource.ray_cluster["rayVersion"]
        for resource in resources_of("overlays/cpu", *_OWNERS_JOBS, "jobs/train")
        if resource.ray_cluster
    }
    assert [f"\nray=={version} " in lock for version in versions] == [True]


def test_the_key_may_come_from_a_vault(tmp_path: Path, render: Callable[[str | Path], str]) -> None:
    base, vault, settings = (
        os.path.relpath(KUBERAY / name, tmp_path) for name in ("base/owner", "key-csi", "settings")
    )
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents: [{vault}, {settings}]\n")
    resources = [Resource(document) for document in yaml.safe_load_all(render(tmp_path))]
    assert list(faults_of(resources)) == []
    mounted = [volume for resource in resources for pod in pods_of(resource) for volume in pod.spec["volumes"]]
    assert [volume["csi"]["driver"] for volume in mounted if volume["name"] == "mounted"] == [
        "secrets-store.csi.k8s.io"
    ] * 3


def test_the_key_may_lie_wrapped_and_be_opened_by_vault(tmp_path: Path, render: Callable[[str | Path], str]) -> None:
    base, source, settings = (
        os.path.relpath(KUBERAY / name, tmp_path) for name in ("base/owner", "key-source", "settings")
    )
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents: [{source}, {settings}]\n")
    resources = [Resource(document) for document in yaml.safe_load_all(render(tmp_path))]
    assert list(faults_of(resources)) == []
    (places,) = [held for held in resources if (held.kind, held.name) == ("ConfigMap", "raypp-places")]
    assert places.document["data"]["RAYPP_VAULT_TOKEN_FILE"] == "/secrets/vault.token"
    (policy,) = [held for held in resources if (held.kind, held.name) == ("NetworkPolicy", "key-source")]
    assert policy.namespace == "raypp-owner"
    pods = [pod for held in resources for pod in pods_of(held)]
    assert len(pods) == 3
    for pod in pods:
        (ray,) = [container for container in pod.containers if container["name"] == "ray"]
        assert {"configMapRef": {"name": "raypp-places"}} in ray["envFrom"]
        assert {"name": "RAYPP_KEY_FILE", "value": "/secrets/owner.key"} in ray["env"]


def test_the_command_tells_faults_and_examples(
    tmp_path: Path, render: Callable[[str | Path], str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "owner.yaml"
    file.write_text(render("overlays/owner"))
    assert main([str(file), "--examples"]) == 0
    assert main([str(file)]) == 1
    assert "NetworkPolicy raypp-owner/store: 192.0.2.0/28 is an example" in capsys.readouterr().out
    file.write_text("kind: [")
    assert main([str(file)]) == 2
    file.write_text("a: 1\n")
    assert main([str(file)]) == 2
    assert "no Kubernetes object" in capsys.readouterr().out
