"""Kinds of arms, and how those without a veil are written; this module imports nothing heavy."""

from enum import StrEnum

WAYS = "pixelation-SIDE, private-pixelation-SIDE:epsilon=E, blur-SIGMA, blackout"
"""Arms of other ways to hide, as they are written."""


class ArmKind(StrEnum):
    """Input and trainer of an arm."""

    ULTRALYTICS = "library"
    """Plain images by ultralytics' own trainer: what our loop is checked against."""
    PLAIN = "plain"
    """Plain images with ultralytics' augmentation: the reference of every gap."""
    PLAIN_CELLS = "plain-cells"
    """Plain images with the augmentation that codes allow: what that alone costs."""
    OBSCURED = "obscured"
    """Images hidden in another way than by a veil, then augmented as plain ones are."""
    HOMEOMORPHIC = "homeomorphic"
    """A learned encoder's values under a smooth keyed map, quantised: a baseline, and no veil."""
    VEILED = "veiled"
    """Veiled frames with the augmentation that codes allow."""
