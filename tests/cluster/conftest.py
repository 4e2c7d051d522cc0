"""Manifests as operators get them: rendered by kubectl's own kustomize."""

import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import ROOT
from tools.kubectl import PROGRAM
from tools.manifests.objects import Resource

KUBERAY = ROOT / "cluster" / "kuberay"


@pytest.fixture(scope="session")
def kubectl() -> str:
    """Path of kubectl."""
    program = shutil.which("kubectl") or shutil.which(PROGRAM)
    if program is None:
        pytest.skip("kubectl is not installed: make kubectl")
    return program


@pytest.fixture(scope="session")
def render(kubectl: str) -> Callable[[str | Path], str]:
    """Render a folder, by its path below cluster/kuberay; each once."""

    @cache
    def rendered(folder: str | Path) -> str:
        done = subprocess.run(
            [kubectl, "kustomize", str(KUBERAY / folder)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rendered


@pytest.fixture(scope="session")
def _documents(render: Callable[[str | Path], str]) -> Callable[[str | Path], list[Any]]:
    """Documents of a rendered folder, each folder parsed once."""

    @cache
    def documents(folder: str | Path) -> list[Any]:
        return [document for document in yaml.load_all(render(folder), yaml.CSafeLoader) if document]

    return documents


@pytest.fixture
def resources_of(_documents: Callable[[str | Path], list[Any]]) -> Callable[..., list[Resource]]:
    """Fresh objects of rendered folders, to be changed at will."""

    def objects(*folders: str | Path) -> list[Resource]:
        return [Resource(deepcopy(document)) for folder in folders for document in _documents(folder)]

    return objects
