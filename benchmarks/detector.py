"""The detector of a service on one CPU: each engine beside an older commit, and beside ultralytics on plain images."""

import json
from pathlib import Path

import numpy as np

from benchmarks.older import ROOT, checked_out, run_in
from raypp.veil.spec import PatchSpec
from tests.serving.bundles import write_usual_bundle

Row = tuple[str, str, str]
_SPEC, _SIZE, _VEIL = PatchSpec(), 256, "ab" * 16
_ROUNDS = 2
_SCRIPT = str(Path(__file__).with_name("detecting.py"))
_ENGINES = {
    "torch": ("torch", "auto"),
    "onnxruntime, the default": ("auto", "auto"),
    "openvino, float32": ("openvino", "float32"),
    "openvino, bfloat16": ("openvino", "bfloat16"),
}
_BARS = {"onnxruntime, the default": "bar >= 1.7", "openvino, bfloat16": "bar >= 4, with AMX"}


def detector_rows(folder: Path) -> list[Row]:
    """Milliseconds of a frame of 256 pixels through a veiled YOLOv8n: codes in, detections out."""
    bundle, codes = write_usual_bundle(folder / "tools.model", _SPEC, _SIZE, _VEIL), folder / "codes.npy"
    side, chance = _SIZE // _SPEC.patch, np.random.default_rng(0)
    np.save(codes, chance.integers(0, _SPEC.levels, (8, _SPEC.channels, side, side), dtype=np.uint8))
    np.save(folder / "image.npy", chance.integers(0, 256, (_SIZE, _SIZE, 3), dtype=np.uint8))
    calls = {name: ["raypp", bundle, codes, *choice] for name, choice in _ENGINES.items()}
    plain = ["ultralytics", _plain_openvino(folder), folder / "image.npy"]
    best: dict[str, dict[str, float]] = {}
    with checked_out(folder) as older:
        sides = [("before", older, ["raypp", bundle, codes]), ("ultralytics, OpenVINO, plain image", ROOT, plain)]
        sides += [(name, ROOT, call) for name, call in calls.items()]
        for _ in range(_ROUNDS):
            for name, tree, call in sides:
                took = json.loads(run_in(tree, ["-P", _SCRIPT, *map(str, call)]).splitlines()[-1])
                best[name] = {what: min(best.get(name, took)[what], took[what]) for what in took}
    rows = [(f"{name}: CPU, wall", f"{took['cpu']:.2f}, {took['wall']:.2f} ms", "") for name, took in best.items()]
    for name in _ENGINES:
        ratio = best["before"]["cpu"] / best[name]["cpu"]
        rows.append((f"frames a CPU second, {name} / before", f"{ratio:.2f}", _BARS.get(name, "")))
    ours, theirs = best["openvino, bfloat16"]["cpu"], best["ultralytics, OpenVINO, plain image"]["cpu"]
    rows.append(("frames a CPU second, openvino / ultralytics' OpenVINO", f"{theirs / ours:.2f}", "bar >= 1.15"))
    return rows


def _plain_openvino(folder: Path) -> str:
    """Export a YOLOv8n on plain images of the same size as ultralytics does; returns its folder."""
    script = (
        "import sys, raypp.detect.ultralytics\nfrom ultralytics import YOLO\n"
        f"print(YOLO('yolov8n.yaml').export(format='openvino', imgsz={_SIZE}, verbose=False))"
    )
    (folder / "plain").mkdir()
    run_in(ROOT, ["-c", f"import os; os.chdir({str(folder / 'plain')!r})\n{script}"])
    (model,) = (folder / "plain").rglob("*_openvino_model")
    return str(model)
