"""The core install, as on an edge box: no Ray, no torch, and the whole way from key to verified shards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, environment
from tests.command_server import LIGHT, run_forked
from tests.videos import make_video

_WITHOUT = """
import sys
for name in ("ray", "torch", "torchvision", "ultralytics", "sqlalchemy", "alembic", "jobs", "actors"):
    sys.modules[name] = None
from raypp.cli.app import main
main()
"""


def _way(command: list[str], folder: Path, env: dict[str, str]) -> list[str]:
    """Run keygen, inspect, veil and verify; return what they print."""
    video = make_video(folder / "video.mp4")
    outputs = []
    for arguments in (
        ("keygen", "--out", "owner.key"),
        ("inspect", "owner.key"),
        ("veil", video, "--out", "out", "--key", "owner.key", "--size", 160),
        ("verify", "out"),
    ):
        done = subprocess.run(
            [*command, *map(str, arguments)], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout + done.stderr)
    return outputs


def test_the_edge_needs_neither_ray_nor_torch(tmp_path: Path) -> None:
    outputs = _way([sys.executable, "-c", _WITHOUT], tmp_path, environment())
    assert "fingerprint" in outputs[1]
    assert "40 from 1 source," in outputs[2]
    assert "nothing missing" in outputs[3]


def test_asking_for_ray_without_it_is_one_line(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4")
    command = [sys.executable, "-c", _WITHOUT]
    env = environment()
    subprocess.run([*command, "keygen", "--out", tmp_path / "k"], env=env, check=True, capture_output=True)
    arguments = ["veil", video, "--out", tmp_path / "out", "--key", tmp_path / "k", "--workers", "2"]
    done = subprocess.run([*command, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "raypp: --workers 2 needs Ray; install raypp[cluster]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option", "arguments", "needs"),
    [
        ("train", "--epochs", ("veiled", "--out", "run", "--on", "local"), "torch"),
        ("evaluate", "--report", ("veiled", "--model", "run"), "torch"),
        ("fit", "--hide", ("images", "--out", "fitted", "--weights", "yolov8n.pt"), "torch"),
        ("compare", "--arm", ("images", "--out", "cost"), "torch"),
        ("audit", "--budget", ("videos", "--out", "audit"), "torch"),
        ("export", "--half", ("run", "--out", "tools.model"), "torch"),
        ("serve", "--source-url", ("--model", "tools.model"), "ray, torch, sqlalchemy"),
        ("report", "--tool", ("plant-1",), "sqlalchemy, alembic"),
        ("reaggregate", "--dry-run", ("plant-1",), "sqlalchemy, alembic"),
        ("forget", "--older-than", ("plant-1", "--all"), "sqlalchemy, alembic"),
        ("audit-log", "--archive-before", (), "sqlalchemy, alembic"),
        ("operator add", "--expires", ("anna",), "sqlalchemy, alembic"),
    ],
)
def test_a_command_of_the_cluster_says_its_options_without_it(
    command: str, option: str, arguments: tuple[str, ...], needs: str, tmp_path: Path
) -> None:
    def output(*words: str) -> str:
        done = run_forked(_WITHOUT, [*command.split(), *words], environment(), tmp_path, 60, LIGHT)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    assert option in output("--help")
    assert f"{command.split(maxsplit=1)[0]} needs {needs}" in output(*arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_core_only_install_veils(tmp_path: Path) -> None:
    """Needs the package index."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    subprocess.run([tmp_path / "env" / "bin" / "pip", "install", "--quiet", ROOT], check=True)
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    _way([str(tmp_path / "env" / "bin" / "raypp")], tmp_path, env)
    packages = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    names = {path.name for path in packages.iterdir()}
    assert not names & {"ray", "torch", "torchvision", "ultralytics", "sklearn"}
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
    sys.stdout.write(f"core install: {size / 1e6:.0f} MB of packages\n")
