"""The systemd unit of the agent, read by systemd itself; what it runs is what the command line takes."""

import re
import shutil
import subprocess

import pytest
import typer

from raypp.cli.exit_codes import ExitCode
from raypp.cli.stream import stream
from tests.command import ROOT

UNIT = ROOT / "cluster" / "site" / "raypp-stream.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)")
def test_systemd_understands_every_line(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/raypp/bin/raypp", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_options_are_options_of_the_command():
    app = typer.Typer()
    app.command()(stream)
    known = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    command = UNIT.read_text().replace("\\\n", " ")
    used = set(re.findall(r"--[a-z-]+", next(line for line in command.splitlines() if line.startswith("ExecStart="))))
    assert {"--key", "--token-file", "--tls"} <= used <= known


def test_secrets_come_as_credentials():
    text = UNIT.read_text()
    assert re.findall(r"LoadCredential=([a-z.]+):", text) == ["site.key", "token"]
    assert "--key systemd:site.key --token-file ${CREDENTIALS_DIRECTORY}/token" in text


def test_a_refused_pin_starts_nothing_again():
    text = UNIT.read_text()
    assert re.findall(r"RestartPreventExitStatus=(.*)", text) == [str(ExitCode.PIN.value)]
    assert "Restart=always" in text
