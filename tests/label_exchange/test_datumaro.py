"""Another library's reading and writing of the formats, in an environment of its own: its needs are not ours."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from raypp.label_exchange.incoming import import_labels
from raypp.media.annotations.label_tool import LabelTool
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from tests.command import succeed
from tests.tickets.archives import labels_of, veiled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_REWRITE = """
import sys
from datumaro.components.dataset import Dataset

source, read_as, target, write_as, emptied = sys.argv[1:]
dataset = Dataset.import_from(source, read_as)
print(len(dataset), sum(len(item.annotations) for item in dataset))
for item in list(dataset):
    if emptied and emptied in item.id:
        dataset.put(item.wrap(annotations=[]))
dataset.export(target, write_as, save_media=False)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with datumaro; the test is skipped where none can be had."""
    place = tmp_path_factory.mktemp("datumaro")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", place], check=True, timeout=120)
    words = [uv, "pip", "install", "--quiet", "--python", place / "bin" / "python", "datumaro==1.13.0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.skip(f"datumaro cannot be installed here: {done.stderr.splitlines()[-1:]}")
    return place / "bin" / "python"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return veiled(tmp_path_factory.mktemp("archive"))


def _as_datumaro_has_it(out: Path, tool: LabelTool, place: Path) -> Path:
    """Lay an export out as datumaro looks for it: images beside COCO's annotations, or below CVAT's."""
    images = place / "images" / "default" if tool is LabelTool.COCO else place / "images"
    images.mkdir(parents=True)
    for image in out.glob("*.png"):
        shutil.copy(image, images)
    if tool is LabelTool.COCO:
        (place / "annotations").mkdir()
        shutil.copy(out / "annotations.json", place / "annotations" / "instances_default.json")
    else:
        shutil.copy(out / "annotations.xml", place)
    return place


@pytest.mark.parametrize(
    ("tool", "read_as", "write_as"),
    [(LabelTool.COCO, "coco", "coco_instances"), (LabelTool.CVAT, "cvat", "cvat")],
)
def test_labels_go_through_another_library_and_come_back(
    python: Path, archive: Path, tool: LabelTool, read_as: str, write_as: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = ("--to", tool, "--labels", "tools-v1", "--key", archive.with_name("owner.key"))
    succeed("label", "export", archive, *given, "--out", out)
    source = _as_datumaro_has_it(out, tool, tmp_path / "source")
    reader, before = ShardReader(str(archive)), labels_of(archive, "tools-v1")
    emptied = before.rows[0].sample_id
    for name, gone in (("same", ""), ("emptied", emptied)):
        target = tmp_path / name
        words = [python, "-c", _REWRITE, source, read_as, target, write_as, gone]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-2:] == ["6", "6"], "frames and boxes that datumaro reads"
        (document,) = [path for path in target.rglob("*") if path.suffix in {".json", ".xml"}]
        version = f"{tool}-{name}"
        summary = import_labels(reader, read_labels(reader.store, "tools-v1"), document, tool, version)
        assert (summary.images, summary.changed, summary.problems) == (6, int(bool(gone)), ())
        after = labels_of(archive, version).by_sample()
        assert {sample for sample, row in after.items() if not row.boxes} == ({gone} if gone else set())
        assert [after[row.sample_id] for row in before.rows[1:]] == list(before.rows[1:])
