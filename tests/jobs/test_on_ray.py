"""Archives checked on Ray and read as Ray datasets, as here in one process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.verification import verify
from tests.command import environment, raypp, succeed, summary
from tests.videos import make_dataset, make_video

pytestmark = pytest.mark.ray

_READ = """
import json, sys
from pathlib import Path
from jobs.cluster import connect
from jobs.shard_source import read_archive

def told(frames):
    rows = [
        {k: v.hex() if isinstance(v, bytes) else v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()}
        for row in frames.iter_rows()
    ]
    return {"count": frames.count(), "rows": rows, "schema": frames.schema().names}

connect(None)
root, version, data_key = sys.argv[1], sys.argv[2], Path(sys.argv[3])
labelled = read_archive(root, version, ["sample_id", "timestamp_us", "code"], data_key)
json.dump({"all": told(read_archive(root, None, None, data_key)), "labelled": told(labelled)}, sys.stdout)
"""


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
def datasets(place: Path, version: str) -> dict[str, Any]:
    """Read the whole archive by Ray Data, and some columns joined with labels, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(place / "out"), version, str(place / "data.key")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _sample(row: dict[str, str]) -> str:
    return row["sample_id"]


def test_a_ray_dataset_holds_what_the_reader_reads(place: Path, datasets: dict[str, Any]) -> None:
    reader = ShardReader(str(place / "out"), DataKey.load(place / "data.key"))
    expected = [row for batch in reader.iterate() for row in batch.rows.to_pylist()]
    read = datasets["all"]
    assert read["count"] == len(expected) == 66
    wanted = [row | {"code": row["code"].hex()} for row in expected]
    assert sorted(read["rows"], key=_sample) == sorted(wanted, key=_sample)


def test_a_ray_dataset_is_joined_with_labels(place: Path, version: str, datasets: dict[str, Any]) -> None:
    reader = ShardReader(str(place / "out"), DataKey.load(place / "data.key"))
    expected = {
        label.sample_id: (label, batch.rows.column("code")[index].as_py())
        for batch, labels in reader.labelled(version)
        for index, label in enumerate(labels)
    }
    read = datasets["labelled"]
    assert read["schema"] == ["sample_id", "timestamp_us", "code", "split", "boxes"]
    assert read["count"] == len(expected) == 6
    for row in read["rows"]:
        label, code = expected[row["sample_id"]]
        assert (row["split"], row["boxes"]) == (label.split, [vars(box) for box in label.boxes])
        assert row["code"] == code.hex()


def test_verify_on_ray_finds_what_verify_finds(place: Path, tmp_path: Path) -> None:
    out, key = place / "out", place / "data.key"
    report = tmp_path / "report.json"
    assert not verify(str(out), DataKey.load(key)).problems
    store = Store(str(out))
    shards = ShardReader(str(out), DataKey.load(key)).shards
    kept = store.read(shards[0])
    try:
        store.write_atomic(shards[0], kept[:-9] + b"x" + kept[-8:])
        broken = raypp("verify", out, "--data-key", key, "--on", "ray", "--json", report)
        assert broken.returncode == 1
        assert summary(report) == json.loads(verify(str(out), DataKey.load(key)).model_dump_json())
        assert shards[0] in broken.stderr
    finally:
        store.write_atomic(shards[0], kept)
