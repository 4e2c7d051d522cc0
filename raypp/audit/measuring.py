"""What an attack made of the victims, as a row: measured against the victims themselves, and against a guess."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.audit import scores
from raypp.audit.attacks.matching import ActivityMatcher, LabelMatcher
from raypp.audit.model import Adversary, Attack, AttackRow, Case, Frames, Kind, Pictures
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


def rebuilt_row(veiling: str, attack: Attack, case: Case, guess: Guess, picture: Path) -> AttackRow:
    """Make an attack that rebuilds pictures, and draw what it found most of.

    Args:
        veiling: what is attacked, as in the report.
        attack: who attacks.
        case: with what.
        guess: of the same victims.
        picture: PNG to write.
    """
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
        veiling=veiling,
        is_veil=veiling == VEIL,
        attack=attack.name,
        adversary=attack.adversary,
        knowledge=attack.knowledge,
        kind=Kind.REBUILD,
        pictures=len(truth),
        detail=scores.estimate(leaked),
        edges=scores.estimate(scores.leakage(_scored(scores.edges, rebuilt, truth, block), guess.edges)),
        psnr_db=scores.estimate(_scored(scores.psnr, rebuilt, truth)),
        ssim=scores.estimate(_scored(scores.ssim, rebuilt, truth)),
        blind_psnr_db=guess.psnr_db,
        seconds=0,
        seed=case.seed,
        picture=picture.name,
    )


def missing_row(veiling: str, attack: Attack, reason: str, pictures: int, seed: int) -> AttackRow:
    """Say of an attack that it could not be made, and why: it is never left out."""
    return AttackRow(
        veiling=veiling,
        is_veil=veiling == VEIL,
        attack=attack.name,
        adversary=attack.adversary,
        knowledge=attack.knowledge,
        kind=Kind.REBUILD,
        pictures=pictures,
        reason=reason,
        seconds=0,
        seed=seed,
    )


def matched_row(veiling: str, matcher: ActivityMatcher | LabelMatcher, case: Case) -> AttackRow:
    """Make an attack that tells which victim is whose."""
    ranks = matcher.ranks(case)
    return AttackRow(
        veiling=veiling,
        is_veil=veiling == VEIL,
        attack=matcher.name,
        adversary=matcher.adversary,
        knowledge=matcher.knowledge,
        kind=Kind.MATCH,
        pictures=len(ranks),
        top1=scores.share(ranks == 0),
        candidates=len(ranks),
        seconds=0,
        seed=case.seed,
    )


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
