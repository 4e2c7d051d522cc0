"""Variants of training images in an archive: rows, labels, the same bytes however often, and nothing beside them."""

from pathlib import Path

import numpy as np
import pytest

from raypp.detect.inputs.dataset import VeiledDataset
from raypp.errors import ConflictError, OptionError
from raypp.geometry.window import Window
from raypp.ingest.archive_id import sample_id, variant_seed
from raypp.ingest.dry_run import survey
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.plan_file import load_plan
from raypp.ingest.segment import Item
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import VeilSummary, veil_summary_lines
from raypp.ingest.worker import SegmentWorker
from raypp.media.augmentation import Variant
from raypp.media.files import open_source
from raypp.media.image import decode_image
from raypp.progress import SILENT
from raypp.reveal.lookup import SourceFinder, find_rows
from raypp.reveal.plain import recover
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ShardRow
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.packing import pack
from tests.command import archive_bytes
from tests.videos import make_dataset, make_video

SIZE, VARIANTS = 160, 2


def _settings(place: Path, out: Path, variants: int = VARIANTS) -> VeilSettings:
    return VeilSettings(
        out=str(out),
        private=Path(f"{out}-private"),
        key_path=place / "owner.key",
        size=SIZE,
        shard_mb=0.02,
        segment_s=1,
        masks_path=place / "masks.json",
        variants=variants,
    )


def _veil(settings: VeilSettings, source: Path, limit: int | None = None) -> VeilSummary:
    with open_job(settings, [str(source)], SILENT) as job:
        return job.run(veil_here, SILENT, limit, None)


def _rows(out: Path) -> list[ShardRow]:
    return [ShardRow(**row) for batch in ShardReader(str(out)).iterate() for row in batch.rows.to_pylist()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, and sources: a dataset of 4 training and 2 validation images, with a mask, and a labelled video."""
    place = tmp_path_factory.mktemp("place")
    save_owner_key(VeilKey.generate(), place / "owner.key")
    (place / "masks.json").write_text('{"tools": [[[0, 0], [0.3, 0], [0.3, 1], [0, 1]]]}')
    make_dataset(place / "in" / "tools")
    make_video(place / "in" / "video.mp4", seconds=2)
    (place / "in" / "video.labels.csv").write_text("time_s,class,x,y,w,h\n0.5,saw,0.5,0.5,0.2,0.2\n")
    return place


@pytest.fixture(scope="module")
def out(place: Path) -> Path:
    out = place / "veiled"
    _veil(_settings(place, out), place / "in")
    return out


@pytest.fixture(scope="module")
def items(out: Path) -> dict[str, Item]:
    """Planned sources by their names in shards."""
    return {item.source: item for item in load_plan(Path(f"{out}-private")).items()}


def test_only_training_images_have_variants(out: Path, items: dict[str, Item]) -> None:
    numbers: dict[str, list[int]] = {}
    for row in _rows(out):
        if row.timestamp_us == 0:
            numbers.setdefault(row.source, []).append(row.variant)
            assert row.variants == items[row.source].variants
    for source, variants in numbers.items():
        assert variants == ([0, 1, 2] if "/train/" in items[source].url else [0]), items[source].url
    assert len(numbers) == 7
    report = verify(str(out))
    assert report.problems == ()
    assert (report.frames, report.variants) == (26, 8)


def test_frames_themselves_are_as_without_variants(place: Path, out: Path, tmp_path: Path) -> None:
    _veil(_settings(place, tmp_path / "plain", variants=0), place / "in")
    plain = {row.sample_id: row for row in _rows(tmp_path / "plain")}
    varied = {row.sample_id: row for row in _rows(out) if row.variant == 0}
    assert plain.keys() == varied.keys()
    for name, row in varied.items():
        assert (row.code, row.sub_key, row.source) == (plain[name].code, plain[name].sub_key, plain[name].source)


def test_a_variant_is_made_of_the_masked_frame_and_veiled_as_that_is(
    place: Path, out: Path, items: dict[str, Item]
) -> None:
    worker = SegmentWorker.open(_settings(place, out))
    assert worker.masks
    mask = worker.masks.for_camera("site", "tools")
    assert mask
    checked = 0
    for row in _rows(out):
        if not row.variant:
            continue
        item = items[row.source]
        name = sample_id(worker.key, item.site, bytes.fromhex(item.identity), 0, row.variant)
        assert row.sample_id == name
        stream = open_source(item.url)
        frame = decode_image(stream, SIZE, 8, mask)
        stream.close()
        window = Window(SIZE, 8, row.width, row.height)
        variant = Variant.of_seed(variant_seed(worker.key, item.site, name))
        pixels = variant.pixels(frame.pixels, window.content_width, window.content_height)
        encoder = worker.encoder(item)
        assert row.code == pack(encoder.encode(pixels[None])[0], 3)
        assert row.sub_key == encoder.sub_key
        checked += 1
    assert checked == 8


def test_labels_of_variants_are_their_frames_moved(place: Path, out: Path, items: dict[str, Item]) -> None:
    key = _settings(place, out).load_key()
    table = read_labels(Store(str(out)), "tools-v1")
    labels = table.by_sample()
    assert [row.variant for row in table.rows].count(0) == 6
    checked = 0
    for row in _rows(out):
        if row.variant:
            label = labels[row.sample_id]
            window = Window(SIZE, 8, row.width, row.height)
            variant = Variant.of_seed(variant_seed(key, row.site, row.sample_id))
            placed = variant.place(window.content_width, window.content_height)
            (box,) = label.boxes  # the labels say 0.25 wide and 0.5 high, in the middle: mirrored it is the same
            wide, high = placed.right - placed.left, placed.bottom - placed.top
            middle = (placed.left + placed.right) / 2, (placed.top + placed.bottom) / 2
            assert (label.split, label.variant) == ("train", row.variant)
            assert box.x * SIZE == pytest.approx(window.offset_x + middle[0])
            assert box.w * SIZE == pytest.approx(wide / 4)
            top = max(0, middle[1] - high / 4)
            bottom = min(window.content_height, middle[1] + high / 4)
            assert box.y * SIZE == pytest.approx(window.offset_y + (top + bottom) / 2)
            assert box.h * SIZE == pytest.approx(bottom - top)
            checked += 1
    assert checked == 8


def test_a_run_that_was_cut_short_and_one_elsewhere_give_the_same_bytes(place: Path, out: Path, tmp_path: Path) -> None:
    settings = _settings(place, tmp_path / "again")
    first = _veil(settings, place / "in", limit=1)
    assert first.segments_left > 0
    assert _veil(settings, place / "in").segments_skipped == 1
    assert archive_bytes(tmp_path / "again") == archive_bytes(out)


def test_another_number_of_variants_is_refused_with_both(place: Path, out: Path) -> None:
    before = archive_bytes(out)
    for count in (0, 3):
        with (
            pytest.raises(ConflictError, match=f"variants 2, not {count}"),
            open_job(_settings(place, out, count), [str(place / "in")], SILENT),
        ):
            pass
    assert archive_bytes(out) == before
    for wrong in (-1, 17):
        with pytest.raises(OptionError, match=f"`variants` {wrong} must be 0 to 16"):
            _settings(place, out, wrong).check()


def test_sizes_and_counts_are_of_frames_with_all_their_variants(place: Path, tmp_path: Path) -> None:
    expected = survey(_settings(place, tmp_path / "x"), [str(place / "in")], SILENT)
    without = survey(_settings(place, tmp_path / "x", 0), [str(place / "in")], SILENT)
    assert (expected.frames, expected.variants) == (26, 8)
    assert (without.frames, without.variants) == (26, 0)
    images = (expected.expected_gb - without.expected_gb) / 8
    assert images * 1e9 == pytest.approx(20 * 15 * 16 * 3 / 8)
    summary = _veil(_settings(place, tmp_path / "out"), place / "in")
    assert (summary.frames, summary.variants, summary.frames_veiled) == (26, 8, 26)
    assert summary.variant_core_s > 0
    shown = "\n".join(veil_summary_lines(summary))
    per_frame = summary.shard_bytes / 26 / 1e3
    assert f"26 from 7 sources, {summary.shard_bytes / 1e6:.1f} MB of shards, {per_frame:.1f} kB a frame with its" in (
        shown
    )
    assert "variants      8, 2 of each training image" in shown


def test_variants_that_no_source_can_have_are_said_to_be_none(place: Path, tmp_path: Path) -> None:
    settings = _settings(place, tmp_path / "out").model_copy(update={"masks_path": None})
    summary = _veil(settings, place / "in" / "video.mp4")
    shown = "\n".join(veil_summary_lines(summary))
    assert (summary.frames, summary.variants) == (20, 0)
    assert "variants      none, since no source is an image of a training split" in shown


def test_training_counts_a_frame_with_variants_once(out: Path) -> None:
    assert VeiledDataset.open(str(out), "tools-v1").splits == {"train": 4, "val": 2}
    assert VeiledDataset.open(str(out), "video-v1").splits == {"unsplit": 1}


def test_a_training_image_that_becomes_another_split_keeps_unlabelled_variants(place: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path / "tools")
    settings = _settings(place, tmp_path / "out")
    _veil(settings, tmp_path / "tools")
    (tmp_path / "tools" / "data.yaml").write_text("train: images/val\nval: images/train\nnames: [hammer, saw]\n")
    again = _veil(settings, tmp_path / "tools")
    assert (again.segments_veiled, again.variants) == (0, 8)
    rows = read_labels(Store(settings.out), "tools-v2").rows
    assert sorted(row.split for row in rows) == ["train"] * 2 + ["val"] * 4
    assert not any(row.variant for row in rows)
    assert verify(settings.out).problems == ()


def test_a_variant_is_found_again_by_its_sample_id(place: Path, out: Path, items: dict[str, Item]) -> None:
    settings = _settings(place, out)
    worker = SegmentWorker.open(settings)
    reader = ShardReader(str(out))
    wanted = [row.sample_id for row in _rows(out) if row.variants]
    finder = SourceFinder(worker.key, load_plan(settings.private), None, SILENT)
    recovered = recover(list(find_rows(reader, wanted).values()), finder, reader.header, worker.masks)
    assert recovered.problems == {}
    assert recovered.frames.keys() == set(wanted)
    for row in _rows(out):
        if row.variants:
            window = Window(SIZE, 8, row.width, row.height)
            top, left = window.offset_y, window.offset_x
            square = recovered.frames[row.sample_id].square
            pixels = square[top : top + window.window_height, left : left + window.window_width]
            encoder = worker.encoder(items[row.source])
            assert row.code == pack(encoder.encode(np.ascontiguousarray(pixels)[None])[0], 3)
