"""Where work runs: what asks for Ray, what is refused, and which the command line and the API choose by themselves."""

import inspect
from math import inf
from pathlib import Path
from typing import Any

import pytest

from raypp import execution
from raypp.cli.audit import audit
from raypp.cli.compare import compare_command
from raypp.cli.execution import execution_of
from raypp.cli.fit import fit
from raypp.cli.train import train
from raypp.errors import ConflictError, OptionError, RayppError
from raypp.execution import ExecutionSettings, On, on_ray
from raypp.train.run_folder import require_same_place
from tests.command import raypp


@pytest.fixture(autouse=True)
def _two_cpus_with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(execution.os, "cpu_count", lambda: 2)


@pytest.fixture
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "has_ray", lambda: False)


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({}, On.LOCAL),
        ({"workers": 1}, On.LOCAL),
        ({"on": "local"}, On.LOCAL),
        ({"on": "ray"}, On.RAY),
        ({"address": "auto"}, On.RAY),
        ({"workers": 2}, On.RAY),
        ({"gpus": 0.5}, On.RAY),
        ({"cpus": 1.0}, On.RAY),
    ],
)
def test_what_asks_for_ray_gets_it(given: dict[str, Any], on: On) -> None:
    settings = ExecutionSettings(**given)
    settings.check("workers", "cpus", "gpus")
    assert settings.choose() is on


@pytest.mark.parametrize(
    ("pieces", "seconds", "on"),
    [(1, inf, On.LOCAL), (2, inf, On.RAY), (8, 20.0, On.LOCAL), (8, 60.0, On.RAY), (0, 0.0, On.LOCAL)],
)
def test_ray_is_started_where_it_saves_more_than_its_start_takes(pieces: int, seconds: float, on: On) -> None:
    assert ExecutionSettings().choose(pieces, seconds) is on


def test_more_cpus_save_more_and_one_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ExecutionSettings().choose(8, 20.0) is On.LOCAL
    monkeypatch.setattr(execution.os, "cpu_count", lambda: 16)
    assert ExecutionSettings().choose(8, 20.0) is On.RAY
    monkeypatch.setattr(execution.os, "cpu_count", lambda: 1)
    assert ExecutionSettings().choose(8, inf) is On.LOCAL


def test_a_ray_that_is_there_and_a_submitted_job_use_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert ExecutionSettings().choose() is On.RAY
    assert ExecutionSettings(on=On.LOCAL).choose() is On.LOCAL
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setitem(execution._PROVIDED, "train", print)
    assert ExecutionSettings().choose() is On.RAY


@pytest.mark.parametrize("begun", [On.LOCAL, On.RAY])
def test_what_was_begun_goes_on_where_it_was(begun: On, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ExecutionSettings().choose(begun=begun) is begun
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert ExecutionSettings().choose(begun=begun) is begun
    require_same_place("run out", begun, begun)
    require_same_place("run out", None, begun)


def test_what_was_begun_elsewhere_is_refused() -> None:
    with pytest.raises(ConflictError, match=r"^run out was begun on Ray; go on there \(`on` ray or auto\)"):
        require_same_place("run out", On.RAY, ExecutionSettings(on=On.LOCAL).choose(begun=On.RAY))
    two = ExecutionSettings(workers=2)
    with pytest.raises(ConflictError, match=r"^fit out was begun in one process; go on there \(`on` local or auto\)"):
        require_same_place("fit out", On.LOCAL, two.choose(begun=On.LOCAL))


@pytest.mark.usefixtures("_without_ray")
def test_without_ray_all_runs_in_this_process_or_says_what_is_missing() -> None:
    assert ExecutionSettings().choose(9, inf) is On.LOCAL
    for given, named in (({"on": "ray"}, "`on` ray"), ({"address": "auto"}, "`address` auto"), ({"workers": 2}, "2")):
        with pytest.raises(OptionError, match=rf"{named} needs Ray; install raypp\[cluster\]"):
            ExecutionSettings(**given).check("workers")
    with pytest.raises(OptionError, match=r"begun on Ray goes on there; install raypp\[cluster\]"):
        ExecutionSettings().choose(begun=On.RAY)


@pytest.mark.parametrize("given", [{"address": "auto"}, {"workers": 2}, {"gpus": 1.0}, {"cpus": 2.0}])
def test_what_is_of_ray_contradicts_this_process(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(OptionError, match=f"^`{name}` .* is of Ray, which `on` local does without; leave out"):
        ExecutionSettings(on=On.LOCAL, **given).check("workers", "cpus", "gpus")


def test_what_work_does_not_take_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^`cpus` 2 is not for this work; leave it out"):
        ExecutionSettings(cpus=2).check("workers")
    with pytest.raises(OptionError, match=r"^`workers` -1 must be at least 1"):
        ExecutionSettings(workers=-1).check("workers")
    with pytest.raises(OptionError, match=r"^`on` 'cluster' is none; give auto, local, ray, or an ExecutionSettings"):
        ExecutionSettings.of("cluster")
    assert ExecutionSettings.of("ray").on is On.RAY


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (train, {"archive": "veiled"}),
        (fit, {"data": "images", "weights": Path("public.pt")}),
        (compare_command, {"data": "images"}),
        (audit, {"sources": ["images"]}),
    ],
)
def test_a_named_ray_beside_this_process_is_refused_before_anything_else(
    command: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"`address` 10\.0\.0\.1:6379 is of Ray, which `on` local does without"):
        command(**options, out=tmp_path / "out", on=On.LOCAL, address="10.0.0.1:6379")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "spelling", "on"),
    [
        ({"here": True}, "--here", On.LOCAL),
        ({"workers": 0}, "--workers 0", On.LOCAL),
        ({"on_ray": True}, "--on-ray", On.RAY),
    ],
)
def test_spellings_of_the_last_release_are_taken_and_name_the_new_one(
    old: dict[str, Any], spelling: str, on: On, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (On.AUTO, on):
        assert execution_of(given, None, **old) == ExecutionSettings(on=on)
        assert capsys.readouterr().err == (
            f"raypp: write --on {on} for {spelling}, which the next release no longer takes\n"
        )
    other = On.RAY if on is On.LOCAL else On.LOCAL
    with pytest.raises(OptionError, match=f"^{spelling} is --on {on}, and --on {other} was given"):
        execution_of(other, None, **old)


@pytest.mark.parametrize("command", ["veil", "verify", "train", "fit", "compare", "audit", "evaluate", "demo"])
def test_every_command_that_can_run_on_ray_has_the_switch_and_hides_what_it_replaces(command: str) -> None:
    shown = raypp(command, "--help").stdout
    assert "--on " in shown
    assert "<auto|local|ray>" in shown
    assert not {"--here", "--on-ray"} & set(shown.split())


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("train", "nowhere", "--out", "run", "--here"), "local"),
        (("fit", "nowhere", "--out", "run", "--weights", "w.pt", "--here"), "local"),
        (("compare", "nowhere", "--out", "run", "--here"), "local"),
        (("audit", "nowhere", "--out", "run", "--here"), "local"),
        (("veil", "nowhere", "--out", "run", "--workers", 0), "local"),
        (("evaluate", "nowhere", "--model", "run", "--workers", 0), "local"),
        (("verify", "nowhere", "--on-ray"), "ray"),
    ],
)
def test_commands_take_their_old_spelling(arguments: tuple[object, ...], meant: str, tmp_path: Path) -> None:
    done = raypp(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert f"raypp: write --on {meant} for {arguments[-1] or '--workers 0'}, which" in done.stderr


@pytest.mark.parametrize("work", ["veil", "verify", "train", "evaluate", "fit", "compare", "audit", "serve"])
def test_what_runs_on_ray_is_found_and_told_where(work: str) -> None:
    settings = ExecutionSettings(on=On.RAY, address="10.0.0.1:6379")
    execute: Any = on_ray(work, settings)
    assert execute.keywords == {"execution": settings}
    assert "execution" in inspect.signature(execute.func).parameters


def test_work_that_nobody_does_on_ray_is_named() -> None:
    with pytest.raises(RayppError, match="does not name what runs knitting on Ray; install raypp again"):
        on_ray("knitting", ExecutionSettings())
