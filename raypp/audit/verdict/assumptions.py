"""What the figures of an audit rest on, and those that follow without any attack."""

ASSUMPTIONS = (
    (
        "The attacker knows everything about the veil but the key: algorithm, settings and this program are public "
        "(Kerckhoffs' principle), the key is secret."
    ),
    "The outsider has the veiled images and any public images, and no plain image of the owner.",
    (
        "The ML team has, besides, the labels, every detector that it trains on veiled images, and public weights; "
        "no key and no pair."
    ),
    (
        "The holder of pairs has veiled images, and some of the owner's both plain and veiled under the same key; "
        "enough of them open any veil that a detector can be trained on."
    ),
    ("The holder of the key is no outsider: what he finds is what is left once the key is lost, and judges no bar."),
    (
        "Leakage of an image is L = (attack - blind) / (plain - blind), measured on detail and on edges inside the "
        "cells: 0 is the best guess from the labels alone, 1 is the image itself."
    ),
    (
        "Every figure is a lower bound: it says what these attacks reached on these images; a stronger attack may do "
        "better."
    ),
    (
        "Faces and text are looked for on what was rebuilt by public recognisers, made for plain images; people, or"
        " a recogniser trained on rebuilt images, may find more. Only what those find on the plain images counts."
    ),
    (
        "Objects and colours of things are told on what was rebuilt by a public detector and by eight names of colours;"
        " how much by chance stands beside it, and there is no bar."
    ),
    "An attack counts only if the same attack opens something weak, its control.",
    "The shape of things at the resolution of the grid is never hidden: a detector could not work otherwise.",
)
"""In sentences for people who read no code."""

BITS_PER_CELL, BITS_PER_PIXEL, KB_PER_FRAME = "bits per cell", "bits per pixel", "kB per frame"
CELL_VALUES, DIRECTIONS = "directions of a cell's pixels", "directions in which codes move"
ALONG = "share of the detail along those"
BY_CELL = "share of the detail that a linear decoder explains, by a cell's codes"
BY_AROUND = "share of the detail that a linear decoder explains, by 3x3 cells' codes"
CAVEATS = {
    BITS_PER_CELL: "No attack rebuilds more bits than there are; a recognisable image may need few.",
    DIRECTIONS: (
        "To first order, of one sub-key: along the others no code changes, not even for who holds the key. An image "
        "can be recognised by few of them; where every one counts, this bounds nothing."
    ),
    ALONG: (
        "What the best linear decoder makes of the exact values along those directions: the limit of a linear attacker"
        " who holds the key and has undone folds and rounding."
    ),
    BY_CELL: "In closed form, of all these images: the limit of a linear decoder with any number of pairs.",
    BY_AROUND: "The same of a cell and its eight neighbours. Decoders that are not linear find more.",
}
"""What figures that follow without any attack say, and what not."""
