"""One attack on one target is one task; its row is one JSON file, and a finished row is not made again."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from raypp.audit.core.adversary_name import with_implied
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.code import code_digest
from raypp.audit.core.model import Need
from raypp.audit.core.recognised import NOT_INSTALLED, Recognised
from raypp.audit.core.row import AttackRow, Control, Demand, Estimate
from raypp.audit.footage.members import trial_digest
from raypp.audit.lab import lab_of
from raypp.audit.metrics.measure import missing_row, row_of
from raypp.audit.recognition.packages import recogniser_versions
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.case_builder import insider_digest
from raypp.audit.suite.suite import Requirement
from raypp.audit.targets.target import VEIL, under_other_key
from raypp.errors import ConflictError
from raypp.execution import Executor
from raypp.io.atomic import write_text
from raypp.io.private import private_umask
from raypp.veil.keyfile import load_key

IMAGES = "images"
PLACES = {"out", "key_path", "sources", "encoder", "model", "weights", "members"}
"""Settings that say where something is; digests tell what it is."""
_CHOICES = {"adversaries"}
"""Settings that say which attacks are made now; a row is the same whatever others stand beside it."""
_ROWS = "rows"
_ROW: TypeAdapter[AttackRow] = TypeAdapter(AttackRow)


class AttackTask(BaseModel):
    """One attack on one target.

    Attributes:
        settings: of the audit.
        veil_id: the audited veil's.
        footage: digest of all images, so that a row of others is not taken for this one's.
        code: digest of the attacks' program, likewise.
        target: name of what is attacked.
        attack: which one.
        insider: digest of detector and weights, for an attack that needs them.
        trial: digest of what the detector learnt from and what not, likewise.
        recognisers: which ones look at what it makes; empty if none are installed, or none are to look.
        things: digest of the public weights by which objects are looked for on what it makes, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: AuditSettings
    veil_id: str
    footage: str
    code: str
    target: str
    attack: AttackId
    insider: str = ""
    trial: str = ""
    recognisers: str = ""
    things: str = ""

    @property
    def row_id(self) -> str:
        """Name of its files: it says what was done, whatever the folder is called."""
        settings_json = self.model_dump_json(exclude={"settings": PLACES | _CHOICES})
        words = "-".join(re.findall(r"[a-z0-9]+", f"{self.attack.name} {self.target}".lower()))
        return f"{words}-{hashlib.sha256(settings_json.encode()).hexdigest()[:8]}"


AttackExecutor = Executor[[Sequence[AttackTask]], Iterator[str]]
"""Makes attacks, and yields what each is called as its row is written."""


def tasks(settings: AuditSettings) -> list[AttackTask]:
    """All tasks of an audit, those of the chosen adversaries.

    Raises:
        OptionError: if the footage is too little.
    """
    lab, suite, veil_id = lab_of(settings), settings.suite, load_key(settings.key_path).veil_id(settings.spec)
    footage, code, insider = lab.evidence.digest, code_digest(), insider_digest(settings.files)
    weights = hashlib.sha256(settings.weights.read_bytes()).hexdigest() if settings.weights else ""
    chosen = with_implied(settings.adversaries)
    pairs = [(target, planned) for target, planned in suite.pairs() if planned.attack.adversary.short in chosen]
    tried = lab.trial if any(Need.MEMBERS in planned.needs for _, planned in pairs) else None
    trial, looking = trial_digest(tried) if tried else "", recogniser_versions()
    return [
        AttackTask(
            settings=settings,
            veil_id=veil_id,
            footage=footage,
            code=code,
            target=target,
            attack=planned.attack.id,
            insider=insider if planned.needs else "",
            trial=trial if Need.MEMBERS in planned.needs else "",
            recognisers=looking if suite.looks(target, planned) or Need.RECOGNISERS in planned.needs else "",
            things=weights if suite.looks(target, planned) else "",
        )
        for target, planned in pairs
        if target == VEIL or not lab.lacking(planned)
    ]


def missing(wanted: Sequence[AttackTask]) -> list[AttackTask]:
    """Those that have no row yet."""
    return [task for task in wanted if not _row_path(task).exists()]


def attack_here(wanted: Sequence[AttackTask]) -> Iterator[str]:
    """Run tasks one after the other in this process."""
    for task in wanted:
        yield run_attack(task)


@private_umask()
def run_attack(task: AttackTask) -> str:
    """Make an attack and write its row; returns what it is called."""
    settings, lab = task.settings, lab_of(task.settings)
    if lab.evidence.digest != task.footage:
        raise ConflictError(f"the images of {', '.join(settings.sources)} have changed meanwhile; run the audit again")
    if task.recognisers not in {"", recogniser_versions()}:
        raise ConflictError(
            f"the audit was begun with {task.recognisers}, and here is {recogniser_versions() or 'none of them'}"
        )
    planned = settings.suite.planned_as(task.attack)
    lacking, victims = lab.lacking(planned), len(lab.evidence.victims)
    blind, inspection = lab.blind, lab.inspection(task.target, planned, recognisers=bool(task.recognisers))
    started = perf_counter()
    if lacking:
        row = missing_row(task.target, planned.attack, f"it needs {' and '.join(lacking)}", victims, settings.seed)
    elif isinstance(people := lab.people(planned), str):
        row = missing_row(task.target, planned.attack, people, 0, settings.seed)
    else:
        case, image = lab.case(task.target, planned), settings.out / IMAGES / f"{task.row_id}.png"
        others = (under_other_key(lab.veil, number) for number in settings.suite.others(task.target, planned))
        row = row_of(task.target, planned.attack, case, blind, image, inspection, others)
    if settings.suite.looks(task.target, planned) and lacking and not task.recognisers:
        row = row.model_copy(update={"recognised": Recognised(reason=NOT_INSTALLED)})
    row = row.model_copy(update={"seconds": round(perf_counter() - started, 2)})
    path = _row_path(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, row.model_dump_json(indent=1) + "\n")
    return f"{task.attack.name} on {task.target}"


def read_attack_rows(wanted: Sequence[AttackTask]) -> list[AttackRow]:
    """Read the rows of all tasks, each with its control.

    Raises:
        ConflictError: if a row is damaged.
    """
    rows = {(task.target, task.attack): _read(_row_path(task)) for task in wanted}
    suite = wanted[0].settings.suite
    return [
        row.model_copy(update={"control": _control(suite.planned_as(attack).requirement, rows, attack)})
        for (_, attack), row in rows.items()
    ]


def _control(
    requirement: Requirement | None, rows: dict[tuple[str, AttackId], AttackRow], attack: AttackId
) -> Control | None:
    if requirement is None or (requirement.on, attack) not in rows:
        return None
    row = rows[requirement.on, attack]
    demands = []
    for figure, least in requirement.least:
        got: Estimate | None = getattr(row, figure.value, None)
        demands.append(Demand(score=figure.value, required=least, got=got.mean if got else 0.0))
    return Control(on=requirement.on, demands=tuple(demands))


def _row_path(task: AttackTask) -> Path:
    return task.settings.out / _ROWS / f"{task.row_id}.json"


def _read(path: Path) -> AttackRow:
    try:
        return _ROW.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise ConflictError(f"row {path} is missing, damaged or of another version; remove it and run again") from None
