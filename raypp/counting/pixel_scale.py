"""The scale of an image: how long a pixel is, where somebody has measured that."""

import re
from dataclasses import dataclass
from typing import Self

from raypp.errors import OptionError

_SCALE = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*(nm|um|µm|μm|mm)\s*/\s*px\s*", re.IGNORECASE)
_UM = {"nm": 1e-3, "um": 1.0, "mm": 1e3}


@dataclass(frozen=True)
class PixelScale:
    """How long a pixel is.

    Attributes:
        per_px: micrometres of a pixel; 1 where nobody has measured it.
        unit: um, or px where nobody has measured it.
    """

    per_px: float = 1.0
    unit: str = "px"

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a scale such as `0.8um/px`; None gives pixels. Raises OptionError."""
        if text is None:
            return cls()
        match = _SCALE.fullmatch(text)
        if match is None:
            raise OptionError(
                f"`scale` {text!r} is no length of a pixel; give one such as 0.8um/px, 250nm/px or 1mm/px"
            )
        per_px = float(match[1]) * _UM[match[2].lower().replace("µ", "u").replace("μ", "u")]
        if not 1e-6 <= per_px <= 1e6:
            raise OptionError(f"`scale` {text!r} must lie between 0.001nm/px and 1000mm/px")
        return cls(per_px, "um")
