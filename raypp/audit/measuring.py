"""What an attack made of the victims, as a row: measured against the victims themselves, and against a guess."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

from raypp.audit import scores
from raypp.audit.model import (
    Adversary,
    AnyAttack,
    Attack,
    AttackRow,
    Case,
    Decider,
    Frames,
    Kind,
    Matcher,
    Pictures,
)
from raypp.audit.target import VEIL, blind_guess

_DRAWN = 3


@dataclass(frozen=True)
class Guess:
    """How near a guess from the labels alone comes to each victim: what every attack has to beat.

    Attributes:
        block: side of the cells inside which detail and edges are looked at, in pixels.
        detail, edges: float64[N].
        psnr_db: mean over all victims.
    """

    block: int
    detail: scores.Floats
    edges: scores.Floats
    psnr_db: float

    @classmethod
    def of(cls, known: Pictures, victims: Pictures, block: int) -> "Guess":
        """Guess and measure."""
        guess, truth = blind_guess(known, victims, block), victims.frames
        return cls(
            block,
            detail=_scored(scores.detail, guess, truth, block),
            edges=_scored(scores.edges, guess, truth, block),
            psnr_db=float(_scored(scores.psnr, guess, truth).mean()),
        )


def row_of(veiling: str, attack: AnyAttack, case: Case, guess: Guess, picture: Path) -> AttackRow:
    """Make an attack of any kind, and measure what came of it.

    Args:
        veiling: what is attacked, as in the report.
        attack: who attacks.
        case: with what.
        guess: of the same victims.
        picture: PNG to write, if pictures are rebuilt.
    """
    match attack:
        case Attack():
            return rebuilt_row(veiling, attack, case, guess, picture)
        case Matcher():
            return matched_row(veiling, attack, case)
        case Decider():
            return decided_row(veiling, attack, case)


def rebuilt_row(veiling: str, attack: Attack, case: Case, guess: Guess, picture: Path) -> AttackRow:
    """Make an attack that rebuilds pictures, and draw what it found most of; arguments as of `row_of`."""
    truth, block = case.victims.frames, guess.block
    rebuilt = attack.rebuild(case)
    detail = _scored(scores.detail, rebuilt, truth, block)
    if attack.adversary is Adversary.OUTSIDER and np.nansum(detail) < 0:
        # Without pairs, light and dark may be the wrong way round in all pictures: a person sees that, and turns them.
        # What is judged decides, since a negative may well have the higher SSIM where a picture is mostly flat.
        rebuilt, detail = 255 - rebuilt, -detail
    leaked = scores.leakage(detail, guess.detail)
    _draw(picture, truth, rebuilt, leaked)
    return AttackRow(
        **_common(veiling, attack, len(truth), case.seed),
        detail=scores.estimate(leaked),
        edges=scores.estimate(scores.leakage(_scored(scores.edges, rebuilt, truth, block), guess.edges)),
        psnr_db=scores.estimate(_scored(scores.psnr, rebuilt, truth)),
        ssim=scores.estimate(_scored(scores.ssim, rebuilt, truth)),
        blind_psnr_db=guess.psnr_db,
        picture=picture.name,
    )


def matched_row(veiling: str, matcher: Matcher, case: Case) -> AttackRow:
    """Make an attack that tells which victim is whose."""
    ranks = matcher.ranks(case)
    common = _common(veiling, matcher, len(ranks), case.seed)
    return AttackRow(**common, top1=scores.share(ranks == 0), candidates=len(ranks))


def decided_row(veiling: str, decider: Decider, case: Case) -> AttackRow:
    """Make an attack that tells of single pictures whether something is so."""
    made = decider.decide(case)
    common = _common(veiling, decider, len(made.so) + len(made.not_so), case.seed)
    return AttackRow(**common, auc=scores.auc(made.so, made.not_so))


def missing_row(veiling: str, attack: AnyAttack, reason: str, pictures: int, seed: int) -> AttackRow:
    """Say of an attack that it could not be made, and why: it is never left out."""
    return AttackRow(**_common(veiling, attack, pictures, seed), reason=reason)


class _Common(TypedDict):
    """Fields that a row of any kind has."""

    veiling: str
    is_veil: bool
    attack: str
    adversary: Adversary
    knowledge: str
    kind: Kind
    pictures: int
    seconds: float
    seed: int


def _common(veiling: str, attack: AnyAttack, pictures: int, seed: int) -> _Common:
    """How long it took is known, and written, by who made it."""
    return _Common(
        veiling=veiling,
        is_veil=veiling == VEIL,
        attack=attack.name,
        adversary=attack.adversary,
        knowledge=attack.knowledge,
        kind=_kind_of(attack),
        pictures=pictures,
        seconds=0,
        seed=seed,
    )


def _kind_of(attack: AnyAttack) -> Kind:
    match attack:
        case Attack():
            return Kind.REBUILD
        case Matcher():
            return Kind.MATCH
        case Decider():
            return Kind.DECIDE


def _scored(score: Callable[..., scores.Floats], rebuilt: Frames, truth: Frames, *block: int) -> scores.Floats:
    """Score pictures one by one, float64[N]: in floats, all at once would take gigabytes."""
    pairs = zip(rebuilt, truth, strict=True)
    return np.concatenate([score(mine[None], true[None], *block) for mine, true in pairs])


def _draw(path: Path, truth: Frames, rebuilt: Frames, leaked: scores.Floats) -> None:
    """Draw the pictures of which most is found, each beside what was made of it; the most telling one first."""
    order = np.argsort(np.nan_to_num(-leaked))[:_DRAWN]
    rows = [np.concatenate([truth[place], rebuilt[place]], axis=1) for place in order]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path)
