"""The check of pages finds what it is for, and finds nothing on the pages there are."""

from pathlib import Path

import pytest

from tests.docs.pages import README
from tests.docs.style import faults, main, result_faults

_PAGE = Path("page.md")


def test_no_page_has_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 101, "101 characters; at most 100"),
        ("```text\n" + "x" * 101 + "\n```", "101 characters; at most 100"),
        (f"| {'y' * 81} | z |", "a cell of 81 characters"),
        ("One word. " * 601, "1202 words; at most 1200"),
        (f"The {'long ' * 20}end.", "22.0 words a sentence"),
        ("One is here; two is there; three is nowhere.", "a chain of semicolons"),
        ("```\nraypp veil a\n```", "a block without a language"),
        ("```bash\nraypp veil a\n```", "commands without"),
        ("<!-- run: tests/none.py -->\n```bash\nraypp veil a\n```", "a test that is not there: tests/none.py"),
        ("<!-- run: tests/chaos -->\n```bash\nraypp train a\n```", "does not run raypp train: tests/chaos"),
    ],
)
def test_a_fault_is_found_and_named(text: str, message: str) -> None:
    assert [fault for fault in faults(_PAGE, text) if message in fault], list(faults(_PAGE, text))


@pytest.mark.parametrize(
    "text",
    [
        "<!-- not run: takes hours -->\n```bash\nraypp fit images\n```",
        "<!-- run: tests/docs/test_style.py -->\n```console\n$ raypp veil a\n```",
    ],
)
def test_what_is_allowed_is_no_fault(text: str) -> None:
    assert list(faults(_PAGE, text)) == []


def test_readme_has_limits_of_its_own() -> None:
    assert any("710 words; at most 700" in fault for fault in faults(README, "Few words. " * 355))
    assert any("111 lines; at most 110" in fault for fault in faults(README, "Few words.\n" * 111))


def test_results_say_when_on_what_and_how_they_were_measured() -> None:
    assert [fault for fault in result_faults("| when | today |\n") if "commit" in fault]


def test_results_are_in_short_sentences() -> None:
    assert any("22.0 words a sentence" in fault for fault in result_faults(f"The {'long ' * 20}end."))
