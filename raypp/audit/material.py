"""What an attack is given: pictures, what is attacked, and, where it needs them, a detector and public weights."""

from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

from raypp.audit.evidence import CAMERA, Evidence
from raypp.audit.model import Case, Need, Veiling
from raypp.audit.suite import OPEN_FEATURES, VEILINGS
from raypp.audit.target import SITE, VEIL, veil
from raypp.audit.team import Team, drawn_encoder, open_features, open_team
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import Veil

TeamFiles = dict[Need, Path]
"""What was given of what attacks by an ML team need."""


def case_of(name: str, made: Veil, evidence: Evidence, files: TeamFiles, needs: tuple[Need, ...], seed: int) -> Case:
    """Return the material of one attack.

    Args:
        name: of what is attacked, `VEIL` or a baseline's.
        made: the audited veil.
        evidence: the pictures.
        files: all that is needed among them.
        needs: of the attack.
        seed: of what the attacker leaves to chance.

    Raises:
        ModelError, ConflictError: if detector or weights cannot be read, do not fit, or are of another veil.
    """
    team = _team(files[Need.MODEL], files[Need.WEIGHTS], made.veil_id) if needs else None
    public = team.public if team else None
    return Case(_veiling(name, made, evidence, team), evidence.known, evidence.victims, seed, public)


def team_digest(files: TeamFiles) -> str:
    """SHA-256 over what was given, hex."""
    digest = sha256()
    for need, path in sorted(files.items()):
        content = (
            b"".join(one.read_bytes() for one in sorted(path.rglob("*.*"))) if path.is_dir() else path.read_bytes()
        )
        digest.update(f"{need}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _veiling(name: str, made: Veil, evidence: Evidence, team: Team | None) -> Veiling:
    if name not in {VEIL, OPEN_FEATURES}:
        return VEILINGS[name]()
    if team is None:
        return veil(made)
    if name == VEIL:
        seen = team.attack_on(veil(made), made.stream(SITE, CAMERA).sub_key)
        if not isinstance(made.spec, LearnedSpec):
            return seen
        return replace(seen, drawn=partial(drawn_encoder, team.at_veil, evidence.known.frames, made.spec))
    return open_features(team.public, evidence.known.frames)


@lru_cache(maxsize=1)
def _team(model: Path, weights: Path, veil_id: str) -> Team:
    return open_team(model, weights, veil_id)
