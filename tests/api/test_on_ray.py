"""One function of the API on Ray, in a process of its own as a pipeline is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import environment

pytestmark = pytest.mark.ray

_VERIFY = """
import sys
import raypp
print(raypp.verify_archive(sys.argv[1], on=sys.argv[2]).model_dump_json())
print("ray" in sys.modules)
"""


def _verify(archive: Path, on: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _VERIFY, str(archive), on],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_archive_verified_on_ray_gives_the_report_of_one_process(place: Path) -> None:
    report, with_ray = _verify(place / "veiled", "ray")
    assert [report, "False"] == _verify(place / "veiled", "local")
    assert with_ray == "True"
