"""The patch veil a second time, in plain Python integers: slow, short, and independent of `raypp.veil`.

Written from the description of the veil, sharing no code with it and no library with it but hashlib and hmac. It
derives every table from the key, so it also pins the derivation: HKDF-SHA256 (RFC 5869) and ChaCha20 (RFC 8439).
"""

import hashlib
import hmac
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
Image = list[list[list[int]]]  # rows of pixels of R, G, B

QUARTER = (1024, 1019, 1004, 980, 946, 903, 851, 792, 724, 650, 569, 483, 392, 297, 200, 100, 0)
COLOURS = ((1, 2, 1), (-1, -1, 2), (2, -1, -1))
TILE = 32
_BLOCKS = 64  # ChaCha20 blocks computed side by side, each in a 64-bit lane of one big integer


def hkdf(secret: bytes, label: bytes) -> bytes:
    """Return 32 bytes by HKDF-SHA256 without salt; one round of its expansion is enough."""
    pseudorandom = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom, b"raypp/1/" + label + b"\x01", "sha256")


def chacha20_words(key: bytes, counter: int = 0, nonce: bytes = bytes(12)) -> Iterator[int]:
    """Yield the ChaCha20 key stream as 32-bit words."""
    ones = sum(1 << 64 * lane for lane in range(_BLOCKS))
    low = ones * 0xFFFFFFFF
    constants = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
    words = [int.from_bytes((key + nonce)[i : i + 4], "little") for i in range(0, 44, 4)]
    while True:
        counters = sum((counter + lane) << 64 * lane for lane in range(_BLOCKS))
        start = [c * ones for c in (*constants, *words[:8])] + [counters] + [w * ones for w in words[8:]]
        state = list(start)
        for _ in range(10):
            for column in range(4):
                _quarter_round(state, (column, column + 4, column + 8, column + 12), low)
            for column in range(4):
                diagonal = (column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
                _quarter_round(state, diagonal, low)
        done = [(word + first) & low for word, first in zip(state, start, strict=True)]
        for lane in range(_BLOCKS):
            yield from ((word >> 64 * lane) & 0xFFFFFFFF for word in done)
        counter += _BLOCKS


def _quarter_round(s: list[int], at: tuple[int, int, int, int], low: int) -> None:
    a, b, c, d = at
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & low
        s[z] ^= s[x]
        s[z] = (s[z] << turn | s[z] >> 32 - turn) & low


def draw(words: Iterator[int], low: int, high: int) -> int:
    """Draw one unbiased integer in [low, high]."""
    span = high - low + 1
    limit = 2**32 // span * span
    return next(word for word in words if word < limit) % span + low


def shuffled(words: Iterator[int], count: int) -> list[int]:
    """Draw a permutation."""
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        pick = draw(words, 0, last)
        order[last], order[pick] = order[pick], order[last]
    return order


def cosine(units: int) -> int:
    """1024 cos(units * pi / 32), rounded as the veil's table has it."""
    units %= 64
    units = min(units, 64 - units)
    return QUARTER[units] if units <= 16 else -QUARTER[32 - units]


def canonical(spec: Spec) -> bytes:
    """The byte string that stands for a spec."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()


def root_of(secret: bytes, epoch: int) -> bytes:
    """The secret that everything of a key epoch is derived from."""
    return hkdf(secret, f"epoch/{epoch}".encode())


def signing_seed(secret: bytes, epoch: int) -> bytes:
    """The Ed25519 seed of a key epoch."""
    return hkdf(root_of(secret, epoch), b"ed25519")


def veil_id(spec: Spec, public_key: bytes) -> str:
    """Name of the veil."""
    return hashlib.sha256(b"raypp veil id v1\0" + canonical(spec) + b"\0" + public_key).hexdigest()[:32]


def _framed(parts: list[bytes], width: int) -> bytes:
    return b"".join(len(part).to_bytes(width, "big") + part for part in parts)


@dataclass(frozen=True)
class Tables:
    """Integers of one stream: rows of the first mix, its offsets, the second mix, the dither."""

    sub_key: int
    first: list[list[int]]
    offset: list[int]
    second: list[list[int]]
    dither: list[int]


def tables(spec: Spec, secret: bytes, epoch: int, *, site: str, camera: str, image: bytes | None = None) -> Tables:
    """Derive the tables of a stream from the key."""
    root = root_of(secret, epoch)
    name = _framed([site.encode(), camera.encode(), image or b""], 4)
    chooser = hmac.digest(hkdf(root, b"sub-key"), _framed([name], 8), "sha256")
    sub_key = int.from_bytes(chooser, "big") % spec["sub_keys"]
    words = chacha20_words(hkdf(root, f"weights/{sub_key}/".encode() + canonical(spec)))
    channels = spec["channels"]
    first = [_row(spec, words) for _ in range(channels)]
    offset = [draw(words, 0, 2 * period(spec) - 1) for _ in range(channels)]
    order, shifts = shuffled(words, channels), shuffled(words, channels)[: spec["mix"]]
    second = [[0] * channels for _ in range(channels)]
    for output in range(channels):
        for shift in shifts:
            second[output][order[(output + shift) % channels]] = draw(words, 0, 1) * 2 - 1
    own = hmac.digest(hkdf(root, b"dither"), _framed([name], 8), "sha256")
    noise = chacha20_words(hkdf(root, b"dither/" + own))
    reach = (span(spec) >> spec["bits"]) * spec["dither"] // 4
    dither = [draw(noise, 0, max(reach - 1, 0)) - reach // 2 for _ in range(channels * TILE * TILE)]
    return Tables(sub_key, first, offset, second, dither)


def period(spec: Spec) -> int:
    """Height of the first fold."""
    return 2 ** (9 - spec["fold"])


def span(spec: Spec) -> int:
    """Height of the second fold: twice as high for every fourfold of the mixed values, rounded up."""
    return period(spec) * 2 ** math.ceil(math.ceil(math.log2(spec["mix"])) / 2)


def _row(spec: Spec, words: Iterator[int]) -> list[int]:
    p = spec["patch"]
    wave = [[cosine((2 * i + 1) * u * 16 // p) for i in range(p)] for u in range(p)]
    planes = [[0] * (p * p) for _ in range(3)]
    for colour, highest in zip(COLOURS, (spec["band_high"], spec["chroma_high"], spec["chroma_high"]), strict=True):
        weight = [
            [draw(words, -8, 8) * (u + v) if spec["band_low"] <= u + v <= highest else 0 for v in range(p)]
            for u in range(p)
        ]
        across = [[sum(w * wave[v][j] for v, w in enumerate(row)) for j in range(p)] for row in weight]
        for i in range(p):
            for j in range(p):
                value = sum(wave[u][i] * across[u][j] for u in range(p))
                for plane, share in zip(planes, colour, strict=True):
                    plane[i * p + j] += value * share
    norm = max(sum(abs(value) for plane in planes for value in plane), 1)
    for plane in planes:
        for at, value in enumerate(plane):
            size = (abs(value) * 2**15 + norm // 2) // norm
            plane[at] = -size if value < 0 else size
        excess = sum(plane)
        for at in range(abs(excess)):
            plane[at] -= 1 if excess > 0 else -1
    return [plane[at] for at in range(p * p) for plane in planes]


def fold(value: int, height: int) -> int:
    """Triangle wave: height at 0, 0 at height, and so on for ever."""
    return abs(value % (2 * height) - height)


def encode(spec: Spec, derived: Tables, image: Image) -> bytes:
    """Veil one image; the code values in the order channel, row, column."""
    p, rows, columns = spec["patch"], len(image) // spec["patch"], len(image[0]) // spec["patch"]
    height, top = period(spec), span(spec)
    out = bytearray(spec["channels"] * rows * columns)
    for r in range(rows):
        for c in range(columns):
            lines = [image[r * p + i][c * p : (c + 1) * p] for i in range(p)]
            patch = [value for line in lines for pixel in line for value in pixel]
            folded = []
            for row, offset in zip(derived.first, derived.offset, strict=True):
                projected = sum(map(int.__mul__, row, patch))
                root = math.isqrt(abs(projected))
                folded.append(fold((root if projected >= 0 else -root) + offset, height))
            for channel, row in enumerate(derived.second):
                value = sum(map(int.__mul__, row, folded)) + top // 2 - sum(row) * (height // 2)
                value += derived.dither[(channel * TILE + r % TILE) * TILE + c % TILE]
                level = min(fold(value, top), top - 1) // (top >> spec["bits"])
                out[(channel * rows + r) * columns + c] = level
    return bytes(out)
