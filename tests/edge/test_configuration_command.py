"""`raypp device sign` and `configure`: what the owner signs inside comes to the device as it is, by way of a ledger."""

import hashlib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from protos import raypp_pb2 as pb
from raypp.cli import devices as commands
from raypp.edge.configuration.document import DeviceConfiguration
from raypp.edge.configuration.refusal import ConfigurationRefusedError
from raypp.errors import OptionError
from raypp.io.clock import now_us
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.devices import Devices
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.serving.devices import take_report
from raypp.serving.settings import ServiceSettings
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

_WANTED = """
cameras:
  gate:
    fps: 1/5
    masks: [[[0, 0], [0.5, 0], [0.5, 0.5]]]
  yard: {capture: false}
"""


def run(*arguments: object):
    app = typer.Typer()
    app.add_typer(commands.device, name="device")
    return CliRunner(env={"COLUMNS": "300", "RAYPP_KEY_FILE": ""}).invoke(app, ["device", *map(str, arguments)])


def _sign(folder: Path, text: str, *more: object):
    (folder / "wanted.yaml").write_text(text)
    files = (folder / "wanted.yaml", "--key", folder / "owner.key", "--out", folder / "signed")
    return run("sign", "plant-1", "gate-box", *files, *more)


@pytest.fixture
def key(tmp_path: Path) -> VeilKey:
    key = VeilKey.generate()
    save_owner_key(key, tmp_path / "owner.key")
    return key


def test_what_is_signed_goes_through_the_ledger_to_its_device_once(tmp_path: Path, key: VeilKey) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
    done = _sign(tmp_path, _WANTED, "--number", 7, "--expires", "12h")
    assert done.exit_code == 0, done.exception
    assert run("configure", tmp_path / "signed", "--ledger", url).exit_code == 0
    signed = (tmp_path / "signed").read_bytes()
    read = DeviceConfiguration.read(signed, key.public_key)
    assert (read.site, read.device, read.number, read.cameras["gate"].fps) == ("plant-1", "gate-box", 7, "1/5")
    assert read.cameras["yard"].capture is False
    assert 11.9 < (read.expires_us - now_us()) / 3.6e9 < 12
    with pytest.raises(ConfigurationRefusedError):
        DeviceConfiguration.read(signed, VeilKey.generate().public_key)
    settings = ServiceSettings.model_validate({"models": ["m"]})
    report = pb.ReportDeviceRequest(site="plant-1", device="gate-box", agent_version="0.1.0", veil_id="ab" * 16)
    with Ledger.open(url) as ledger, Ledger.open(f"sqlite:///{tmp_path}/other.db") as other:
        assert take_report(ledger, report, settings, "test").configuration == signed
        report.device = "other"
        assert take_report(ledger, report, settings, "test").configuration == b""
        report.device, report.configuration_number = "gate-box", 6
        report.configuration_seen = hashlib.sha256(signed).digest()[:8]
        report.configuration_refusal = pb.DEVICE_CONFIGURATION_REFUSAL_WRONG_KEY
        assert take_report(ledger, report, settings, "test").configuration == b""
        (entry,) = [entry for entry in AuditLog(ledger).latest(9) if entry.action == "device configure"]
        assert entry.detail == f"number 7, signed by {key.fingerprint}"
        shown = run("show", "plant-1", "gate-box", "--ledger", url).stdout
        assert "configuration  number 6" in shown
        assert "see to    its configuration is refused: wrong key" in shown
        SiteMove(ledger, other, "plant-1").run()
        assert Devices(other).configuration("plant-1", "gate-box") == signed
        assert check_ledger(other).problems == ()
        Devices(other).retire("plant-1", "gate-box")
        assert Devices(other).configuration("plant-1", "gate-box") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "must have `cameras`, and nothing else"),
        ("{cameras: {}, server: x}", "must have `cameras`, and nothing else"),
        ("{cameras: {gate: {plain: true}}}", "plain"),
        ("{cameras: {gate: {fps: fast}}}", "fps"),
        ("{cameras: {gate: {masks: [[[0, 0], [1, 1]]]}}}", "a polygon has 2 points, must have 3 to 256"),
        ("{cameras: {gate: {masks: [[[0, 0], [1, 2], [1, 1]]]}}}", "fractions of the frame"),
    ],
)
def test_what_cannot_be_is_not_signed(tmp_path: Path, key: VeilKey, text: str, words: str) -> None:
    done = _sign(tmp_path, text)
    assert isinstance(done.exception, OptionError), done.output
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "signed").exists()
    assert key.export_secret().hex() not in str(done.exception)


def test_what_nobody_has_signed_is_not_handed_over(tmp_path: Path, key: VeilKey) -> None:
    assert _sign(tmp_path, _WANTED).exit_code == 0
    signed = (tmp_path / "signed").read_bytes()
    for damaged in (signed[:-9], signed.replace(b"gate-box", b"gate-bax"), b"cameras: {}"):
        (tmp_path / "signed").write_bytes(damaged)
        done = run("configure", tmp_path / "signed", "--ledger", f"sqlite:///{tmp_path}/ledger.db")
        assert isinstance(done.exception, OptionError), done.output
        assert "have the owner sign it with `raypp device sign`" in str(done.exception)
    assert key.fingerprint not in str(done.exception)
