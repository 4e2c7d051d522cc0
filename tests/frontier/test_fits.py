"""Fits stand on a frontier before anybody trains outside, by what their card and their audit say."""

from pathlib import Path

import pytest

from raypp.audit.core.model import Adversary
from raypp.audit.verdict.assumptions import CODED_BITS
from raypp.errors import ConflictError, OptionError
from raypp.fit.card import FitCard
from raypp.frontier.drawing import to_markdown
from raypp.frontier.fits import FinishedFit, read_finished_fit
from raypp.frontier.points import join_frontier
from tests.audit.rows import KEY, SPEC, certificate, reconstruct
from tests.frontier.arm_rows import arm_row

_VEIL = KEY.veil_id(SPEC)


def _fit(**changes: object) -> FinishedFit:
    card = FitCard(
        dataset="tools", images=8, classes=2, size=256, epochs=6, map50=0.6, detail=0.1, tone=0.2, bits=2.5,
        frame_bytes=1800, of_files=0.1, coded_bits=9000, coded_bits_per_pixel=0.1, encode_ms=5, of_decoding=0.5,
    )  # fmt: skip
    return FinishedFit(name="mine", veil_id=_VEIL, card=card.model_copy(update=changes), map50_95=0.4)


def test_a_fit_is_a_point_beside_the_arm_that_was_trained_on_its_codes():
    audit = certificate([reconstruct(detail=0.08, worst=0.2)])
    audit = audit.model_copy(update={"bounds": {**audit.bounds, CODED_BITS: 8500.0}})
    rows = [arm_row("plain", 0.8), arm_row("mine", 0.7, _VEIL)]
    arm, fit = join_frontier(rows, [audit], "cost", [_fit()]).points
    assert (arm.name, arm.seeds, fit.name, fit.seeds) == ("mine", 1, "mine, after its fit", 0)
    assert (fit.map50, fit.map50_95, fit.loss, fit.bytes_per_frame) == (0.6, 0.4, pytest.approx(0.25), 1800)
    assert fit.shown == arm.shown
    assert fit.shown[Adversary.CIPHERTEXT_ONLY].mean == 0.08
    table = to_markdown(join_frontier(rows, [audit], "cost", [_fit()]))
    assert "| mine, after its fit | 0.600 | 0.400 | 25.0 % | 1.8 | 8,500 | 0.08 (0.20), component view |" in table


def test_a_fit_needs_no_arm_of_its_own_but_an_audit():
    (point,) = join_frontier([arm_row("plain", 0.8)], [certificate([reconstruct()])], "cost", [_fit()]).points
    assert point.coded_bits == 9000, "by the card, where no audit says"
    unseen = _fit().model_copy(update={"veil_id": "f" * 32})
    joined = join_frontier(
        [arm_row("plain", 0.8), arm_row("mine", 0.7, _VEIL)], [certificate([reconstruct()])], "cost", [unseen]
    )
    assert joined.left_out == ("mine, after its fit",)
    others = [certificate([reconstruct()], veil_id="f" * 32), certificate([reconstruct()])]
    with pytest.raises(ConflictError, match="several veils are called mine, after its fit"):
        join_frontier([arm_row("plain", 0.8)], others, "cost", [_fit(), unseen])


@pytest.mark.parametrize("changes", [{"dataset": "others"}, {"size": 320}])
def test_a_fit_on_other_images_or_at_another_size_is_refused(changes: dict[str, object]):
    with pytest.raises(ConflictError, match=r"fit mine is of .*compare plain images of the same"):
        join_frontier([arm_row("plain", 0.8)], [certificate([reconstruct()])], "cost", [_fit(**changes)])


def test_a_folder_of_no_finished_fit_is_refused(tmp_path: Path):
    with pytest.raises(OptionError, match="is no folder of a finished fit"):
        read_finished_fit(tmp_path)
