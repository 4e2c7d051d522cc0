"""Bad input gets one clear line or a place in quarantine; everything else is finished."""

import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from raypp.ingest.plan_file import load_plan
from tests.command import archive_bytes, environment, raypp, succeed, summary
from tests.videos import make_dataset, make_image, make_video

_QUICK = ("--size", 160, "--on", "local")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "owner.key"
    succeed("keygen", "--out", path)
    return path


def _one_line(text: str, *words: str) -> None:
    lines = [line for line in text.splitlines() if line.startswith("raypp: ")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    for word in words:
        assert word in lines[0], f"{word!r} not in {lines[0]!r}"


def test_bad_files_are_quarantined_with_reasons_and_the_rest_is_veiled(key: Path, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    good = make_video(root / "good.mp4")
    whole = good.read_bytes()
    (root / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("this is not a video\n" * 50)
    (root / "broken.jpg").write_bytes(make_image(root / "fine.jpg").read_bytes()[:300])
    _audio_only(root / "audio.mp4")
    (root / "phone.heic").write_bytes(b"an image that nothing here decodes")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.mp4")).write_bytes(whole)
    (root / "notes.docx").write_bytes(b"of no account")
    data = make_dataset(root / "tools")
    (data / "labels" / "train" / "001.txt").write_text("0 0.9 0.5 0.6 0.2\n")
    (data / "labels" / "train" / "002.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    report = tmp_path / "summary.json"
    done = raypp("veil", root, "--out", tmp_path / "out", "--key", key, *_QUICK, "--json", report)
    assert done.returncode == 3, done.stderr
    result = summary(report)
    reasons = {Path(item["source"]).name: item["reason"] for item in result["quarantined"]}
    assert set(reasons) == {
        "truncated.mp4", "empty.mp4", "text.mp4", "broken.jpg", "audio.mp4", "phone.heic", "caf\\xe9.mp4"
    }  # fmt: skip
    assert all(name in done.stderr for name in reasons)
    assert f"listed in {tmp_path / 'out-private' / 'quarantine.json'}" in done.stderr
    (passed_by,) = result["ignored"]
    assert f"1 other file ({passed_by}), neither" in done.stderr
    assert Path(passed_by).is_file()
    assert all(len(reason) > 20 and "\n" not in reason for reason in reasons.values())
    assert len(result["label_problems"]) == 2
    assert any("001.txt" in line for line in result["label_problems"])
    assert any("002.txt" in line and "7" in line for line in result["label_problems"])
    assert result["frames"] == 40 + 1 + 6
    assert json.loads((tmp_path / "out-private" / "quarantine.json").read_text())
    succeed("verify", tmp_path / "out")
    assert not [name for name in archive_bytes(tmp_path / "out") if name.endswith(".tmp")]


def test_an_address_with_a_password_and_a_query_is_veiled_and_nothing_tells_them(key: Path, tmp_path: Path) -> None:
    good = make_video(tmp_path / "web" / "good.mp4", seconds=1)
    (good.parent / "bad.mp4").write_bytes(good.read_bytes()[:900])
    handler = functools.partial(_Quiet, directory=str(good.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://admin:hunter2@127.0.0.1:{server.server_port}"
        sources = [f"{place}/{name}?sig=hunter2/a" for name in ("good.mp4", "bad.mp4")]
        options = ("--key", key, "--plain-names", "--json", tmp_path / "summary.json", *_QUICK)
        done = raypp("veil", *sources, "--out", tmp_path / "out", *options)
        server.shutdown()
    assert done.returncode == 3, done.stderr
    assert summary(tmp_path / "summary.json")["frames"] == 10
    assert "/bad.mp4?...: no readable video" in done.stderr
    files = [tmp_path / "summary.json", tmp_path / "out-private" / "quarantine.json", *(tmp_path / "out").rglob("*")]
    for path in (path for path in files if path.is_file()):
        assert b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in done.stdout + done.stderr
    (shard,) = (tmp_path / "out" / "shards").rglob("*.parquet")
    assert set(pq.read_table(shard)["source"].to_pylist()) == {"good.mp4"}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_each_damaged_video_is_named_and_no_other(key: Path, tmp_path: Path) -> None:
    videos = [make_video(tmp_path / "in" / f"{number}.mp4", seconds=2, seed=number) for number in range(5)]
    for video in videos[3:]:
        content = video.read_bytes()
        at = content.rindex(b"mdat")
        size = int.from_bytes(content[at - 4 : at], "big")
        wrecked = bytes(size // 3)
        video.write_bytes(content[: at - 4 + size - len(wrecked)] + wrecked + content[at - 4 + size :])
    report = tmp_path / "summary.json"
    command = ("veil", tmp_path / "in", "--out", tmp_path / "out", "--key", key, *_QUICK, "--json", report)
    for _ in range(2):  # and again, from the manifest
        assert raypp(*command).returncode == 3
        assert summary(report)["damaged"] == [str(video) for video in videos[3:]]
        assert summary(report)["segments"] == 1
    succeed("verify", tmp_path / "out")


def test_a_named_file_that_is_no_video_is_told_and_fails(key: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_text("hammer")
    named = raypp("veil", tmp_path / "notes.docx", "--out", tmp_path / "out", "--key", key, *_QUICK)
    assert named.returncode == 3
    assert "notes.docx: its suffix .docx is no video's" in named.stderr


def test_a_missing_source_is_one_line(key: Path, tmp_path: Path) -> None:
    done = raypp("veil", tmp_path / "nowhere", "--out", tmp_path / "out", "--key", key, *_QUICK)
    assert done.returncode == 1
    _one_line(done.stderr, "nowhere")


def test_an_unreadable_folder_is_quarantined(key: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every folder; run as another user")
    make_video(tmp_path / "in" / "good.mp4")
    (tmp_path / "in" / "closed").mkdir(mode=0)
    report = tmp_path / "summary.json"
    done = raypp("veil", tmp_path / "in", "--out", tmp_path / "out", "--key", key, *_QUICK, "--json", report)
    assert done.returncode == 3
    assert [Path(item["source"]).name for item in summary(report)["quarantined"]] == ["closed"]


def test_another_key_or_spec_or_setting_is_refused_with_both_ids(key: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in" / "video.mp4", seconds=1)
    out = tmp_path / "out"
    succeed("veil", video, "--out", out, "--key", key, *_QUICK)
    before = archive_bytes(out)
    mine = json.loads((out / "veil.json").read_text())["veil_id"]
    other_key, spec = tmp_path / "other.key", tmp_path / "spec.json"
    succeed("keygen", "--out", other_key)
    spec.write_text('{"channels": 12}')
    for options in (("--key", other_key), ("--key", key, "--spec", spec)):
        done = raypp("veil", video, "--out", out, *options, *_QUICK)
        assert done.returncode == 1
        _one_line(done.stderr, mine, "--out")
    done = raypp("veil", video, "--out", out, "--key", key, "--size", 320, "--on", "local")
    _one_line(done.stderr, "160", "320")
    assert archive_bytes(out) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", 100), ("100", "96")),
        (("--fps", "zero"), ("--fps", "zero")),
        (("--fps", "2", "--keyframes"), ("--fps", "--keyframes")),
        (("--timezone", "Mars/Olympus", "--time-from", "name:%Y"), ("Mars/Olympus",)),
        (("--key", "/nonexistent/owner.key"), ("/nonexistent/owner.key", "keygen")),
        (("--masks", "/nonexistent/masks.json"), ("/nonexistent/masks.json",)),
        (("--spec", "/nonexistent/spec.json"), ("/nonexistent/spec.json",)),
    ],
)
def test_a_bad_option_is_one_line_that_names_it(
    options: tuple[object, ...], words: tuple[str, ...], key: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "video.mp4", seconds=1)
    done = raypp("veil", video, "--out", tmp_path / "out", "--key", key, "--on", "local", *options)
    assert done.returncode == 1
    _one_line(done.stderr, *words)
    assert not (tmp_path / "out" / "shards").exists()


def test_two_jobs_on_one_output_at_once(key: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", seconds=30, width=320, height=192)
    options = ["veil", str(video), "--out", str(tmp_path / "out"), "--key", str(key), "--size", "640", "--on", "local"]
    command = [sys.executable, "-m", "raypp", *options]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as first:
        while not list((tmp_path / "out").glob("shards/*/.*")) and first.poll() is None:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        second = raypp(*options)
        first.send_signal(signal.SIGCONT)
        assert first.wait() == 0
    assert second.returncode == 1
    _one_line(second.stderr, "out", str(first.pid))
    succeed("verify", tmp_path / "out")


def test_a_full_disk_is_one_line_and_nothing_half_written(key: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs; run as root")
    try:
        video = make_video(tmp_path / "video.mp4", seconds=6, width=320, height=192)
        options = (
            "veil",
            video,
            "--key",
            key,
            "--size",
            320,
            "--on",
            "local",
            "--segment-seconds",
            1,
            "--shard-mb",
            0.01,
        )
        done = raypp(*options, "--out", small / "out", "--private", tmp_path / "private")
        assert done.returncode == 1
        _one_line(done.stderr, "space")
        shards = [path for path in small.rglob("*.parquet") if not path.name.startswith(".")]
        receipts = list(small.glob("out/receipts/*.json"))
        assert len(shards) - len(receipts) in (0, 1)
        assert not list(small.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def _audio_only(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_disk_that_fails_for_a_while_costs_nothing_for_good(key: Path, tmp_path: Path) -> None:
    """A source that goes away between plan and work, as a lost mount does, is tried again by the next run."""
    videos = [make_video(tmp_path / "in" / name / "video.mp4", seed=seed) for seed, name in enumerate(("a", "b"))]
    options = ("--out", tmp_path / "out", "--key", key, *_QUICK, "--segment-seconds", 1, "--shard-mb", 0.01)
    report = tmp_path / "summary.json"
    succeed("veil", tmp_path / "in", *options, "--limit", 1)
    planned = [item.url for item in load_plan(tmp_path / "out-private").items()]
    gone = videos[0].rename(tmp_path / "elsewhere.mp4")
    assert str(videos[0]) in planned
    done = raypp("veil", tmp_path / "in", *options, "--json", report)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    first = summary(report)
    assert {item["source"] for item in first["unfinished"]} == {str(videos[0])}
    assert "No such file" in first["unfinished"][0]["reason"]
    gone.rename(videos[0])
    succeed("veil", tmp_path / "in", *options, "--json", report)
    assert summary(report)["frames"] == 80
    succeed("verify", tmp_path / "out")


@pytest.mark.parametrize(("change", "words"), [
    (("--camera", "gate"), ("camera", "gate")),
    (("--site", "north"), ('as site "site", not "north"',)),
    (("--time-from", "2026-03-01T06:00"), ("--time-from", "2026-03-01T06:00")),
    (("--timezone", "Asia/Tokyo"), ("--timezone", "Asia/Tokyo")),
    (("--masks", "masks.json"), ("privacy mask", "video.mp4")),
])  # fmt: skip
def test_a_planned_source_is_never_veiled_half_one_way_and_half_another(
    change: tuple[str, str], words: tuple[str, str], key: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "in" / "hall" / "video.mp4")
    (tmp_path / "masks.json").write_text('{"hall": [[[0, 0], [1, 0], [1, 1]]]}')
    options = ("--out", "out", "--key", key, *_QUICK, "--segment-seconds", 1, "--shard-mb", 0.01)
    succeed("veil", video.parent.parent, *options, "--limit", 1, cwd=tmp_path)
    before = archive_bytes(tmp_path / "out")
    refused = raypp("veil", video.parent.parent, *options, *change, cwd=tmp_path)
    assert refused.returncode == 1
    _one_line(refused.stderr, *words)
    assert archive_bytes(tmp_path / "out") == before
    succeed("veil", video.parent.parent, *options, cwd=tmp_path)


def test_a_mask_for_a_camera_that_there_is_not_is_refused(key: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in" / "hall" / "video.mp4")
    (tmp_path / "masks.json").write_text('{"hal": [[[0, 0], [1, 0], [1, 1]]]}')
    options = ("--out", tmp_path / "out", "--key", key, "--masks", tmp_path / "masks.json", *_QUICK)
    refused = raypp("veil", video.parent.parent, *options)
    assert refused.returncode == 1
    _one_line(refused.stderr, "hal,", "site/hall")
    assert not list((tmp_path / "out").glob("shards/*"))
