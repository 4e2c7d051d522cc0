"""`raypp label uses` as a person meets it: the command, real keys in a real browser, kill -9, and the command again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import environment
from tests.reveal.chromium import CHROMIUM, browser_tab
from tests.videos import make_video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: install chromium, such as `apt install chromium`"),
]


@contextmanager
def _marking(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `raypp label uses`, and give it with the address that it prints."""
    words = [sys.executable, "-P", "-m", "raypp", "label", "uses", *map(str, arguments)]
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        try:
            address = command.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), command.stderr.read()
            yield command, address
        finally:
            command.kill()


def test_uses_are_marked_by_keys_and_outlive_a_kill(tmp_path: Path) -> None:
    video = make_video(tmp_path / "bench.mp4", seconds=4, fps=10)
    kept = tmp_path / "bench.uses.csv"
    tools = ("--tool", "hammer", "--tool", "saw")
    with browser_tab(tmp_path / "profile") as tab:
        with _marking(video, *tools) as (command, address):
            tab.call("Page.navigate", url=address)
            tab.wait("document.body.dataset.ready === 'yes' && document.body.dataset.drawn === '0'")
            assert tab.evaluate("location.search") == ""
            tab.press("2", *["ArrowRight"] * 12, "[")
            tab.wait("document.body.dataset.uses === '1'")
            tab.press(*["ArrowRight"] * 9, "ArrowLeft", "o")
            tab.wait("document.querySelectorAll('.use[data-tool=saw]:not(.begun)').length === 1")
            assert kept.read_text() == "tool,start_s,end_s\nsaw,1.200000,2.000000\n"
            tab.wait("document.body.dataset.drawn === '20'")
            red = "Array.from(document.getElementById('frame').getContext('2d').getImageData(76, 32, 1, 1).data)"
            level, green, blue, _ = tab.evaluate(red)  # within the block of frame 20, at x from 60 to 91
            assert abs(level - 200) < 40
            assert max(green, blue) < 90
            tab.press("i")
            tab.wait("document.body.dataset.uses === '2'")
            tab.press("u", "1", "i")
            tab.wait("document.querySelectorAll('.use.begun[data-tool=hammer]').length === 1")
            os.kill(command.pid, signal.SIGKILL)
        assert kept.read_text() == "tool,start_s,end_s\nsaw,1.200000,2.000000\nhammer,2.000000,\n"
        with _marking(video, *tools) as (command, address):
            tab.call("Page.navigate", url=address)
            tab.wait("document.body.dataset.ready === 'yes' && document.body.dataset.at === '20'")
            assert tab.evaluate("document.body.dataset.tool") == "hammer"
            tab.press(" ")
            tab.wait("document.body.dataset.drawn === '39' && /paused/.test(document.body.innerText)")
            tab.press("]")
            tab.wait("document.querySelectorAll('.use:not(.begun)').length === 2")
            tab.call("Page.captureScreenshot")
            tab.evaluate("document.getElementById('end').click()")
            assert command.wait(30) == 0
            assert f"2 in {kept}" in command.stderr.read()
        assert kept.read_text() == "tool,start_s,end_s\nsaw,1.200000,2.000000\nhammer,2.000000,4.000000\n"
        assert tab.problems == []
    with _marking(video, *tools) as (command, _):
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == 130
        assert "run the same command again to go on where it stopped" in command.stderr.read()
    assert not list(tmp_path.glob(".bench*"))
