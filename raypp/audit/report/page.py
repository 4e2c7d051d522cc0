"""The report of an audit: one page for people, with nothing outside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.report.curve import Curve, curve_of, lines_of
from raypp.audit.report.embedding import data_url
from raypp.audit.report.sentences import FIGURES_NOTE, HEADINGS, SCALE, gate_sentence, pairs_sentence
from raypp.audit.report.tables import AttackTable, attack_tables, bounds_table, comparison_table
from raypp.audit.verdict.broken_by import pairs_needed
from raypp.audit.verdict.certificate import Certificate
from raypp.audit.verdict.gates import Gate, Verdict, mean_leakage
from raypp.audit.verdict.headline import first_look, headlines, yardstick
from raypp.errors import OptionError
from raypp.io.atomic import write_text
from raypp.web.assets import STYLE, static_file
from raypp.web.templating import environment, own_html
from raypp.web.values import Badge

REPORT_FILE = "report.html"
_LOOKS: Mapping[Verdict, Literal["good", "bad", "warn"]] = {
    Verdict.MET: "good",
    Verdict.MISSED: "bad",
    Verdict.UNDECIDED: "warn",
    Verdict.NOT_EVALUATED: "warn",
}
_TEMPLATES = environment("raypp.web", "raypp.audit.report")
_STYLE = own_html(STYLE + static_file("raypp.audit.report", "report.css"))


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the facts on what was attacked; `is_code` for a digest or a name of a machine's."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class AdversarySection:
    """The attacks of one adversary: tables, or none where no attack was made; a note on them may be empty."""

    heading: str
    text: str
    tables: tuple[AttackTable, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Illustration:
    """An image that an attack drew.

    Attributes:
        name: of its file.
        address: its content as a data URL; empty where the file is not there.
        title: attack and target.
        figures: how much it leaks, in words.
    """

    name: str
    address: str
    title: str
    figures: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The whole page.

    Attributes:
        certificate: what it tells of.
        headlines, yardstick, first_look: sentences of the verdict.
        gates: each gate's verdict, and it in words.
        facts: what was attacked.
        adversaries: their attacks.
        bounds: what follows without any attack.
        curve: what known pairs give; None where no attack had any.
        broken: how many pairs break each threshold, in words.
        comparison: the veil beside baselines.
        illustrations: best reconstructions.
        scale: what leakage means.
    """

    certificate: Certificate
    headlines: tuple[str, ...]
    yardstick: tuple[str, ...]
    first_look: tuple[str, ...]
    gates: tuple[tuple[Badge, str], ...]
    facts: tuple[Fact, ...]
    adversaries: tuple[AdversarySection, ...]
    bounds: AttackTable
    curve: Curve | None
    broken: tuple[str, ...]
    comparison: AttackTable
    illustrations: tuple[Illustration, ...]
    scale: str = SCALE


def write_audit_report(folder: Path, certificate: Certificate, images: Path | None) -> Path:
    """Write `report.html`, whole or not at all, and return its path.

    With images it stays with their owner; without, it says no more than the certificate, which holds none.

    Args:
        folder: where to; made if it is not there.
        certificate: what it tells of.
        images: folder of the files that the rows name; one that is not there is said to be missing. None for none.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    path = folder / REPORT_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, render_report(report_of(certificate, images)))
    except OSError as error:
        raise OptionError(f"`out` {folder}: {error.strerror or error}; name a folder you may write to") from None
    return path


def render_report(report: AuditReport) -> str:
    """Return a report as an HTML document with nothing outside it."""
    template = _TEMPLATES.get_template("raypp.audit.report/report.html")
    return template.render(report=report, style=_STYLE) + "\n"


def report_of(certificate: Certificate, images: Path | None) -> AuditReport:
    """Return what a report shows of a certificate, and of the images that its rows name, if their folder is given."""
    rows = certificate.rows
    curve = curve_of(lines_of(rows))
    sections = (_adversary(certificate, adversary) for adversary in Adversary)
    return AuditReport(
        certificate=certificate,
        headlines=tuple(headlines(certificate.gates)),
        yardstick=tuple(yardstick(certificate.bounds, rows)),
        first_look=tuple(first_look(certificate.budget)),
        gates=tuple(
            (Badge(gate.verdict.value, _LOOKS[gate.verdict]), gate_sentence(gate)) for gate in certificate.gates
        ),
        facts=_facts(certificate),
        adversaries=tuple(section for section in sections if section is not None),
        bounds=bounds_table(certificate.bounds),
        curve=curve,
        broken=tuple(pairs_sentence(needed) for needed in pairs_needed(rows)) if curve else (),
        comparison=comparison_table(rows),
        illustrations=tuple(_illustration(row, images) for row in _best(rows)) if images else (),
    )


def _gate(gate: Gate) -> tuple[Badge, str]:
    return Badge(gate.verdict.value, _LOOKS[gate.verdict]), gate_sentence(gate)


def _facts(certificate: Certificate) -> tuple[Fact, ...]:
    counts = certificate.images
    images = f"{counts.victims:,} attacked, {counts.known:,} for the attacker to learn from"
    if counts.passed_by:
        images += f", {counts.passed_by:,} of another shape left out"
    return (
        Fact("veil_id", certificate.veil_id, is_code=True),
        Fact("settings", ", ".join(f"{name} {value}" for name, value in certificate.spec.items())),
        Fact("images", f"{images}, in a square of {certificate.size} pixels"),
        Fact("key", certificate.key_fingerprint, is_code=True),
        Fact("SHA-256 of the images", certificate.data_digest, is_code=True),
        Fact("SHA-256 of the attacks", certificate.code_digest, is_code=True),
    )


def _adversary(certificate: Certificate, adversary: Adversary) -> AdversarySection | None:
    rows = [row for row in certificate.rows if row.is_veil and row.adversary is adversary]
    if not rows and adversary is Adversary.WHITE_BOX:
        return None  # no budget but the quick one leaves it out, and it judges no gate
    heading, text = HEADINGS[adversary]
    note = FIGURES_NOTE if adversary is Adversary.CIPHERTEXT_ONLY else ""
    return AdversarySection(heading, text, tuple(attack_tables(rows)), note)


def _best(rows: Sequence[AttackRow]) -> list[ReconstructRow]:
    """Return every image of the veil, and the most telling one of each baseline."""
    drawn = [row for row in rows if isinstance(row, ReconstructRow) and row.image is not None]
    drawn.sort(key=lambda row: -(row.detail.mean if row.detail else 0.0))
    others = {row.target: row for row in reversed(drawn) if not row.is_veil}
    return [row for row in drawn if row.is_veil] + [row for row in drawn if others.get(row.target) is row]


def _illustration(row: ReconstructRow, folder: Path) -> Illustration:
    got = mean_leakage(row)
    figures = [row.adversary.value, f"leakage {got:.3f}" if got is not None else "not evaluated"]
    if row.psnr_db:
        figures.append(f"{row.psnr_db.mean:.1f} dB")
    name = row.image or ""
    return Illustration(name, data_url(folder, name) or "", f"{row.attack.name} on {row.target}", ", ".join(figures))
