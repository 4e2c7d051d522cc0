"""The notebooks of examples/ run from the first cell to the last, show what they promise, and hold no outputs."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.command import ROOT

EXAMPLES = ROOT / "examples"
_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|mnt)/")
_SHOWS = {
    "veil_and_open.ipynb": (
        1,
        [
            r"frames        4\d from",
            r"kB a frame",
            r"<VeiledFrame \w{8} of [\w/-]+, \d\.\d\d s: codes 16x23x40, (\d box(es)?|no labels)> uint8",
            r"signed",
            r"shard .* was altered",
            r"VeilSettings: `fsp` is not known; did you mean fps\?",
            r"`fps` 0 must be above 0",
            r"`size` 500 is no multiple of the veil's patch 8",
        ],
    ),
    "train_on_codes.ipynb": (
        3,
        [
            r"<LabelTable by-time: \d+ train, \d+ val; classes hammer",
            r"epoch 2/2: box",
            r"<EvaluationReport: mAP50 0\.\d+",
            r"<FrameDetections on \w{8}: ",
            r"\d+% of the values changed",
            r"`batch` 500 is more than the \d+ training frames; use fewer",
            r"`epochs` 0 must",
            r"label version by-day",
            r"TrainSettings: `learning_rate` is not known",
            r"\d\.\d MB",
        ],
    ),
    "read_a_ledger.ipynb": (
        2,
        [
            r"of the sites \('workshop',\)",
            r"end: timestamp\[us, tz=UTC\]",
            r"not_observed",
            r"<ReportTables of workshop: \d+ uses of 5 tools",
            r"\[\('?covered'?, \d",
            r"`tools` 'axe': workshop has none",
            r"`from_` 'noon' is no time",
            r"bench-9",
            r"harbour",
        ],
    ),
}
"""How many images each shows at least, and what its text holds."""


def _notebooks() -> list[Path]:
    return sorted(EXAMPLES.glob("*.ipynb"))


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def test_every_notebook_is_run() -> None:
    assert {path.name for path in _notebooks()} == set(_SHOWS)


@pytest.mark.parametrize("path", _notebooks(), ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_and_names_no_machine(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in notebook.cells if cell.metadata] == []
    assert not _MACHINE.search(path.read_text())
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", _notebooks(), ids=lambda path: path.stem)
def test_a_notebook_uses_the_public_names_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(_code(_read(path)))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert [name for name in modules if name.startswith(("raypp.", "jobs", "actors"))] == []
        assert not (isinstance(node, ast.ImportFrom) and node.module == "raypp")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", _notebooks(), ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in (("TMPDIR", "tmp"), ("JUPYTER_RUNTIME_DIR", "jupyter"), ("IPYTHONDIR", "ipython")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    notebook = _read(path)
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    data = [output.get("data", {}) for output in outputs]
    text = "\n".join([*(output.get("text", "") for output in outputs), *(item.get("text/plain", "") for item in data)])
    images, shown = _SHOWS[path.name]
    assert sum("image/png" in item for item in data) >= images
    assert [pattern for pattern in shown if not re.search(pattern, text)] == [], text
    assert [path.name for path in (tmp_path / "tmp").glob("raypp-*")] == [], "the last cell cleans up"
