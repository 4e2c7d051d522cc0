"""Gates and adversaries in the words of a report."""

from raypp.audit.core.model import Adversary
from raypp.audit.verdict.broken_by import PairsNeeded
from raypp.audit.verdict.gates import (
    FACES,
    IDENTITY,
    INSIDER_FACES,
    INSIDER_IDENTITY,
    INSIDER_MEAN,
    INSIDER_TEXT,
    INSIDER_WORST,
    MATCHING,
    MEAN,
    TEXT,
    WORST,
    Gate,
    Verdict,
)
from raypp.audit.verdict.headline import said_over_keys

SCALE = "0 is the blind baseline, a guess from the labels alone; 1 is the image itself"
_NO_THRESHOLD = (
    "There is no threshold: enough pairs open any veil that a detector can be trained on, and what matters is how many "
    "are enough."
)
HEADINGS = {
    Adversary.CIPHERTEXT_ONLY: (
        "A ciphertext-only adversary",
        "has veiled images and whatever is public. The thresholds above are for this one.",
    ),
    Adversary.INSIDER: (
        "An insider",
        (
            "(an honest but curious ML team) has labels and the detector that it trained on codes. It can make every "
            "attack of a ciphertext-only adversary, too."
        ),
    ),
    Adversary.KNOWN_PLAINTEXT: (
        "A known-plaintext adversary",
        f"has veiled images, some of them plain, too. {_NO_THRESHOLD}",
    ),
    Adversary.WHITE_BOX: (
        "A white-box adversary",
        (
            "has the key and all that is secret about the veil; only the images are not there. These attacks find what "
            "the veil still lets through once its key is compromised. What they do not find, the veil threw away, or "
            "they do not see it. It is a figure to know, and there is no threshold."
        ),
    ),
}
_ALL, _FEW = "On average over all images", "On the worst 5 % of images"
_WHERE = {MEAN: _ALL, INSIDER_MEAN: _ALL, WORST: _FEW, INSIDER_WORST: _FEW}
_FOUND = {
    FACES: "of the faces on the originals are found again on what {} reconstructed",
    TEXT: "of the words on plain images are read on what {} reconstructed",
}
_FOUND |= {INSIDER_FACES: _FOUND[FACES], INSIDER_TEXT: _FOUND[TEXT]}
_IDENTITIES = {IDENTITY, INSIDER_IDENTITY}
FIGURES_NOTE = (
    f"L is leakage: {SCALE}; mean over all images and its 95 % interval. Below 0 is worse than the baseline. "
    "Faces and words count that recognisers find on the plain images; heights of letters are shares of a "
    "image's. Objects are those that a public detector finds on the plain images, colours those of labelled "
    "boxes, by eight names; neither has a threshold."
)


def gate_sentence(gate: Gate) -> str:
    """Return the verdict of a gate in words: the figure, whose it is, the threshold, and what makes it unsure."""
    return f"{_in_words(gate)}{_caveat(gate)}"


def pairs_sentence(needed: PairsNeeded) -> str:
    """Return how many known pairs break a threshold, in words."""
    name = f"{needed.name[0].upper()}{needed.name[1:]}"
    by = "" if needed.pairs is None else f", {needed.by}"
    return f"{name}: {needed.verdict} ({needed.got:.3f}{by})."


def _in_words(gate: Gate) -> str:
    attack = f"the best attack of the {gate.adversary.value}" + (f" ({gate.by})" if gate.by else "")
    if gate.got is None:
        why = f"not evaluated: {gate.reason}" if gate.reason else "no attack could be evaluated"
        return f"{gate.name[0].upper()}{gate.name[1:]}: {why}."
    if gate.name in _FOUND:
        allowed = "none" if gate.threshold == 0 else f"at most {gate.threshold:.1%}"
        return f"{gate.got:.1%} {_FOUND[gate.name].format(attack)}; {allowed} is allowed."
    if gate.name in _IDENTITIES:
        return (
            f"On what {attack} reconstructed, people are told apart with an area under the curve of {gate.got:.2f} (by "
            f"chance 0.50); at most {gate.threshold:.2f} is allowed."
        )
    if gate.name == MATCHING:
        threshold = (
            "labels alone tell it, too" if gate.threshold is None else f"at most {gate.threshold:.1%} is allowed"
        )
        return f"{attack.capitalize()} tells which image was veiled in {gate.got:.1%} of cases; {threshold}."
    threshold = "no threshold is known" if gate.threshold is None else f"at most {gate.threshold:.3f} is allowed"
    return f"{_WHERE.get(gate.name, gate.name)}, {attack} found {gate.got:.3f} ({SCALE}); {threshold}."


def _caveat(gate: Gate) -> str:
    return _interval_caveat(gate) + (f" {said_over_keys(gate)}" if gate.over_keys else "")


def _interval_caveat(gate: Gate) -> str:
    if (
        gate.verdict is Verdict.UNDECIDED
        and gate.high is not None
        and gate.threshold is not None
        and gate.high > gate.threshold
    ):
        more = "people" if gate.name in _IDENTITIES else "images"
        return f" The 95 % interval reaches {gate.high:.3f}: more {more} would tell."
    if gate.verdict is Verdict.NOT_EVALUATED and gate.got is not None and gate.threshold is not None:
        return " Another attack was not made, or failed its control: nothing is known of what it would find."
    return ""
