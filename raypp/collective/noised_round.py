"""The last round that a site has noised, on disk before anybody has it: a round's noise is drawn once."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from raypp.collective.ring import Words
from raypp.collective.weights import Vector
from raypp.errors import CollectiveError, ContentError
from raypp.io.atomic import write_bytes
from raypp.io.content import read_content

NOISED_FILE = "noised.npz"
_MOST_BYTES = 4 << 30


class SpentError(CollectiveError):
    """A round's noise cannot be drawn once only, so the site leaves: dropping out of the round is not enough."""


@dataclass(frozen=True)
class NoisedRound:
    """A site's vector of a round, as it may be summed, and its adapter after the round.

    Attributes:
        round: its number.
        base: digest of the common weights that it was trained from.
        mark: drawn for this noise alone, 32 hex digits.
        vector: with noise, uint32[P + 1].
        adapter: values of the adapter, with noise, float32[A]; empty where it is not trained under noise.
    """

    round: int
    base: str
    mark: str
    vector: Words
    adapter: Vector

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read it from a site's folder; None before the first. Raises SpentError if it is damaged."""
        path = folder / NOISED_FILE
        if not path.exists():
            return None
        try:
            with np.load(io.BytesIO(read_content(path, _MOST_BYTES)), allow_pickle=False) as kept:
                vector = kept["vector"].astype(np.uint32, casting="safe")
                adapter = kept["adapter"].astype(np.float32, casting="safe")
                return cls(int(kept["round"]), str(kept["base"]), str(kept["mark"]), vector, adapter)
        except (ContentError, OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile):
            raise SpentError(
                f"{path} cannot be read; restore it, or leave the training: drawing a round's noise anew would spend "
                "its privacy twice"
            ) from None

    def write(self, folder: Path) -> None:
        """Write it into a site's folder, whole, to the disk."""
        content = io.BytesIO()
        np.savez(
            content,
            round=np.int64(self.round),
            base=np.str_(self.base),
            mark=np.str_(self.mark),
            vector=self.vector,
            adapter=self.adapter,
        )
        write_bytes(folder / NOISED_FILE, content.getvalue(), private=True, durable=True)

    def require(self, number: int, base: str) -> bool:
        """Return whether it is of a round, from these weights; False for a later round, which is still to be noised.

        Raises:
            SpentError: if the round was noised from other weights, or is over: noise hides one answer alone.
        """
        if number > self.round:
            return False
        if number < self.round or base != self.base:
            raise SpentError(
                f"the coordinator asks for round {number} from model {base[:12]}, and this site has noised round "
                f"{self.round} from {self.base[:12]}: a second answer would spend the round's privacy twice; this site "
                "leaves"
            )
        return True
