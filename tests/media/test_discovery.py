"""Discovery finds all there is, once, and names what cannot be used."""

import os
from pathlib import Path

import pytest

from raypp.errors import MediaError
from raypp.media.discovery import discover
from raypp.media.source import SourceKind
from tests.videos import make_dataset, make_image


def _fake(path: Path) -> Path:
    """Discovery goes by names; only probing looks inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_folder_is_searched_through_and_sorted(tmp_path: Path) -> None:
    for name in ("b/two.MP4", "a/one.mkv", "a/.hidden.mp4", ".cache/three.mp4", "a/notes.docx", "a/one.labels.csv"):
        _fake(tmp_path / name)
    _fake(tmp_path / "still.jpg")
    discovery = discover([str(tmp_path)])
    assert [(file.relative, file.kind) for file in discovery.files] == [
        ("a/one.mkv", SourceKind.VIDEO),
        ("b/two.MP4", SourceKind.VIDEO),
        ("still.jpg", SourceKind.IMAGE),
    ]
    assert discovery.ignored == (str(tmp_path / "a" / "notes.docx"),)


def test_sources_that_overlap_give_each_file_once(tmp_path: Path) -> None:
    _fake(tmp_path / "a" / "one.mp4")
    data = make_dataset(tmp_path / "tools")
    sources = [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "*.mp4"), str(data / "images")]
    discovery = discover(sources)
    assert len(discovery.files) == 1
    assert [len(dataset.images) for dataset in discovery.datasets] == [6]


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    _fake(tmp_path / "store" / "one.mp4")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "loop").symlink_to(tmp_path / "store")
    (tmp_path / "in" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    discovery = discover([str(tmp_path / "in")])
    assert [file.relative for file in discovery.files] == ["linked/one.mp4"]
    assert [Path(problem.url).name for problem in discovery.problems] == ["gone.mp4"]


def test_a_video_among_a_dataset_is_veiled_too(tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "tools")
    _fake(data / "tour.mp4")
    discovery = discover([str(data)])
    assert [file.relative for file in discovery.files] == ["tour.mp4"]
    assert len(discovery.datasets) == 1


@pytest.mark.parametrize("name", ["a.h264", "a.264", "a.h265", "a.vob", "a.mxf", "a.m2v", "a.jfif", "a.avif", "A.HEVC"])
def test_videos_and_images_of_cameras_are_found(name: str, tmp_path: Path) -> None:
    _fake(tmp_path / name)
    for source in (tmp_path, tmp_path / name):
        assert [Path(file.url).name for file in discover([str(source)]).files] == [name]


@pytest.mark.parametrize("name", ["a.heic", "a.dav", "a.nef", "images/train/a.heic"])
def test_what_cannot_be_decoded_is_told_with_a_remedy(name: str, tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "tools")
    _fake(data / name)
    discovery = discover([str(tmp_path)])
    assert [Path(problem.url).name for problem in discovery.problems] == [Path(name).name]
    assert "convert it into" in discovery.problems[0].reason


def test_a_named_file_is_never_passed_by(tmp_path: Path) -> None:
    for name in ("obj.bin", "recording", "video.mp4", "notes.txt"):
        _fake(tmp_path / name)
    discovery = discover([str(tmp_path / name) for name in ("obj.bin", "recording", "video.mp4", "notes.txt")])
    assert [file.relative for file in discovery.files] == ["video.mp4"]
    assert [Path(problem.url).name for problem in discovery.problems] == ["obj.bin", "recording"]
    assert [Path(url).name for url in discover([str(tmp_path)]).ignored] == ["obj.bin", "recording"]


def test_a_name_that_is_no_utf8_is_a_problem_of_its_own(tmp_path: Path) -> None:
    _fake(tmp_path / "good.mp4")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xfcro/caf\xe9.mp4"))
    _fake(odd)
    for source in (tmp_path, odd):
        discovery = discover([str(source)])
        (problem,) = discovery.problems
        assert problem.url.endswith("/b\\xfcro/caf\\xe9.mp4")
        assert "is no UTF-8; rename it" in problem.reason
        problem.reason.encode()
    with pytest.raises(MediaError, match="does not exist") as raised:
        discover([str(odd) + ".gone"])
    str(raised.value).encode()


def test_an_empty_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    discovery = discover([str(tmp_path)])
    assert not discovery.files
    assert "empty" in discovery.problems[0].reason


@pytest.mark.parametrize("source", ["nowhere", "nowhere/*.mp4", "x" * 5000, "no\0where"])
def test_a_source_that_does_not_exist_is_an_error(source: str) -> None:
    with pytest.raises(MediaError, match="source"):
        discover([source])


def test_an_inventory_says_site_camera_and_start(tmp_path: Path) -> None:
    _fake(tmp_path / "one.mp4")
    inventory = tmp_path / "list.csv"
    inventory.write_text("\ufeffurl,site,camera,start\none.mp4,north,gate,2026-03-01T06:00\ngone.mp4,,,\n,,,\n")
    discovery = discover([str(inventory)])
    (file,) = discovery.files
    assert (file.site, file.camera, file.start) == ("north", "gate", "2026-03-01T06:00")
    assert ["list.csv:3: " in discovery.problems[0].reason, "list.csv:4: " in discovery.problems[1].reason] == [
        True,
        True,
    ]


@pytest.mark.parametrize("text", ["", "file\none.mp4\n", "url\n", 'url\n"' + "x" * 200_000 + '"\n'])
def test_a_malformed_inventory_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(MediaError, match=r"inventory .*list\.csv"):
        discover([str(tmp_path / "list.csv")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder; run as another user")
def test_an_unreadable_folder_is_a_problem(tmp_path: Path) -> None:
    _fake(tmp_path / "locked" / "one.mp4")
    (tmp_path / "locked").chmod(0)
    try:
        assert "Permission denied" in discover([str(tmp_path)]).problems[0].reason
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_image_is_found_by_its_own_path(tmp_path: Path) -> None:
    path = make_image(tmp_path / "still.jpg")
    (file,) = discover([str(path)]).files
    assert (file.relative, file.size) == ("still.jpg", path.stat().st_size)
