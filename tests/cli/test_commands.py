"""The table of commands: each loads, says its options, and is told of without being loaded."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from raypp.cli import commands
from raypp.cli.commands import COMMANDS, load_command
from raypp.errors import OptionError
from tests.command import ROOT, environment, raypp
from tests.command_server import LIGHT, run_forked


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_loads_under_its_name(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert command.help


def test_help_tells_of_every_command_under_its_reader() -> None:
    shown = raypp("--help").stdout
    for name, entry in COMMANDS.items():
        assert f" {name} " in shown
        assert entry.reader in shown


def test_help_of_all_loads_no_command() -> None:
    heavy = {"numpy", "pyarrow", "av", "torch", "ray", "pydantic"}
    program = (
        "import sys\nfrom raypp.cli.app import main\n"
        "try:\n    main()\n"
        f"except SystemExit:\n    print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_names_the_extra_that_brings_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {
        extra: {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}
        for extra, requirements in extras.items()
    }
    needed = {module for entry in COMMANDS.values() for module in entry.needs}
    packages = packages_distributions()
    monkeypatch.setattr(commands, "find_spec", lambda _module: None)
    for module in sorted(needed):
        with pytest.raises(OptionError) as raised:
            commands.require_packages((module,), "it")
        (extra,) = re.findall(r"install raypp\[(.*)\]$", str(raised.value))
        assert brought[extra] & {name.lower() for name in packages[module]}, f"{module} is not in {extra}"


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_a_command_load_nothing_heavy(name: str) -> None:
    heavy = {"numpy", "pyarrow", "av", "torch", "ray", "PIL", "grpc", "sqlalchemy", "alembic", "yaml", "cryptography"}
    program = (
        "import sys\nfrom raypp.cli.commands import load_command\n"
        f"load_command(sys.argv[1])\nprint(sorted({heavy} & set(sys.modules)))"
    )
    done = run_forked(program, [name], environment(), None, 60, LIGHT)
    assert done.stdout.split("\n")[0] == "[]"


def test_a_mistyped_command_is_told_the_nearest() -> None:
    done = raypp("vel", "archive")
    assert done.returncode == 2
    assert "Did you mean 'veil'" in " ".join(done.stderr.split())


def test_options_of_a_command_are_completed() -> None:
    words = environment(_RAYPP_COMPLETE="complete_bash", COMP_WORDS="raypp veil --sha", COMP_CWORD="2")
    done = subprocess.run(
        [Path(sys.executable).with_name("raypp")], env=words, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["--shard-mb"]
