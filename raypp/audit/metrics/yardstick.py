"""Leakage of what no attack made, by the names that a certificate has for it."""

from raypp.audit.metrics import scores
from raypp.audit.metrics.measure import BlindBaseline
from raypp.audit.verdict.assumptions import yardstick_names


def yardstick_figures(
    yardstick: str, detail: scores.Floats, edges: scores.Floats, blind: BlindBaseline
) -> dict[str, float]:
    """Return leakage L, its mean and that of the worst 5 %, by name; none of it where no image has any texture.

    Args:
        yardstick: name of what is measured.
        detail: its score on each victim, float64[N].
        edges: likewise.
        blind: the blind baseline of the same victims.
    """
    estimates = [
        scores.estimate(scores.leakage(got, least)) for got, least in ((detail, blind.detail), (edges, blind.edges))
    ]
    figures = [figure for leaked in estimates if leaked for figure in (leaked.mean, leaked.worst)]
    return dict(zip(yardstick_names(yardstick), figures, strict=False))
