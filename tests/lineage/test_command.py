"""The command `raypp lineage`, and what other tools make of its files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, raypp, succeed, summary
from tests.lineage.chains import make_chain

_CHECK = """
import json, sys
import mlcroissant
from openlineage.client.event_v2 import Dataset, Job, Run, RunEvent, RunState
dataset = mlcroissant.Dataset(sys.argv[1])
assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.report()
for line in open(sys.argv[2]):
    event = json.loads(line)
    RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=RunState(event["eventType"]),
        run=Run(runId=event["run"]["runId"]),
        job=Job(**event["job"]),
        inputs=[Dataset(**part) for part in event["inputs"]],
        outputs=[Dataset(**part) for part in event["outputs"]],
    )
print(len(list(dataset.records("labelled-frames"))))
"""


def test_the_tree_names_each_step_and_inside_the_videos(tmp_path: Path) -> None:
    chain = make_chain(tmp_path, 0)
    archive, written = ("--archive", chain.archive), tmp_path / "lineage.json"
    shown = succeed("lineage", chain.model, *archive, "--json", written).stdout
    for name in (chain.dataset.version, chain.dataset.manifest_digest, chain.dataset.header.veil_id):
        assert name in shown
    assert "secret-hall" not in shown + written.read_text()
    inside = ("--sources", "--key", tmp_path / "owner.key", "--openlineage", tmp_path / "events.ndjson")
    shown = succeed("lineage", chain.model, *archive, *inside).stdout
    assert all(name in shown for name in chain.sources)
    assert f"epoch {chain.key.epoch}" in shown
    train = json.loads((tmp_path / "events.ndjson").read_text().splitlines()[-1])
    assert (train["job"]["name"], train["eventType"]) == ("train", "COMPLETE")
    assert summary(written)["name"] == train["outputs"][0]["name"].partition("/")[2]
    done = raypp("lineage", chain.model, "--sources")
    assert done.returncode == 1
    assert done.stderr.strip() == ("raypp: --sources, --private and --croissant need the archive; name it by --archive")


@pytest.mark.slow
def test_files_are_valid_to_the_packages_of_their_formats(tmp_path: Path) -> None:
    chain = make_chain(tmp_path, 1)
    files = ("--croissant", chain.archive / "croissant.json", "--openlineage", tmp_path / "events.ndjson")
    succeed("lineage", chain.model, "--archive", chain.archive, *files)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    packages = ("mlcroissant==1.1.1", "openlineage-python==1.54.0", "pyarrow")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if installed.returncode:
        pytest.skip(f"no package index: {installed.stderr.strip().splitlines()[-1]}")
    command = [python, "-c", _CHECK, chain.archive / "croissant.json", tmp_path / "events.ndjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == sum(chain.dataset.splits.values())
