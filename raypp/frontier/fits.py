"""What finished fits say of their veils: what a detector finds on the codes before anybody trains outside."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypp.compare.arm import ArmRow
from raypp.detect.checkpoint import read_model_info
from raypp.errors import ConflictError, OptionError
from raypp.fit.card import FitCard, read_card
from raypp.fit.results import FitEpoch
from raypp.train.results import read_results
from raypp.veil.encoder_file import START_FILE


class FinishedFit(BaseModel):
    """A finished fit.

    Attributes:
        name: its folder's.
        veil_id: of the veil that it made.
        card: its figures.
        map50_95: of the fitted detector on codes of the val split, as `card.map50` is.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    veil_id: str
    card: FitCard
    map50_95: float


def read_finished_fit(folder: Path) -> FinishedFit:
    """Read what a finished fit left; no key is needed.

    Raises:
        OptionError: if the folder is that of no finished fit.
        ModelError: if its `start.model` cannot be read.
    """
    card, epochs = read_card(folder), read_results(folder, FitEpoch)
    if card is None or not epochs:
        raise OptionError(f"`fits` {folder} is no folder of a finished fit; give what `raypp fit --out` named")
    return FinishedFit(
        name=folder.absolute().name,
        veil_id=read_model_info(folder / START_FILE).veil_id,
        card=card,
        map50_95=epochs[-1].map50_95,
    )


def check_fits(fits: Sequence[FinishedFit], plain: ArmRow) -> None:
    """Raise ConflictError for a fit on other images, or at another size, than the plain images it is set against."""
    for fit in fits:
        own, wanted = (fit.card.dataset, fit.card.size), (plain.dataset, plain.schedule.size)
        if own != wanted:
            raise ConflictError(
                f"fit {fit.name} is of {own[0]} at {own[1]} pixels, the comparison of {wanted[0]} at {wanted[1]}; "
                "compare plain images of the same"
            )
