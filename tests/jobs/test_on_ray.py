"""Archives checked on Ray and read as Ray datasets, as here in one process; one Ray does it all."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.verification import verify
from tests.command import environment, succeed, summary
from tests.command_server import run_forked
from tests.videos import make_dataset, make_video

pytestmark = pytest.mark.ray

_VERIFY = """
import sys
import raypp
print(raypp.verify_archive(sys.argv[1], data_key=sys.argv[2], on=sys.argv[3]).model_dump_json())
print("ray" in sys.modules)
"""

_ON_RAY = f"""{_VERIFY}
import json, runpy
from pathlib import Path
from ray.data import DataContext
from jobs.cluster import connect
from jobs.shard_source import read_archive

def told(frames):
    rows = [
        {{k: v.hex() if isinstance(v, bytes) else v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()}}
        for row in frames.iter_rows()
    ]
    return {{"count": frames.count(), "rows": rows, "schema": frames.schema().names}}

def sampled(iterator):
    batches = iterator.iter_batches(
        batch_size=8, batch_format="numpy", local_shuffle_buffer_size=32, local_shuffle_seed=7
    )
    return [batch["sample_id"].tolist() for batch in batches]

connect(None)
DataContext.get_current().execution_options.preserve_order = True
root, data_key, _, version, broken, report = sys.argv[1:]
labelled = read_archive(root, version, ["sample_id", "timestamp_us", "code"], Path(data_key))
frames = read_archive(root, version, ["sample_id"], Path(data_key)).materialize()
orders = [sampled(frames.iterator()), sampled(frames.streaming_split(1, equal=True)[0])]
everything = told(read_archive(root, None, None, Path(data_key)))
print(json.dumps({{"orders": orders, "all": everything, "labelled": told(labelled)}}))
sys.argv = ["raypp", "verify", broken, "--data-key", data_key, "--on", "ray", "--json", report]
runpy.run_module("raypp", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class OnRay:
    """Results of one process: a verified archive, its datasets, and the command's answer to a broken copy."""

    whole_report: str
    imported_ray: str
    datasets: dict[str, Any]
    broken: Path
    broken_report: dict[str, Any]
    returncode: int
    errors: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encrypted archive of videos and of a labelled dataset, and its data key."""
    place = tmp_path_factory.mktemp("place")
    succeed("keygen", "--out", place / "owner.key")
    succeed("keygen", "--data", "--out", place / "data.key")
    for index in range(2):
        make_video(place / "in" / f"{index}.mp4", seconds=3, seed=index)
    make_dataset(place / "in" / "tools")
    options = ("--size", 160, "--segment-seconds", 1, "--shard-mb", 0.01, "--data-key", place / "data.key")
    succeed("veil", place / "in", "--out", place / "out", "--key", place / "owner.key", *options, "--on", "local")
    return place


@pytest.fixture(scope="module")
def version(place: Path) -> str:
    """Return the archive's only version of labels."""
    (labels,) = [path.name for path in (place / "out" / "labels").iterdir()]
    return labels


@pytest.fixture(scope="module")
def on_ray(place: Path, version: str) -> OnRay:
    """Verify the archive, read all of it and some columns joined with labels, and verify a broken copy."""
    broken, report = place / "broken", place / "report.json"
    shutil.copytree(place / "out", broken)
    store, shard = Store(str(broken)), ShardReader(str(broken), DataKey.load(place / "data.key")).shards[0]
    content = store.read(shard)
    store.write_atomic(shard, content[:-9] + b"x" + content[-8:])
    arguments = (place / "out", place / "data.key", "ray", version, broken, report)
    done = subprocess.run(
        [sys.executable, "-c", _ON_RAY, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) >= 3, done.stderr
    return OnRay(*lines[:2], json.loads(lines[2]), broken, summary(report), done.returncode, done.stderr)


def _sample(row: dict[str, str]) -> str:
    return row["sample_id"]


def test_a_ray_dataset_holds_what_the_reader_reads(place: Path, on_ray: OnRay) -> None:
    reader = ShardReader(str(place / "out"), DataKey.load(place / "data.key"))
    expected = [row for batch in reader.iterate() for row in batch.rows.to_pylist()]
    read = on_ray.datasets["all"]
    assert read["count"] == len(expected) == 66
    wanted = [row | {"code": row["code"].hex()} for row in expected]
    assert sorted(read["rows"], key=_sample) == sorted(wanted, key=_sample)


def test_a_ray_dataset_is_joined_with_labels(place: Path, version: str, on_ray: OnRay) -> None:
    reader = ShardReader(str(place / "out"), DataKey.load(place / "data.key"))
    expected = {
        label.sample_id: (label, batch.rows.column("code")[index].as_py())
        for batch, labels in reader.labelled(version)
        for index, label in enumerate(labels)
    }
    read = on_ray.datasets["labelled"]
    assert read["schema"] == ["sample_id", "timestamp_us", "code", "split", "boxes"]
    assert read["count"] == len(expected) == 6
    for row in read["rows"]:
        label, code = expected[row["sample_id"]]
        assert (row["split"], row["boxes"]) == (label.split, [vars(box) for box in label.boxes])
        assert row["code"] == code.hex()


def test_a_worker_alone_has_its_frames_in_the_order_of_one_that_shares_them(on_ray: OnRay) -> None:
    alone, shared = on_ray.datasets["orders"]
    assert alone == shared
    assert sum(map(len, alone)) == 6


def test_verify_on_ray_finds_what_verify_finds(place: Path, on_ray: OnRay) -> None:
    key = DataKey.load(place / "data.key")
    assert on_ray.returncode == 1
    assert on_ray.broken_report == json.loads(verify(str(on_ray.broken), key).model_dump_json())
    assert ShardReader(str(on_ray.broken), key).shards[0] in on_ray.errors


def test_the_api_verifies_on_ray_as_in_one_process_which_does_not_import_it(place: Path, on_ray: OnRay) -> None:
    arguments = [str(place / "out"), str(place / "data.key"), "local"]
    here = run_forked(_VERIFY, arguments, environment(), None, 200)
    assert here.returncode == 0, here.stderr
    assert here.stdout.splitlines() == [on_ray.whole_report, "False"]
    assert on_ray.imported_ray == "True"
    assert json.loads(on_ray.whole_report)["problems"] == []
