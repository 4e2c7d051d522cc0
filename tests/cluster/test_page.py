"""The page for newcomers: what it says to type exists, and its checks find the shipped examples."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.cluster.conftest import KUBERAY
from tests.command import ROOT
from tests.docs.pages import blocks
from tools.manifests.__main__ import faults_of
from tools.manifests.objects import Resource
from tools.manifests.references import YOURS

PAGE = ROOT / "docs" / "how-to" / "kubernetes.md"


def test_rendering_and_checking_go_as_the_page_says(render: Callable[[str | Path], str], tmp_path: Path) -> None:
    (block,) = [block for block in blocks(PAGE.read_text()) if "tools.manifests" in block.text and block.info == "bash"]
    ended = []
    for line in block.text.splitlines():
        words = shlex.split(line)
        if words[0] == "kubectl":
            folder = ROOT / words[2]
            assert words[:2] == ["kubectl", "kustomize"]
            (tmp_path / words[4]).write_text(render(folder.relative_to(KUBERAY)))
        else:
            assert words[0] == ".venv/bin/python"
            command = [sys.executable, *words[1:-1], str(tmp_path / words[-1])]
            ended.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False))
    assert [done.returncode for done in ended] == [1, 1]
    assert all("is an example; set your own in cluster/kuberay/settings" in done.stdout for done in ended)


def test_every_folder_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"cluster/kuberay/[\w/.-]+", PAGE.read_text()))
    assert {"cluster/kuberay/overlays/owner", "cluster/kuberay/jobs/veil", "cluster/kuberay/settings"} <= named
    assert [name for name in sorted(named) if not (ROOT / name.rstrip(".")).exists()] == []


def test_objects_that_one_makes_by_hand_are_those_that_the_manifests_miss(kubectl: str, tmp_path: Path) -> None:
    (tmp_path / "store.env").write_text("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=secret\n")
    for name in ("owner.key", "ledger.url", "ca.crt"):
        (tmp_path / name).write_text(name)
    created = set()
    for command in _commands():
        if command[0] == "openssl":
            (program, *words, arrow, file) = command
            assert arrow == ">"
            with (tmp_path / file).open("w") as written:
                subprocess.run([program, *words], check=True, stdout=written)
        if command[:2] == ["kubectl", "create"]:
            call = [kubectl, *command[1:], "--dry-run=client", "-o", "yaml"]
            done = subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, text=True)
            document = yaml.safe_load(done.stdout)
            about = document["metadata"]
            created.add((document["kind"], about["namespace"], about["name"], frozenset(document["data"])))
    by_hand = [entry for entry in yaml.safe_load(YOURS.read_text()) if entry["kind"] in {"Secret", "ConfigMap"}]
    assert created == {(held["kind"], held["namespace"], held["name"], frozenset(held["keys"])) for held in by_hand}


def test_jobs_that_one_starts_are_whole_and_have_the_name_that_one_watches(
    resources_of: Callable[..., list[Resource]],
) -> None:
    started = {
        Path(word) for command in _commands() if command[:1] == ["kubectl"] for word in command if "jobs/" in word
    }
    (folder,) = started
    (watched,) = [command for command in _commands() if "--watch" in command]
    assert watched[:3] == ["kubectl", "get", "rayjob"]
    resources = resources_of("overlays/owner", folder.relative_to("cluster/kuberay"))
    assert list(faults_of(resources)) == []
    jobs = [(held.name, held.namespace) for held in resources if held.kind == "RayJob"]
    assert jobs == [(watched[3], watched[watched.index("-n") + 1])]


def _commands() -> list[list[str]]:
    """Commands of the page, each as its words; `&&` and `|` part two."""
    lines = [line for block in blocks(PAGE.read_text()) if block.info == "bash" for line in _lines(block.text)]
    return [shlex.split(part, comments=True) for line in lines for part in re.split(r" && | \| ", line)]


def _lines(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()
