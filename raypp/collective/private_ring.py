"""What units change, as whole numbers of Z_2^32 with noise: no unit moves a sum by more than a radius.

Each unit's change is clipped, and cut towards zero to whole numbers, so that rounding adds nothing to its length. Each
site adds discrete Gaussian noise to the sum of its units. The sum of the noise of the fewest sites that a sum takes,
but for those that are distrusted, has the promised variance: whoever drops out takes none of it away.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from raypp.collective.noise import NoiseSource, Wholes
from raypp.collective.privacy_options import PrivacyOptions
from raypp.collective.ring import Words
from raypp.errors import CollectiveError

_ROOM = (1 << 31) - 1
_TAIL = 9.0
"""Deviations of the noise that fit beside the largest sum: beyond is one of 10**19."""
_LEAST_RADIUS, _LEAST_DEVIATION = 1 << 12, 256
_MARGIN = 1e-9
"""Of a clipped length, for the rounding of its floating-point norm."""


@dataclass(frozen=True)
class PrivateRing:
    """How changes of units become vectors that can be summed, and how a sum is read.

    Attributes:
        options: the plan's.
        sites: how many sites a sum may have, at most.
        needed: how many it has at least.
    """

    counts: ClassVar[str] = "site"

    options: PrivacyOptions
    sites: int
    needed: int

    @property
    def radius(self) -> int:
        """Length of a clipped change in whole numbers: the largest sum just fits, with its noise."""
        noise = _TAIL * self.options.multiplier * sqrt(self.sites / self._honest)
        return floor(_ROOM / (self.sites * self.options.units + noise + 1))

    @property
    def deviation(self) -> int:
        """Deviation of the noise of one site in a sum."""
        return ceil(self.options.multiplier * self.radius / sqrt(self._honest))

    @property
    def own_deviation(self) -> int:
        """Deviation of the noise of what one site keeps: it is alone, so all noise is its own."""
        return ceil(self.options.multiplier * self.radius)

    @property
    def _honest(self) -> int:
        return self.needed - self.options.distrusted

    def fault(self) -> str:
        """Say why the plan cannot be carried out in 32 bits, or nothing."""
        if self.radius < _LEAST_RADIUS or self.deviation < _LEAST_DEVIATION:
            return (
                f"noise of {self.options.multiplier:g} clips and {self.sites} x {self.options.units} units leave no "
                "room for a unit in 32 bits; have a larger epsilon, fewer rounds, or fewer units"
            )
        return ""

    def clipped(self, change_D: npt.NDArray[np.float64]) -> Wholes:
        """Return a unit's change, clipped to the radius, int64[D]; one that is not finite counts for nothing."""
        with np.errstate(over="ignore", invalid="ignore"):
            length = float(np.sqrt(np.square(change_D).sum()))
        if not np.isfinite(length) or length == 0:
            return np.zeros(len(change_D), dtype=np.int64)
        scale = self.radius / max(length, self.options.clip) * (1 - _MARGIN)
        return np.trunc(change_D * scale).astype(np.int64)

    def encode(self, sum_P: Wholes, source: NoiseSource) -> Words:
        """Return a site's vector, uint32[P + 1]: the sum of its units' changes with noise, and 1 for itself."""
        noised = sum_P + source.gaussian(self.deviation, len(sum_P))
        return np.append(noised, 1).astype(np.uint32)

    def decode(self, total: Words) -> tuple[npt.NDArray[np.float32], int]:
        """Read a sum of vectors, uint32[P + 1].

        Returns:
            The mean change of a unit, float32[P], and the sites in the sum.

        Raises:
            CollectiveError: if it is no sum of such vectors.
        """
        sites = int(total[-1])
        if not 0 < sites <= self.sites:
            raise CollectiveError("the sum holds no number of sites: a site or the coordinator did not keep the plan")
        return self.mean(total[:-1].astype(np.int32), sites), sites

    def mean(self, sum_P: npt.NDArray[np.signedinteger], sites: int) -> npt.NDArray[np.float32]:
        """Return the mean change of a unit, float32[P], of a sum over sites in whole numbers."""
        units = sites * self.options.units * self.options.sample
        return (sum_P.astype(np.float64) * (self.options.clip / self.radius / units)).astype(np.float32)
