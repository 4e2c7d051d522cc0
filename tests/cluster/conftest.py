"""Manifests as operators get them: rendered by kubectl's own kustomize."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.command import ROOT
from tools.manifests.objects import Resource

KUBERAY = ROOT / "cluster" / "kuberay"


@pytest.fixture(scope="session")
def render() -> Callable[[str | Path], str]:
    """Render a folder, by its path below cluster/kuberay; each once."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed; https://kubernetes.io/docs/tasks/tools says how, 1.30 or later")

    @cache
    def rendered(folder: str | Path) -> str:
        done = subprocess.run(
            [kubectl, "kustomize", str(KUBERAY / folder)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rendered


@pytest.fixture
def resources_of(render: Callable[[str | Path], str]) -> Callable[..., list[Resource]]:
    """Fresh objects of rendered folders, to be changed at will."""

    def objects(*folders: str | Path) -> list[Resource]:
        return [Resource(document) for folder in folders for document in yaml.safe_load_all(render(folder)) if document]

    return objects
