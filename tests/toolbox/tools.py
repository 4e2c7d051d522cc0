"""Small tools for the tests, and data for them."""

from pathlib import Path

import yaml

from raypp.toolbox.data import ToolData
from raypp.toolbox.manifest import Reads
from raypp.toolbox.package import ToolPackage, pack_folder

TABLE = {
    "rows": 5,
    "cell": "n",
    "columns": {"code": {"choices": ["a", "b"]}, "n": {"least": 0, "most": 100, "step": 1}},
}
GOOD = "open('/out/t.csv', 'w').write('code,n\\na,20\\nb,3\\n')"


def manifest(**changes: object) -> dict[str, object]:
    return {
        "schema": 1,
        "name": "probe",
        "version": "1.0",
        "summary": "Tries something.",
        "entry": "main.py",
        "reads": "detections",
        "writes": {"t": TABLE},
        "resources": {"seconds": 20, "memory_mb": 128, "processes": 8, "scratch_mb": 4, "output_kb": 256},
    } | changes


def write_tool(folder: Path, code: str = GOOD, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tool.yaml").write_text(yaml.safe_dump(manifest(**changes), sort_keys=False))
    (folder / "main.py").write_text(code)
    return folder


def packed(folder: Path, code: str = GOOD, **changes: object) -> ToolPackage:
    return pack_folder(write_tool(folder, code, **changes))


class TextData(ToolData):
    """Data of one text file."""

    def write(self, folder: Path) -> None:
        (folder / "targets").write_text(self.words)


def text_data(text: str = "") -> TextData:
    return TextData(Reads.DETECTIONS, text)
