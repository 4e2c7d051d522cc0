"""CVAT's XML for images and for video, with values reckoned by hand."""

from pathlib import Path

import pytest

from raypp.geometry.boxes import Box
from raypp.media.annotations.content import parse_xml
from raypp.media.annotations.cvat import CvatReader
from raypp.media.dataset import read_dataset_labels
from raypp.media.discovery import discover
from tests.videos import make_image

_META = """<meta><task><id>1</id><name>t</name><size>20</size>{frames}<labels>
<label><name>saw</name></label><label><name>hammer</name></label></labels>
<original_size><width>120</width><height>90</height></original_size><source>video.mp4</source></task></meta>"""
_FRAMES = "<start_frame>5</start_frame><stop_frame>24</stop_frame>"


def _xml(body: str, frames: str = "") -> str:
    meta = _META.format(frames=frames)
    return f"<?xml version='1.0' encoding='utf-8'?><annotations><version>1.1</version>{meta}{body}</annotations>"


def _place(frame: int, left: float, outside: int = 0) -> str:
    return f'<box frame="{frame}" outside="{outside}" keyframe="1" xtl="{left}" ytl="9" xbr="{left + 12}" ybr="18"/>'


def _set(root: Path, body: str) -> Path:
    make_image(root / "images" / "Train" / "a.jpg")
    make_image(root / "images" / "Train" / "b.jpg")
    (root / "annotations.xml").write_text(_xml(body))
    return root


def test_images_with_shapes_of_every_kind(tmp_path: Path) -> None:
    root = _set(
        tmp_path / "set",
        """<image id="0" name="Train/a.jpg" width="120" height="90" subset="Validation">
        <box label="hammer" xtl="30" ytl="18" xbr="90" ybr="63" rotation="0"/>
        <box label="saw" xtl="30" ytl="40" xbr="90" ybr="50" rotation="90.0"/>
        <polygon label="saw" points="12.0,9.0;36.0,9.0;24.0,45.0"/>
        <ellipse label="saw" cx="60" cy="45" rx="12" ry="9"/>
        <mask label="saw" rle="1, 2" left="0" top="0" width="12" height="9"/>
        <box label="saw" outside="1" xtl="1" ytl="1" xbr="9" ybr="9"/>
        <polyline label="saw" points="0,0;1,1"/><points label="saw" points="0,0"/><tag label="saw"/>
        </image><image id="1" name="Train/b.jpg" width="120" height="90"/>""",
    )
    discovery = discover([str(root)])
    (dataset,) = discovery.datasets
    assert dataset.classes == ("saw", "hammer"), "as the task declares them"
    assert sorted(image.split for image in dataset.images) == ["train", "val"]
    labels = {Path(url).name: labels_of_image for url, labels_of_image in read_dataset_labels(dataset).by_url().items()}
    near = pytest.approx
    assert labels["a.jpg"].boxes == (
        Box(1, near(0.5), near(0.45), near(0.5), near(0.5)),
        Box(0, near(0.5), near(0.5), near(10 / 120), near(60 / 90)),
        Box(0, near(0.2), near(0.3), near(0.2), near(0.4)),
        Box(0, near(0.5), near(0.5), near(0.2), near(0.2)),
        Box(0, near(0.05), near(0.05), near(0.1), near(0.1)),
    )
    assert labels["b.jpg"].boxes == ()
    assert labels["a.jpg"].size == (120, 90)
    notes = " ".join(discovery.label_notes)
    assert "1 labels marked as outside" in notes
    assert all(f"1 labels of kind {kind} left out" in notes for kind in ("polyline", "points", "tag"))


def test_a_track_is_interpolated_and_gone_where_it_is_outside() -> None:
    body = f'<track id="0" label="saw">{_place(6, 0)}{_place(16, 50)}{_place(20, 50, outside=1)}</track>'
    document = CvatReader().read(parse_xml(_xml(body, _FRAMES).encode(), "x.xml"), "x.xml")
    (video,) = document.videos
    assert (video.name, video.first, video.last) == ("video.mp4", 5, 24)
    assert video.shapes_at(4) is None, "before the task's first frame nobody has looked"
    assert video.shapes_at(5) == ()
    assert [shape.edges for shape in video.shapes_at(8) or ()] == [(10.0, 9.0, 22.0, 18.0)]
    assert video.shapes_at(19)
    assert video.shapes_at(20) == ()
    assert video.shapes_at(24) == ()
    assert video.shapes_at(25) is None


def test_a_track_without_an_end_holds_to_the_tasks_last_frame() -> None:
    body = f'<track id="0" label="saw">{_place(6, 0)}</track>'
    (video,) = CvatReader().read(parse_xml(_xml(body, _FRAMES).encode(), "x.xml"), "x.xml").videos
    assert [frame for frame in range(30) if video.shapes_at(frame)] == list(range(6, 25))


@pytest.mark.parametrize(("body", "named"), [
    ('<image id="0" name="Train/a.jpg" width="0x" height="90"/>', "width='0x'"),
    ('<image name="a.jpg" width="120" height="90"><box label="saw" xtl="a" ytl="1"/></image>', "xtl='a'"),
    ('<image name="a.jpg" width="120" height="90"><box xtl="0" ytl="1" xbr="2" ybr="2"/></image>', "has no label"),
    ('<image name="a.jpg" width="120" height="90"><polygon label="saw" points="0,0;1,1"/></image>', "polygon's points"),
])  # fmt: skip
def test_a_wrong_label_costs_its_image_and_names_it(body: str, named: str, tmp_path: Path) -> None:
    (dataset,) = discover([str(_set(tmp_path, body))]).datasets
    labels = read_dataset_labels(dataset)
    (line,) = labels.problems.values()
    assert "annotations.xml" in line
    assert named in line


def test_an_xml_with_entities_is_refused(tmp_path: Path) -> None:
    root = _set(tmp_path, "")
    bomb = "<!DOCTYPE a [<!ENTITY b 'bbbb'>]><annotations><version>1.1</version>&b;</annotations>"
    (root / "annotations.xml").write_text(bomb)
    discovery = discover([str(root)])
    assert "defines its own type or entities" in discovery.label_problems[0]
    assert len(discovery.unread) == 2


def test_labels_of_a_video_that_is_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text(_xml(f'<track id="0" label="saw">{_place(6, 0)}</track>'))
    make_image(tmp_path / "a.jpg")
    discovery = discover([str(tmp_path)])
    assert "video.mp4, which is not among the videos" in discovery.label_problems[0]
