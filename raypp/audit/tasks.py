"""One attack on one target is one task; its row is one JSON file, and a row that is there is not made again."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.budget import Budget
from raypp.audit.core.code import code_digest
from raypp.audit.core.model import Need, People, Trial
from raypp.audit.core.recognised import NOT_INSTALLED, Recognised
from raypp.audit.core.row import AttackRow, Control, Demand, Estimate
from raypp.audit.footage.evidence import Evidence, gather
from raypp.audit.footage.members import LEAST_MEMBERS, LEAST_STRANGERS, gather_trial, trial_digest
from raypp.audit.footage.people import gather_people, videos_of
from raypp.audit.metrics.measure import NOT_INSPECTED, BlindBaseline, Inspection, missing_row, row_of
from raypp.audit.recognition.packages import versions
from raypp.audit.suite.case_builder import CaseInputs, InsiderFiles, case_of, insider_digest
from raypp.audit.suite.suite import Planned, Requirement, Suite, suite
from raypp.audit.targets.target import VEIL, blind_baseline, under_other_key
from raypp.detect.checkpoint import read_about
from raypp.errors import ConflictError, OptionError
from raypp.io.atomic import write_text
from raypp.io.private import private_umask
from raypp.veil.keyfile import load_key
from raypp.veil.spec import LearnedSpec, VeilSpec
from raypp.veil.veil import open_veil

if TYPE_CHECKING:
    from raypp.audit.recognition.search import Search  # recognisers are an extra
    from raypp.audit.recognition.things import Things

IMAGES = "images"
_ROWS = "rows"
_ROW: TypeAdapter[AttackRow] = TypeAdapter(AttackRow)


class AuditSettings(BaseModel):
    """What is audited: everything but the key itself, which is named by its path.

    Attributes:
        sources: the owner's own footage, absolute.
        out: folder of the audit.
        key_path: the owner's or a site's key.
        spec: the veil.
        encoder: a learned veil's encoder file, which the spec names by its digest; None for a patch veil.
        model: a detector on codes of the veil, for what an insider can do with it; None if there is none.
        weights: public weights of the detector's architecture, likewise.
        members: dataset whose train split the detector learnt from, and whose val split not; None to look for one among
            the sources.
        size: side of the letterboxed square, in pixels.
        budget: how much it may take.
        seed: of which sources are attacked, and of the attackers' chances.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...]
    out: Path
    key_path: Path
    spec: VeilSpec
    encoder: Path | None = None
    model: Path | None = None
    weights: Path | None = None
    members: str | None = None
    size: int
    budget: Budget
    seed: int = 0

    @property
    def suite(self) -> Suite:
        """The attacks of the budget."""
        return suite(self.budget, learned=isinstance(self.spec, LearnedSpec))

    @property
    def files(self) -> InsiderFiles:
        """What was given of what attacks by an insider need."""
        given = {Need.MODEL: self.model, Need.WEIGHTS: self.weights}
        return {need: path for need, path in given.items() if path is not None}

    def evidence(self) -> Evidence:
        """The images; read once in a process."""
        made = self.suite
        return _evidence(self.sources, self.size, made.known, made.victims, self.seed)

    def trial(self) -> Trial | None:
        """What the detector learnt from and what not; None where there is no detector, or nothing tells.

        Raises:
            ModelError: if the detector cannot be read.
            OptionError: if what was named for it tells too little.
        """
        if self.model is None:
            return None
        sources = self.sources if self.members is None else (self.members,)
        found = gather_trial(sources, read_about(self.model).size, self.spec.patch, self.suite.tried, self.seed)
        if found is None and self.members is not None:
            raise OptionError(
                f"`members` {self.members} is no local dataset with at least {LEAST_MEMBERS} images in train and "
                f"{LEAST_STRANGERS} in val, of one shape; give the folder of the data.yaml that the detector learnt by"
            )
        return found

    def search(self) -> "Search":
        """What recognisers look for; found once in a process."""
        made = self.suite
        probes, own_words = made.looking.probes, made.looking.own_words
        return _search(self.sources, self.size, made.known, made.victims, self.seed, probes, own_words=own_words)

    def things(self) -> "Things":
        """What things are looked for; found once in a process."""
        made = self.suite
        return _things(self.sources, self.size, made.known, made.victims, self.seed, self.spec.patch, self.weights)

    def people(self, planned: Planned) -> People | str | None:
        """People in videos for an attack that needs them, or why there are too few; found once in a process."""
        if Need.PEOPLE not in planned.needs:
            return None
        longest_s = 900 if self.budget is Budget.FULL else 180
        return gather_people(
            self.sources, self.size, self.weights if Need.WEIGHTS in planned.needs else None, longest_s
        )

    def blind(self) -> BlindBaseline:
        """The blind baseline; made once in a process."""
        made = self.suite
        return _blind(self.sources, self.size, made.known, made.victims, self.seed, self.spec.patch)


class Task(BaseModel):
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
        places = {"out", "key_path", "sources", "encoder", "model", "weights", "members"}
        said = self.model_dump_json(exclude={"settings": places})
        words = "-".join(re.findall(r"[a-z0-9]+", f"{self.attack.name} {self.target}".lower()))
        return f"{words}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


ClusterTasks = Callable[[Sequence[Task], str | None, float], Iterator[str]]
"""Runs tasks on a cluster: tasks, address, CPUs of each."""


def tasks(settings: AuditSettings) -> list[Task]:
    """All tasks of an audit.

    Raises:
        OptionError: if the footage is too little.
    """
    made, veil_id = settings.suite, load_key(settings.key_path).veil_id(settings.spec)
    footage, code, insider = settings.evidence().digest, code_digest(), insider_digest(settings.files)
    weights = hashlib.sha256(settings.weights.read_bytes()).hexdigest() if settings.weights else ""
    asked = any(Need.MEMBERS in planned.needs for _, planned in made.pairs())
    tried = settings.trial() if asked else None
    trial = trial_digest(tried) if tried else ""
    return [
        Task(
            settings=settings,
            veil_id=veil_id,
            footage=footage,
            code=code,
            target=target,
            attack=planned.attack.id,
            insider=insider if planned.needs else "",
            trial=trial if Need.MEMBERS in planned.needs else "",
            recognisers=versions() if made.looks(target, planned) or Need.RECOGNISERS in planned.needs else "",
            things=weights if made.looks(target, planned) else "",
        )
        for target, planned in made.pairs()
        if target == VEIL or not _lacking(settings, planned)
    ]


def missing(wanted: Sequence[Task]) -> list[Task]:
    """Those that have no row yet."""
    return [task for task in wanted if not _row_path(task).exists()]


def run_here(wanted: Sequence[Task]) -> Iterator[str]:
    """Run tasks one after the other in this process."""
    for task in wanted:
        yield run_task(task)


@private_umask()
def run_task(task: Task) -> str:
    """Make an attack and write its row; returns what it is called."""
    settings = task.settings
    evidence = settings.evidence()
    if evidence.digest != task.footage:
        raise ConflictError(f"the images of {', '.join(settings.sources)} have changed meanwhile; run the audit again")
    if task.recognisers not in {"", versions()}:
        raise ConflictError(f"the audit was begun with {task.recognisers}, and here is {versions() or 'none of them'}")
    planned = settings.suite.planned_as(task.attack)
    attack, lacking = planned.attack, _lacking(settings, planned)
    looks, blind, inspection = settings.suite.looks(task.target, planned), settings.blind(), NOT_INSPECTED
    if looks and not lacking:
        inspection = Inspection(settings.search() if task.recognisers else None, settings.things())
    started = perf_counter()
    if lacking:
        reason = f"it needs {' and '.join(lacking)}"
        row = missing_row(task.target, attack, reason, len(evidence.victims), settings.seed)
    elif isinstance(people := settings.people(planned), str):
        row = missing_row(task.target, attack, people, 0, settings.seed)
    else:
        made = open_veil(settings.spec, load_key(settings.key_path), settings.encoder)
        trial = settings.trial() if Need.MEMBERS in planned.needs else None
        inputs = CaseInputs(evidence, settings.files, trial, people)
        case = case_of(task.target, made, inputs, planned.needs, settings.seed)
        image = settings.out / IMAGES / f"{task.row_id}.png"
        others = (under_other_key(made, number) for number in settings.suite.others(task.target, planned))
        row = row_of(task.target, attack, case, blind, image, inspection, others)
    if looks and lacking and not task.recognisers:
        row = row.model_copy(update={"recognised": Recognised(reason=NOT_INSTALLED)})
    row = row.model_copy(update={"seconds": round(perf_counter() - started, 2)})
    path = _row_path(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, row.model_dump_json(indent=1) + "\n")
    return f"{task.attack.name} on {task.target}"


def _lacking(settings: AuditSettings, planned: Planned) -> tuple[Need, ...]:
    """What an attack needs that was not given."""
    return tuple(need for need in planned.needs if not _given(settings, need))


def _given(settings: AuditSettings, need: Need) -> bool:
    if need is Need.VIDEOS:
        return bool(settings.evidence().victims.moments)
    if need is Need.PEOPLE:
        return bool(videos_of(settings.sources))
    if need is Need.RECOGNISERS:
        return bool(versions())
    if need is Need.MEMBERS:
        return settings.members is not None or settings.trial() is not None
    return need in settings.files


def read_rows(wanted: Sequence[Task]) -> list[AttackRow]:
    """Read the rows of all tasks, each with its control.

    Raises:
        ConflictError: if a row is damaged.
    """
    found = {(task.target, task.attack): _read(_row_path(task)) for task in wanted}
    made = wanted[0].settings.suite
    return [
        row.model_copy(update={"control": _control(made.planned_as(attack).requirement, found, attack)})
        for (_, attack), row in found.items()
    ]


def _control(
    requirement: Requirement | None, found: dict[tuple[str, AttackId], AttackRow], attack: AttackId
) -> Control | None:
    if requirement is None or (requirement.on, attack) not in found:
        return None
    row = found[requirement.on, attack]
    demands = []
    for figure, least in requirement.least:
        got: Estimate | None = getattr(row, figure.value, None)
        demands.append(Demand(score=figure.value, required=least, got=got.mean if got else 0.0))
    return Control(on=requirement.on, demands=tuple(demands))


def _row_path(task: Task) -> Path:
    return task.settings.out / _ROWS / f"{task.row_id}.json"


def _read(path: Path) -> AttackRow:
    try:
        return _ROW.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise ConflictError(f"row {path} is missing, damaged or of another version; remove it and run again") from None


@lru_cache(maxsize=1)
def _evidence(sources: tuple[str, ...], size: int, known: int, victims: int, seed: int) -> Evidence:
    return gather(sources, size, known, victims, seed)


@lru_cache(maxsize=1)
def _blind(sources: tuple[str, ...], size: int, known: int, victims: int, seed: int, block: int) -> BlindBaseline:
    evidence = _evidence(sources, size, known, victims, seed)
    return BlindBaseline.of(evidence.known, evidence.victims, block)


@lru_cache(maxsize=1)
def _search(
    sources: tuple[str, ...], size: int, known: int, victims: int, seed: int, probes: int, *, own_words: bool
) -> "Search":
    from raypp.audit.recognition.search import Search  # noqa: PLC0415 - needs recognisers

    return Search.on(_evidence(sources, size, known, victims, seed).victims, probes, seed, own_words=own_words)


@lru_cache(maxsize=1)
def _things(
    sources: tuple[str, ...], size: int, known: int, victims: int, seed: int, block: int, weights: Path | None
) -> "Things":
    from raypp.audit.recognition.things import Things  # noqa: PLC0415 - nobody may look

    evidence = _evidence(sources, size, known, victims, seed)
    return Things.on(evidence.victims, blind_baseline(evidence.known, evidence.victims, block), weights)
