"""Labels that went to a tool come back as they were; what the tool changed is a new version."""

import json
import re
import shutil
import stat
from pathlib import Path

import pytest

from raypp.errors import LabelError
from raypp.geometry.boxes import Box
from raypp.label_exchange.incoming import ImportSummary, import_labels
from raypp.label_exchange.outgoing import outgoing_annotations
from raypp.media.annotations.label_tool import LabelTool
from raypp.media.annotations.writing import document_files
from raypp.shards.labels import LabelTable, SampleLabels, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from tests.command import raypp, succeed
from tests.tickets.archives import labels_of, veiled

_BASE = "tools-v1"
_BOXES = (Box(1, 0.123456789, 0.3333333333, 0.1111111, 0.2), Box(0, 0.5, 0.5, 1.0, 1.0))
_DOCUMENTS = {
    LabelTool.COCO: "annotations.json",
    LabelTool.CVAT: "annotations.xml",
    LabelTool.LABEL_STUDIO: "annotations.json",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of which two frames have other labels: two odd boxes, and none."""
    archive = veiled(tmp_path_factory.mktemp("archive"))
    table = labels_of(archive)
    first, second, *others = table.rows
    rows = [
        SampleLabels(first.sample_id, first.split, _BOXES),
        SampleLabels(second.sample_id, second.split, ()),
        *others,
    ]
    write_labels(Store(str(archive)), "odd", table.classes, table.veil_id, rows)
    return archive


@pytest.fixture
def archive(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "veiled")


def _exported(archive: Path, tool: LabelTool, out: Path) -> Path:
    out.mkdir()
    for name, content in document_files(outgoing_annotations(labels_of(archive, "odd"), 96), tool).items():
        (out / name).write_bytes(content)
    return out / _DOCUMENTS[tool]


def _imported(archive: Path, document: Path, tool: LabelTool, base: str = "odd") -> tuple[ImportSummary, LabelTable]:
    reader = ShardReader(str(archive))
    summary = import_labels(reader, read_labels(reader.store, base), document, tool, "new")
    return summary, labels_of(archive, "new")


@pytest.mark.parametrize("tool", LabelTool)
def test_what_nobody_changed_comes_back_equal(archive: Path, tmp_path: Path, tool: LabelTool) -> None:
    summary, new = _imported(archive, _exported(archive, tool, tmp_path / "out"), tool)
    assert (summary.images, summary.changed, summary.problems) == (6, 0, ())
    assert new.rows == labels_of(archive, "odd").rows
    assert new.classes == ("hammer", "saw")


@pytest.mark.parametrize("tool", LabelTool)
def test_boxes_survive_to_the_formats_precision(archive: Path, tmp_path: Path, tool: LabelTool) -> None:
    """Beside other labels, none of which is near enough to stand for what came."""
    summary, new = _imported(archive, _exported(archive, tool, tmp_path / "out"), tool, _BASE)
    assert summary.changed == 2
    wanted = labels_of(archive, "odd").by_sample()
    for row in new.rows:
        own = wanted[row.sample_id].boxes
        assert [box.class_id for box in row.boxes] == [box.class_id for box in own]
        for box, other in zip(row.boxes, own, strict=True):
            for side in "xywh":
                assert getattr(box, side) == pytest.approx(getattr(other, side), abs=2e-6)


def test_what_a_tool_changed_is_in_the_new_version_alone(archive: Path, tmp_path: Path) -> None:
    """As CVAT rounds boxes to two digits of a pixel, only the frame that was changed differs."""
    document = _exported(archive, LabelTool.CVAT, tmp_path / "out")
    text = re.sub(r'(\d+\.\d{2})\d+"', r'\1"', document.read_text())
    document.write_text(text.replace('xtl="0.00" ytl="0.00"', 'xtl="48.00" ytl="0.00"'))
    summary, new = _imported(archive, document, LabelTool.CVAT)
    before = labels_of(archive, "odd").by_sample()
    (changed,) = [row for row in new.rows if row != before[row.sample_id]]
    assert summary.changed == 1
    assert changed.boxes == (_BOXES[0], Box(0, 0.75, 0.5, 0.5, 1.0))


def test_images_of_no_frame_are_listed_and_bad_boxes_refused(archive: Path, tmp_path: Path) -> None:
    document = _exported(archive, LabelTool.COCO, tmp_path / "out")
    content = json.loads(document.read_text())
    name = content["images"][0]["file_name"]

    def changed(**fields: object) -> Path:
        document.write_text(json.dumps(content | fields))
        return document

    foreign = [{**content["images"][0], "file_name": "holiday.png"}, *content["images"][1:]]
    summary, _ = _imported(archive, changed(images=foreign), LabelTool.COCO)
    assert summary.images == 5
    assert [line.partition("image ")[2] for line in summary.problems] == [
        "holiday.png is of no frame of label version odd; it is left out"
    ]
    outside = [{**content["annotations"][0], "bbox": [90, 90, 10, 10]}]
    for fields, message in (
        ({"annotations": outside}, rf"image {name}: label 1 \(saw\): the box .* lies outside the image"),
        ({"categories": [{"id": 1, "name": "hammer"}, {"id": 2, "name": "gun"}]}, "the class is none of hammer, saw"),
        ({"images": [*content["images"], {**content["images"][0], "id": 99}]}, "comes twice; keep one of the two"),
        ({"images": [{**image, "file_name": f"{image['id']}.png"} for image in content["images"]]}, "none of its 6"),
    ):
        with pytest.raises(LabelError, match=message):
            _imported(archive, changed(**fields), LabelTool.COCO)
    with pytest.raises(LabelError, match="is no document of labelstudio; name its format with `from_`"):
        _imported(archive, changed(), LabelTool.LABEL_STUDIO)


def test_the_commands_write_plain_frames_for_the_owner_alone(original: Path, tmp_path: Path) -> None:
    archive = shutil.copytree(original, tmp_path / "veiled")
    shutil.copytree(f"{original}-private", tmp_path / "veiled-private")
    options = ("--labels", "odd", "--key", original.with_name("owner.key"))
    succeed("label", "export", archive, "--to", "cvat", "--out", tmp_path / "cvat", *options)
    names = {path.name for path in (tmp_path / "cvat").iterdir()}
    assert names == {"annotations.xml", *(f"{row.sample_id}.png" for row in labels_of(archive, "odd").rows)}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "cvat").iterdir()} == {0o600}
    words = ("--archive", archive, "--labels", "odd", "--from", "cvat", "--name", "odd-v2")
    succeed("label", "import", tmp_path / "cvat" / "annotations.xml", *words)
    assert labels_of(archive, "odd-v2").rows == labels_of(archive, "odd").rows
    refused = raypp("label", "export", archive, "--to", "coco", "--out", archive / "coco", *options)
    assert (refused.returncode, "would leave the perimeter" in refused.stderr) == (1, True)
