"""`raypp capacity` and the errors of `raypp bench`, as their users call them."""

import json
from pathlib import Path

import pytest

from tests.capacity.rates import document
from tests.command import raypp, succeed, summary


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capacity") / "rates.json"
    path.write_text(json.dumps(document()))
    return path


def test_a_plan_is_printed_and_written(rates: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("currency: EUR\nnode: 300\n")
    (tmp_path / "capacity.yaml").write_text("sites: 1000\nheadroom: 0.5\n")
    files = ("--settings", tmp_path / "capacity.yaml", "--prices", tmp_path / "prices.yaml", "--json", tmp_path / "out")
    done = succeed("capacity", "--rates", rates, "--hours", "10", *files)
    written = summary(tmp_path / "out")
    assert written["plan"]["nodes"] == 25
    assert written["costs"]["total"] == 7500
    for words in ("1,000 sites with 4 cameras each", "25 nodes", "limited by    cores; detectors", "7,500 EUR"):
        assert words in done.stdout
    assert "no price      databases, storage, wire" in done.stdout


def test_a_table_of_a_narrow_terminal_breaks_no_number(rates: Path) -> None:
    done = succeed("capacity", "--rates", rates, "--sites", "10000")
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert "40,000" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("capacity", "--sites", "0"), "sites must be greater than or equal to 1 (got 0)"),
        (("capacity", "--sites", "10", "--size", "512"), "veil has not --size 512 of --spec default"),
        (("capacity",), "sites is missing"),
    ],
)
def test_nonsense_is_one_line(rates: Path, arguments: tuple[str, ...], words: str) -> None:
    done = raypp(*arguments, "--rates", rates)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--only", "veils"), "--only veils is no part; give one of veil, decode"),
        (("--only", "veil", "--size", "100"), "--size 100: give 64 to 4096 pixels, a multiple of 32"),
        (("--only", "veil", "--video", "nowhere.mp4"), "--video nowhere.mp4 is no file"),
        (("--only", "ledger", "--postgres", "mysql://x"), "no URL of PostgreSQL"),
    ],
)
def test_a_benchmark_that_cannot_be_made_says_why(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    done = raypp("bench", "--out", tmp_path / "rates.json", *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "rates.json").exists()
