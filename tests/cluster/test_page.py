"""The page for newcomers: what it says to type exists, and its checks find the shipped examples."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cluster.conftest import KUBERAY
from tests.command import ROOT
from tests.docs.pages import blocks

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
