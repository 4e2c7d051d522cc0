"""The page of counts: images are held in memory alone, boxes are corrected, and corrections become labels."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.counting.desk import ImageDesk
from raypp.counting.opening import CountSettings, open_corrections, open_counter
from raypp.counting.plain_image import DecodeOptions
from raypp.errors import ConflictError, OptionError
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.label_exchange.incoming import import_labels
from raypp.media.annotations.label_tool import LabelTool
from raypp.reveal.count_page import serve_counts
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from tests.counting.test_plain_image import oversized_png
from tests.reveal.local_client import LocalClient, served
from tests.serving.bundles import SIZE, SPEC

_THRESHOLD = 0.3


@pytest.fixture(scope="module")
def settings(place: Path) -> CountSettings:
    return CountSettings(place / "eager.model", place / "owner.key", threshold=_THRESHOLD)


@pytest.fixture
def client(settings: CountSettings) -> Iterator[LocalClient]:
    desk = ImageDesk(open_counter(settings), DecodeOptions())
    with served(lambda ready: serve_counts(desk, 0, ready)) as client:
        yield client


def _drop(client: LocalClient, name: str, content: bytes) -> tuple[int, dict]:
    """Send a file's bytes as the page does."""
    status, _, body = client.send("/api/count", content, X_Name=name)
    return status, json.loads(body)


def _image(place: Path, number: int = 0) -> bytes:
    return (place / "micrographs" / "images" / "test" / f"test-000{number}.png").read_bytes()


def test_a_dropped_image_is_counted_shown_and_written_nowhere(
    client: LocalClient, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client.enter()
    status, answer = _drop(client, "field%201.png", _image(place))
    assert status == 200
    assert (answer["image"]["name"], answer["image"]["width"], answer["image"]["height"]) == ("field 1.png", 640, 480)
    assert sum(total["count"] for total in answer["totals"]) == len(answer["image"]["boxes"]) > 0
    status, headers, jpeg = client.ask("/images/0")
    assert (status, headers["content-type"], jpeg[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert headers["cache-control"] == "no-store"
    assert "img-src 'self'" in headers["content-security-policy"]
    assert "'unsafe-inline'" not in headers["content-security-policy"]
    assert client.ask("/images/7")[0] == 404
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_counted_is_refused_in_a_line_and_the_page_goes_on(client: LocalClient, place: Path) -> None:
    client.enter()
    for name, content, words in (
        ("bomb.png", oversized_png(), "bomb.png has more than 89,478,485 pixels"),
        ("notes.txt", b"no image\n", "notes.txt is no image"),
        ("", b"", "image the file is empty"),
    ):
        status, answer = _drop(client, name, content)
        assert (status, answer["error"][: len(words)]) == (409, words)
    assert _drop(client, "good.png", _image(place))[0] == 200


def test_a_file_beyond_the_limit_is_not_read_to_its_end(client: LocalClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client.enter()
    status, answer = _drop(client, "large.png", bytes((64 << 20) + 1))
    assert (status, answer["error"]) == (413, "large.png has more than 64 MiB; scale it down, or cut it")


def test_strangers_drop_nothing(client: LocalClient, place: Path) -> None:
    assert _drop(client, "x.png", _image(place))[0] == 403
    client.enter()
    client.headers["X-CSRF-Token"] = "guessed"
    assert _drop(client, "x.png", _image(place))[0] == 403
    client.enter()


def test_corrected_boxes_are_measured_and_checked(client: LocalClient, place: Path) -> None:
    client.enter()
    _drop(client, "x.png", _image(place))
    box = {"class": "crystal", "left": 10, "top": 20, "right": 50, "bottom": 60}
    status, _, body = client.ask("/api/correct", {"number": 0, "boxes": [box]})
    answer = json.loads(body)
    assert status == 200
    assert answer["image"]["corrected"]
    assert [total["count"] for total in answer["totals"]] == [1, 0]
    assert answer["totals"][0]["d50"] == pytest.approx(40)
    assert "this page alone" in answer["note"]
    for wrong in ({"class": "salt"}, {"right": 700}, {"left": 50}, {"top": "x"}):
        status, _, body = client.ask("/api/correct", {"number": 0, "boxes": [box | wrong]})
        assert status in {400, 409}
        assert json.loads(body)["error"]
    assert client.ask("/api/correct", {"number": 5, "boxes": []})[0] == 409


def test_corrections_become_a_label_version(settings: CountSettings, place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "veiled"
    run_veil(
        VeilSettings(out=str(archive), key_path=place / "owner.key", spec=SPEC, size=SIZE), [str(place / "micrographs")]
    )
    counter = open_counter(settings)
    document = tmp_path / "corrections.json"
    kept = open_corrections(counter, settings, str(archive), None, document)
    desk = ImageDesk(counter, DecodeOptions(), kept)
    number = desk.count("any-name.png", _image(place))["image"]["number"]
    box = {"class": "agglomerate", "left": 160, "top": 120, "right": 320, "bottom": 240}
    assert "Kept in" in desk.correct({"number": number, "boxes": [box]})["note"]
    stranger = desk.count("stranger.png", _image(place) + b"\0")["image"]["number"]
    assert "is no image of the archive" in desk.correct({"number": stranger, "boxes": [box]})["note"]
    assert b"PNG" not in document.read_bytes()
    reader = ShardReader(str(archive))
    summary = import_labels(reader, read_labels(reader.store, "micrographs-v1"), document, LabelTool.COCO, "v2")
    assert (summary.images, summary.changed, summary.problems) == (1, 1, ())
    before, after = (read_labels(reader.store, version).by_sample() for version in ("micrographs-v1", "v2"))
    (changed,) = [name for name in after if after[name] != before[name]]
    (label,) = after[changed].boxes
    # 640x480 in a square of 160: a quarter, two cells from above
    assert (label.class_id, label.x, label.w) == (1, pytest.approx(60 / 160), pytest.approx(40 / 160))
    assert (label.y, label.h) == (pytest.approx((45 + 16) / 160), pytest.approx(30 / 160))
    with pytest.raises(OptionError, match="exists"):
        open_corrections(counter, settings, str(archive), None, document)


def test_corrections_of_another_veil_are_refused(settings: CountSettings, place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "other"
    run_veil(VeilSettings(out=str(archive), key_path=place / "owner.key", size=SIZE), [str(place / "micrographs")])
    with pytest.raises(ConflictError, match="is of veil"):
        open_corrections(open_counter(settings), settings, str(archive), None, tmp_path / "c.json")
