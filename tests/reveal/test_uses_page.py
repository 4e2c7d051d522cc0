"""The page of uses: exact frames of a video for this machine's user alone, and marks from the page itself alone."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.errors import MediaError
from raypp.reveal import video_frames
from raypp.reveal.uses_page import serve_uses
from raypp.reveal.video_frames import VideoFrames
from raypp.usage.use_marks import UseMarks
from tests.command import raypp
from tests.reveal.local_client import LocalClient, served
from tests.videos import make_video

_TOOLS = ("hammer", "saw")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "bench.mp4", seconds=4, fps=10)


@pytest.fixture
def client(video: Path, tmp_path: Path) -> Iterator[LocalClient]:
    with (
        VideoFrames(video) as frames,
        UseMarks(tmp_path / "bench.uses.csv", _TOOLS, frames.end_us) as marks,
        served(lambda ready: serve_uses(frames, marks, _TOOLS, 0, ready)) as client,
    ):
        yield client


def _number(image: bytes) -> int:
    """The number of a frame of `make_video`, by where its red block is."""
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), dtype=float)
    red = np.array([200, 40, 40])
    errors = [np.abs(pixels[16:48, 3 * number : 3 * number + 32] - red).mean() for number in range(40)]
    return int(np.argmin(errors))


@pytest.mark.parametrize("cache_bytes", [1, 128_000_000])
def test_frames_are_exact_in_any_order(video: Path, monkeypatch: pytest.MonkeyPatch, cache_bytes: int) -> None:
    monkeypatch.setattr(video_frames, "_CACHE_BYTES", cache_bytes)
    monkeypatch.setattr(video_frames, "_AHEAD", 8)
    with VideoFrames(video) as frames:
        assert frames.times_us == tuple(range(0, 4_000_000, 100_000))
        assert (frames.end_us, frames.damaged) == (4_000_000, 0)
        for number in (0, 1, 2, 39, 38, 12, 11, 10, 25, 26, 0, 39):
            assert _number(frames.image(number)) == number
        assert frames.image(40) is None
        assert frames.image(-1) is None


def test_a_file_that_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    for name in ("no.mp4", "nowhere.mp4"):
        with pytest.raises(MediaError, match=name):
            VideoFrames(tmp_path / name)


def test_a_person_marks_uses_at_the_times_of_frames(client: LocalClient, tmp_path: Path) -> None:
    client.enter()
    facts = json.loads(client.ask("/api/video")[2])
    assert (len(facts["times_us"]), facts["end_us"], facts["tools"]) == (40, 4_000_000, ["hammer", "saw"])
    status, headers, image = client.ask("/frames/17")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/jpeg", "no-store")
    assert _number(image) == 17

    def mark(action: str, tool: str, frame: int) -> tuple[int, dict[str, object]]:
        status, _, body = client.ask("/api/marks", {"action": action, "tool": tool, "frame": frame})
        return status, json.loads(body)

    assert mark("begin", "saw", 12) == (200, {"uses": [{"tool": "saw", "start_us": 1_200_000, "end_us": None}]})
    assert mark("end", "saw", 20)[0] == 200
    assert mark("begin", "hammer", 38)[0] == 200
    assert mark("end", "hammer", 39)[0] == 200  # on the last frame: up to the video's end
    kept = "tool,start_s,end_s\nsaw,1.200000,2.000000\nhammer,3.800000,4.000000\n"
    assert (tmp_path / "bench.uses.csv").read_text() == kept
    assert mark("begin", "saw", 15) == (409, {"error": "saw begins at 1.500000 s, and is in use since 1.200000 s"})
    assert mark("begin", "drill", 1) == (409, {"error": "tool 'drill' is none of hammer, saw"})
    assert "the video has no frame 40" in str(mark("begin", "saw", 40)[1]["error"])
    assert mark("begin", "saw", -1)[0] == mark("explode", "saw", 1)[0] == 400
    assert client.ask("/api/marks", {"action": "undo", "path": "/etc/passwd"})[0] == 400
    assert (tmp_path / "bench.uses.csv").read_text() == kept
    assert mark("undo", "", 0)[1] == {
        "uses": [
            {"tool": "saw", "start_us": 1_200_000, "end_us": 2_000_000},
            {"tool": "hammer", "start_us": 3_800_000, "end_us": None},
        ]
    }


def test_nobody_else_gets_in_and_no_path_leads_to_another_file(client: LocalClient, tmp_path: Path) -> None:
    change = {"action": "begin", "tool": "saw", "frame": 1}
    for path in ("/", "/?token=wrong", "/api/video", "/frames/0", "/uses.js"):
        assert client.ask(path)[0] == 403, path
    client.enter()
    assert client.ask("/frames/0", Host="evil.example")[0] == 403
    assert client.ask("/api/marks", change, X_CSRF_Token="wrong")[0] == 403
    assert client.ask("/api/marks", change, Origin="http://evil.example")[0] == 403
    assert client.ask("/api/marks", change | {"tool": "x" * 70_000})[0] == 413
    assert client.ask("/api/marks")[0] == 405
    numbers = ("-1", "40", "1e1", "9" * 5000, "../../etc/passwd", "%2e%2e%2fbench.mp4")
    for path in ("/bench.mp4", *(f"/frames/{number}" for number in numbers)):
        status, _, body = client.ask(path)
        assert (status, b"root" in body) == (404, False), path
    assert not (tmp_path / "bench.uses.csv").exists()


def test_a_browser_may_run_nothing_but_the_pages_own_script(client: LocalClient) -> None:
    client.enter()
    _, headers, body = client.ask("/")
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    text = body.decode()
    assert re.findall(r"<script[^>]*>", text) == [f'<script src="/{name}.js" defer>' for name in ("local_page", "uses")]
    assert "<style" not in text
    assert "http://" not in text


def test_the_command_tells_what_is_wrong_in_one_line_and_serves_nothing(video: Path) -> None:
    kept = video.with_name("bench.uses.csv")
    kept.write_text("tool,start_s,end_s\ndrill,1,2\n")
    done = raypp("label", "uses", video, "--tool", "hammer", "--tool", "saw")
    kept.unlink()
    assert (done.returncode, done.stdout) == (1, "")
    line = f"raypp: {kept}:2: tool 'drill' is none of hammer, saw; name it with --tool"
    assert [row for row in done.stderr.splitlines() if row.startswith("raypp: ")] == [line]
    done = raypp("label", "uses", video, "--tool", "saw", "--out", video)
    assert f"raypp: --out {video} is the video itself; choose another file" in done.stderr
