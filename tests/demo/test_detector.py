"""The labels that the demo trains on: classes by name, images and beginnings of videos to train on, ends to judge."""

from fractions import Fraction
from pathlib import Path

from raypp.demo.detector import SPLIT_NAME, write_judged_split
from raypp.demo.fitted_veil import IMAGES
from raypp.demo.workshop.sample import make_sample
from raypp.demo.workshop.stills import MOMENTS, draw_archive
from raypp.demo.workshop.tools import CLASSES
from raypp.execution import ExecutionSettings, On
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN, VAL
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key


def test_boxes_keep_their_names_where_sources_number_classes_otherwise(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "sample", sites=1, seconds=8, fps=2, size=(320, 180))
    stills = draw_archive(tmp_path / "stills", 0, 1, 1)
    save_owner_key(VeilKey.generate(), tmp_path / "owner.key")
    settings = VeilSettings(
        out=str(tmp_path / "veiled"), key_path=tmp_path / "owner.key", size=320, fps=Fraction(2), site=IMAGES
    )
    run_veil(settings, [str(sample.inventory), str(stills)], ExecutionSettings(on=On.LOCAL))
    reader = ShardReader(settings.out)
    versions = [read_labels(reader.store, name) for name in list_versions(reader.store)]
    assert {version.classes[0] for version in versions} == {"hammer"}
    assert len({version.classes for version in versions}) == 2

    write_judged_split(settings.out)

    written = read_labels(reader.store, SPLIT_NAME)
    names = {row.sample_id: [written.classes[box.class_id] for box in row.boxes] for row in written.rows}
    of_source = {
        row.sample_id: [version.classes[box.class_id] for box in row.boxes]
        for version in versions
        for row in version.rows
    }
    assert written.classes == CLASSES
    assert names == {sample_id: of_source[sample_id] for sample_id in names}
    moments = {
        row["sample_id"]: (row["site"], row["timestamp_us"] / 1e6)
        for batch in reader.iterate(["sample_id", "site", "timestamp_us"])
        for row in batch.rows.to_pylist()
    }
    split = {moments[row.sample_id]: row.split for row in written.rows}
    videos = {moment_s: which for (site, moment_s), which in split.items() if site != IMAGES}
    assert sum(site == IMAGES and which == TRAIN for (site, _), which in split.items()) > 0
    assert max(s for s, which in videos.items() if which == TRAIN) + 1 <= min(
        s for s, which in videos.items() if which == VAL
    )
    assert len([row for row in written.rows if moments[row.sample_id][0] == IMAGES]) == 2 * MOMENTS
