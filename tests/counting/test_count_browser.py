"""`raypp count serve` as a person meets it: files in a real browser, good and bad ones, and a box drawn by hand."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import environment
from tests.counting.test_plain_image import oversized_png
from tests.reveal.chromium import CHROMIUM, Tab, browser_tab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: install chromium, such as `apt install chromium`"),
]


@contextmanager
def _serving(place: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `raypp count serve` in a folder, and give it with the address that it prints."""
    model = ("--model", str(place / "eager.model"), "--threshold", "0.3")
    words = [sys.executable, "-P", "-m", "raypp", "count", "serve", *model]
    env = environment(RAYPP_KEY_FILE=str(place / "owner.key"))
    with subprocess.Popen(
        words, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        try:
            address = command.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), command.stderr.read()
            yield command, address
        finally:
            command.kill()


def _choose(tab: Tab, *files: Path) -> None:
    """Give files to the page as a person who chooses them does."""
    root = tab.call("DOM.getDocument")["root"]["nodeId"]
    node = tab.call("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
    tab.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])


def _drag(tab: Tab, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw with the mouse, from and to shares of the image that is shown."""
    area = json.loads(tab.evaluate("JSON.stringify(document.getElementById('boxes').getBoundingClientRect())"))
    places = [
        (area["x"] + across * area["width"], area["y"] + along * area["height"]) for across, along in (start, end)
    ]
    for kind, (x, y) in zip(("mousePressed", "mouseMoved", "mouseReleased"), (places[0], *places[1:] * 2), strict=True):
        buttons = 0 if kind == "mouseReleased" else 1
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=buttons, clickCount=1)


def test_files_are_counted_or_refused_and_a_box_is_drawn(place: Path, tmp_path: Path) -> None:
    images, here = tmp_path / "images", tmp_path / "here"
    images.mkdir()
    here.mkdir()
    good = place / "micrographs" / "images" / "test" / "test-0000.png"
    (images / "bomb.png").write_bytes(oversized_png())
    (images / "notes.png").write_text("no image\n")
    with Image.open(good) as image:
        deep = np.asarray(image).astype(np.uint16)
    Image.fromarray(deep * 257).save(images / "deep.tif")
    Image.fromarray(deep * 16).save(images / "dark.tif")
    with browser_tab(tmp_path / "profile") as tab, _serving(place, here) as (command, address):
        tab.call("Page.navigate", url=address)
        tab.wait("document.body.dataset.ready === 'yes'")
        assert tab.evaluate("location.search") == ""
        _choose(tab, good, *(images / name for name in ("bomb.png", "notes.png", "deep.tif", "dark.tif")))
        tab.wait("document.body.dataset.taken === '2' && document.body.dataset.refused === '3'")
        note = tab.evaluate("document.getElementById('note').textContent")
        assert [line.partition(" ")[0] for line in note.splitlines()] == ["bomb.png", "notes.png", "dark.tif"]
        assert "more than 89,478,485 pixels" in note
        assert "--bits 12" in note
        assert "deep.tif" in tab.evaluate("document.getElementById('images').textContent")
        tab.wait("document.getElementById('frame').naturalWidth === 640")
        before = int(tab.evaluate("document.body.dataset.boxes"))
        _drag(tab, (0.02, 0.02), (0.12, 0.15))
        tab.wait(f"document.body.dataset.boxes === '{before + 1}'")
        tab.press("2")
        tab.evaluate("document.getElementById('send').click()")
        tab.wait("document.body.dataset.corrected === '1'")
        assert "1 agglomerate" in tab.evaluate("document.getElementById('place').textContent") or before > 0
        tab.evaluate("document.getElementById('boxes').focus()")
        tab.call("Page.reload")
        tab.wait("document.body.dataset.ready === 'yes' && /corrected/.test(document.body.innerText)")
        tab.evaluate("document.getElementById('end').click()")
        assert command.wait(30) == 0
        assert [problem for problem in tab.problems if "status of 409" not in problem] == []
    assert list(here.iterdir()) == []
