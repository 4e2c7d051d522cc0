"""An audit: CPU of the attacks that learn, over an older commit's, and whether they find as much."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.older import ROOT, checked_out, run_in
from benchmarks.training_images import make_images

Row = tuple[str, str, str]
_BEFORE = "7f76d17"
"""The last commit whose attacks learnt in float32 alone."""
_SCRIPT = str(ROOT / "benchmarks" / "attack_steps.py")
_IMAGES = 160
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def audit_rows(folder: Path) -> list[Row]:
    """CPU of attacks that learn, now over before, and the detail that both found; one thread each."""
    images, key = make_images(folder / "images", _IMAGES), folder / "owner.key"
    subprocess.run([sys.executable, "-m", "raypp", "keygen", "--out", str(key)], check=True, capture_output=True)
    call = [_SCRIPT, str(images), str(key)]
    with checked_out(folder, _BEFORE) as before:
        older, newer = (json.loads(run_in(tree, call, **_ONE_THREAD)) for tree in (before, ROOT))
    rows: list[Row] = []
    for name, (took, detail) in newer.items():
        took_before, detail_before = older[name]
        rows.append((f"{name}, now / before", f"{took / took_before:.2f}", "bar <= 0.5"))
        rows.append((f"{name}, detail now and before", f"{detail:.3f}, {detail_before:.3f}", ""))
    return rows
