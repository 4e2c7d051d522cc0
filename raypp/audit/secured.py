"""The secured image of a smooth keyed map: decoded as if no map were there, for people to look at, beside this veil."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.audit.attacks.reconstruct.ridge import fit_decoder
from raypp.audit.core.model import AttackTarget, Frames
from raypp.audit.footage.evidence import Evidence
from raypp.audit.metrics import scores
from raypp.audit.targets.homeomorphic import homeomorphic, map_name
from raypp.audit.targets.target import veil
from raypp.veil.veil import Veil

SECURED_FILE = "secured.png"
_SHOWN, _CELLS = 6, 40_000


@dataclass(frozen=True)
class SecuredImages:
    """Images, and what one decoder makes of their codes; all uint8[N, H, W, 3].

    The decoder is linear, from 3x3 cells, fitted to the values without a map.

    Attributes:
        plain: the images.
        latent: from the encoder's values without a map: what the encoder keeps that this decoder can show.
        secured: from the values under the map: the secured image of Terziyan et al. (2023).
        veiled: from the codes of this veil.
    """

    plain: Frames
    latent: Frames
    secured: Frames
    veiled: Frames

    def psnr_db(self) -> dict[str, float]:
        """Return the mean peak signal-to-noise ratio of each against the plain images, in dB."""
        return {
            name: float(scores.psnr(getattr(self, name), self.plain).mean()) for name in ("latent", "secured", "veiled")
        }

    def write(self, path: Path) -> None:
        """Draw a row for each image: plain, latent, secured, veiled; it holds plain images and stays inside."""
        columns = [np.concatenate(frames) for frames in (self.plain, self.latent, self.secured, self.veiled)]
        Image.fromarray(np.concatenate(columns, axis=1)).save(path)


def secured_images(made_veil: Veil, layers: int, evidence: Evidence, seed: int) -> SecuredImages:
    """Decode some images by one decoder, with and without a map, and as this veil has them.

    Args:
        made_veil: the audited veil, a learned one.
        layers: of the map.
        evidence: images that the decoder is fitted to, and images to show.
        seed: of the decoder's cells.
    """
    unmapped = homeomorphic(made_veil, map_name(0))
    decoder = fit_decoder(unmapped, evidence.known, _CELLS, seed)
    shown = evidence.victims.take(range(min(_SHOWN, len(evidence.victims))))

    def decoded(target: AttackTarget) -> Frames:
        return decoder.decode(target.encode(shown), shown.frames.shape)

    mapped = homeomorphic(made_veil, map_name(layers))
    return SecuredImages(shown.frames, decoded(unmapped), decoded(mapped), decoded(veil(made_veil)))
