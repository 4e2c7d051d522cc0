"""The `raypp frontier` command: what veils cost a detector against what they show, in one table and one picture."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.audit.certificate import Certificate, verify_certificate
from raypp.audit.model import Adversary, AttackRow, Kind
from raypp.errors import ConflictError, OptionError
from raypp.json_file import json_option, write_json
from raypp.utility.arm import ArmKind, ArmRow
from raypp.utility.rows import read_rows
from raypp.whole_file import write_text

_MARKS = {Adversary.OUTSIDER: "o", Adversary.TEAM: "^", Adversary.PAIRS: "s"}


class Shown(BaseModel):
    """The most that an adversary's attacks got out of a veil: leakage L of detail inside cells."""

    model_config = ConfigDict(frozen=True)

    attack: str
    mean: float
    worst: float = Field(description="mean of the worst 5 % of pictures")

    @classmethod
    def of(cls, rows: Sequence[AttackRow], adversary: Adversary) -> "Shown | None":
        """Take the attack of an adversary that shows most of the veil; None if none was evaluated."""
        found = [
            cls(attack=row.attack, mean=row.detail.mean, worst=row.detail.worst)
            for row in rows
            if row.is_veil and row.adversary is adversary and row.kind is Kind.REBUILD and row.evaluated and row.detail
        ]
        return max(found, key=lambda one: one.mean, default=None)


class FrontierPoint(BaseModel):
    """One veil: what a detector on it is worth, and what it shows to whom."""

    model_config = ConfigDict(frozen=True)

    name: str
    veil_id: str
    seeds: int
    map50: float
    map50_95: float
    loss: float = Field(description="of mAP50 against plain pictures, as a share of it")
    bytes_per_frame: float
    shown: dict[Adversary, Shown]
    budget: str = Field(description="of the audit")


class Frontier(BaseModel):
    """Result of `raypp frontier`: plain pictures, and the veils that were compared and audited, best mAP50 first."""

    model_config = ConfigDict(frozen=True)

    plain_map50: float
    points: tuple[FrontierPoint, ...]


def frontier(
    audits: Annotated[list[Path], typer.Argument(help="Folders of `raypp audit`, or certificates, one for each veil.")],
    cost: Annotated[Path, typer.Option(help="Folder of `raypp compare` with plain pictures and the same veils.")],
    out: Annotated[Path, typer.Option(help="Folder for frontier.md and frontier.png.")],
    json_file: Annotated[Path | None, json_option("the points")] = None,
) -> None:
    """Set what veils cost against what they show: rows of `raypp compare` joined with audits by veil_id.

    Example: raypp frontier audit-default audit-learned --cost cost --out frontier
    """
    found = join_frontier(list(read_rows(cost).values()), [_certificate(path) for path in audits], str(cost))
    out.mkdir(parents=True, exist_ok=True)
    text = to_markdown(found)
    write_text(out / "frontier.md", text)
    draw(found, out / "frontier.png")
    console = Console(stderr=True, soft_wrap=True)
    console.print(text, highlight=False, markup=False, end="")
    console.print(f"look at       {out / 'frontier.png'}", highlight=False)
    write_json(json_file, found)


def join_frontier(rows: Sequence[ArmRow], certificates: Sequence[Certificate], where: str) -> Frontier:
    """Join arms with audits of the same veil.

    Args:
        rows: of one comparison.
        certificates: of audits.
        where: the comparison, for messages.

    Raises:
        OptionError: if plain pictures were not compared, or no veil was both compared and audited.
        ConflictError: if rows are of several schedules or datasets, which do not compare.
    """
    if len({(row.schedule, row.dataset) for row in rows}) > 1:
        raise ConflictError(f"{where} holds rows of several schedules or datasets; give a folder of one")
    plain = [row.map50 for row in rows if row.arm.kind is ArmKind.PLAIN]
    if not plain:
        raise OptionError(f"{where} has no row of plain pictures; run `raypp compare` with --arm plain there")
    audited = {one.veil_id: one for one in certificates}
    arms: dict[str, list[ArmRow]] = {}
    for row in rows:
        if row.veil is not None and row.veil.veil_id in audited:
            arms.setdefault(row.arm.name, []).append(row)
    if not arms:
        raise OptionError(f"no veil of {where} is that of an audit; audit it with the same key and spec")
    points = [_point(name, of_it, audited, mean(plain)) for name, of_it in arms.items()]
    return Frontier(plain_map50=mean(plain), points=tuple(sorted(points, key=lambda one: -one.map50)))


def to_markdown(found: Frontier) -> str:
    """Return the frontier as a table in Markdown."""
    head = ["veil", "mAP50", "mAP50-95", "loss of mAP50", "kB/frame", *(f"L {one}: mean (worst 5 %)" for one in _MARKS)]
    lines = [head, ["---"] * len(head), ["plain pictures", f"{found.plain_map50:.3f}", *[""] * (len(head) - 2)]]
    for one in found.points:
        leaks = [one.shown.get(adversary) for adversary in _MARKS]
        lines.append(
            [
                one.name,
                f"{one.map50:.3f}",
                f"{one.map50_95:.3f}",
                f"{100 * one.loss:.1f} %",
                f"{one.bytes_per_frame / 1e3:.1f}",
                *(f"{leak.mean:.2f} ({leak.worst:.2f}), {leak.attack}" if leak else "" for leak in leaks),
            ]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(found: Frontier, path: Path) -> None:
    """Draw mAP50 over leakage into a PNG: a mark for each adversary, a line at what plain pictures give."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axhline(found.plain_map50, color="black", linestyle="--", linewidth=1, label="plain pictures")
    for adversary, mark in _MARKS.items():
        seen = [(one, one.shown[adversary]) for one in found.points if adversary in one.shown]
        axes.scatter([leak.mean for _, leak in seen], [one.map50 for one, _ in seen], marker=mark, label=str(adversary))
        for one, leak in seen:
            axes.annotate(one.name, (leak.mean, one.map50), (4, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel(
        "leakage L of detail inside cells, the strongest attack's mean (0: a guess from labels, 1: the picture)"
    )
    axes.set_ylabel("mAP50, val split")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def _point(name: str, rows: Sequence[ArmRow], audited: dict[str, Certificate], plain: float) -> FrontierPoint:
    veils = {row.veil.veil_id: row.veil for row in rows if row.veil is not None}
    (veil_id, veil), *more = veils.items()
    if more:
        raise ConflictError(f"arms of several veils are called {name}; give each a name of its own")
    certificate = audited[veil_id]
    leaks = {adversary: Shown.of(certificate.rows, adversary) for adversary in _MARKS}
    map50 = mean(row.map50 for row in rows)
    return FrontierPoint(
        name=name,
        veil_id=veil_id,
        seeds=len(rows),
        map50=map50,
        map50_95=mean(row.map50_95 for row in rows),
        loss=1 - map50 / plain,
        bytes_per_frame=veil.bytes_per_frame,
        shown={adversary: leak for adversary, leak in leaks.items() if leak is not None},
        budget=certificate.budget,
    )


def _certificate(path: Path) -> Certificate:
    return verify_certificate(path / "certificate.json" if path.is_dir() else path)
