"""Updates as whole numbers of Z_2^32: clipped, in fixed point, weighted by frames, so that sums are exact."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from raypp.errors import CollectiveError

Words = npt.NDArray[np.uint32]
"""A vector of Z_2^32."""
_HALF = 1 << 31
_MOST_CLIPPED = 0.01
"""Share of an update that may lie outside the clip; more of it has come apart."""


@dataclass(frozen=True)
class UpdateRing:
    """How the updates of some sites become vectors that can be summed, and how a sum is read.

    A site's vector holds its update, weighted by its frames as a share of `most_frames`, and then the number of frames.

    Attributes:
        clip: largest amount of a value of an update.
        sites: how many sites a sum may have, at most.
        most_frames: frames that a site may count for, at most.
    """

    counts: ClassVar[str] = "frame"

    clip: float
    sites: int
    most_frames: int

    @property
    def scale(self) -> float:
        """By which a weighted value is multiplied: the largest sum just fits."""
        return (_HALF - 1 - self.sites) / (self.sites * self.clip)

    def encode(self, update_P: npt.NDArray[np.float32], frames: int) -> Words:
        """Return a site's vector, uint32[P + 1].

        Args:
            update_P: what a site's training has changed, float32[P].
            frames: that it was trained on; more than `most_frames` count as that.

        Raises:
            CollectiveError: if the update is not finite, or more than 1 % of it is beyond the clip.
        """
        if not np.isfinite(update_P).all():
            raise CollectiveError("the update holds a value that is not a number; this site drops out of the round")
        beyond = float(np.mean(np.abs(update_P) > self.clip)) if len(update_P) else 0.0
        if beyond > _MOST_CLIPPED:
            raise CollectiveError(
                f"{beyond:.0%} of the update is beyond the plan's clip of {self.clip:g}: the training came apart, "
                "and this site drops out of the round; look at its labels and losses"
            )
        counted = min(frames, self.most_frames)
        weighted = np.clip(update_P.astype(np.float64), -self.clip, self.clip) * (counted / self.most_frames)
        whole = np.rint(weighted * self.scale).astype(np.int64)
        return np.append(whole, counted).astype(np.uint32)

    def decode(self, total: Words) -> tuple[npt.NDArray[np.float32], int]:
        """Read a sum of vectors, uint32[P + 1].

        Returns:
            The mean update by frames, float32[P], and the frames of all sites.

        Raises:
            CollectiveError: if it is no sum of such vectors.
        """
        frames = int(total[-1])
        if not 0 < frames <= self.sites * self.most_frames:
            raise CollectiveError("the sum holds no number of frames: a site or the coordinator did not keep the plan")
        sums = total[:-1].astype(np.int32).astype(np.float64)
        return (sums / self.scale * (self.most_frames / frames)).astype(np.float32), frames
