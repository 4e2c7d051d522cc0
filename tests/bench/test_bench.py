"""A benchmark of this machine: rates that are true, and that stay beside others in their file."""

import json
from pathlib import Path

import pytest

from raypp.bench.parts import BenchSettings, Part
from raypp.bench.run import run_bench
from raypp.bench.sample_video import make_source
from raypp.capacity.rates import MeasuredRates
from raypp.errors import OptionError


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("bench") / "video.mp4", 4 / 60, (480, 512), encoded_s=2)


def _run(video: Path, out: Path, *parts: Part, **settings: object) -> MeasuredRates:
    return run_bench(BenchSettings(parts=parts, video=video, sizes=(128, 256), **settings), out)


def test_parts_are_measured_and_stay_beside_later_ones(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "rates.json"
    first = _run(video, out, Part.VEIL, Part.WIRE)
    assert [(rate.spec, rate.size) for rate in first.veil] == [("default", 128), ("default", 256)]
    assert first.veil[0].cpu_ms < first.veil[1].cpu_ms
    assert first.wire[0].frame_bytes < first.wire[1].frame_bytes <= first.wire[1].first_bytes
    then = _run(video, out, Part.DECODE)
    assert then.veil == first.veil
    assert [rate.fps for rate in then.decode] == [1.0, 2.0, 5.0, 25.0]
    assert then.decode[0].cpu_ms < then.decode[-1].cpu_ms
    assert MeasuredRates.load(out) == then


def test_rates_of_another_machine_are_not_mixed(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "rates.json"
    document = json.loads(_run(video, out, Part.WIRE).model_dump_json())
    document["machine"]["processor"] = "Another 9000"
    out.write_text(json.dumps(document))
    with pytest.raises(OptionError, match="has rates of another machine \\(Another 9000"):
        _run(video, out, Part.WIRE)
    assert json.loads(out.read_text()) == document


def test_a_ledgers_bytes_are_those_of_its_rows(tmp_path: Path) -> None:
    (rate,) = run_bench(BenchSettings(parts=(Part.LEDGER,)), tmp_path / "rates.json").ledger
    assert rate.kind == "sqlite"
    assert rate.commits_per_s > 0
    assert rate.server_ms is None
    assert 10 < rate.detection_bytes < 40  # a row of 22 bytes, compressed; and the fold's state
    assert 100 < rate.episode_bytes < 1000
    assert 2000 < rate.log_bytes < 40_000
