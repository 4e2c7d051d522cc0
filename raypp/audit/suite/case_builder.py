"""Cases of attacks: images, a target, and, where an attack needs them, a detector and public weights."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from raypp.audit.core.model import AttackTarget, Case, Need, People, Trial
from raypp.audit.footage.evidence import CAMERA, Evidence
from raypp.audit.suite.insider import DrawnEncoders, Insider, open_detector, open_features
from raypp.audit.suite.repeated_views import WEAK
from raypp.audit.suite.suite import BASELINES, BY_HEART, CONTROLS, NOISE, NOISE_UNDER_KEY, OPEN_FEATURES
from raypp.audit.targets.baselines import noise
from raypp.audit.targets.detector import VeiledDetector
from raypp.audit.targets.homeomorphic import homeomorphic, is_map
from raypp.audit.targets.target import SITE, VEIL, noise_under_key, veil
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import Veil

_BY_HEART, _STEPS = 12, 60
"""Images that a detector learns by heart, and steps that it takes for it."""

InsiderFiles = dict[Need, Path]
"""Files that were given for attacks by an insider."""


@dataclass(frozen=True)
class CaseInputs:
    """All that an audit has for its attacks.

    Attributes:
        evidence: the images.
        model: a detector on codes; None if there is none.
        trial: what the detector learnt from and what not; None where no attack at hand asks for it.
        people: in videos; None where no attack at hand asks for them.
        insider: detector and public weights; None where no attack at hand asks for them.
    """

    evidence: Evidence
    model: Path | None = None
    trial: Trial | None = None
    people: People | None = None
    insider: Insider | None = None


def case_of(name: str, made_veil: Veil, inputs: CaseInputs, seed: int) -> Case:
    """Return all that one attack is given.

    Args:
        name: of what is attacked, `VEIL` or a baseline's.
        made_veil: the audited veil.
        inputs: with all that is needed in it.
        seed: of what the attacker leaves to chance.

    Raises:
        ModelError, ConflictError: if detector or weights cannot be read, do not fit, or are of another veil.
    """
    evidence, trial, insider = inputs.evidence, inputs.trial, inputs.insider
    if trial is not None and inputs.model is not None:
        seen, tried = _examined(name, made_veil, inputs.model, trial, seed)
        return Case(seen, evidence.known, evidence.victims, seed, trial=tried)
    seen, public = _target(name, made_veil, evidence, insider, seed), insider.public if insider else None
    return Case(seen, evidence.known, evidence.victims, seed, public, people=inputs.people)


def insider_digest(files: InsiderFiles) -> str:
    """SHA-256 over what was given, hex."""
    digest = sha256()
    for need, path in sorted(files.items()):
        content = (
            b"".join(file.read_bytes() for file in sorted(path.rglob("*.*"))) if path.is_dir() else path.read_bytes()
        )
        digest.update(f"{need}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _target(name: str, made_veil: Veil, evidence: Evidence, insider: Insider | None, seed: int) -> AttackTarget:
    if name == NOISE_UNDER_KEY or is_map(name):
        return homeomorphic(made_veil, name) if is_map(name) else noise_under_key(made_veil, seed)
    if name not in {VEIL, OPEN_FEATURES}:
        return (BASELINES | WEAK | CONTROLS)[name]()
    if insider is None:
        return veil(made_veil)
    if name == VEIL:
        seen = insider.attack_on(veil(made_veil), made_veil.stream(SITE, CAMERA).sub_key)
        if not isinstance(made_veil.spec, LearnedSpec):
            return seen
        return replace(seen, random_key=DrawnEncoders(insider.at_veil, evidence.known.frames, made_veil.spec))
    return open_features(insider.public, evidence.known.frames)


def _examined(name: str, made_veil: Veil, model: Path, trial: Trial, seed: int) -> tuple[AttackTarget, Trial]:
    """The detector on codes of the veil, or on noise of their shape, or after it learnt some images by heart."""
    spec, opened = made_veil.spec, open_detector(model, made_veil.veil_id)
    seen = noise(spec.patch, spec.channels, spec.levels, seed) if name == NOISE else veil(made_veil)
    detector = VeiledDetector(*opened, seen.encode, made_veil.stream(SITE, CAMERA).sub_key)
    if name == BY_HEART:
        learnt, rest = (trial.own.take(places) for places in (range(_BY_HEART), range(_BY_HEART, len(trial.own))))
        detector, trial = detector.further(learnt, _STEPS, seed), replace(trial, members=learnt, own=rest)
    return replace(seen, detector=detector), trial
