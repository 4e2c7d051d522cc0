"""What `raypp serve` is asked by options, by a file and by default: the options win, then the file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raypp.cli.serve import _settings
from raypp.detect.engines.name import Engine
from raypp.errors import OptionError
from raypp.serving.settings import ServiceSettings

_FILE = """
models: [file.model]
ledger: sqlite:///file.db
detection: {confidence: 0.3, threads: 3, iou: 0.5}
limits: {window: 4}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(_FILE)
    return path


def _merged(
    file: Path | None,
    options: dict[str, Any] | None = None,
    defaults: dict[str, int] | None = None,
    detection: dict[str, Any] | None = None,
) -> ServiceSettings:
    return _settings(file, options or {}, defaults or {}, detection or {})


def test_options_win_over_the_file(file: Path) -> None:
    options = {"models": [Path("/option.model")], "ledger": "sqlite:///option.db", "front_secret_file": None}
    settings = _merged(file, options, {"threads": 8}, {"confidence": 0.2, "threads": 2})
    assert (settings.models, settings.ledger) == ((Path("/option.model"),), "sqlite:///option.db")
    assert (settings.detection.confidence, settings.detection.threads) == (0.2, 2)
    assert (settings.detection.iou, settings.limits.window) == (0.5, 4)


def test_the_file_wins_over_defaults_and_over_options_that_were_not_given(file: Path) -> None:
    options = {"models": [], "ledger": None, "front_secret_file": None}
    settings = _merged(file, options, {"threads": 8}, {"confidence": None, "threads": None})
    assert (settings.models, settings.ledger) == ((Path("file.model"),), "sqlite:///file.db")
    assert (settings.detection.confidence, settings.detection.threads) == (0.3, 3)


def test_an_engine_is_chosen_by_option_or_file_and_an_unknown_one_is_refused(file: Path) -> None:
    assert _merged(file).detection.engine == "auto"
    assert _merged(file, {}, {}, {"engine": Engine.OPENVINO}).detection.engine == "openvino"
    file.write_text(_FILE.replace("iou: 0.5", "engine: torch, precision: float32"))
    assert _merged(file, {}, {}, {"engine": None}).detection.engine == "torch"
    file.write_text(_FILE.replace("iou: 0.5", "engine: onnx"))
    with pytest.raises(OptionError, match="engine must be 'auto', 'torch', 'onnxruntime', 'openvino' or 'tensorrt'"):
        _merged(file)


def test_an_engine_that_is_not_installed_is_refused_before_anything_starts(tmp_path: Path) -> None:
    script = "import sys; sys.modules['openvino'] = None; from raypp.cli.app import main; main()"
    command = ["serve", "--model", tmp_path / "no.model", "--ledger", "sqlite:///no.db", "--engine", "openvino"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, command)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "raypp: --engine openvino is not installed here; install raypp[cluster,openvino], or" in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_a_file_defaults_stand(tmp_path: Path) -> None:
    settings = _merged(None, {"models": [tmp_path]}, {"threads": 8}, {"confidence": None, "threads": None})
    assert (settings.detection.threads, settings.detection.confidence) == (8, 0.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("detection:\n", "detection must map"),
        ("detection: 3\n", "detection must map"),
        ("detection: [threads]\n", "detection must map"),
        ("detection: {threads: none}\n", "detection: threads must be"),
        ("- models\n", "must map names to values"),
        ("models: [\n", "settings .*settings.yaml is no YAML"),
        ("\N{MICRO SIGN}".encode("latin-1"), "settings .*settings.yaml is no UTF-8"),
    ],
)
def test_a_file_that_is_no_settings_is_one_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OptionError, match=words) as caught:
        _merged(path, {"models": [tmp_path]})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["plant.example", "javascript:alert(1)", "https://a b"])
def test_where_the_source_is_must_be_an_address(wrong: str) -> None:
    assert _merged(None, {"models": ["a"], "source_url": "https://plant.example/x"}).source_url
    with pytest.raises(OptionError, match=r"source_url .*see cluster/serve\.yaml"):
        _merged(None, {"models": ["a"], "source_url": wrong})
