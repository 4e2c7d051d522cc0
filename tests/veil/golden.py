"""Golden vectors of the default spec, made by the reference: `python -m tests.veil.golden` writes them again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from raypp.veil.spec import PatchSpec
from tests.veil import reference

GOLDEN = Path(__file__).with_name("golden.json")
SECRET = bytes(range(32))
SITE, CAMERA, IMAGE = "plant 1", "rack/3", bytes(range(100, 116))
ROWS, COLUMNS = 34, 36  # more cells than the dither's tile has, both ways


def image(patch: int) -> reference.Image:
    """An image of every contrast, by integer formula: uint8 values, ROWS x COLUMNS cells."""
    height, width = ROWS * patch, COLUMNS * patch
    return [[[_value(y, x, c) for c in range(3)] for x in range(width)] for y in range(height)]


def _value(y: int, x: int, c: int) -> int:
    contrast = y // 16 * 8 + 1
    texture = (x * x * 7 + y * y * 3 + x * y * (c + 1) + 31 * c) % 251
    return max(0, min(255, 128 + (texture - 125) * contrast // 128))


def make(spec: dict[str, Any]) -> dict[str, Any]:
    """Compute the golden vectors of a spec with the reference."""
    vectors = []
    for epoch in (0, 1):
        for still in (None, IMAGE):
            derived = reference.tables(spec, SECRET, epoch, site=SITE, camera=CAMERA, image=still)
            codes = reference.encode(spec, derived, image(spec["patch"]))
            vectors.append(
                {
                    "epoch": epoch,
                    "image": still.hex() if still else None,
                    "sub_key": derived.sub_key,
                    "sha256": hashlib.sha256(codes).hexdigest(),
                    "head": codes[:32].hex(),
                }
            )
    seeds = [Ed25519PrivateKey.from_private_bytes(reference.signing_seed(SECRET, epoch)) for epoch in (0, 1)]
    names = [reference.veil_id(spec, seed.public_key().public_bytes_raw()) for seed in seeds]
    return {"spec": spec, "veil_ids": names, "vectors": vectors}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(make(PatchSpec().model_dump(mode="json")), indent=1) + "\n")
