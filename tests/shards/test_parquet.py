"""Reading an archive leaves no thread that could abort a process which ends at once."""

import subprocess
import sys
from pathlib import Path

from raypp.shards.labels import LabelBox, SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from tests.command import environment
from tests.shards.archives import VEIL_ID, header, row, write_segment

_READ = """
import os, sys
from pathlib import Path
from raypp.inspection import describe
from raypp.shards.reader import ShardReader

def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
reader = ShardReader(sys.argv[1])
frames = sum(len(labels) for _, labels in reader.labelled("tools-v1"))
for name in ("manifest.parquet", "labels/tools-v1/labels.parquet", reader.shards[0]):
    describe(Path(sys.argv[1]) / name, None)
print(frames, threads() - before)
"""


def test_reading_starts_no_thread(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    rows = [row(number, "film", timestamp_us=number) for number in range(200)]
    write_segment(store, 0, rows)
    boxes = (LabelBox(0, 0.5, 0.5, 0.1, 0.1),)
    write_labels(store, "tools-v1", ("hammer",), VEIL_ID, [SampleLabels(one.sample_id, "train", boxes) for one in rows])
    compile_manifest(store, header())
    done = subprocess.run(
        [sys.executable, "-c", _READ, tmp_path], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["200", "0"], done.stderr
