"""Frames that lie too near to learned ones are refused, drawn again, and in the end not drawn at all."""

from pathlib import Path

import numpy as np
import pytest
import torch

from raypp.errors import ModelError
from raypp.shards.reader import ShardReader
from raypp.synthesis.batches import MapDrawer
from raypp.synthesis.frames import RealFrame
from raypp.synthesis.generator import Generator
from raypp.synthesis.guard import NearnessGuard
from raypp.synthesis.layout import BoxLayout
from raypp.synthesis.nearness import LearnedFrames
from raypp.synthesis.network import MaskedCodeNetwork, NetworkShape
from raypp.synthesis.rows import FrameDrawer
from tests.synthesis.archives import BITS, CHANNELS, CLASSES, HEIGHT, WIDTH, write_real

_LEVELS = 1 << BITS
_LAYOUT = BoxLayout((), WIDTH, HEIGHT, 0)


def _frames(count: int, seed: int) -> list[RealFrame]:
    codes = np.random.default_rng(seed).integers(0, _LEVELS, (count, CHANNELS, 5, 8), dtype=np.uint8)
    return [RealFrame(str(number), "", frame, _LAYOUT) for number, frame in enumerate(codes)]


def _drawer(place: Path, guard: NearnessGuard, guidance: float = 0.0) -> FrameDrawer:
    """A generator with random weights: its frames are noise."""
    maps = MapDrawer(ShardReader(str(write_real(place / "real", 1, 1))).header, len(CLASSES))
    torch.manual_seed(3)
    network = MaskedCodeNetwork(NetworkShape(CHANNELS, _LEVELS, 1, maps.planes([_LAYOUT]).shape[1])).eval()
    return FrameDrawer(Generator(network, "ab" * 32, 1), [_LAYOUT], maps, 0, False, guard, guidance)


def test_a_copy_is_refused_and_a_frame_as_far_as_others_is_not() -> None:
    learned, others = _frames(40, 1), _frames(40, 2)
    guard = NearnessGuard.of(LearnedFrames.of(learned), others)
    assert 0.4 < guard.least < 0.75
    nearly = learned[7].codes_CRW.copy()
    nearly[0, 0, 0] ^= 1
    drawn = torch.from_numpy(np.stack([others[0].codes_CRW, learned[3].codes_CRW, nearly]))
    assert guard.refused(drawn, [_LAYOUT] * 3)[-2:] == [1, 2]
    elsewhere = BoxLayout((), WIDTH, HEIGHT, 1)
    assert guard.refused(drawn, [elsewhere] * 3) == []


def test_without_other_frames_nothing_is_refused() -> None:
    guard = NearnessGuard.of(LearnedFrames.of(_frames(4, 1)), [])
    assert guard.refused(torch.from_numpy(np.stack([frame.codes_CRW for frame in _frames(4, 1)])), [_LAYOUT] * 4) == []


def test_near_frames_are_drawn_again_and_far_ones_stay(tmp_path: Path) -> None:
    free = NearnessGuard(LearnedFrames.of([]), 0.0)
    first = _drawer(tmp_path, free).draw(0, 8)
    assert first.refused == 0
    learned = [
        RealFrame("", "", np.asarray(_codes(row.code)), _LAYOUT) for row in first.rows[2:4]
    ]  # as if these two had been learned
    again = _drawer(tmp_path, NearnessGuard(LearnedFrames.of(learned), 0.2)).draw(0, 8)
    assert again.refused == 2
    changed = [number for number, pair in enumerate(zip(first.rows, again.rows, strict=True)) if pair[0] != pair[1]]
    assert changed == [2, 3]


def test_a_generator_that_draws_only_near_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"20 times for the same layout: it learned them by heart; .*fewer `epochs`"):
        _drawer(tmp_path, NearnessGuard(LearnedFrames.of(_frames(4, 1)), 1.0)).draw(0, 2)


def test_guidance_draws_other_frames_under_other_names(tmp_path: Path) -> None:
    free = NearnessGuard(LearnedFrames.of([]), 0.0)
    plain, guided = (_drawer(tmp_path, free, guidance) for guidance in (0.0, 2.0))
    assert plain.segment_id(0, 4) != guided.segment_id(0, 4)
    assert plain.sample_id(0) != guided.sample_id(0)
    layout = BoxLayout((), WIDTH, HEIGHT, 0)
    planes = plain.maps.planes([layout])
    bare = plain.maps.unlabelled(planes)
    assert not torch.equal(bare, planes)  # an empty layout is told from none


def _codes(packed: bytes) -> np.ndarray:
    from raypp.veil.packing import unpack

    return unpack(packed, (CHANNELS, 5, 8), BITS)
