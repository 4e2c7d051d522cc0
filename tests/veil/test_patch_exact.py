"""The codes are the same bytes everywhere: reference, numpy, torch, any batch, any number of threads."""

import hashlib
import itertools
import json
import math
import os
import random
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from raypp.errors import SpecError
from raypp.veil.key import VeilKey
from raypp.veil.patch import PatchEncoder
from raypp.veil.spec import EXACT_LIMIT, PatchSpec, VeilSpec, parse_spec, spec_of
from raypp.veil.tables import _check_exact
from raypp.veil.veil import Veil
from tests.veil import golden, reference

torch = pytest.importorskip("torch")
from raypp.veil.patch_torch import TorchPatchEncoder  # noqa: E402

VECTORS = json.loads(golden.GOLDEN.read_text())
WIDE = PatchSpec(patch=16, channels=64, bits=3, band_high=9, chroma_high=4, fold=2, mix=16, dither=7)
KEY = VeilKey(golden.SECRET)


def random_fields(rng: random.Random) -> dict[str, Any]:
    patch = rng.choice((4, 8, 8, 16))
    # Wide bands and many channels together are slow in the reference, so they are drawn one at a time.
    wide = rng.random() < 0.15
    channels = rng.randint(1, 6 if wide else 64 if patch < 16 else 16)
    return {
        "family": "patch",
        "version": 1,
        "patch": patch,
        "channels": channels,
        "bits": rng.randint(1, 4),
        "band_low": rng.randint(1, 3),
        "band_high": rng.randint(1, 30 if wide else min(7, 2 * patch - 2)),
        "chroma_high": rng.randint(0, 30 if wide else 4),
        "fold": rng.randint(0, 5),
        "mix": rng.randint(1, channels),
        "dither": rng.randint(0, 8),
        "sub_keys": rng.randint(1, 64),
    }


def random_frames(rng: np.random.Generator, spec: VeilSpec, count: int, rows: int = 2, columns: int = 3) -> Any:
    """Frames from flat to full contrast; extremes included, since they reach the largest sums."""
    shape = (count, rows * spec.patch, columns * spec.patch, 3)
    contrast = rng.choice([0, 1, 8, 64, 256], size=(count, 1, 1, 3))
    return np.clip(rng.integers(-1, 2, shape) * contrast + rng.integers(0, 256, (count, 1, 1, 3)), 0, 255).astype(
        np.uint8
    )


def digest(codes: npt.NDArray[np.uint8]) -> str:
    return hashlib.sha256(codes.tobytes()).hexdigest()


@pytest.mark.parametrize(("specs", "seed"), [(60, 20), pytest.param(400, 21, marks=pytest.mark.slow)])
def test_random_specs_agree_with_the_reference_on_numpy_and_torch(specs: int, seed: int) -> None:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    compared = 0
    for index in range(specs):
        fields, secret = random_fields(rng), rng.randbytes(32)
        epoch, image = rng.randint(0, 3), rng.choice((None, rng.randbytes(16)))
        try:
            spec = parse_spec(json.dumps(fields), f"spec {index}")
            encoder = Veil(spec, VeilKey(secret, epoch)).stream("site", f"camera {index}", image)
        except SpecError:
            continue
        frames = random_frames(numbers, spec, 1)
        derived = reference.tables(fields, secret, epoch, site="site", camera=f"camera {index}", image=image)
        expected = reference.encode(fields, derived, frames[0].tolist())
        assert encoder.sub_key == derived.sub_key
        assert encoder.encode(frames).tobytes() == expected, fields
        assert TorchPatchEncoder(encoder, "cpu").encode(frames).tobytes() == expected, fields
        compared += 1
    assert compared >= 0.75 * specs


def test_reference_has_the_published_primitives() -> None:
    key = bytes(range(32))  # RFC 8439, 2.3.2
    words = reference.chacha20_words(key, counter=1, nonce=bytes.fromhex("000000090000004a00000000"))
    block = b"".join(word.to_bytes(4, "little") for word in itertools.islice(words, 16))
    assert block[:16].hex() == "10f1e7e4d13b5915500fdd1fa32071c4"
    assert block[-4:].hex() == "a2503c4e"


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: f"{vector['epoch']}-{vector['image']}")
def test_golden_vectors(vector: dict[str, Any]) -> None:
    spec = parse_spec(json.dumps(VECTORS["spec"]), "golden.json")
    assert spec == PatchSpec(), "the default spec changed: python -m tests.veil.golden, and say so in the changelog"
    image = bytes.fromhex(vector["image"]) if vector["image"] else None
    encoder = Veil(spec, VeilKey(golden.SECRET, vector["epoch"])).stream(golden.SITE, golden.CAMERA, image)
    frames = np.array([golden.image(spec.patch)], dtype=np.uint8)
    codes = encoder.encode(frames)
    assert encoder.sub_key == vector["sub_key"]
    assert codes.tobytes()[:32].hex() == vector["head"]
    assert digest(codes) == vector["sha256"]
    assert digest(TorchPatchEncoder(encoder, "cpu").encode(frames)) == vector["sha256"]


@pytest.mark.parametrize("spec", [PatchSpec(), WIDE], ids=["default", "wide"])
def test_batch_size_changes_nothing(spec: VeilSpec) -> None:
    encoder = Veil(spec, KEY).stream("site", "camera")
    on_torch = TorchPatchEncoder(encoder, "cpu")
    frames = random_frames(np.random.default_rng(1), spec, 64)
    expected = np.concatenate([encoder.encode(frames[i : i + 1]) for i in range(64)])
    for size in range(1, 65):
        assert np.array_equal(encoder.encode(frames[:size]), expected[:size])
        assert np.array_equal(on_torch.encode(frames[64 - size :]), expected[64 - size :])


def test_no_frames_give_no_codes() -> None:
    encoder = Veil(PatchSpec(), KEY).stream("site", "camera")
    none = np.zeros((0, 16, 24, 3), dtype=np.uint8)
    assert encoder.encode(none).shape == TorchPatchEncoder(encoder, "cpu").encode(none).shape == (0, 16, 2, 3)


def test_threads_of_torch_change_nothing() -> None:
    encoder = Veil(WIDE, KEY).stream("site", "camera")
    frames = random_frames(np.random.default_rng(2), WIDE, 4, 23, 40)
    before, digests = torch.get_num_threads(), set()
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            digests.add(digest(TorchPatchEncoder(encoder, "cpu").encode(frames)))
    finally:
        torch.set_num_threads(before)
    assert digests == {digest(encoder.encode(frames))}


THREADED = """
import hashlib, numpy as np
from raypp.veil.key import VeilKey
from raypp.veil.veil import Veil
from raypp.veil.patch_torch import TorchPatchEncoder
from raypp.veil.spec import PatchSpec
frames = np.random.default_rng(3).integers(0, 256, (2, 384, 640, 3), dtype=np.uint8)
for spec in (PatchSpec(), PatchSpec(patch=16, channels=64, mix=8)):
    encoder = Veil(spec, VeilKey(bytes(32))).stream("site", "camera")
    for side in (encoder, TorchPatchEncoder(encoder, "cpu")):
        print(hashlib.sha256(side.encode(frames).tobytes()).hexdigest())
"""


def test_threads_of_the_process_change_nothing() -> None:
    printed = set()
    for threads in ("1", "4"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", THREADED], env=environment, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout)
    (lines,) = (text.split() for text in printed)
    assert lines[0] == lines[1]
    assert lines[2] == lines[3]


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_the_callers_torch_settings_change_nothing_and_are_kept(precision: str) -> None:
    encoder = Veil(PatchSpec(), KEY).stream("site", "camera")
    on_torch = TorchPatchEncoder(encoder, "cpu")
    frames = random_frames(np.random.default_rng(4), PatchSpec(), 3, 8, 8)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(precision)
        with torch.autocast("cpu", torch.bfloat16):
            assert np.array_equal(on_torch.encode(frames), encoder.encode(frames))
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


def test_any_memory_layout_gives_the_same_bytes() -> None:
    encoder = Veil(PatchSpec(), KEY).stream("site", "camera")
    frames = random_frames(np.random.default_rng(5), PatchSpec(), 2, 3, 5)
    strided = np.zeros((2, 24, 80, 6), dtype=np.uint8)[:, :, ::2, ::2]
    strided[...] = frames
    frozen = frames.copy()
    frozen.flags.writeable = False
    for odd in (strided, frozen, np.asfortranarray(frames)):
        for side in (encoder, TorchPatchEncoder(encoder, "cpu")):
            assert np.array_equal(side.encode(odd), encoder.encode(frames))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("spec", [PatchSpec(), WIDE], ids=["default", "wide"])
def test_cuda_gives_the_same_bytes(spec: VeilSpec) -> None:
    encoder = Veil(spec, KEY).stream("site", "camera")
    frames = random_frames(np.random.default_rng(6), spec, 16, 24, 40)
    on_gpu = TorchPatchEncoder(encoder, "cuda")
    torch.set_float32_matmul_precision("high")
    try:
        with torch.autocast("cuda", torch.bfloat16):
            assert np.array_equal(on_gpu.encode(frames), encoder.encode(frames))
    finally:
        torch.set_float32_matmul_precision("highest")


def test_square_root_is_exact_over_its_whole_range() -> None:
    roots = np.arange(1, math.isqrt(EXACT_LIMIT) + 1, dtype=np.int64)
    around = np.concatenate([roots**2, roots**2 - 1])
    expected = np.concatenate([roots, roots - 1])
    assert np.array_equal(np.sqrt(around.astype(np.float32)).astype(np.int64), expected)
    assert np.array_equal(torch.from_numpy(around).to(torch.float64).sqrt_().to(torch.int64).numpy(), expected)


def test_a_spec_that_is_not_exact_is_refused() -> None:
    tables = Veil(PatchSpec(), KEY).stream("site", "camera").tables
    worst = tables.first.copy()
    worst[0, 0] = EXACT_LIMIT // 255 + 1
    grown = type(tables)(worst, tables.offset, tables.period, tables.second, tables.centre, tables.span)
    with pytest.raises(SpecError, match="the first mix of this spec could reach"):
        _check_exact(grown)


@pytest.mark.parametrize("bands", [{}, {"band_high": 14, "chroma_high": 6}, {"band_low": 3, "band_high": 3}])
@pytest.mark.parametrize("patch", [4, 8, 16])
def test_first_mix_sums_to_zero_in_every_colour(patch: int, bands: dict[str, int]) -> None:
    fields = {"patch": patch, **bands}
    fields["band_high"] = min(fields.get("band_high", 4), 2 * patch - 2)
    tables = Veil(spec_of(fields), KEY).stream("site", "camera").tables
    assert not tables.first.reshape(-1, patch * patch, 3).sum(axis=1).any()


def test_a_flat_patch_of_any_colour_gives_one_code() -> None:
    encoder = Veil(PatchSpec(), KEY).stream("site", "camera")
    colours = np.random.default_rng(7).integers(0, 256, (64, 1, 1, 3), dtype=np.uint8)
    colours[0], colours[1] = 0, 255
    codes = encoder.encode(np.broadcast_to(colours, (64, 24, 24, 3)))
    assert (codes == codes[:1]).all()


def swept(encoder: PatchEncoder) -> npt.NDArray[np.int64]:
    """Codes of one texture from no contrast to full contrast: int[256, C]."""
    sign = np.random.default_rng(8).integers(0, 2, (8, 8, 1)) * 2 - 1
    frames = np.clip(128 + np.arange(256)[:, None, None, None] / 2 * sign, 0, 255).astype(np.uint8)
    return encoder.encode(np.broadcast_to(frames, (256, 8, 8, 3)))[:, :, 0, 0].astype(np.int64)


def test_code_values_rise_and_fall_as_contrast_rises() -> None:
    # A monotone veil opens to one known image, so no channel may follow contrast in one direction only.
    steps = np.diff(swept(Veil(PatchSpec(), KEY).stream("site", "camera")), axis=0)
    both_ways = (steps > 0).any(axis=0) & (steps < 0).any(axis=0)
    assert both_ways.mean() >= 0.9


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((1, 8, 8, 3), dtype=np.float32), r"frames are float32\[1, 8, 8, 3\]"),
        (np.zeros((8, 8, 3), dtype=np.uint8), r"frames are uint8\[8, 8, 3\]"),
        (np.zeros((1, 8, 8, 4), dtype=np.uint8), r"frames are uint8\[1, 8, 8, 4\]"),
        (np.zeros((1, 8, 12, 3), dtype=np.uint8), "12x8 pixels is no multiple of the patch 8"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frames: Any, message: str) -> None:
    encoder = Veil(PatchSpec(), KEY).stream("site", "camera")
    for side in (encoder, TorchPatchEncoder(encoder, "cpu")):
        with pytest.raises(SpecError, match=message):
            side.encode(frames)
