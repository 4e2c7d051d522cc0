"""The `raypp frontier` command: what veils and other ways to hide cost a detector against what they show."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.verdict.certificate import CERTIFICATE, Certificate, verify_certificate
from raypp.cli.json_file import json_option, write_json
from raypp.compare.arm import ArmKind, ArmRow
from raypp.compare.rows import read_arm_rows
from raypp.errors import ConflictError, OptionError
from raypp.io.atomic import write_text
from raypp.io.private import PUBLIC

_MARKS = {Adversary.CIPHERTEXT_ONLY: "o", Adversary.INSIDER: "^", Adversary.KNOWN_PLAINTEXT: "s"}


class Shown(BaseModel):
    """The most that an adversary's attacks got out of what is hidden: leakage L of detail inside cells."""

    model_config = ConfigDict(frozen=True)

    attack: str
    mean: float
    worst: float = Field(description="mean of the worst 5 % of images")

    @classmethod
    def of(cls, rows: Sequence[AttackRow], adversary: Adversary) -> "Shown | None":
        """Take the attack of an adversary that shows most, of rows on one target; None if none was evaluated."""
        leaks = [
            cls(attack=row.attack.name, mean=row.detail.mean, worst=row.detail.worst)
            for row in rows
            if isinstance(row, ReconstructRow) and row.adversary is adversary and row.evaluated and row.detail
        ]
        return max(leaks, key=lambda leak: leak.mean, default=None)


class FrontierPoint(BaseModel):
    """One veil, or another way to hide: what a detector on it is worth, and what it shows to whom."""

    model_config = ConfigDict(frozen=True)

    name: str
    veil_id: str | None = Field(description="None for another way to hide")
    seeds: int
    map50: float
    map50_95: float
    loss: float = Field(description="of mAP50 against plain images, as a share of it")
    bytes_per_frame: float
    shown: dict[Adversary, Shown]
    budget: str = Field(description="of the audit; of several, if they differ, all")


class Frontier(BaseModel):
    """Result of `raypp frontier`: plain images, and what was compared and audited, best mAP50 first."""

    model_config = ConfigDict(frozen=True)

    plain_map50: float
    points: tuple[FrontierPoint, ...]
    left_out: tuple[str, ...] = Field(description="what was compared, and attacked by no audit")


def frontier(
    audits: Annotated[list[Path], typer.Argument(help="Folders of `raypp audit`, or certificates, one for each veil.")],
    cost: Annotated[Path, typer.Option(help="Folder of `raypp compare` with plain images and the same veils.")],
    out: Annotated[Path, typer.Option(help="Folder for frontier.md and frontier.png.")],
    json_file: Annotated[Path | None, json_option("the points")] = None,
) -> None:
    """Set what veils cost against what they show: rows of `raypp compare` joined with audits by veil_id.

    Other ways to hide that were compared, such as pixelation-16, are joined with what audits made of the same.

    Example: raypp frontier audit-default audit-learned --cost cost --out frontier
    """
    joined = join_frontier(list(read_arm_rows(cost).values()), [_certificate(path) for path in audits], str(cost))
    out.mkdir(parents=True, exist_ok=True)
    text = to_markdown(joined)
    write_text(out / "frontier.md", text)
    draw(joined, out / "frontier.png")
    console = Console(stderr=True, soft_wrap=True)
    console.print(text, highlight=False, markup=False, end="")
    if joined.left_out:
        console.print(
            f"left out      {', '.join(joined.left_out)}: in none of these audits; other ways to hide than a veil are "
            "attacked with --budget standard, and count if --size is that of the comparison",
            highlight=False,
            markup=False,
        )
    console.print(f"look at       {out / 'frontier.png'}", highlight=False, markup=False)
    write_json(json_file, joined)


def join_frontier(rows: Sequence[ArmRow], certificates: Sequence[Certificate], where: str) -> Frontier:
    """Join arms with audits of the same veil, and other ways to hide with what was attacked under the same title.

    An audit of a veil attacks other ways to hide, too. Of several audits, the attack that shows most counts; those at
    another size than the comparison's do not: squares of 16 pixels hide more of a smaller image.

    Args:
        rows: of one comparison.
        certificates: of audits.
        where: the comparison, for messages.

    Raises:
        OptionError: if plain images were not compared, or nothing was both compared and audited.
        ConflictError: if rows are of several schedules or datasets, which do not compare.
    """
    if len({(row.schedule, row.dataset) for row in rows}) > 1:
        raise ConflictError(f"{where} holds rows of several schedules or datasets; give a folder of one")
    plain = [row.map50 for row in rows if row.arm.kind is ArmKind.PLAIN]
    if not plain:
        raise OptionError(f"{where} has no row of plain images; run `raypp compare` with --arm plain there")
    arms: dict[tuple[str, str], list[ArmRow]] = {}
    for row in rows:
        if row.hidden is not None:
            arms.setdefault((row.arm.name, _way(row)), []).append(row)
    joined = {(name, way): _point(name, of_it, certificates, mean(plain)) for (name, way), of_it in arms.items()}
    points = sorted((point for point in joined.values() if point is not None), key=lambda point: -point.map50)
    if not points:
        raise OptionError(f"no veil of {where} is that of an audit; audit it with the same key and spec")
    names = [point.name for point in points]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConflictError(f"arms of several veils are called {twice[0]}; give each a name of its own")
    left_out = tuple(name for (name, _), point in joined.items() if point is None)
    return Frontier(plain_map50=mean(plain), points=tuple(points), left_out=left_out)


def to_markdown(joined_frontier: Frontier) -> str:
    """Return the frontier as a table in Markdown."""
    head = [
        "veil",
        "mAP50",
        "mAP50-95",
        "loss of mAP50",
        "kB/frame",
        *(f"L {leak_mark}: mean (worst 5 %)" for leak_mark in _MARKS),
    ]
    lines = [head, ["---"] * len(head), ["plain images", f"{joined_frontier.plain_map50:.3f}", *[""] * (len(head) - 2)]]
    for point in joined_frontier.points:
        leaks = [point.shown.get(adversary) for adversary in _MARKS]
        lines.append(
            [
                point.name,
                f"{point.map50:.3f}",
                f"{point.map50_95:.3f}",
                f"{100 * point.loss:.1f} %",
                f"{point.bytes_per_frame / 1e3:.1f}",
                *(f"{leak.mean:.2f} ({leak.worst:.2f}), {leak.attack}" if leak else "" for leak in leaks),
            ]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(joined_frontier: Frontier, path: Path) -> None:
    """Draw mAP50 over leakage into a PNG: a mark for each adversary, joined by arm; a line for plain images."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axhline(joined_frontier.plain_map50, color="black", linestyle="--", linewidth=1, label="plain images")
    for adversary, mark in _MARKS.items():
        seen = [(point, point.shown[adversary]) for point in joined_frontier.points if adversary in point.shown]
        axes.scatter(
            [leak.mean for _, leak in seen], [point.map50 for point, _ in seen], marker=mark, label=str(adversary)
        )
    for point in joined_frontier.points:
        reach = sorted(leak.mean for leak in point.shown.values())
        if reach:
            axes.plot([reach[0], reach[-1]], [point.map50] * 2, color="lightgrey", zorder=0)
            axes.annotate(point.name, (reach[0], point.map50), (4, 4), textcoords="offset points", fontsize=8)
    axes.margins(x=0.15)
    axes.set_xlabel(
        "leakage L of detail inside cells, the strongest attack's mean (0: a guess from labels, 1: the image)"
    )
    axes.set_ylabel("mAP50, val split")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def _way(row: ArmRow) -> str:
    """Tell ways to hide apart: a veil_id, or the title of another way."""
    if row.arm.obscuring is not None:
        return row.arm.obscuring.title
    return row.veil.veil_id if row.veil else ""


def _attacks(row: ArmRow, audit: Certificate) -> list[AttackRow]:
    """Rows of an audit on an arm's way to hide."""
    if row.arm.obscuring is None:
        return [attack_row for attack_row in audit.rows if attack_row.is_veil] if audit.veil_id == _way(row) else []
    same_size = audit.size == row.schedule.size
    return [
        attack_row
        for attack_row in audit.rows
        if same_size and not attack_row.is_veil and attack_row.target == _way(row)
    ]


def _point(
    name: str, rows: Sequence[ArmRow], certificates: Sequence[Certificate], plain: float
) -> FrontierPoint | None:
    """Join the rows of one arm with audits; None if no audit attacked it."""
    first = rows[0]
    attacks = [attack for certificate in certificates for attack in _attacks(first, certificate)]
    if not attacks or first.hidden is None:
        return None
    leaks = {adversary: Shown.of(attacks, adversary) for adversary in _MARKS}
    map50 = mean(row.map50 for row in rows)
    return FrontierPoint(
        name=name,
        veil_id=first.veil.veil_id if first.veil else None,
        seeds=len(rows),
        map50=map50,
        map50_95=mean(row.map50_95 for row in rows),
        loss=1 - map50 / plain,
        bytes_per_frame=first.hidden.bytes_per_frame,
        shown={adversary: leak for adversary, leak in leaks.items() if leak is not None},
        budget=", ".join(sorted({certificate.budget for certificate in certificates if _attacks(first, certificate)})),
    )


def _certificate(path: Path) -> Certificate:
    if path.is_dir():
        earlier = path / CERTIFICATE  # where versions before this put it
        path = earlier if earlier.is_file() else path / PUBLIC / CERTIFICATE
    return verify_certificate(path)
