"""An audit from its settings to report and certificate."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from raypp.audit.core.adversary_name import AdversaryName, with_implied
from raypp.audit.core.row import AttackRow
from raypp.audit.kept_bounds import read_or_compute_bounds
from raypp.audit.lab import lab_of
from raypp.audit.report.page import write_audit_report
from raypp.audit.secured import SECURED_FILE, secured_images
from raypp.audit.settings import AuditSettings
from raypp.audit.targets.target import VEIL
from raypp.audit.tasks import IMAGES, AttackExecutor, AttackTask, attack_here, missing, read_attack_rows, tasks
from raypp.audit.verdict.broken_by import pairs_needed
from raypp.audit.verdict.certificate import CERTIFICATE, Gate, ImageCounts, certify, sign
from raypp.audit.verdict.gates import Verdict
from raypp.audit.verdict.headline import first_look, headlines, yardstick
from raypp.errors import KeyFileError
from raypp.execution import ExecutionSettings, On, on_ray
from raypp.io.private import PUBLIC, private_folder, private_umask, write_private
from raypp.progress import SILENT, Progress
from raypp.text.wording import counted
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_key


class AuditSummary(BaseModel):
    """Result of `raypp audit`."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    budget: str
    certificate: str
    report: str = Field(description="with plain images; it stays with their owner")
    public_report: str = Field(description="without images; beside the certificate, with which it may be handed out")
    secured: str | None = Field(
        default=None,
        description="images beside what one decoder makes of them under the keyed map, if one was asked for",
    )
    images: ImageCounts
    bounds: dict[str, float]
    gates: tuple[Gate, ...]
    rows: tuple[AttackRow, ...]
    left_out: tuple[AdversaryName, ...] = Field(default=(), description="adversaries whose attacks were not chosen")

    def __str__(self) -> str:
        return "\n".join(audit_summary_lines(self))


@private_umask()
def run_audit(
    settings: AuditSettings, execution: ExecutionSettings | None = None, progress: Progress = SILENT
) -> AuditSummary:
    """Make the attacks that have no row yet, then write report and certificate.

    Args:
        settings: footage, key, veil and budget.
        execution: where attacks are made; by default two or more on Ray, and one in this process.
        progress: is told how far it is.

    Raises:
        OptionError: if the footage is too little, or the place cannot be.
        KeyFileError: if the key cannot sign.
    """
    execution = execution or ExecutionSettings()
    execution.check("cpus")
    key = load_key(settings.key_path)
    if not isinstance(key, VeilKey):
        raise KeyFileError(f"{settings.key_path} is a site's key, which cannot sign; give the owner's key")
    wanted = tasks(settings)
    private_folder(settings.out)
    left = missing(wanted)
    if left:
        on = execution.choose(len(left))
        execute: AttackExecutor = on_ray("audit", execution) if on is On.RAY else attack_here
        progress.say(_begin_line(wanted, len(left), on_ray=on is On.RAY))
        with progress.task("attacking", len(left), steady=False) as advance:  # some take a hundred times as long
            for done in execute(left):
                advance(1, done, 0)
    lab = lab_of(settings)
    bounds = read_or_compute_bounds(lab, progress)
    certificate = certify(
        settings.spec,
        key,
        read_attack_rows(wanted),
        evidence=lab.evidence,
        bounds=bounds,
        budget=settings.budget.value,
        size=settings.size,
        adversaries=settings.adversaries,
    )
    path = settings.out / PUBLIC / CERTIFICATE
    private_folder(path.parent)
    write_private(path, sign(certificate, key))
    public_report = write_audit_report(path.parent, certificate, None)
    report = write_audit_report(settings.out, certificate, settings.out / IMAGES)
    secured = settings.out / SECURED_FILE
    if settings.layers is not None:
        progress.say("decoding      images under the keyed map, to look at")
        secured_images(lab.veil, settings.layers, lab.evidence, settings.seed).write(secured)
    (settings.out / CERTIFICATE).unlink(missing_ok=True)  # where earlier versions put it, and now one of another run
    return AuditSummary(
        veil_id=certificate.veil_id,
        budget=certificate.budget,
        certificate=str(path),
        report=str(report),
        public_report=str(public_report),
        secured=str(secured) if settings.layers is not None else None,
        images=certificate.images,
        bounds=certificate.bounds,
        gates=certificate.gates,
        rows=certificate.rows,
        left_out=tuple(name for name in AdversaryName if name not in with_implied(settings.adversaries)),
    )


def audit_plan_lines(settings: AuditSettings) -> Iterator[str]:
    """Word which attacks would be made on what, and which have their rows."""
    wanted = tasks(settings)
    left = missing(wanted)
    attacks, targets = (
        max(map(len, names)) + 2 for names in zip(*((t.attack.name, t.target) for t in wanted), strict=True)
    )
    for task in wanted:
        state = "would be made" if task in left else "has its row"
        yield f"{task.attack.name:<{attacks}}{task.target:<{targets}}{state}"


def audit_summary_lines(summary: AuditSummary) -> Iterator[str]:
    """Word what the attacks made of the veil, where the details are, and last the verdict."""
    rows = [row for row in summary.rows if row.target == VEIL]
    finished = [row for row in rows if not row.reason]
    yield f"attacked      {counted(summary.images.victims, 'image')}, by {counted(len(finished), 'attack')}"
    if summary.images.passed_by:
        yield f"left out      {counted(summary.images.passed_by, 'image')} of another shape"
    if summary.left_out:
        yield f"left out      attacks of {', '.join(summary.left_out)}; a run of all adversaries makes them, too"
    for reason, without in _grouped((row.reason, row.attack.name) for row in rows if row.reason):
        yield f"{Verdict.NOT_EVALUATED:<14}{', '.join(without)}: {reason}"
    for reason, without in _grouped((gate.reason, gate.name) for gate in summary.gates if gate.reason):
        yield f"{Verdict.NOT_EVALUATED:<14}{', '.join(without)}: {reason}"
    for gate in summary.gates:
        if not gate.reason:
            yield f"{gate.verdict:<14}{_gate_in_words(gate)}"
    for needed in pairs_needed(summary.rows):
        by = "" if needed.pairs is None else f" by {needed.by}"
        yield f"known pairs   {needed.name}: {needed.verdict}: {needed.got:.2f}{by}"
    yield f"report        {summary.report} (all figures, and plain images: it stays with their owner)"
    if summary.secured:
        yield (
            f"secured image {summary.secured} (plain; decoded without the keyed map, with it, and from this veil: it "
            "stays with their owner)"
        )
    yield f"hand out      {summary.certificate}, {summary.public_report}"
    yield from (
        *headlines(summary.gates),
        *yardstick(summary.bounds, summary.rows),
        *first_look(summary.budget),
    )


def _begin_line(wanted: Sequence[AttackTask], left: int, *, on_ray: bool) -> str:
    """Word the beginning of an audit with so many tasks left, for its first attack takes long to end."""
    controls = counted(len({task.target for task in wanted} - {VEIL}), "control")
    rest = f", {len(wanted) - left} made before" if left < len(wanted) else ""
    start = "; Ray takes up to a minute to start" if on_ray else ""
    return f"begins        {counted(len(wanted), 'attack')} on this veil and {controls}{rest}{start}"


def _grouped(reasons: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Names by the reason that they share."""
    names: dict[str, list[str]] = {}
    for reason, name in reasons:
        names.setdefault(reason, []).append(name)
    yield from names.items()


def _gate_in_words(gate: Gate) -> str:
    line = gate.name
    line += "" if gate.got is None else f": {gate.got:.2f} by {gate.by}"
    line += "" if gate.high is None else f" (95 %: up to {gate.high:.2f})"
    line += (
        f"; {min(gate.over_keys):.2f} to {max(gate.over_keys):.2f} under {len(gate.over_keys)} keys"
        if gate.over_keys
        else ""
    )
    return line + ("" if gate.threshold is None else f"; at most {gate.threshold:.2f} is allowed")
