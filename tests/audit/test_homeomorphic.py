"""An encoder under a smooth keyed map is attacked as a target of its own, if that is asked for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.core.budget import Budget
from raypp.audit.footage.evidence import Evidence
from raypp.audit.secured import secured_images
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.suite import suite
from raypp.audit.targets.homeomorphic import homeomorphic, is_map, map_name
from raypp.detect.latent_map import check_map
from raypp.errors import OptionError, SpecError
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import shapes
from tests.rekey.places import OLD, SPEC
from tests.veil.networks import small_network

pytest.importorskip("zuko")
_NAME = map_name(4)


def test_it_is_planned_where_it_is_asked_for_alone() -> None:
    for budget in Budget:
        before, with_map = (suite(budget, True, layers).pairs() for layers in (None, 4))
        assert not any(is_map(target) for target, _ in before)
        further = [planned.attack.id for target, planned in with_map if target == _NAME]
        assert any(isinstance(planned.attack, Ridge) for target, planned in with_map if target == _NAME)
        assert len(with_map) == len(before) + len(further)


def test_an_attack_from_pairs_is_made_on_it() -> None:
    known, victims = (shapes(count, (96, 96), seed) for seed, count in enumerate((6, 2)))
    veil = Veil(SPEC, OLD, EncoderNetwork(small_network()))
    case = case_of(_NAME, veil, CaseInputs(Evidence(known, victims, 0)), 0)
    codes = case.target.encode(victims)
    assert codes.shape == (2, SPEC.channels, 12, 12)
    assert codes.max() < SPEC.levels
    assert np.array_equal(codes[:1], case.target.encode(victims.take(range(1))))
    assert Ridge(6, 500).reconstruct(case).shape == victims.frames.shape


def test_a_decoded_image_is_kept_without_a_map_and_lost_under_one(tmp_path: Path) -> None:
    known, victims = (shapes(count, (96, 96), seed) for seed, count in enumerate((12, 3)))
    veil = Veil(SPEC, OLD, EncoderNetwork(small_network()))
    secured = secured_images(veil, 4, Evidence(known, victims, 0), 0)
    figures = secured.psnr_db()
    assert figures["latent"] > figures["secured"] + 1
    assert np.array_equal(secured.latent, secured_images(veil, 0, Evidence(known, victims, 0), 0).secured)
    secured.write(tmp_path / "secured.png")
    with Image.open(tmp_path / "secured.png") as sheet:
        assert sheet.size == (4 * 96, 3 * 96)


def test_a_patch_veil_has_no_encoder_to_map() -> None:
    with pytest.raises(OptionError, match=r"map a learned veil's encoder; give its encoder\.veil"):
        check_map(4, PatchSpec())
    with pytest.raises(SpecError, match="needs the encoder of a learned veil"):
        homeomorphic(Veil(PatchSpec(), OLD), _NAME)
