"""What the owner looks at is exactly what was veiled; nobody else gets to see it, and nothing plain lands outside."""

import json
import os
import shutil
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from raypp.cli.show import show
from raypp.dual_control.opening import split_owner_key
from raypp.dual_control.use_log import read_key_uses
from raypp.errors import KeyFileError, OptionError, ShardError
from raypp.geometry.boxes import Box
from raypp.geometry.window import Window
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.plan_file import load_plan
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker
from raypp.media.drawing import LABEL_COLOUR
from raypp.progress import SILENT
from raypp.reveal.lookup import SourceFinder, find_rows
from raypp.reveal.plain import recover
from raypp.reveal.show import SHEET_FILE
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key, save_site_key
from raypp.veil.packing import pack
from raypp.veil.spec import PatchSpec
from tests.command import raypp
from tests.media.videos import VIDEOS, Video, write
from tests.videos import make_dataset, make_video

_SIZE, _ATTENTION = 96, 3
_ENLARGED = 7  # the least whole number that makes a square of 96 pixels as large as 640


def _veil(place: Path, source: Path, out: Path, **options: Any) -> VeilSettings:
    settings = VeilSettings(
        out=str(out), private=Path(f"{out}-private"), key_path=place / "owner.key", size=_SIZE, site="plant", **options
    )
    with open_job(settings, [str(source)], SILENT) as job:
        job.run(veil_here, SILENT, None, None)
    return settings


def _rows(out: Path) -> list[dict[str, Any]]:
    return [row for batch in ShardReader(str(out)).iterate() for row in batch.rows.to_pylist()]


def _ids(out: Path, camera: str) -> list[str]:
    return [row["sample_id"] for row in _rows(out) if row["camera"] == camera]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("key")
    save_owner_key(VeilKey.generate(), place / "owner.key")
    return place


@pytest.fixture
def place(key: Path, tmp_path: Path) -> Path:
    """A key, sources (a video of ten frames with a sidecar, a dataset), and their archive with masks on one camera."""
    shutil.copy(key / "owner.key", tmp_path / "owner.key")
    make_video(tmp_path / "in" / "gate" / "video.mp4", seconds=1)
    (tmp_path / "in" / "gate" / "video.labels.csv").write_text("time_s,class,x,y,w,h\n0.5,saw,0.5,0.5,0.2,0.4\n")
    make_dataset(tmp_path / "in" / "tools", count=3)
    _veil(tmp_path, tmp_path / "in", tmp_path / "out")
    return tmp_path


def _show(place: Path, *sample_ids: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Run the command; returns exit status and JSON summary."""
    options = {"key": place / "owner.key", "out": place / "looked", "json_file": place / "summary.json"} | options
    code = 0
    try:
        show(str(place / "out"), sample_ids=list(sample_ids), **options)
    except typer.Exit as end:
        code = end.exit_code
    return code, json.loads((place / "summary.json").read_text())


_SAMPLINGS = {"every": {}, "rate": {"fps": Fraction(7)}, "keyframes": {"keyframes": True}}


@pytest.mark.parametrize("sampling", _SAMPLINGS)
@pytest.mark.parametrize("video", VIDEOS, ids=lambda video: video.name)
def test_frames_of_any_container_are_those_that_were_veiled(
    video: Video, sampling: str, key: Path, tmp_path: Path
) -> None:
    """The image that is recovered veils to the very code that the archive has."""
    write(video, tmp_path / video.name)
    settings = _veil(key, tmp_path / video.name, tmp_path / "out", **_SAMPLINGS[sampling])
    rows = _rows(tmp_path / "out")
    rows = rows[:: max(1, len(rows) // 4)]
    reader, worker = ShardReader(settings.out), SegmentWorker.open(settings)
    rows_found = find_rows(reader, [row["sample_id"] for row in rows])
    finder = SourceFinder(worker.key, load_plan(settings.private), None, SILENT)
    recovered = recover(list(rows_found.values()), finder, reader.header, None)
    assert recovered.problems == {}
    encoder = worker.veil.stream("plant", "camera", None)
    for row in rows:
        box = Window(_SIZE, 8, row["width"], row["height"])
        square = recovered.frames[row["sample_id"]].square
        window = square[box.offset_y :, box.offset_x :][: box.window_height, : box.window_width]
        assert pack(encoder.encode(window[None])[0], settings.spec.bits) == row["code"]


def test_images_are_those_veiled_and_for_nobody_elses_eyes(place: Path) -> None:
    ids = [_ids(place / "out", "gate")[5], _ids(place / "out", "tools")[0]]
    status, output = _show(place, *ids)
    assert status == 0
    assert [frame["sample_id"] for frame in output["shown"]] == ids
    assert output["shown"][0]["source"] == str(place / "in" / "gate" / "video.mp4")
    assert [frame["timestamp_us"] for frame in output["shown"]] == [500_000, 0]
    assert [(frame["labels_version"], frame["labels"]) for frame in output["shown"]] == [
        ("video-v1", 1),
        ("tools-v1", 1),
    ]
    names = {path.name for path in (place / "looked").iterdir()}
    assert names == {f"{ids[0]}.png", f"{ids[1]}.png", SHEET_FILE}
    assert stat.S_IMODE((place / "looked").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place / "looked").iterdir()} == {0o600}


def test_labels_are_drawn_where_they_are(place: Path) -> None:
    """The sidecar says 0.5, 0.5, 0.2, 0.4; the content is 96x58 from row 16 on: x 38.4 to 57.6, y 33.4 to 56.6."""
    (_, shown) = _show(place, _ids(place / "out", "gate")[5])
    pixels = np.asarray(Image.open(shown["shown"][0]["image"]).convert("RGB")).astype(int)
    green = np.abs(pixels - LABEL_COLOUR).max(axis=2) < 8
    assert green.shape == (_ENLARGED * _SIZE, _ENLARGED * _SIZE)
    rows, columns = np.nonzero(green)
    assert abs(columns.min() / _ENLARGED - 38.4) < 0.5
    assert abs(columns.max() / _ENLARGED - 57.6) < 0.5
    assert abs(rows.max() / _ENLARGED - 56.6) < 0.5
    left_edge = np.flatnonzero(green[:, columns.min()])
    assert left_edge.max() - left_edge.min() > 23 * _ENLARGED


def test_the_newest_label_version_is_drawn_unless_one_is_named(place: Path) -> None:
    sample = _ids(place / "out", "gate")[5]
    store, veil_id = Store(str(place / "out")), ShardReader(str(place / "out")).header.veil_id
    box = Box(0, 0.3, 0.3, 0.1, 0.1)
    for number in (2, 10):
        rows = [SampleLabels(sample, "train", (box,) * number)]
        write_labels(store, f"video-v{number}", ("saw",), veil_id, rows)
    shown = _show(place, sample)[1]["shown"][0]
    assert (shown["labels_version"], shown["labels"]) == ("video-v10", 10)
    shown = _show(place, sample, labels="video-v1")[1]["shown"][0]
    assert (shown["labels_version"], shown["labels"]) == ("video-v1", 1)
    with pytest.raises(ShardError, match="no label version v9"):
        show(str(place / "out"), place / "looked", [sample], key=place / "owner.key", labels="v9")


def test_ids_and_detections_come_from_tables(place: Path) -> None:
    ids = _ids(place / "out", "gate")
    table = place / "suspects.csv"
    table.write_text("kind,sample_id\n" + "".join(f"swapped,{sample_id}\nmissed,{sample_id}\n" for sample_id in ids))
    boxes = place / "detections.csv"
    boxes.write_text(f"sample_id,class,confidence,x,y,w,h\n{ids[1]},saw,0.5,0.5,0.5,0.1,0.1\nelse,saw,1,0,0,0,0\n")
    status, output = _show(place, from_csv=table, limit=3, detections=boxes)
    assert status == 0
    assert [(frame["sample_id"], frame["detections"]) for frame in output["shown"]] == [
        (ids[0], 0),
        (ids[1], 1),
        (ids[2], 0),
    ]
    boxes.write_text(f"sample_id,class,confidence,x,y,w,h\n{ids[1]},saw,high,0.5,0.5,0.1,0.1\n")
    with pytest.raises(OptionError, match=r"detections\.csv:2: .*'high'"):
        show(str(place / "out"), place / "looked", ids, key=place / "owner.key", detections=boxes)
    with pytest.raises(OptionError, match=r"suspects\.csv has no column class"):
        show(str(place / "out"), place / "looked", ids, key=place / "owner.key", detections=table)
    with pytest.raises(OptionError, match=r"nowhere\.csv: No such file"):
        show(str(place / "out"), place / "looked", key=place / "owner.key", from_csv=Path("nowhere.csv"))


def test_a_moved_source_is_found_by_its_content(place: Path) -> None:
    ids = [_ids(place / "out", "gate")[3], *_ids(place / "out", "tools")]
    shutil.move(place / "in" / "gate", place / "elsewhere")
    shutil.copytree(place / "in" / "tools", place / "copy" / "tools")
    shutil.rmtree(place / "in")
    status, output = _show(place, *ids)
    assert (status, output["shown"]) == (_ATTENTION, [])
    assert all("name its place among the" in line for line in output["problems"])
    assert "in/gate/video.mp4 has moved or changed" in output["problems"][0]
    status, output = _show(place, *ids, sources=[str(place / "elsewhere"), str(place / "copy")])
    assert (status, output["problems"]) == (0, [])
    assert output["shown"][0]["source"] == str(place / "elsewhere" / "video.mp4")


def test_without_a_plan_the_sources_are_enough(place: Path) -> None:
    shutil.rmtree(place / "out-private")
    with pytest.raises(OptionError, match=r"no plan of .*`sources`"):
        show(str(place / "out"), place / "looked", ["x"], key=place / "owner.key")
    ids = [row["sample_id"] for row in _rows(place / "out")]
    status, output = _show(place, *ids, sources=[str(place / "in")])
    assert (status, len(output["shown"])) == (0, 13)


def test_a_source_only_touched_is_still_itself(place: Path) -> None:
    os.utime(place / "in" / "gate" / "video.mp4", (1, 1))
    assert _show(place, _ids(place / "out", "gate")[3])[0] == 0


def test_what_cannot_be_shown_is_one_line_and_the_rest_is_drawn(place: Path) -> None:
    ids = [_ids(place / "out", "gate")[3], _ids(place / "out", "tools")[1]]
    make_video(place / "in" / "gate" / "video.mp4", seconds=1, seed=9)  # another video in the same place
    status, output = _show(place, "00" * 16, *ids, sources=[str(place / "in")])
    assert status == _ATTENTION
    assert [frame["sample_id"] for frame in output["shown"]] == ids[1:]
    assert len(output["problems"]) == 2
    assert "has no such frame" in output["problems"][0]
    assert "video.mp4 has moved or changed" in output["problems"][1]


def test_masked_frames_stay_masked(place: Path) -> None:
    masks = place / "masks.json"
    masks.write_text('{"gate": [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]}')
    shutil.rmtree(place / "out")
    shutil.rmtree(place / "out-private")
    _veil(place, place / "in", place / "out", masks_path=masks)
    sample = _ids(place / "out", "gate")[0]
    status, output = _show(place, sample)
    assert status == _ATTENTION
    assert "veiled with another privacy mask" in output["problems"][0]
    status, output = _show(place, sample, masks=masks)
    assert status == 0
    pixels = np.asarray(Image.open(output["shown"][0]["image"]))[::_ENLARGED, ::_ENLARGED]
    assert (pixels[:, :48] == 114).all()
    assert not (pixels[24:72, 52:] == 114).all()


def test_another_key_is_refused_by_both_fingerprints(place: Path) -> None:
    own = load_owner_key(place / "owner.key")
    for name, other in (("epoch.key", own.next_epoch()), ("other.key", VeilKey.generate())):
        save_owner_key(other, place / name)
        with pytest.raises(KeyFileError, match=f"fingerprint {other.fingerprint}.* fingerprint {own.fingerprint}"):
            show(str(place / "out"), place / "looked", ["x"], key=place / name)
    assert not (place / "looked").exists()


def test_a_sites_key_shows_its_site_and_no_other(place: Path) -> None:
    own, sample = load_owner_key(place / "owner.key"), _ids(place / "out", "gate")[0]
    for site in ("plant", "mine"):
        save_site_key(SiteKey.derive_from(own, PatchSpec(), site, ["gate"]), place / f"{site}.key")
    assert _show(place, sample, key=place / "plant.key")[0] == 0
    status, output = _show(place, sample, key=place / "mine.key")
    assert status == _ATTENTION
    assert "cannot tell sources of site plant" in output["problems"][0]


def test_plain_images_never_land_in_the_archive(place: Path) -> None:
    (place / "link").symlink_to(place / "out")
    before = sorted(place.glob("out/**/*"))
    for out in (place / "out", place / "out" / "a" / "b", place / "link" / "a"):
        for archive in (str(place / "out"), f"file://{place}/out", str(place / "link")):
            with pytest.raises(OptionError, match="lies within the archive"):
                show(archive, out, _ids(place / "out", "gate"), key=place / "owner.key")
    assert sorted(place.glob("out/**/*")) == before


def test_the_command_says_where_each_frame_is_from(place: Path) -> None:
    sample = _ids(place / "out", "gate")[7]
    options = ("--key", place / "owner.key", "--out", place / "looked")
    done = raypp("show", place / "out", sample, "00", *options)
    assert done.returncode == _ATTENTION
    assert done.stdout.strip() == f"{sample}  0:00:00.700  {place}/in/gate/video.mp4"
    assert "sample 00: " in done.stderr
    assert "1 of 2 drawn" in done.stderr
    refused = raypp("show", place / "out", *options)
    assert refused.returncode == 1
    assert refused.stderr.startswith("raypp: show needs sample_ids")


def test_two_of_three_persons_look_together_and_their_logs_name_the_frames(place: Path) -> None:
    (sample, *_) = _ids(place / "out", "gate")
    split = split_owner_key(place / "owner.key", ("anna", "ben", "carla"), place / "split")
    (place / "owner.key").unlink()
    shares = [place / "split" / person / "key.share" for person in ("carla", "anna")]
    options = {"key": str(place / "split" / "owner.key.split"), "reason": "claim 17"}
    with pytest.raises(KeyFileError, match="is a split key, which two persons open"):
        _show(place, sample, **options)
    with pytest.raises(OptionError, match="`shares` names 1; a split key is opened by the shares of 2 persons"):
        _show(place, sample, share=shares[:1], **options)
    assert not (place / "looked").exists()
    status, output = _show(place, sample, share=shares, **options)
    assert status == 0
    assert [frame["sample_id"] for frame in output["shown"]] == [sample]
    *_, use = read_key_uses(place / "split" / "anna" / "key.log", split)
    assert (use.action, use.persons, use.samples) == ("show", ("carla", "anna"), (sample,))
    assert (use.subject, use.reason) == (str(place / "out"), "claim 17")
    assert len(read_key_uses(place / "split" / "ben" / "key.log", split)) == 1
