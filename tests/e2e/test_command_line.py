"""The command line as a newcomer meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import numpy as np
import pyarrow.parquet as pq
import pytest

from raypp.shards.encryption import DataKey
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from tests.command import environment, raypp, succeed, summary
from tests.data import shared_data
from tests.videos import make_dataset, make_video

_GOES_ON = "run the same command again to go on where it stopped"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "owner.key"
    succeed("keygen", "--out", path)
    return path


def test_the_command_alone_says_what_it_can_do_and_is_no_error() -> None:
    output = succeed().stdout
    assert output == succeed("--help").stdout
    assert "veil" in output


@pytest.mark.parametrize("command", ["keygen", "inspect", "veil", "verify", "train", "evaluate", "demo"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert "Example" in succeed(command, "--help").stdout


@pytest.mark.parametrize(
    ("command", "then", "sent", "code"),
    [
        ("veil VIDEO --key fifo --out out --on local", _GOES_ON, signal.SIGINT, 130),
        ("veil VIDEO --key fifo --out out --on local", _GOES_ON, signal.SIGTERM, 143),
        (
            "stream VIDEO --key fifo --site a --camera b --server 127.0.0.1:1 --token-file fifo --spool spool",
            _GOES_ON,
            signal.SIGINT,
            130,
        ),
        ("split veiled --name by-time --data-key fifo", "the same command begins anew", signal.SIGINT, 130),
    ],
)
def test_an_interrupted_command_says_how_to_go_on(
    command: str, then: str, sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    video, key = make_video(tmp_path / "one.mp4", seconds=1), tmp_path / "fifo"
    os.mkfifo(key)
    with subprocess.Popen(
        [sys.executable, "-m", "raypp", *command.replace("VIDEO", str(video)).split()],
        env=environment(),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        writer = _opened_for_reading(key, running)
        running.send_signal(sent)
        try:
            _, output = running.communicate(timeout=60)
        finally:
            running.kill()  # else `with` would wait for it for ever
            os.close(writer)
    assert running.returncode == code
    *before, last = output.splitlines()
    assert last == f"raypp: stopped; {then}"
    assert before == [] or (len(before) == 2 and before[0].startswith("default veil  ")), before


def _opened_for_reading(pipe: Path, running: "subprocess.Popen[str]") -> int:
    """Wait until a process reads from a named pipe; returns its other end, into which nothing is written."""
    while running.poll() is None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            sleep(0.05)
    raise AssertionError(running.communicate()[1])


def test_keygen_refuses_a_working_tree_and_never_overwrites(key: Path, tmp_path: Path) -> None:
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    for kind in ((), ("--data",)):
        inside = raypp("keygen", *kind, "--out", tmp_path / "tree" / "owner.key")
        assert inside.returncode == 1
        assert "working tree" in inside.stderr
        assert not (tmp_path / "tree" / "owner.key").exists()
    assert raypp("keygen", "--out", key).returncode == 1
    note = succeed("keygen", "--next-epoch", key, "--out", tmp_path / "epoch-1.key").stderr
    assert "It helps where a site's key or edge box was lost" in note
    assert "Where the owner's key file itself was lost it does not" in note
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_dry_run_reports_and_writes_nothing(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "video.mp4")
    make_dataset(tmp_path / "in" / "tools")
    (tmp_path / "in" / "bad.mp4").write_text("no video")
    report = tmp_path / "survey.json"
    done = raypp("veil", tmp_path / "in", "--out", tmp_path / "out", "--key", key, "--dry-run", "--json", report)
    assert "default veil  fitted to no task" in done.stderr
    assert done.returncode == 3
    survey = summary(report)
    assert (survey["videos"], survey["images"], survey["frames"]) == (1, 6, 46)
    assert survey["codecs"] == {"h264": 1}
    assert survey["core_hours"] > 0
    assert survey["expected_s"] > 0
    assert "on this machine, once workers have started" in done.stderr
    assert f"bad file      {tmp_path / 'in' / 'bad.mp4'}: no readable video" in done.stderr
    assert "0 duplicates" in done.stderr
    assert "core-hours" not in done.stderr
    assert survey["expected_gb"] > 0
    assert [Path(item["source"]).name for item in survey["quarantined"]] == ["bad.mp4"]
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out-private").exists()


def test_limit_then_run_again_finishes_and_new_files_extend(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "one.mp4", seconds=6)
    options = ("--key", key, "--size", 160, "--segment-seconds", 1, "--shard-mb", 0.01, "--on", "local")
    report = tmp_path / "summary.json"
    command = ("veil", tmp_path / "in", "--out", tmp_path / "out", *options, "--json", report)
    begun = succeed(*command, "--limit", 2).stderr
    first = summary(report)
    assert first["segments_veiled"] == 2
    assert first["segments_left"] > 0
    assert "not finished: run the same command again" in begun
    assert raypp("verify", tmp_path / "out").returncode == 1
    assert f"hand over     {tmp_path / 'out'}; keep {tmp_path / 'out'}-private inside" in succeed(*command).stderr
    assert summary(report)["segments_skipped"] == 2
    assert raypp("verify", tmp_path / "out", "--fingerprint", "0" * 16).returncode == 1
    assert f"signed by {first['signed_by']} (the key you gave)" in (
        succeed("verify", tmp_path / "out", "--fingerprint", first["signed_by"]).stderr
    )
    make_video(tmp_path / "in" / "two.mp4", seconds=2, seed=1)
    succeed(*command)
    extended = summary(report)
    assert extended["segments_skipped"] == first["segments"]
    assert extended["frames"] == 80
    assert extended["signed_by"] == first["signed_by"]
    succeed("verify", tmp_path / "out")


def test_labels_follow_their_frames_into_the_square(key: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path / "tools")
    succeed("veil", tmp_path / "tools", "--out", tmp_path / "out", "--key", key, "--size", 160, "--on", "local")
    table = read_labels(Store(str(tmp_path / "out")), "tools-v1")
    assert table.classes == ("hammer", "saw")
    assert sorted({row.split for row in table.rows}) == ["train", "val"]
    for row in table.rows:
        (box,) = row.boxes
        # 120x90 scales to 160x120 and is centred over 15 rows of 8: from row 2, so 16 to 136 pixels down.
        assert (box.x, box.y) == pytest.approx((0.5, (16 + 60) / 160))
        assert (box.w, box.h) == pytest.approx((0.25, 60 / 160))
    batch, labels = next(ShardReader(str(tmp_path / "out")).labelled("tools-v1"))
    assert len(batch) == len(labels) == 6
    assert batch.codes().shape == (6, 16, 20, 20)


def test_masks_capture_time_and_plain_names(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "gate" / "cam_20260301_060000.mp4", seconds=1, width=160, height=160)
    masks = tmp_path / "masks.json"
    masks.write_text(json.dumps({"gate": [[[0, 0], [1, 0], [1, 0.5], [0, 0.5]]]}))
    options = ("--time-from", "name:%Y%m%d_%H%M%S", "--timezone", "Europe/Berlin", "--plain-names", "--masks", masks)
    succeed("veil", tmp_path / "in", "--out", tmp_path / "out", "--key", key, "--size", 160, "--on", "local", *options)
    batches = list(ShardReader(str(tmp_path / "out")).iterate())
    row = batches[0].rows.to_pylist()[0]
    assert row["source"] == "gate/cam_20260301_060000.mp4"
    assert row["camera"] == "gate"
    assert row["captured_at_us"] == 1_772_341_200_000_000  # 2026-03-01T05:00:00Z
    codes = np.concatenate([batch.codes() for batch in batches])
    assert (codes[:, :, :9] == codes[:1, :, :9]).all(), "the masked half must not change with the video"
    assert not (codes[:, :, 11:] == codes[:1, :, 11:]).all()


def test_encrypted_shards_open_with_the_data_key_only(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "video.mp4", seconds=1)
    data_key = tmp_path / "data.key"
    succeed("keygen", "--data", "--out", data_key)
    options = ("--key", key, "--size", 160, "--on", "local", "--data-key", data_key)
    succeed("veil", tmp_path / "video.mp4", "--out", tmp_path / "out", *options)
    succeed("verify", tmp_path / "out", "--data-key", data_key)
    assert raypp("verify", tmp_path / "out").returncode == 1
    (shard,) = (tmp_path / "out" / "shards").rglob("*.parquet")
    with pytest.raises(OSError, match="encrypted"):
        pq.ParquetFile(shard)
    assert len(list(ShardReader(str(tmp_path / "out"), DataKey.load(data_key)).iterate())) == 1


def test_a_site_key_veils_as_the_owner_does(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "video.mp4", seconds=1)
    site_key = tmp_path / "plant.key"
    succeed("keygen", "--key", key, "--site", "plant", "--camera", "gate", "--out", site_key)
    options = ("--size", 160, "--on", "local", "--site", "plant", "--camera", "gate")
    succeed("veil", tmp_path / "video.mp4", "--out", tmp_path / "owner", "--key", key, *options)
    succeed("veil", tmp_path / "video.mp4", "--out", tmp_path / "site", "--key", site_key, *options)
    shards = [{p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.parquet")} for n in ("owner", "site")]
    assert shards[0] == shards[1]
    assert "gate" in succeed("inspect", site_key).stdout


@pytest.mark.slow
def test_the_real_archive_in_one_run_accounts_for_every_frame(key: Path, tmp_path: Path) -> None:
    videos = shared_data("videos")
    images = shared_data("bccd")
    report = tmp_path / "summary.json"
    options = ("--key", key, "--size", 320, "--fps", 2, "--on", "local", "--json", report)
    succeed("veil", videos, images, "--out", tmp_path / "out", *options)
    done = summary(report)
    assert done["frames"] == 80 + 61 + 279 + 4 + 11 + 10 + 363
    assert done["sources"] == 6 + 363
    assert not done["quarantined"]
    succeed("verify", tmp_path / "out")
