"""`make costs`: what it costs to compute on data that nobody sees, by each way, on this machine.

Homomorphic encryption is TenSEAL's (CKKS), in an environment of its own; sums and medians are `raypp tally`'s; masks
are made by the `cryptography` package; a veil is the default patch veil.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from threadpoolctl import threadpool_limits

from benchmarks.tally import run_tally
from raypp.veil.key import VeilKey
from raypp.veil.packing import pack
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil

_Words = npt.NDArray[np.uint32]
_SIDE, _FRAMES = 640, 20
_PARAMETERS, _SITES = 3_000_000, 4
_MULTIPLICATIONS = 4_350_000_000
"""Of YOLOv8n on a frame of 640 pixels: half of the 8.7 billion operations that its authors state."""
_PRODUCT = 64 * 64
_CELLS = 80 * 80
_ENCRYPTED = """
import json, sys, time
import numpy as np
import tenseal as ts
context = ts.context(ts.SCHEME_TYPE.CKKS, poly_modulus_degree=8192, coeff_mod_bit_sizes=[60, 40, 40, 60])
context.global_scale = 2**40
context.generate_galois_keys()
def timed(work, rounds):
    begin = time.process_time()
    for _ in range(rounds):
        result = work()
    return (time.process_time() - begin) / rounds, result
chance = np.random.default_rng(0)
values = chance.random(4096).tolist()
encrypt_s, encrypted = timed(lambda: ts.ckks_vector(context, values), 20)
decrypt_s, decrypted = timed(encrypted.decrypt, 20)
assert max(abs(a - b) for a, b in zip(values, decrypted)) < 1e-3
add_s, _ = timed(lambda: encrypted + encrypted, 20)
weights = chance.random((64, 64)).tolist()
cell = ts.ckks_vector(context, chance.random(64).tolist())
product_s, _ = timed(lambda: cell.matmul(weights), 3)
json.dump(dict(encrypt_s=encrypt_s, decrypt_s=decrypt_s, add_s=add_s, product_s=product_s,
               bytes=len(encrypted.serialize())), sys.stdout)
"""


def main() -> None:
    """Print a line for each way, and write all figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--he-python", type=Path, required=True, help="a Python that has TenSEAL")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    with threadpool_limits(1):
        figures = {
            "a veiled frame, which a detector reads": _veil(),
            "sums under masks, of models": _masks(),
            "statistics of shared secrets": _shares(),
            "homomorphic encryption (CKKS)": _ckks(given.he_python),
        }
    for name, costs in figures.items():
        print(name)
        for what, value in costs.items():
            print(f"  {what:<66}{value:>16,.4g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


def _veil() -> dict[str, float]:
    """Veil frames of noise at 640 pixels."""
    spec, chance = PatchSpec(), np.random.default_rng(0)
    encoder = Veil(spec, VeilKey.generate()).stream("site", "camera")
    frames = chance.integers(0, 256, (_FRAMES, 1, _SIDE, _SIDE, 3), dtype=np.uint8)
    begin = process_time()
    codes = [pack(encoder.encode(frame)[0], spec.bits) for frame in frames]
    return {
        "seconds to veil a frame": (process_time() - begin) / _FRAMES,
        "bytes of its codes, before compression": float(len(codes[0])),
    }


def _masks() -> dict[str, float]:
    """Mask one site's update with a stream of random bytes for each other site, and take the masks off the sum."""
    chance = np.random.default_rng(0)
    updates = chance.integers(0, 1 << 20, (_SITES, _PARAMETERS), dtype=np.uint32)
    keys = {(low, high): chance.bytes(32) for high in range(_SITES) for low in range(high)}
    begin = process_time()
    masked = [_masked(updates[site], site, keys) for site in range(_SITES)]
    seconds = (process_time() - begin) / _SITES
    total = np.sum(masked, axis=0, dtype=np.uint32)
    if not np.array_equal(total, updates.sum(axis=0, dtype=np.uint32)):
        raise AssertionError("the masks do not cancel")
    return {
        f"seconds to mask {_PARAMETERS:,} parameters, of {_SITES} sites": seconds,
        "bytes of a masked update": float(masked[0].nbytes),
        "bytes of it as float32": 4.0 * _PARAMETERS,
    }


def _masked(update: _Words, site: int, keys: dict[tuple[int, int], bytes]) -> _Words:
    """Add the mask of each pair that a site is the first of, and take away those that it is the second of."""
    masked = update.copy()
    for (low, high), key in keys.items():
        if site in {low, high}:
            stream = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor().update(bytes(update.nbytes))
            mask = np.frombuffer(stream, np.uint32)
            masked = masked + mask if site == low else masked - mask
    return masked


def _shares() -> dict[str, float]:
    """Tally figures of three parties."""
    cells = [f"count-{number}" for number in range(1000)]
    figures: dict[str, dict[str, object]] = {
        "1,000 sums": {"cells": cells},
        "1,000 sums, small ones closed": {"cells": cells, "least_total": 40},
        "a median and a rank": {"open": ["median", "rank"]},
    }
    costs = {}
    for name, figure in figures.items():
        with tempfile.TemporaryDirectory() as folder:
            results, _ = run_tally(Path(folder), 3, figure)
        costs[f"seconds for {name}, of 3 parties"] = max(each.seconds for each in results)
    return costs


def _ckks(python: Path) -> dict[str, float]:
    """Encrypt and compute in the other environment."""
    done = subprocess.run([python, "-c", _ENCRYPTED], capture_output=True, check=True)
    costs = json.loads(done.stdout)
    layer_s = _CELLS * costs["product_s"]
    return {
        "seconds to encrypt 4,096 values": costs["encrypt_s"],
        "bytes of them": float(costs["bytes"]),
        "times as many bytes as in 8 bits": costs["bytes"] / 4096,
        "seconds to add two such": costs["add_s"],
        "seconds to multiply 64 encrypted values by a 64x64 matrix": costs["product_s"],
        "hours for a 1x1 layer of 64 channels on 80x80 cells (computed)": layer_s / 3600,
        "days for all products of a yolov8n at 640 pixels (computed)": costs["product_s"]
        * (_MULTIPLICATIONS / _PRODUCT)
        / 86_400,
    }


if __name__ == "__main__":
    main()
