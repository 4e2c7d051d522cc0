"""A procedure as an image: its steps in their order, and what was not as prescribed in its executions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from textwrap import wrap

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from raypp.procedure.bpmn import words_of
from raypp.procedure.flow import Gateway, Task, flow_of
from raypp.procedure.layout import Arrow, Node, NodeKind, laid_out
from raypp.procedure.orders import execution_words
from raypp.procedure.verdict import DEVIATIONS
from raypp.reports.execution_record import ExecutionsReport
from raypp.text.printable import printable
from raypp.text.wording import counted
from raypp.usage.procedure_rules import ProcedureRules

_DPI = 100
_WIDTH, _LINE, _PADDING = 168.0, 15.0, 12.0
_HEAD = 74.0
_LEAST_WIDTH = 640.0
_LETTERS = 26
_INK, _SOFT, _WRONG, _UNTOLD, _BOX = "#1a1d21", "#5b626c", "#b3261e", "#8a5a00", "#f4f6f9"
_NO_DATE = {"Date": None, "Creator": None}
_SIGNS = {Gateway.ONE: "×", Gateway.ALL: "+"}
_WRONG_VERDICTS = frozenset(verdict.value for verdict in DEVIATIONS)
_UNTOLD_VERDICTS = frozenset({"not_observed", "cannot_tell"})


@dataclass(frozen=True)
class StepCounts:
    """Verdicts on the steps of a procedure in its executions.

    Attributes:
        executions: how many there were.
        deviating: how many of them were not as prescribed.
        cannot_tell: how many of which nobody can tell.
        steps: how often each verdict was given on each step, by its name; an empty name is what is no step.
    """

    executions: int
    deviating: int
    cannot_tell: int
    steps: Mapping[str, Counter[str]] = field(hash=False)

    @classmethod
    def of(cls, report: ExecutionsReport, procedure: str) -> "StepCounts":
        """Count the verdicts of a report on one procedure."""
        rows = [row for row in report.executions if row.procedure == procedure]
        steps: dict[str, Counter[str]] = {}
        for row in rows:
            for step in row.steps:
                steps.setdefault(step.step or "", Counter()).update(step.verdicts)
        outcomes = Counter(row.outcome for row in rows)
        return cls(len(rows), outcomes["deviating"], outcomes["cannot_tell"], steps)


def draw_procedure(rules: ProcedureRules, kind: str, counts: StepCounts | None = None) -> bytes:
    """Draw a procedure; return the same bytes each time.

    Args:
        rules: the procedure.
        kind: png or svg.
        counts: verdicts of its executions, or None.
    """
    with rc_context(
        {"font.family": "DejaVu Sans", "text.parse_math": False, "svg.hashsalt": "raypp", "svg.fonttype": "none"}
    ):
        figure = _Drawing(rules, counts).figure()
        content = BytesIO()
        if kind == "svg":
            FigureCanvasSVG(figure).print_svg(content, metadata=_NO_DATE)  # type: ignore[no-untyped-call]
        else:
            FigureCanvasAgg(figure).print_png(content, metadata={"Software": None})  # type: ignore[no-untyped-call]
        return content.getvalue()


class _Drawing:
    def __init__(self, rules: ProcedureRules, counts: StepCounts | None) -> None:
        self._rules = rules
        self._counts = counts
        self._layout = laid_out(flow_of(rules.whole, exact=False), self._size)

    def figure(self) -> Figure:
        layout = self._layout
        width, height = max(layout.width, _LEAST_WIDTH), layout.height + _HEAD
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        self._head(axes)
        for arrow in layout.arrows:
            _draw_arrow(axes, arrow)
        for node in layout.nodes:
            self._node(axes, node)
        return figure

    def _head(self, axes: Axes) -> None:
        rules, counts = self._rules, self._counts
        bounds = [f"at most {rules.max_s:g} s"] if rules.max_s is not None else []
        bounds += [f"no pause above {rules.max_pause_s:g} s"] if rules.max_pause_s is not None else []
        axes.text(24, 22, printable(rules.name), fontsize=13, fontweight="bold", color=_INK, va="center")
        words = "; ".join((execution_words(rules.execution), *bounds))
        axes.text(24, 43, printable(words), fontsize=9, color=_SOFT, va="center")
        legend = "× one of    + all, in any order    dashed: may be left out"
        if counts is not None:
            legend = f"{counted(counts.executions, 'execution')}: {counts.deviating} not as prescribed, "
            legend += f"{counts.cannot_tell} of which nobody can tell"
            extra = counts.steps.get("", Counter())["extra"]
            legend += f"; {counted(extra, 'use')} of no step" if extra else ""
        axes.text(24, 62, legend, fontsize=9, color=_SOFT, va="center")

    def _node(self, axes: Axes, node: Node) -> None:
        x, y = node.x, node.y + _HEAD
        if node.task is not None:
            self._task(axes, node, node.task)
        elif node.gateway is not None:
            half = node.width / 2
            corners = [(x - half, y), (x, y - half), (x + half, y), (x, y + half)]
            axes.add_patch(Polygon(corners, facecolor="white", edgecolor=_INK, linewidth=1.2))
            axes.text(x, y, _SIGNS[node.gateway], fontsize=15, color=_INK, ha="center", va="center_baseline")
        else:
            width = 2.6 if node.kind is NodeKind.END else 1.2
            axes.add_patch(Circle((x, y), node.width / 2, facecolor="white", edgecolor=_INK, linewidth=width))

    def _task(self, axes: Axes, node: Node, task: Task) -> None:
        left, top = node.x - node.width / 2, node.y - node.height / 2 + _HEAD
        lines = self._lines(task)
        is_wrong = any(colour == _WRONG for _, colour, _ in lines)
        box = FancyBboxPatch(
            (left + 4, top + 4),
            node.width - 8,
            node.height - 8,
            boxstyle="round,pad=4,rounding_size=8",
            facecolor=_BOX,
            edgecolor=_WRONG if is_wrong else _INK,
            linewidth=1.2,
            linestyle="--" if task.step.least == 0 else "-",
        )
        axes.add_patch(box)
        for number, (text, colour, weight) in enumerate(lines):
            y = top + _PADDING + (number + 0.5) * _LINE
            axes.text(node.x, y, text, fontsize=8.5, color=colour, fontweight=weight, ha="center", va="center")

    def _size(self, task: Task) -> tuple[float, float]:
        return _WIDTH, 2 * _PADDING + _LINE * len(self._lines(task))

    def _lines(self, task: Task) -> list[tuple[str, str, str]]:
        """Return what stands in a step's box: text, colour and weight of each line."""
        step = task.step
        lines = [(line, _INK, "bold") for line in _wrapped(step.name)]
        for words in words_of(task).split("; "):
            lines += [(line, _SOFT, "normal") for line in _wrapped(words)]
        least, most = step.repeat
        if (least, most) != (1, 1):
            lines.append((f"{least} to {most} times" if least < most else counted(most, "time"), _SOFT, "normal"))
        if step.max_pause_s is not None:
            lines.append((f"pause before: at most {step.max_pause_s:g} s", _SOFT, "normal"))
        verdicts = Counter() if self._counts is None else self._counts.steps.get(step.name, Counter())
        if self._counts is not None:
            lines.append((f"{verdicts['done']} done", _INK, "normal"))
        for verdict, times in sorted(verdicts.items()):
            if verdict in _WRONG_VERDICTS or verdict in _UNTOLD_VERDICTS:
                colour = _WRONG if verdict in _WRONG_VERDICTS else _UNTOLD
                lines.append((f"{times} {verdict.replace('_', ' ')}", colour, "normal"))
        return lines


def _draw_arrow(axes: Axes, arrow: Arrow) -> None:
    points = [(x, y + _HEAD) for x, y in arrow.points]
    axes.plot([x for x, _ in points], [y for _, y in points], color=_INK, linewidth=1.1, zorder=0)
    style = {"arrowstyle": "-|>", "color": _INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", points[-1], points[-2], arrowprops=style, zorder=0)


def _wrapped(text: str) -> list[str]:
    return wrap(printable(text), _LETTERS, max_lines=3, placeholder=" …") or [""]
