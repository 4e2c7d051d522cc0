"""`raypp drift` on real archives and a real ledger: six quiet days, then one on which half of the image is another."""

import json
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from raypp.execution import ExecutionSettings, On
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.progress import SILENT
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.command import raypp

_FIRST = datetime(2026, 3, 2, 8)  # noqa: DTZ001
_FIRST_US = 1_772_438_400_000_000
_DAY_US = 86_400_000_000


def _video(path: Path, day: int, *, changed: bool) -> None:
    stays, today = np.random.default_rng(1), np.random.default_rng([2, day])
    scene = stays.integers(40, 200, (12, 16, 3)).repeat(8, 0).repeat(8, 1)
    if changed:
        scene[:, 64:] = np.random.default_rng(3).integers(40, 200, (12, 8, 3)).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"preset": "ultrafast", "threads": "1"}
        for index in range(20):
            image = scene + today.normal(0, 4, scene.shape)
            left = int(today.integers(0, 100))
            image[40:60, left : left + 20] = (200, 40, 40)
            frame = av.VideoFrame.from_ndarray(np.clip(image, 0, 255).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _veil(root: Path, name: str, days: range, *, changed: bool = False) -> Path:
    sources = root / name / "bench"
    sources.mkdir(parents=True)
    for day in days:
        _video(sources / f"bench_{_FIRST + timedelta(days=day):%Y%m%d_%H%M%S}.mp4", day, changed=changed)
    settings = VeilSettings(
        out=str(root / f"{name}-veiled"), key_path=root / "owner.key", size=128, time_from="name:%Y%m%d_%H%M%S",
        site="plant-1",
    )  # fmt: skip
    run_veil(settings, [str(root / name)], ExecutionSettings(on=On.LOCAL), SILENT)
    return root / f"{name}-veiled"


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    root = tmp_path_factory.mktemp("drift")
    save_owner_key(VeilKey.generate(), root / "owner.key")
    _veil(root, "quiet", range(6))
    _veil(root, "changed", range(6, 7), changed=True)
    _veil(root, "further", range(7, 8))
    done = raypp("drift", "reference", root / "quiet-veiled", "--out", root / "drift.npz")
    assert done.returncode == 0, done.stderr
    assert "plant-1/bench  codes  6 days" in done.stdout
    return root


def test_a_changed_half_is_named_and_ends_with_attention(archives, tmp_path):
    files = ("--json", tmp_path / "r.json", "--metrics", tmp_path / "drift.prom")
    done = raypp("drift", "check", archives / "drift.npz", archives / "changed-veiled", *files)
    assert done.returncode == 3, done.stderr
    assert "DRIFT  plant-1/bench  2026-03-08  codes" in done.stdout
    assert "50% to 100% across" in done.stdout
    (camera,) = json.loads((tmp_path / "r.json").read_text())["checked"]
    assert camera["drifted"]
    assert camera["adjusted_p"] < 0.01
    metrics = (tmp_path / "drift.prom").read_text()
    assert 'raypp_drift_profiles{kind="codes",state="drifted"} 1\n' in metrics
    assert 'raypp_drift_profiles{kind="codes",state="quiet"} 0\n' in metrics
    assert "bench" not in metrics


def test_a_further_quiet_day_is_quiet(archives):
    done = raypp("drift", "check", archives / "drift.npz", archives / "further-veiled")
    assert (done.returncode, done.stdout) == (0, "")
    assert "0 of 1 profile drifted" in done.stderr


def test_archives_of_another_veil_and_repeated_days_are_refused(archives, tmp_path):
    save_owner_key(VeilKey.generate(), tmp_path / "owner.key")
    other = _veil(tmp_path, "other", range(7, 8))
    done = raypp("drift", "check", archives / "drift.npz", other)
    assert done.returncode == 1
    assert "codes of different veils cannot be compared" in done.stderr
    done = raypp("drift", "check", archives / "drift.npz", archives / "further-veiled", archives / "further-veiled")
    assert "has 2026-03-09 in two archives" in done.stderr


@pytest.mark.parametrize("content", [b"", b"no reference", b"PK\x03\x04 cut"])
def test_what_is_no_reference_is_named(archives, tmp_path, content):
    (tmp_path / "file.npz").write_bytes(content)
    done = raypp("drift", "check", tmp_path / "file.npz", archives / "further-veiled")
    assert done.returncode == 1
    assert "file.npz is no reference of drift, or damaged" in done.stderr


def test_too_few_days_make_no_reference(archives, tmp_path):
    done = raypp("drift", "reference", archives / "further-veiled", "--out", tmp_path / "drift.npz")
    assert done.returncode == 1
    assert "(codes, sub-key" in done.stderr
    assert "has 1 day, and 5 are needed" in done.stderr
    assert not (tmp_path / "drift.npz").exists()


def test_detections_of_a_ledger_that_change_are_named(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    generator = np.random.default_rng(5)
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        for day in range(8):
            moment_us = _FIRST_US + day * _DAY_US
            about = StreamAbout(("drill", "saw"), "a" * 64, "b" * 32, live=False)
            writer = StreamWriter.open(ledger, StreamName("plant-1", "bench", moment_us), about)
            share = 0.9 if day == 7 else 0.25
            frames = [
                as_stored(
                    SeenFrame(
                        index,
                        moment_us + index * 60_000_000,
                        Observation.OBSERVED,
                        tuple(
                            Detection(int(generator.random() < share), 0.8, x, 0.4, x + 0.2, 0.6)
                            for x in generator.uniform(0, 0.8, 2)
                        ),
                    )
                )
                for index in range(90)
            ]
            for sequence in range(1, 10):
                writer.commit(sequence, frames[(sequence - 1) * 10 : sequence * 10], last=sequence == 9)
    days = ("--ledger", url, "--site", "plant-1")
    done = raypp("drift", "reference", "--out", tmp_path / "d.npz", *days, "--from", "2026-03-02", "--to", "2026-03-07")
    assert done.returncode == 0, done.stderr
    quiet = raypp("drift", "check", tmp_path / "d.npz", *days, "--from", "2026-03-08")
    assert (quiet.returncode, quiet.stdout) == (0, ""), quiet.stderr
    changed = raypp("drift", "check", tmp_path / "d.npz", *days, "--from", "2026-03-09")
    assert changed.returncode == 3
    assert "DRIFT  plant-1/bench  2026-03-09  detections" in changed.stdout
    assert "class mix: drill 7" in changed.stdout
