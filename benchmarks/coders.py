"""Coders of codes: bits of veiled frames after standard coders and after the audit's own.

`python -m benchmarks.coders IMAGES --key owner.key [--spec fitted/encoder.veil] [--size 256]`
"""

import argparse
import lzma
from pathlib import Path

import numpy as np
import pyarrow as pa

from raypp.audit.coding.code_length import coded_bits
from raypp.audit.footage.evidence import gather
from raypp.audit.targets.target import veil
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import load_key
from raypp.veil.veil import open_veil

Codes = np.ndarray


def rows(victims: Codes, known: Codes, levels: int) -> list[tuple[str, float]]:
    """Mean bits of a victim: coders that take each frame alone, then the audit's, first without known frames."""
    shares = [np.bincount(plane.ravel(), minlength=levels) / plane.size for frame in victims for plane in frame]
    entropy = -sum(float((share[share > 0] * np.log2(share[share > 0])).sum()) for share in shares)
    coders = {
        "zstd, level 19": pa.Codec("zstd", compression_level=19).compress,
        "Brotli, level 11": pa.Codec("brotli", compression_level=11).compress,
        "LZMA, preset 9, extreme": lambda content: lzma.compress(content, preset=9 | lzma.PRESET_EXTREME),
    }
    return [
        ("values as they are", victims[0].size * np.log2(levels)),
        ("entropy of single values", entropy * victims[0, 0].size / len(victims)),
        *((name, 8 * np.mean([len(code(frame.tobytes())) for frame in victims])) for name, code in coders.items()),
        ("adaptive model, from nothing", float(coded_bits([*victims], levels, []).mean())),
        ("adaptive model, known frames first", float(coded_bits([*victims], levels, [*known]).mean())),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    spec, encoder = spec_and_encoder(options.spec)
    evidence = gather([str(Path(source).absolute()) for source in options.sources], options.size, 24, 16, 0)
    seen = veil(open_veil(spec, load_key(options.key), encoder))
    for name, bits in rows(seen.encode(evidence.victims), seen.encode(evidence.known), spec.levels):
        print(f"{name:<36}{bits:>10,.0f} bits a frame")


if __name__ == "__main__":
    main()
