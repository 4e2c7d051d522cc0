"""Assumptions behind the figures of an audit, and names of figures that follow without any attack."""

from collections.abc import Collection

from raypp.audit.core.adversary_name import AdversaryName, with_implied

ASSUMPTIONS = (
    (
        "The attacker knows everything about the veil but the key: algorithm, settings and this program are public "
        "(Kerckhoffs' principle), the key is secret."
    ),
    "The ciphertext-only adversary has the veiled images and any public images, and no plain image of the owner.",
    (
        "The insider has, besides, the labels, every detector that it trains on veiled images, and the public weights "
        "or the warm start that the veil was fitted from; no key and no pair."
    ),
    (
        "The known-plaintext adversary has veiled images, and some of the owner's both plain and veiled under the same "
        "key; enough of them open any veil that a detector can be trained on."
    ),
    (
        "The white-box adversary holds the key: what he finds is what is left once the key is compromised, and no "
        "threshold is held against it."
    ),
    (
        "Leakage of an image is L = (attack - blind) / (plain - blind), measured on detail and on edges inside the "
        "cells: 0 is the blind baseline, the best guess from the labels alone; 1 is the image itself."
    ),
    (
        "Every figure is a lower bound: it says what these attacks reached on these images; a stronger attack may do "
        "better."
    ),
    (
        "Public recognisers, made for plain images, look for faces and text on reconstructed images; people, or a "
        "recogniser trained on reconstructed images, may find more. Only what those find on the plain images counts."
    ),
    (
        "A public detector finds objects on reconstructed images, and eight names tell their colours; beside it stands "
        "how much is right by chance, and there is no threshold."
    ),
    "An attack counts only if the same attack opens something weak, its control.",
    "The shape of things at the resolution of the grid is never hidden: a detector could not work otherwise.",
)
"""In sentences for people who read no code."""


def not_attacked(chosen: Collection[AdversaryName]) -> tuple[str, ...]:
    """Say whose attacks an audit left out, as one assumption more; nothing where it made all.

    Args:
        chosen: whose attacks were asked for; none stands for all.
    """
    without = [name for name in AdversaryName if name not in with_implied(chosen)]
    return (f"No attack by these adversaries was made: {', '.join(without)}.",) if without else ()


BITS_PER_CELL, BITS_PER_PIXEL, KB_PER_FRAME = "bits per cell", "bits per pixel", "kB per frame"
CELL_VALUES, DIRECTIONS = "directions of a cell's pixels", "directions in which codes move"
ALONG = "share of the detail along those"
BY_CELL = "share of the detail that a linear decoder explains, by a cell's codes"
BY_AROUND = "share of the detail that a linear decoder explains, by 3x3 cells' codes"
CODED_BITS, CODED_BITS_PER_PIXEL = "bits per frame, coded", "bits per pixel, coded"
CEILING, SILHOUETTES, TONED = "codec ceiling", "silhouettes alone", "silhouettes in their own tones"


def yardstick_names(yardstick: str) -> tuple[str, str, str, str]:
    """Return the names of a yardstick's leakage of detail, its mean and worst 5 %, and of edges, likewise."""
    detail, edges = (f"{yardstick}, {score}" for score in ("detail", "edges"))
    return detail, f"{detail}, worst 5 %", edges, f"{edges}, worst 5 %"


CEILING_DETAIL, CEILING_DETAIL_WORST, CEILING_EDGES, _ = yardstick_names(CEILING)
SILHOUETTES_DETAIL, SILHOUETTES_WORST, SILHOUETTES_EDGES, _ = yardstick_names(SILHOUETTES)
TONED_DETAIL, TONED_WORST, TONED_EDGES, _ = yardstick_names(TONED)
CAVEATS = {
    BITS_PER_CELL: "No attack reconstructs more bits than there are; a recognisable image may need few.",
    DIRECTIONS: (
        "To first order, of one sub-key: along the others no code changes, not even for who holds the key. An image "
        "can be recognised by few of them; where every one counts, this bounds nothing."
    ),
    ALONG: (
        "What the best linear decoder makes of the exact values along those directions: the limit of a linear attacker"
        " who holds the key and has undone folds and rounding."
    ),
    BY_CELL: "In closed form, of all these images: the limit of a linear decoder with any number of pairs.",
    CODED_BITS: (
        "Mean over attacked images, after an ideal arithmetic coder that learns from the codes as it goes. A better "
        "model would need fewer."
    ),
    CEILING_DETAIL: (
        "Leakage L of what an image codec shows in as many bits: AVIF or JPEG 2000, of luma alone, whichever shows "
        "more of an image. A yardstick, and no bound: an attacker who knows such images may add what they have in "
        "common."
    ),
    CEILING_EDGES: "The same of edges.",
    SILHOUETTES_DETAIL: (
        "Leakage L of the outlines of labelled things, cut out of the plain images, in the mean tones of their class "
        "on known images. A detector must see about as much."
    ),
    SILHOUETTES_EDGES: "The same of edges.",
    TONED_DETAIL: "The same outlines, each in the thing's own mean tones: how light it is, and what surrounds it.",
    TONED_EDGES: "The same of edges.",
    BY_AROUND: "The same of a cell and its eight neighbours. Decoders that are not linear find more.",
}
"""Limits of the figures that follow without any attack."""
