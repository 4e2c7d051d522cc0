"""With its key a veil that takes little away is opened, and codes that say nothing lead to nothing."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from raypp.audit.attacks.reconstruct.key_lost import Hold, KeyLost, descend
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Adversary, Case, Codes, Frames, Images
from raypp.audit.footage.evidence import Evidence
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.suite import CONTROLS, NOISE_UNDER_KEY, UNFOLDED, suite
from raypp.audit.targets import baselines
from raypp.audit.targets.target import VEIL, unfolded_veil
from raypp.errors import OptionError
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import detail

SHORT = KeyLost(25, 10)
HOLD = Hold(variation=1.0, anchor=1.0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made_on(name: str, known: Images, victims: Images) -> Frames:
    veil_made = Veil(PatchSpec(), VeilKey(bytes(range(32))))
    return SHORT.reconstruct(case_of(name, veil_made, CaseInputs(Evidence(known, victims, 0)), 0))


def test_what_takes_little_away_is_opened_and_noise_is_not(known: Images, victims: Images) -> None:
    assert detail(made_on(UNFOLDED, known, victims), victims) > 0.5
    assert abs(detail(made_on(NOISE_UNDER_KEY, known, victims), victims)) < 0.1


class Smooth:
    """Cells mixed by a matrix, 16 steps over 256 grey levels: nothing is folded."""

    def __init__(self) -> None:
        drawn = np.linalg.qr(np.random.default_rng(0).normal(size=(192, 192)))[0]
        self.mix = torch.from_numpy(drawn).float()

    def values(self, pixels_N3HW: Tensor) -> Tensor:
        cells = torch.nn.functional.pixel_unshuffle(pixels_N3HW - 128, 8)
        return torch.einsum("cd,ndgh->ncgh", self.mix, cells) / 16 + 32

    def levels(self, codes: Codes) -> Codes:
        return codes


def test_by_gradients_alone_pixels_are_found_that_agree_with_the_codes(victims: Images) -> None:
    smooth, frame = Smooth(), victims.frames[0]
    codes = smooth.values(torch.from_numpy(victims.frames[:1]).permute(0, 3, 1, 2).float()).floor().byte().numpy()[0]
    coarse = np.array(Image.fromarray(frame[::16, ::16]).resize(frame.shape[1::-1], Image.Resampling.BICUBIC))
    descended = descend(smooth, codes, coarse, HOLD, 80)
    victim = victims.take([0])
    assert detail(coarse[None], victim) < 0.5
    assert detail(descended[None], victim) > 0.9
    held_fast = descend(smooth, codes, coarse, Hold(variation=0.0, anchor=1e6), 80)
    assert np.abs(held_fast.astype(int) - coarse).max() <= 2


def test_it_sees_of_victims_their_codes_and_nothing_else(known: Images, victims: Images) -> None:
    target, brief = unfolded_veil(0), KeyLost(2, 2)
    codes = target.encode(victims)

    def encode(images: Images) -> Codes:
        return codes if len(images) == len(victims) and images.frames[0, 0, 0, 0] == 7 else target.encode(images)

    marked = [replace(victims, frames=frames.copy()) for frames in (victims.frames, 255 - victims.frames)]
    for marked_images in marked:
        marked_images.frames[0, 0, 0, 0] = 7
    first, second = (
        brief.reconstruct(Case(replace(target, encode=encode), known, marked_images)) for marked_images in marked
    )
    assert np.array_equal(first, second)


def test_where_there_is_no_key_none_can_be_lost(known: Images, victims: Images) -> None:
    with pytest.raises(OptionError, match="noise has no key that could be lost"):
        SHORT.reconstruct(Case(baselines.noise(8, 4, 8, 0), known, victims))


@pytest.mark.parametrize("learned", [False, True])
def test_from_standard_on_it_is_made_on_the_veil_its_control_and_noise(learned: bool) -> None:
    assert all(
        planned_attack.attack.adversary is not Adversary.WHITE_BOX
        for planned_attack in suite(Budget.QUICK, learned).planned
    )
    for budget in (Budget.STANDARD, Budget.FULL):
        chosen = suite(budget, learned)
        (planned,) = [
            planned_attack
            for planned_attack in chosen.planned
            if planned_attack.attack.adversary is Adversary.WHITE_BOX
        ]
        assert planned.on == (VEIL, UNFOLDED, NOISE_UNDER_KEY)
        assert planned.requirement is not None
        assert planned.requirement.on in CONTROLS
        assert [name for name, candidate in chosen.pairs() if candidate is planned] == list(planned.on)
