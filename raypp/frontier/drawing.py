"""A frontier as a table in Markdown and as an image."""

from pathlib import Path

from raypp.audit.core.model import Adversary
from raypp.frontier.points import ADVERSARIES, Frontier

_MARKS = {Adversary.CIPHERTEXT_ONLY: "o", Adversary.INSIDER: "^", Adversary.KNOWN_PLAINTEXT: "s"}


def to_markdown(joined_frontier: Frontier) -> str:
    """Return the frontier as a table in Markdown."""
    head = [
        "veil",
        "mAP50",
        "mAP50-95",
        "loss of mAP50",
        "kB/frame",
        "bits/frame, coded",
        *(f"L {leak_mark}: mean (worst 5 %)" for leak_mark in ADVERSARIES),
    ]
    lines = [head, ["---"] * len(head), ["plain images", f"{joined_frontier.plain_map50:.3f}", *[""] * (len(head) - 2)]]
    for point in joined_frontier.points:
        leaks = [point.shown.get(adversary) for adversary in ADVERSARIES]
        lines.append(
            [
                point.name,
                f"{point.map50:.3f}",
                f"{point.map50_95:.3f}",
                f"{100 * point.loss:.1f} %",
                f"{point.bytes_per_frame / 1e3:.1f}",
                "" if point.coded_bits is None else f"{point.coded_bits:,.0f}",
                *(f"{leak.mean:.2f} ({leak.worst:.2f}), {leak.attack}" if leak else "" for leak in leaks),
            ]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw_frontier(joined_frontier: Frontier, path: Path) -> None:
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
