"""`raypp device`: late devices first, an exit status for whoever watches, one device in full, and one forgotten."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli import devices as commands
from raypp.errors import OptionError, UnknownSiteError
from raypp.io.clock import now_us
from raypp.ledger.device_values import CameraCondition, DeviceCamera, DeviceInstance, SilenceLimits
from raypp.ledger.devices import Devices
from raypp.ledger.store import Ledger
from tests.ledger.test_devices import REPORT

_ATTENTION = 3
_SECOND = 1_000_000
_LIMITS = SilenceLimits(90 * _SECOND, 900 * _SECOND)


def run(url: str, *arguments: str):
    app = typer.Typer()
    app.add_typer(commands.device, name="device")
    words = ["device", *arguments, "--ledger", url]
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, words)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """URL of a ledger of which two devices report, of which one is late."""
    url, began = f"sqlite:///{tmp_path}/ledger.db", now_us()
    for name, heard_us in (("yard-box", began - 200 * _SECOND), ("gate-box", began)):
        with Ledger.open(url, clock=lambda heard_us=heard_us: heard_us) as ledger:
            ledger.add_site("plant-1")
            refused = DeviceCamera(camera="gate", condition=CameraCondition.REFUSED, waiting_frames=1234)
            report = REPORT.model_copy(update={"cameras": (refused,), "oldest_unsent_us": None})
            Devices(ledger).note("plant-1", name, DeviceInstance(1, heard_us), report, _LIMITS, 9)
    return url


def test_late_ones_come_first_and_make_the_command_exit_with_3(url: str, tmp_path: Path) -> None:
    done = run(url, "list", "--json", f"{tmp_path}/devices.json")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "late      plant-1/yard-box  heard 3 min ago, version 0.1.0, clock 3.0 s ahead, spool 1.1 TB"
    )
    assert lines[1:3] == ["  clock 3.0 s ahead", "  refused: gate"]
    assert lines[3].startswith("reporting plant-1/gate-box  heard ")
    assert lines[-1] == "2 devices: 1 late, 1 reporting"
    assert done.exit_code == _ATTENTION
    listed = json.loads((tmp_path / "devices.json").read_text())["devices"]
    assert [device["device"] for device in listed] == ["yard-box", "gate-box"]
    assert run(url, "retire", "plant-1", "yard-box").exit_code == 0
    done = run(url, "list", "--site", "plant-1")
    assert (done.exit_code, "yard-box" in done.stdout) == (0, False)


def test_one_device_is_shown_with_its_cameras(url: str) -> None:
    done = run(url, "show", "plant-1", "gate-box")
    assert done.exit_code == 0
    for words in (
        "device    plant-1/gate-box  reporting",
        "  gate  refused, 0.00 frames/s, no frame yet, 1,234 waiting",
    ):
        assert words in done.stdout
    assert run(url, "show", "plant-1", "yard-box").exit_code == _ATTENTION


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (("show", "plant-1", "x"), OptionError, "site plant-1 has no device x; `raypp device list` names them"),
        (("show", "plant-9"), UnknownSiteError, "'plant-9' is not registered"),
        (("retire", "plant-1", "x"), OptionError, "site plant-1 has no device x"),
    ],
)
def test_what_is_not_there_is_named(url: str, words: tuple[str, ...], kind: type[Exception], says: str) -> None:
    done = run(url, *words)
    assert type(done.exception) is kind
    assert says in str(done.exception)


def test_a_list_that_is_watched_is_made_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands.time, "sleep", wait)
    done = run(url, "list", "--watch", "5")
    assert (waited, done.stdout.count("2 devices: ")) == ([5, 5, 5], 3)
