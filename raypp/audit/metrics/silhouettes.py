"""The second blind baseline: what the outlines of labelled things alone would show."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Frames, Images
from raypp.audit.footage.evidence import Evidence
from raypp.audit.metrics import scores
from raypp.audit.metrics.blind_baseline import mean_block
from raypp.audit.metrics.measure import BlindBaseline
from raypp.audit.metrics.outlines import Outline
from raypp.audit.metrics.yardstick import yardstick_figures
from raypp.audit.verdict.assumptions import SILHOUETTES, TONED

Colour = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tones:
    """Mean colours of a thing and of what surrounds it within its box, float64[3] each."""

    thing: Colour
    surroundings: Colour

    @classmethod
    def of(cls, frame: Frames, outline: Outline) -> "Tones":
        """Average an image, uint8[H, W, 3]; a thing that fills its box is surrounded by itself."""
        around = outline.surroundings if outline.surroundings.any() else outline.thing
        return cls(frame[outline.thing].mean(axis=0), frame[around].mean(axis=0))


def silhouettes_on(evidence: Evidence, blind: BlindBaseline) -> dict[str, float]:
    """Return leakage L of images that show the victims' outlines and nothing else, by name; none without labels.

    Each labelled thing is cut out of the plain victim. It is drawn in one colour, and the rest of its box in another,
    on the blind baseline's mean block: once in the mean colours of its class on the known images, and once in its own.

    Args:
        evidence: the images and their labels.
        blind: the blind baseline of the victims.
    """
    victims = evidence.victims
    if not any(victims.boxes):
        return {}
    cut = [_things(victims, place) for place in range(len(victims))]
    ground, learnt = mean_block(evidence.known, blind.block), _tones(evidence.known)
    figures = dict[str, float]()
    for yardstick, tones in ((SILHOUETTES, learnt), (TONED, None)):
        drawn = [_drawn(frame, things, ground, tones) for frame, things in zip(victims.frames, cut, strict=True)]
        pairs = [(image[None], frame[None], blind.block) for image, frame in zip(drawn, victims.frames, strict=True)]
        detail, edges = (np.concatenate([score(*pair) for pair in pairs]) for score in (scores.detail, scores.edges))
        figures |= yardstick_figures(yardstick, detail, edges, blind)
    return figures


def _things(images: Images, place: int) -> list[tuple[str, Outline]]:
    """Class and outline of each labelled thing of an image, the largest box first."""
    boxes = sorted(images.boxes[place], key=lambda label: -label[1].w * label[1].h)
    outlines = [(name, Outline.of(images.frames[place], box)) for name, box in boxes]
    return [(name, outline) for name, outline in outlines if outline is not None]


def _tones(known: Images) -> dict[str, Tones]:
    """Mean colours of each class, over its things on the known images."""
    tones: dict[str, list[Tones]] = {}
    for place, frame in enumerate(known.frames):
        for name, outline in _things(known, place):
            tones.setdefault(name, []).append(Tones.of(frame, outline))
    return {
        name: Tones(
            np.mean([each.thing for each in some], axis=0), np.mean([each.surroundings for each in some], axis=0)
        )
        for name, some in tones.items()
    }


def _drawn(
    frame: Frames, things: list[tuple[str, Outline]], ground: Frames, tones: Mapping[str, Tones] | None
) -> Frames:
    """Draw the silhouettes of an image, uint8[H, W, 3]; without given colours in their own."""
    rows, columns = (side // block for side, block in zip(frame.shape[:2], ground.shape[:2], strict=True))
    drawn = np.tile(ground, (rows, columns, 1))
    for name, outline in things:
        colours = Tones.of(frame, outline) if tones is None else tones.get(name)
        if colours is not None:
            drawn[outline.surroundings] = np.round(colours.surroundings)
            drawn[outline.thing] = np.round(colours.thing)
    return drawn
