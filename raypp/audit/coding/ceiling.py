"""The codec ceiling: what image codecs show of the victims in as many bits as their veiled frames take."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from raypp.audit.coding.code_length import coded_bits, spread
from raypp.audit.coding.image_codecs import check_codecs, shown_in
from raypp.audit.core.model import Frames
from raypp.audit.footage.evidence import Evidence
from raypp.audit.metrics import scores
from raypp.audit.metrics.measure import BlindBaseline
from raypp.audit.metrics.yardstick import yardstick_figures
from raypp.audit.targets.target import veil
from raypp.audit.verdict.assumptions import CEILING, CODED_BITS, CODED_BITS_PER_PIXEL
from raypp.errors import ModelError
from raypp.veil.veil import Veil

_VALUES = 3_000_000
"""Code values of victims, at most; of more, victims are taken evenly."""


def ceiling_on(
    made_veil: Veil, evidence: Evidence, blind: BlindBaseline, say: Callable[[str], object]
) -> dict[str, float]:
    """Return bits of a veiled frame after an ideal coder, and leakage L of what image codecs show in as many, by name.

    Each victim is coded in its own number of bits. L is the most that any codec at any size reaches, of detail and of
    edges apart: mean over victims, and mean of the worst 5 %.

    Args:
        made_veil: the audited veil.
        evidence: its images; veiled frames of the known ones come before those of the victims.
        blind: the blind baseline of the victims.
        say: is told of figures that cannot be computed, and why.
    """
    seen, victims = veil(made_veil), evidence.victims
    pixels = victims.frames[0, :, :, 0].size
    each = made_veil.spec.channels * pixels // made_veil.spec.patch**2
    places = spread(len(victims), _VALUES // each)
    bits = coded_bits([*seen.encode(victims.take(places))], made_veil.spec.levels, [*seen.encode(evidence.known)])
    figures = {CODED_BITS: bits.mean(), CODED_BITS_PER_PIXEL: bits.mean() / pixels}
    try:
        check_codecs()
    except ModelError as error:
        say(f"the codec ceiling is not computed: {error}")
        return {name: float(figure) for name, figure in figures.items()}
    most = np.array([_most(victims.frames[place], size, blind.block) for place, size in zip(places, bits, strict=True)])
    chosen = replace(blind, detail=blind.detail[places], edges=blind.edges[places])
    figures |= yardstick_figures(CEILING, most[:, 0], most[:, 1], chosen)
    return {name: float(figure) for name, figure in figures.items()}


def _most(frame: Frames, bits: float, block: int) -> tuple[float, float]:
    """The most detail and the most of edges that a codec shows; nothing where there are too few bits for any."""
    pairs = [
        (scores.detail(shown[None], frame[None], block)[0], scores.edges(shown[None], frame[None], block)[0])
        for shown in (*shown_in(frame, bits), np.zeros_like(frame))
    ]
    detail, edges = np.max(pairs, axis=0)
    return float(detail), float(edges)
