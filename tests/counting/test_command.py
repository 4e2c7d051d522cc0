"""`raypp count` as its users run it: from drawing micrographs to a report, and its refusals in one line."""

import csv
import html
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.command import environment, raypp, succeed

pytestmark = pytest.mark.slow


def _refused(place: Path, *arguments: object) -> str:
    done = raypp(*arguments, env=environment(RAYPP_KEY_FILE=str(place / "owner.key")))
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("raypp: ")]
    return line


def test_from_drawing_to_a_report(place: Path, tmp_path: Path) -> None:
    env = environment(RAYPP_KEY_FILE=str(place / "owner.key"))
    drawn = tmp_path / "micrographs"
    sample = ("count", "sample", "--out", drawn, "--train", 1, "--val", 3, "--test", 2)
    assert "would draw" in succeed(*sample, "--dry-run", env=env).stderr
    assert not drawn.exists()
    succeed(*sample, env=env)
    model = tmp_path / "counts.model"
    calibrate = ("count", "calibrate", drawn, "--model", place / "eager.model", "--scale", "0.8um/px", "--out", model)
    assert "threshold" in succeed(*calibrate, env=env).stderr
    images = ("count", "images", drawn / "images" / "test", "--model", model, "--scale", "0.8um/px")
    out, summary = tmp_path / "counts", tmp_path / "summary.json"
    assert "would count   2 images" in succeed(*images, "--out", out, "--dry-run", env=env).stderr
    assert not out.exists()
    done = succeed(*images, "--out", out, "--json", summary, env=env)
    totals = json.loads(summary.read_text())
    assert (totals["images"], totals["counted"], totals["unit"]) == (2, 2, "um")
    crystal = totals["classes"][0]
    assert crystal["low"] <= crystal["count"] <= crystal["high"]
    assert f"crystal       {crystal['count']} [{crystal['low']}, {crystal['high']}]" in done.stderr
    with (out / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["crystal"]) for row in rows) == crystal["count"]
    table = pq.read_table(out / "objects.parquet")
    assert len(table) == sum(each["count"] for each in totals["classes"])
    report = html.unescape((out / "report.html").read_text())
    assert "default-src 'none'" in report
    assert "http" not in report.replace("http-equiv", "")
    assert report.count("data:image/jpeg;base64,") == 2
    assert out.stat().st_mode & 0o077 == 0
    evaluated = succeed("count", "evaluate", drawn, "--model", model, "--scale", "0.8um/px", env=env)
    assert "per image" in evaluated.stderr
    assert "is there and not empty" in _refused(place, *images, "--out", out)


def test_refusals_are_one_line(place: Path, tmp_path: Path) -> None:
    image = place / "micrographs" / "images" / "test" / "test-0000.png"
    words = tmp_path / "words.png"
    words.write_text("no image")
    images = ("count", "images", image)
    assert "no calibrated thresholds" in _refused(place, *images, "--model", place / "eager.model")
    threshold = ("--model", place / "eager.model", "--threshold", "0.5")
    assert "words.png is no image" in _refused(place, "count", "images", words, *threshold)
    assert "--scale '7' is no length" in _refused(place, *images, *threshold, "--scale", "7")
    assert "needs the site's token" in _refused(place, *images, *threshold, "--server", "localhost:1")
    assert "are of a service" in _refused(place, *images, *threshold, "--tls")
    assert "does not exist" in _refused(place, "count", "images", tmp_path / "none.png", *threshold)
    regions = tmp_path / "rois.json"
    regions.write_text('{"test-0000.png": [[[0, 0], [900, 0], [900, 900]]]}')
    assert "outside of the image's 640x480 pixels" in _refused(place, *images, *threshold, "--roi", regions)
    assert "--size '640' must be" in _refused(place, "count", "sample", "--size", "640", "--out", tmp_path / "x")
