"""Measure what an attack made of the victims, against the victims themselves and the blind baseline: a row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from raypp.audit.core.model import (
    Adversary,
    AnyAttack,
    Attack,
    AttackTarget,
    Case,
    DecideAttack,
    Frames,
    Images,
    Learner,
    MatchAttack,
    Taught,
)
from raypp.audit.core.recognised import NOT_INSTALLED, Recognised
from raypp.audit.core.row import AttackRow, DecideRow, MatchFigures, MatchRow, ReconstructFigures, ReconstructRow
from raypp.audit.metrics import scores
from raypp.audit.metrics.blind_baseline import blind_baseline
from raypp.audit.targets.target import VEIL

if TYPE_CHECKING:
    from raypp.audit.recognition.search import Search  # recognisers are an extra
    from raypp.audit.recognition.things import Things

_DRAWN = 3


@dataclass(frozen=True)
class BlindBaseline:
    """How near the best guess from labels alone comes to each victim: what every attack has to beat.

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
    def of(cls, known: Images, victims: Images, block: int) -> "BlindBaseline":
        """Reconstruct from labels alone, and measure."""
        images, truth = blind_baseline(known, victims, block), victims.frames
        return cls(
            block,
            detail=_scored(scores.detail, images, truth, block),
            edges=_scored(scores.edges, images, truth, block),
            psnr_db=float(_scored(scores.psnr, images, truth).mean()),
        )


@dataclass(frozen=True)
class Inspection:
    """Recognisers that look at reconstructed images.

    Attributes:
        search: faces and text; None without recognisers.
        things: objects and colours.
    """

    search: "Search | None" = None
    things: "Things | None" = None

    def look(self, reconstructed: Frames, probes: Frames) -> Recognised | None:
        """Look at reconstructed victims and probes; None if nobody is to look."""
        if self.things is None:
            return self.search.look(reconstructed, probes) if self.search else None
        objects, colours = self.things.look(reconstructed)
        recognised = self.search.look(reconstructed, probes) if self.search else Recognised(reason=NOT_INSTALLED)
        return recognised.model_copy(update={"objects": objects, "colours": colours})


NOT_INSPECTED = Inspection()


def row_of(
    target: str,
    attack: AnyAttack,
    case: Case,
    blind: BlindBaseline,
    image: Path,
    inspection: Inspection = NOT_INSPECTED,
    others: Iterable[AttackTarget] = (),
) -> AttackRow:
    """Make an attack of any kind, and measure what came of it.

    Args:
        target: what is attacked, as in the report.
        attack: who attacks.
        case: with what.
        blind: of the same victims.
        image: PNG to write, if images are reconstructed.
        inspection: what is looked for, if images are reconstructed.
        others: the same under keys that other owners might have; not for decisions.
    """
    match attack:
        case Attack():
            return reconstructed_row(target, attack, case, blind, image, inspection, others)
        case MatchAttack():
            return matched_row(target, attack, case, others)
        case DecideAttack():
            return decided_row(target, attack, case)


@dataclass(frozen=True)
class _Reconstructed:
    """Reconstructed victims and images with planted words, and how near they came.

    Attributes:
        frames, read: uint8[N, H, W, 3] of victims, uint8[M, H, W, 3] of images with planted words.
        leaked: leakage of detail, float64[N].
        figures: that, and the rest.
    """

    frames: Frames
    read: Frames
    leaked: scores.Floats
    figures: ReconstructFigures


def reconstructed_row(
    target: str,
    attack: Attack,
    case: Case,
    blind: BlindBaseline,
    image: Path,
    inspection: Inspection = NOT_INSPECTED,
    others: Iterable[AttackTarget] = (),
) -> ReconstructRow:
    """Make an attack that reconstructs images, and draw what it found most of; arguments as of `row_of`.

    Where recognisers look, the attack also reconstructs images with planted words, as more of the same camera's. No
    other figure counts those.
    """
    taught = attack.learn(case) if isinstance(attack, Learner) else attack
    blindly, truth = attack.adversary is Adversary.CIPHERTEXT_ONLY, case.victims.frames
    measured = _reconstructed(taught, case, blind, inspection, blindly=blindly)
    probes = inspection.search.probes.images.frames if inspection.search else truth[:0]
    _draw(image, truth, measured.frames, measured.leaked, (probes, measured.read))
    elsewhere = (replace(case, target=other) for other in others)
    return ReconstructRow(
        **_said(target, attack, len(truth), case.seed),
        **dict(measured.figures),
        psnr_db=scores.estimate(_scored(scores.psnr, measured.frames, truth)),
        ssim=scores.estimate(_scored(scores.ssim, measured.frames, truth)),
        blind_psnr_db=blind.psnr_db,
        image=image.name,
        other_keys=tuple(
            _reconstructed(taught, case_of_other, blind, inspection, blindly=blindly).figures
            for case_of_other in elsewhere
        ),
    )


def _reconstructed(
    taught: Taught, case: Case, blind: BlindBaseline, inspection: Inspection, *, blindly: bool
) -> _Reconstructed:
    """Reconstruct the victims under one key, and measure; `blindly` is without any pair."""
    truth, block = case.victims.frames, blind.block
    probes = inspection.search.probes.images if inspection.search else case.victims.take(())
    images = taught.reconstruct(replace(case, victims=case.victims.and_also(probes)))
    reconstructed, read = images[: len(truth)], images[len(truth) :]
    detail = _scored(scores.detail, reconstructed, truth, block)
    if blindly and np.nansum(detail) < 0:
        # Without pairs, light and dark may be the wrong way round in all images: a person sees that, and turns them.
        # What is judged decides, since a negative may well have the higher SSIM where an image is mostly flat.
        reconstructed, read, detail = 255 - reconstructed, 255 - read, -detail
    leaked = scores.leakage(detail, blind.detail)
    edges = scores.leakage(_scored(scores.edges, reconstructed, truth, block), blind.edges)
    figures = ReconstructFigures(
        detail=scores.estimate(leaked), edges=scores.estimate(edges), recognised=inspection.look(reconstructed, read)
    )
    return _Reconstructed(reconstructed, read, leaked, figures)


def matched_row(target: str, matcher: MatchAttack, case: Case, others: Iterable[AttackTarget] = ()) -> MatchRow:
    """Make an attack that tells which victim is whose."""
    ranks = matcher.ranks(case)
    elsewhere = (scores.share_estimate(matcher.ranks(replace(case, target=other)) == 0) for other in others)
    return MatchRow(
        **_said(target, matcher, len(ranks), case.seed),
        top1=scores.share_estimate(ranks == 0),
        candidates=len(ranks),
        other_keys=tuple(MatchFigures(top1=top1) for top1 in elsewhere),
    )


def decided_row(target: str, decider: DecideAttack, case: Case) -> DecideRow:
    """Make an attack that tells of single images whether something is so."""
    decisions = decider.decide(case)
    auc = scores.auc(decisions.so, decisions.not_so)
    if decisions.whose is not None:
        auc = scores.auc_of_people(decisions.so, decisions.not_so, decisions.whose, case.seed)
    return DecideRow(**_said(target, decider, len(decisions.so) + len(decisions.not_so), case.seed), auc=auc)


def missing_row(target: str, attack: AnyAttack, reason: str, images: int, seed: int) -> AttackRow:
    """Say of an attack that it could not be made, and why: it is never left out."""
    row: type[ReconstructRow | MatchRow | DecideRow] = DecideRow
    if isinstance(attack, Attack | MatchAttack):
        row = ReconstructRow if isinstance(attack, Attack) else MatchRow
    return row(**_said(target, attack, images, seed), reason=reason)


def _said(target: str, attack: AnyAttack, images: int, seed: int) -> dict[str, Any]:
    """Fields of a row without its figures; how long it took is known, and written, by who made it."""
    return {
        "target": target,
        "is_veil": target == VEIL,
        "attack": attack.id,
        "adversary": attack.adversary,
        "knowledge": attack.knowledge,
        "images": images,
        "seconds": 0,
        "seed": seed,
    }


def _scored(score: Callable[..., scores.Floats], reconstructed: Frames, truth: Frames, *block: int) -> scores.Floats:
    """Score images one by one, float64[N]: in floats, all at once would take gigabytes."""
    pairs = zip(reconstructed, truth, strict=True)
    return np.concatenate([score(mine[None], true[None], *block) for mine, true in pairs])


def _draw(
    path: Path, truth: Frames, reconstructed: Frames, leaked: scores.Floats, probes: tuple[Frames, Frames]
) -> None:
    """Draw the images of which most is found, each beside what was made of it; then one with planted words."""
    order = np.argsort(np.nan_to_num(-leaked))[:_DRAWN]
    pairs = [(truth[place], reconstructed[place]) for place in order]
    pairs += [(frame, reconstruction) for frame, reconstruction in zip(*probes, strict=True)][:1]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([np.concatenate(pair, axis=1) for pair in pairs])).save(path)
