"""What an attack is given: images, what is attacked, and, where it needs them, a detector and public weights."""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

from raypp.audit.core.model import Case, Crowd, Need, Trial, Veiling
from raypp.audit.footage.evidence import CAMERA, Evidence
from raypp.audit.suite.insider import Team, drawn_encoder, open_detector, open_features, open_team
from raypp.audit.suite.repeated_views import WEAK
from raypp.audit.suite.suite import BY_HEART, CONTROLS, NOISE, NOISE_UNDER_KEY, OPEN_FEATURES, VEILINGS
from raypp.audit.targets.baselines import noise
from raypp.audit.targets.detector import VeiledDetector
from raypp.audit.targets.target import SITE, VEIL, noise_under_key, veil
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import Veil

_BY_HEART, _STEPS = 12, 60
"""Images that a detector learns by heart, and steps that it takes for it."""

TeamFiles = dict[Need, Path]
"""What was given of what attacks by an ML team need."""


@dataclass(frozen=True)
class Material:
    """All that an audit has for its attacks.

    Attributes:
        evidence: the images.
        files: detector and weights, as far as they were given.
        trial: what the detector learnt from and what not; None where no attack at hand asks for it.
        crowd: people in videos; None where no attack at hand asks for them.
    """

    evidence: Evidence
    files: TeamFiles
    trial: Trial | None = None
    crowd: Crowd | None = None


def case_of(name: str, made: Veil, material: Material, needs: tuple[Need, ...], seed: int) -> Case:
    """Return the material of one attack.

    Args:
        name: of what is attacked, `VEIL` or a baseline's.
        made: the audited veil.
        material: with all that is needed in it.
        needs: of the attack.
        seed: of what the attacker leaves to chance.

    Raises:
        ModelError, ConflictError: if detector or weights cannot be read, do not fit, or are of another veil.
    """
    evidence, files, trial = material.evidence, material.files, material.trial
    if trial is not None:
        seen, tried = _examined(name, made, files[Need.MODEL], trial, seed)
        return Case(seen, evidence.known, evidence.victims, seed, trial=tried)
    by_team = {Need.MODEL, Need.WEIGHTS} <= set(needs)
    team = _team(files[Need.MODEL], files[Need.WEIGHTS], made.veil_id) if by_team else None
    seen, public = _veiling(name, made, evidence, team, seed), team.public if team else None
    return Case(seen, evidence.known, evidence.victims, seed, public, crowd=material.crowd)


def team_digest(files: TeamFiles) -> str:
    """SHA-256 over what was given, hex."""
    digest = sha256()
    for need, path in sorted(files.items()):
        content = (
            b"".join(one.read_bytes() for one in sorted(path.rglob("*.*"))) if path.is_dir() else path.read_bytes()
        )
        digest.update(f"{need}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _veiling(name: str, made: Veil, evidence: Evidence, team: Team | None, seed: int) -> Veiling:
    if name == NOISE_UNDER_KEY:
        return noise_under_key(made, seed)
    if name not in {VEIL, OPEN_FEATURES}:
        return (VEILINGS | WEAK | CONTROLS)[name]()
    if team is None:
        return veil(made)
    if name == VEIL:
        seen = team.attack_on(veil(made), made.stream(SITE, CAMERA).sub_key)
        if not isinstance(made.spec, LearnedSpec):
            return seen
        return replace(seen, drawn=partial(drawn_encoder, team.at_veil, evidence.known.frames, made.spec))
    return open_features(team.public, evidence.known.frames)


def _examined(name: str, made: Veil, model: Path, trial: Trial, seed: int) -> tuple[Veiling, Trial]:
    """The detector on codes of the veil, or on noise of their shape, or after it learnt some images by heart."""
    spec, found = made.spec, open_detector(model, made.veil_id)
    seen = noise(spec.patch, spec.channels, spec.levels, seed) if name == NOISE else veil(made)
    detector = VeiledDetector(*found, seen.encode, made.stream(SITE, CAMERA).sub_key)
    if name == BY_HEART:
        learnt, rest = (trial.own.take(places) for places in (range(_BY_HEART), range(_BY_HEART, len(trial.own))))
        detector, trial = detector.further(learnt, _STEPS, seed), replace(trial, members=learnt, own=rest)
    return replace(seen, detector=detector), trial


@lru_cache(maxsize=1)
def _team(model: Path, weights: Path, veil_id: str) -> Team:
    return open_team(model, weights, veil_id)
