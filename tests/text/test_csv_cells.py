import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.evaluate.tables import _csv
from raypp.reports.episode_record import as_csv
from raypp.text.csv_cells import as_cell, as_text

FORMULAS = ["=1+1|x", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=", "- 1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_text(text):
    assert as_cell(text) == f"'{text}"
    assert list(csv.reader(io.StringIO(as_csv(["tool"], [[text]]), newline="")))[1] == [f"'{text}"]
    assert _csv(["class"], [[text]]).decode().removeprefix("class\n").lstrip('"').startswith("'")


@pytest.mark.parametrize("value", ["hammer", "", "a=b", "-0.0123", "-1", "+3", 5, -5, -0.5, None, "'hammer"])
def test_anything_else_is_as_it_was(value):
    assert as_cell(value) == value


@given(st.text())
def test_a_cell_gives_its_text_back_and_is_no_formula(text):
    cell = as_cell(text)
    assert not str(cell).startswith(("=", "@", "\t", "\r"))
    if not text.startswith("'"):
        assert as_text(str(cell)) == text
