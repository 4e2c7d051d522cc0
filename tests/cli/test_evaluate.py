"""What `raypp evaluate` prints: names stand there as they are, whatever they hold."""

import io

from rich.console import Console

from raypp.cli.evaluation_printing import print_scores
from raypp.evaluate.report import EvaluationScores, GroupScores
from raypp.evaluate.scores import ClassScores


def test_names_that_look_like_markup_are_printed_as_they_are() -> None:
    figures = {"precision": 0.1, "recall": 0.2, "map50": 0.3, "map50_95": 0.4}
    names = ("[/red]", "[bold]saw[/bold]", "[link=x]")
    classes = tuple(ClassScores(name=name, labels=1, **figures) for name in names)
    cameras = tuple(GroupScores(name=f"north/{name}", samples=1, labels=1, map50=0.1, map50_95=0.1) for name in names)
    scores = EvaluationScores(samples=3, labels=3, classes=classes, by_site=(), by_camera=cameras, **figures)
    out = io.StringIO()
    print_scores(scores, Console(file=out, width=200))
    for name in names:
        assert out.getvalue().count(name) == 2
