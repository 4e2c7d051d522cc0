"""The whole service by engine: a stream's frames a second, from codes sent to committed, beside an older commit."""

import json
from pathlib import Path

from benchmarks.older import ROOT, checked_out, run_in
from raypp.veil.spec import PatchSpec
from tests.serving.bundles import write_usual_bundle

Row = tuple[str, str, str]
_SPEC, _SIZE, _VEIL = PatchSpec(), 256, "ab" * 16
_ROUNDS = 2
_SCRIPT = str(Path(__file__).with_name("streamed.py"))
_SIDES = {
    "torch": ["--engine", "torch"],
    "onnxruntime, the default": [],
    "openvino, bfloat16": ["--engine", "openvino"],
}
_BARS = {"onnxruntime, the default": "bar >= 1.7", "openvino, bfloat16": "bar >= 4, with AMX"}


def service_engine_rows(folder: Path) -> list[Row]:
    """Milliseconds of a frame of 256 pixels through proxy, gateway, a veiled YOLOv8n and the ledger, by engine."""
    bundle = write_usual_bundle(folder / "tools.model", _SPEC, _SIZE, _VEIL)
    best: dict[str, dict[str, float]] = {}
    with checked_out(folder) as older:
        sides = [("before", older, []), *((name, ROOT, options) for name, options in _SIDES.items())]
        for turn in range(_ROUNDS):
            for number, (name, tree, options) in enumerate(sides):
                place = folder / f"service-{turn}-{number}"
                took = json.loads(run_in(tree, ["-P", _SCRIPT, str(place), str(bundle), *options]).splitlines()[-1])
                best[name] = {what: min(best.get(name, took)[what], took[what]) for what in took}
    rows = [
        (f"{name}: CPU of the service, wall", f"{took['cpu']:.2f}, {took['wall']:.2f} ms", "")
        for name, took in best.items()
    ]
    for name in _SIDES:
        ratio = best["before"]["wall"] / best[name]["wall"]
        rows.append((f"frames a second, {name} / before", f"{ratio:.2f}", _BARS.get(name, "")))
    return rows
