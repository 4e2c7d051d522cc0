"""The card of a fit: what it was fitted on, what its veil keeps, shows, takes and costs, measured as it ends."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.audit.coding.code_length import coded_bits
from raypp.compare.images import ImageDataset, LabelledImage, letterboxed
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings
from raypp.io.atomic import write_text
from raypp.veil.learned import EncoderNetwork

CARD_FILE = "card.json"
_MEASURED = 16
_T = TypeVar("_T")


class FitCard(BaseModel):
    """Figures of a fitted veil; those of its codes are of some images of the val split."""

    model_config = ConfigDict(frozen=True)

    dataset: str = Field(description="name of the dataset that it was fitted on")
    images: int = Field(description="images that it was fitted on")
    classes: int
    size: int = Field(description="side of the square, in pixels")
    epochs: int
    map50: float = Field(description="of the fitted detector on codes of the val split")
    detail: float = Field(description="correlation of the adversaries' best reconstruction with the image, in cells")
    tone: float = Field(description="share of the variance of cells' colours that the adversaries explained")
    bits: float = Field(description="entropy of a code value, in bits")
    frame_bytes: float = Field(description="bytes of a frame after an ideal coder of single values, mean")
    of_files: float = Field(description="the same as a share of the images' files")
    coded_bits: float = Field(description="bits of a frame after an ideal coder with contexts, mean")
    coded_bits_per_pixel: float = Field(description="the same of a pixel")
    encode_ms: float = Field(description="milliseconds to encode a frame on one core, median")
    of_decoding: float = Field(description="the same as a share of decoding and resizing the image")


def make_card(settings: FitSettings, images: ImageDataset, last: FitEpoch, network: EncoderNetwork) -> FitCard:
    """Encode some images of the val split, and put what that took beside the fit's last epoch.

    Args:
        settings: what was asked.
        images: what was fitted on.
        last: the last epoch.
        network: the fitted encoder.
    """
    chosen = _spread(images.splits["val"] or images.splits["train"])
    decoding, encoding, sizes, entropies, codes = [], [], [], [], []
    for image in chosen:
        seconds, (_, pixels) = _timed(lambda image=image: letterboxed(image, settings.size, settings.patch))  # type: ignore[misc]
        decoding.append(seconds)
        seconds, levels = _timed(lambda pixels=pixels: network.levels(pixels))  # type: ignore[misc]
        encoding.append(seconds)
        codes.append(levels)
        entropies.append(_entropies(levels, 1 << settings.bits))
        sizes.append(entropies[-1].sum() * levels[0].size / 8)
    measured = {image.path for image in chosen}
    before = [
        network.levels(letterboxed(image, settings.size, settings.patch)[1])
        for image in _spread(images.splits["train"])
        if image.path not in measured  # a coder that had seen them would need fewer bits for them
    ]
    coded = coded_bits(codes, 1 << settings.bits, before)
    pixels = sum(levels[0].size for levels in codes) * settings.patch**2
    files = sum(image.path.stat().st_size for image in chosen) / len(chosen)
    return FitCard(
        dataset=images.name,
        images=len(images.splits["train"]),
        classes=len(images.classes),
        size=settings.size,
        epochs=last.epoch,
        map50=last.map50,
        detail=last.detail,
        tone=last.tone,
        bits=float(np.mean(entropies)),
        frame_bytes=float(np.mean(sizes)),
        of_files=float(np.mean(sizes)) / max(files, 1),
        coded_bits=float(coded.mean()),
        coded_bits_per_pixel=float(coded.sum() / pixels),
        encode_ms=median(encoding) * 1e3,
        of_decoding=median(encoding) / max(median(decoding), 1e-9),
    )


def write_card(card: FitCard, folder: Path) -> None:
    """Write the card into the fit's folder."""
    write_text(folder / CARD_FILE, card.model_dump_json(indent=1) + "\n")


def read_card(folder: Path) -> FitCard | None:
    """Return the card of a finished fit; None where there is none, or it was altered."""
    try:
        return FitCard.model_validate_json((folder / CARD_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _spread(images: Sequence[LabelledImage]) -> list[LabelledImage]:
    places = np.linspace(0, len(images) - 1, min(_MEASURED, len(images)))
    return [images[round(float(place))] for place in places]


def _timed(work: Callable[[], _T]) -> tuple[float, _T]:
    began = perf_counter()
    result = work()
    return perf_counter() - began, result


def _entropies(levels_CGG: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.float64]:
    """Entropy of each channel's values in a frame, in bits, float64[C]."""
    shares = np.stack([np.bincount(values.ravel(), minlength=count) for values in levels_CGG]) / levels_CGG[0].size
    entropies: npt.NDArray[np.float64] = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(1)
    return entropies
