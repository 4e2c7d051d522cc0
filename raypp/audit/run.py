"""An audit from its settings to report and certificate."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.audit.bounds import bounds_on
from raypp.audit.certificate import CERTIFICATE, Gate, PictureCounts, certify, sign
from raypp.audit.gates import Verdict, falls
from raypp.audit.report import write_report
from raypp.audit.row import AttackRow, Estimate
from raypp.audit.running import PICTURES, AuditSettings, Task, missing, read_rows, tasks
from raypp.audit.target import VEIL
from raypp.errors import KeyFileError
from raypp.private import PUBLIC, private_folder, private_umask, write_private
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_key
from raypp.veil.veil import open_veil
from raypp.veiling.progress import Reporter


class AuditSummary(BaseModel):
    """Result of `raypp audit`."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    certificate: str
    report: str = Field(description="with plain pictures; it stays with their owner")
    public_report: str = Field(description="without pictures; beside the certificate, with which it may be handed out")
    pictures: PictureCounts
    bounds: dict[str, float]
    gates: tuple[Gate, ...]
    rows: tuple[AttackRow, ...]


@private_umask()
def run_audit(
    settings: AuditSettings, execute: Callable[[Sequence[Task]], Iterator[str]], reporter: Reporter
) -> AuditSummary:
    """Make the attacks that have no row yet, then write report and certificate.

    Raises:
        OptionError: if the footage is too little.
        KeyFileError: if the key cannot sign.
    """
    key = load_key(settings.key_path)
    if not isinstance(key, VeilKey):
        raise KeyFileError(f"{settings.key_path} is a site's key, which cannot sign; give the owner's key")
    wanted = tasks(settings)
    private_folder(settings.out)
    left = missing(wanted)
    if left:
        with reporter.task("attacking", len(left)) as advance:
            for done in execute(left):
                advance(1, done, 0)
    with reporter.task("bounds", 1) as advance:
        made = open_veil(settings.spec, key, settings.encoder)
        bounds = bounds_on(made, settings.evidence(), partial(reporter.console.print, highlight=False))
        advance(1, "", 0)
    certificate = certify(
        settings.spec,
        key,
        read_rows(wanted),
        evidence=settings.evidence(),
        bounds=bounds,
        budget=settings.budget.value,
        size=settings.size,
    )
    path = settings.out / PUBLIC / CERTIFICATE
    private_folder(path.parent)
    write_private(path, sign(certificate, key))
    public_report = write_report(path.parent, certificate, None)
    report = write_report(settings.out, certificate, settings.out / PICTURES)
    (settings.out / CERTIFICATE).unlink(missing_ok=True)  # where earlier versions put it, and now one of another run
    return AuditSummary(
        veil_id=certificate.veil_id,
        certificate=str(path),
        report=str(report),
        public_report=str(public_report),
        pictures=certificate.pictures,
        bounds=certificate.bounds,
        gates=certificate.gates,
        rows=certificate.rows,
    )


def print_plan(settings: AuditSettings, console: Console) -> None:
    """Say which attacks would be made on what, and which have their rows."""
    wanted = tasks(settings)
    left = missing(wanted)
    attacks, veilings = (
        max(map(len, names)) + 2 for names in zip(*((t.attack, t.veiling) for t in wanted), strict=True)
    )
    for task in wanted:
        state = "would be made" if task in left else "has its row"
        console.print(f"{task.attack:<{attacks}}{task.veiling:<{veilings}}{state}", highlight=False)


def print_summary(summary: AuditSummary, console: Console) -> None:
    """Say what the attacks made of the veil, and where the report is."""
    if summary.pictures.passed_by:
        console.print(f"left out      {summary.pictures.passed_by} pictures of another shape", highlight=False)
    rows = [row for row in summary.rows if row.veiling == VEIL]
    width = max((len(row.attack) for row in rows), default=0) + 2
    for row in rows:
        console.print(f"{row.attack:<{width}}{_said(row)}", highlight=False)
    for name, value in summary.bounds.items():
        console.print(f"{value:<14.3g}{name}", highlight=False)
    for reason in dict.fromkeys(gate.reason for gate in summary.gates if gate.reason):
        names = ", ".join(gate.name for gate in summary.gates if gate.reason == reason)
        console.print(f"{Verdict.NOT_EVALUATED:<14}{names}: {reason}", highlight=False)
    for gate in summary.gates:
        if gate.reason:
            continue
        got = "" if gate.got is None else f": {gate.got:.2f} by {gate.by}"
        got += "" if gate.high is None else f" (95 %: up to {gate.high:.2f})"
        got += "" if gate.bar is None else f", at most {gate.bar:.2f} is allowed"
        console.print(f"{gate.verdict:<14}{gate.name}{got}", highlight=False)
    for fall in falls(summary.rows):
        by = "" if fall.pairs is None else f" by {fall.by}"
        verdict = "holds" if fall.pairs is None else "falls"
        console.print(f"{verdict:<14}{fall.name}, {fall.needed}: {fall.got:.2f}{by}", highlight=False)
    console.print(
        f"report        {summary.report} (plain pictures: it stays with their owner)\n"
        f"hand out      {summary.certificate}, {summary.public_report}",
        highlight=False,
    )


def _said(row: AttackRow) -> str:
    if row.reason:
        return f"not evaluated: {row.reason}"
    if row.control is not None and not row.control.passed:
        failed = [f"{one.score} {one.got:.2f} of {one.required:.2f}" for one in row.control.demands if not one.met]
        return f"not evaluated: its control came to {', '.join(failed)}, on {row.control.on}"
    if row.top1 is not None:
        return f"finds {row.top1.mean:.0%} of {row.candidates} pictures"
    if row.auc is not None:
        return f"tells with an AUC of {row.auc.mean:.2f} [{row.auc.low:.2f}, {row.auc.high:.2f}], by chance 0.50"
    return f"detail {_estimate(row.detail)}; edges {_estimate(row.edges)}{_seen(row)}"


def _seen(row: AttackRow) -> str:
    faces, text = (row.recognised.faces, row.recognised.text) if row.recognised else (None, None)
    words = f"; words {text.read} of {text.words}" if text else ""
    objects = row.recognised.objects if row.recognised else None
    if objects and objects.objects:
        words += f"; objects {objects.found} of {objects.objects}"
    return f"; faces {faces.found} of {faces.faces}{words}" if faces and faces.faces else words


def _estimate(value: Estimate | None) -> str:
    return "-" if value is None else f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}], worst {value.worst:.2f}"
