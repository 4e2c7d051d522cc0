"""Tables of a report: what each adversary made of the veil, and of the baselines beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from raypp.audit.core.recognised import NO_FACE, Recognised, TextFigures
from raypp.audit.core.row import AttackRow, DecideRow, Estimate, MatchRow, ReconstructRow
from raypp.audit.verdict.assumptions import CAVEATS
from raypp.audit.verdict.gates import LABELS_ONLY, Verdict, mean_leakage
from raypp.reports.wording import percentage
from raypp.web.values import Badge

_NONE, _NOT_EVALUATED = "-", Verdict.NOT_EVALUATED.value
_SCORES = {"detail": "L of detail", "psnr_db": "PSNR", "ssim": "SSIM", "top1": "share found", "auc": "AUC"}
_RECONSTRUCT = (
    ("attack", ""),
    ("what it has", ""),
    ("L of detail", "n"),
    ("worst 5 %", "n"),
    ("L of edges", "n"),
    ("worst 5 %", "n"),
    ("PSNR", "n"),
    ("PSNR of the blind baseline", "n"),
    ("control", ""),
    ("seconds", "n"),
)
_MATCH = (
    ("attack", ""),
    ("what it has", ""),
    ("found at the first guess", "n"),
    ("of candidates", "n"),
    ("by chance", "n"),
    ("control", ""),
    ("seconds", "n"),
)

_DECIDE = (
    ("attack", ""),
    ("what it has", ""),
    ("AUC (by chance 0.5)", "n"),
    ("surest 5 %: of the others, below", "n"),
    ("images, or pairs of boxes", "n"),
    ("control", ""),
    ("seconds", "n"),
)
_RECOGNISED = (
    ("attack", ""),
    ("faces found again", "n"),
    ("found anywhere", "n"),
    ("told from other people: AUC (by chance 0.5)", "n"),
    ("people", "n"),
    ("words read", "n"),
    ("of them, planted, by height", ""),
    ("on the images themselves", "n"),
)
_THINGS = (
    ("attack", ""),
    ("objects found again", "n"),
    ("by chance", "n"),
    ("on the images again", "n"),
    ("on plain grey", "n"),
    ("colours told", "n"),
    ("dealt at random", "n"),
    ("always the commonest", "n"),
    ("from labels alone", "n"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of one cell, behind a badge if it has one."""

    text: str
    badge: Badge | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class AttackTable:
    """A table of figures.

    Attributes:
        headings: of the columns, each with its class of the style sheet: `n` for numbers, or empty.
        rows: cells with theirs: `n`, `w` for text that may be broken, `t` for text that may not, or empty.
    """

    headings: tuple[tuple[str, str], ...]
    rows: tuple[tuple[tuple[Cell, str], ...], ...]


def attack_tables(rows: Sequence[AttackRow]) -> list[AttackTable]:
    """Return one table of each kind of attack, and one of what is recognised, as far as there are any."""
    reconstructions = [row for row in rows if isinstance(row, ReconstructRow)]
    reconstructed = [_reconstruct(row) for row in reconstructions]
    matched = [_match(row) for row in rows if isinstance(row, MatchRow)]
    decided = [_decide(row) for row in rows if isinstance(row, DecideRow)]
    seen = [_recognised(row, row.recognised) for row in reconstructions if row.recognised is not None]
    things = [
        _things(row, row.recognised)
        for row in reconstructions
        if row.recognised is not None and _looked(row.recognised)
    ]
    tables = (
        (_RECONSTRUCT, reconstructed),
        (_RECOGNISED, seen),
        (_THINGS, things),
        (_MATCH, matched),
        (_DECIDE, decided),
    )
    return [_table(heads, body) for heads, body in tables if body]


def comparison_table(rows: Sequence[AttackRow]) -> AttackTable:
    """Return the same attacks on veil and baselines: leakage L, share found, or AUC; the veil's column first."""
    targets = sorted(dict.fromkeys((not row.is_veil, row.target) for row in rows), key=itemgetter(0))
    attacks = list(dict.fromkeys((row.adversary, row.attack) for row in rows))
    by_place = {(row.adversary, row.attack, not row.is_veil, row.target): row for row in rows}
    heads = (("attack", ""), ("by", ""), *((name, "n") for _, name in targets))
    body = [
        [
            (attack.name, "w"),
            (adversary.value, "t"),
            *((_summary(by_place.get((adversary, attack, *target))), "n") for target in targets),
        ]
        for adversary, attack in attacks
    ]
    return _table(heads, body)


def bounds_table(bounds: Mapping[str, float]) -> AttackTable:
    """Return the table of figures that follow without any attack, each with what it says and what not."""
    heads = (("figure", ""), ("", "n"), ("what it says, and what not", ""))
    return _table(
        heads, [[(name, ""), (_figure(value), "n"), (CAVEATS.get(name, ""), "")] for name, value in bounds.items()]
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _reconstruct(row: ReconstructRow) -> list[tuple[str | Cell, str]]:
    return [
        *_attack(row),
        (_interval(row.detail), "n"),
        (f"{row.detail.worst:.3f}" if row.detail else _NONE, "n"),
        (_interval(row.edges), "n"),
        (f"{row.edges.worst:.3f}" if row.edges else _NONE, "n"),
        (f"{row.psnr_db.mean:.1f} dB" if row.psnr_db else _NONE, "n"),
        (f"{row.blind_psnr_db:.1f} dB" if row.blind_psnr_db is not None else _NONE, "n"),
        (_control(row), "w"),
        (f"{row.seconds:,.1f}", "n"),
    ]


def _recognised(row: ReconstructRow, figures: Recognised) -> list[tuple[str | Cell, str]]:
    """Return the cells on what recognisers find; if they look at nothing, why."""
    faces, text = figures.faces, figures.text
    if faces is None or text is None:
        return [(Cell(row.attack.name, strong=True), "w"), (f"{_NOT_EVALUATED}: {figures.reason}", "w")]
    verified = faces.verification
    return [
        (Cell(row.attack.name, strong=True), "w"),
        (f"{faces.found:,} of {faces.faces:,}" if faces.faces else NO_FACE, "n"),
        (f"{faces.anywhere:,}" if faces.faces else _NONE, "n"),
        (
            f"{verified.auc:.2f} [{verified.low:.2f}, {verified.high:.2f}]" if verified else faces.reason,
            "n" if verified else "w",
        ),
        (f"{verified.people:,}" if verified else _NONE, "n"),
        (f"{text.read:,} of {text.words:,}", "n"),
        (planted(text), "w"),
        (f"{text.own_read:,} of {text.own:,}" if text.own is not None else "not looked for", "n"),
    ]


def _looked(figures: Recognised) -> bool:
    return figures.objects is not None or figures.colours is not None


def _things(row: ReconstructRow, figures: Recognised) -> list[tuple[str | Cell, str]]:
    """Objects and colours, as far as anybody looked for them."""
    seen = named = (_NONE,) * 4
    if objects := figures.objects:
        seen = (
            f"{objects.found:,} of {objects.objects:,}",
            f"{objects.others:,}",
            f"{objects.again:,}",
            f"{objects.grey:,}",
        )
    if colours := figures.colours:
        right = f"{colours.right:,} of {colours.boxes:,}"
        named = (right, f"{colours.by_chance:,.1f}", f"{colours.commonest:,}", f"{colours.guessed:,}")
    return [(Cell(row.attack.name, strong=True), "w"), *((cell, "n") for cell in (*seen, *named))]


def planted(text: TextFigures) -> str:
    """Return words read at each height of letters, such as `1/4 2 of 2, 1/8 0 of 4`, of the image's height."""
    return ", ".join(f"1/{1 / size.height:.0f} {size.read} of {size.words}" for size in text.planted if size.words)


def _match(row: MatchRow) -> list[tuple[str | Cell, str]]:
    top1 = row.top1
    return [
        *_attack(row),
        (f"{percentage(top1.mean)} [{percentage(top1.low)}, {percentage(top1.high)}]" if top1 else _NONE, "n"),
        (f"{row.candidates:,}" if row.candidates else _NONE, "n"),
        (percentage(1 / row.candidates) if row.candidates else _NONE, "n"),
        ("no attack: what the others are held against" if row.attack.family == LABELS_ONLY else _control(row), "w"),
        (f"{row.seconds:,.1f}", "n"),
    ]


def _decide(row: DecideRow) -> list[tuple[str | Cell, str]]:
    return [
        *_attack(row),
        (_interval(row.auc), "n"),
        (percentage(row.auc.worst) if row.auc else _NONE, "n"),
        (f"{row.images:,}", "n"),
        ("no attack: what recognisers are held against" if row.auc and row.control is None else _control(row), "w"),
        (f"{row.seconds:,.1f}", "n"),
    ]


def _attack(row: AttackRow) -> list[tuple[str | Cell, str]]:
    return [(Cell(row.attack.name, strong=True), "w"), (row.knowledge, "w")]


def _interval(value: Estimate | None) -> str:
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]" if value else _NONE


def _control(row: AttackRow) -> Cell:
    control = row.control
    if row.reason:
        return Cell(row.reason, Badge(_NOT_EVALUATED, "warn"))
    if control is None:
        return Cell("no control", Badge(_NOT_EVALUATED, "warn"))
    badge = Badge("passed", "good") if control.passed else Badge(_NOT_EVALUATED, "warn")
    demands = [
        f"{_SCORES.get(demand.score, demand.score)} {demand.got:.3g} of {demand.required:.3g}"
        for demand in control.demands
    ]
    return Cell(f"{', '.join(demands)} required, on {control.on}", badge)


def _summary(row: AttackRow | None) -> str:
    if row is None:
        return _NONE
    if isinstance(row, MatchRow):
        counts = row.evaluated or row.attack.family == LABELS_ONLY
        return percentage(row.top1.mean) + " found" if row.top1 and counts else _NOT_EVALUATED
    if isinstance(row, DecideRow):
        return f"AUC {row.auc.mean:.3f}" if row.auc and row.evaluated else _NOT_EVALUATED
    got = mean_leakage(row)
    return _NOT_EVALUATED if got is None else f"{got:.3f}"


def _table(headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[tuple[str | Cell, str]]]) -> AttackTable:
    cells = (tuple((cell if isinstance(cell, Cell) else Cell(cell), look) for cell, look in row) for row in rows)
    return AttackTable(tuple(headings), tuple(cells))
