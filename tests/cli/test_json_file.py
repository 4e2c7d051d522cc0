import json
import os
from pathlib import Path
from typing import Annotated

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from raypp.cli.json_file import json_option, write_json
from raypp.errors import OptionError


class Count(BaseModel):
    frames: int


@pytest.fixture
def worked() -> list[int]:
    return []


@pytest.fixture
def run(worked: list[int]):
    app = typer.Typer()

    @app.command()
    def work(json_file: Annotated[Path | None, json_option("the count")] = None) -> None:
        worked.append(1)
        write_json(json_file, Count(frames=3))

    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_summary_is_written_whole_and_replaces_an_older_one(run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("--json", tmp_path / "made-by-the-way" / "count.json").exit_code == 0
    assert json.loads((tmp_path / "made-by-the-way" / "count.json").read_text()) == {"frames": 3}
    assert [path.name for path in tmp_path.rglob("*.json")] == ["count.json"]
    assert len(list((tmp_path / "made-by-the-way").iterdir())) == 1


def test_a_file_that_cannot_be_written_is_refused_before_the_work(run, worked: list[int], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "file" / "count.json", "is no folder")):
        done = run("--json", path)
        assert type(done.exception) is OptionError
        assert words in str(done.exception)
    assert worked == []


def test_a_folder_without_permission_is_refused_before_the_work(
    run, worked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK or Path(place) != tmp_path)
    done = run("--json", tmp_path / "count.json")
    assert "may not be written" in str(done.exception)
    assert worked == []


def test_a_pipe_is_written_through(run, tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("--json", link).exit_code == 0
    assert json.loads(os.read(reader, 1000)) == {"frames": 3}
    os.close(reader)
    assert link.is_symlink()


def test_a_disk_that_fills_up_is_one_line_and_leaves_the_older_file(
    run, worked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "count.json"
    old.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    done = run("--json", old)
    assert worked == [1]
    assert "No space left" in str(done.exception)
    assert type(done.exception) is OptionError
    assert [path.name for path in tmp_path.iterdir()] == ["count.json"]
    assert old.read_bytes() == b"old"
