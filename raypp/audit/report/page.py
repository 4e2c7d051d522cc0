"""The report of an audit: one page for people, with nothing outside it."""

from collections.abc import Sequence
from pathlib import Path

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.report.curve import draw, lines_of
from raypp.audit.report.embedding import data_url
from raypp.audit.report.tables import attack_tables, bounds_table, comparison_table
from raypp.audit.verdict.broken_by import PairsNeeded, pairs_needed
from raypp.audit.verdict.certificate import Certificate
from raypp.audit.verdict.gates import (
    FACES,
    IDENTITY,
    INSIDER_FACES,
    INSIDER_IDENTITY,
    INSIDER_MEAN,
    INSIDER_TEXT,
    INSIDER_WORST,
    MATCHING,
    MEAN,
    TEXT,
    WORST,
    Gate,
    Verdict,
    leakage,
)
from raypp.audit.verdict.headline import first_look, headlines, said_over_keys
from raypp.errors import OptionError
from raypp.io.atomic import write_text
from raypp.web.assets import STYLE
from raypp.web.html import Html, element

REPORT_FILE = "report.html"
_SCALE = "0 is the blind baseline, a guess from the labels alone; 1 is the image itself"
_OWN_STYLE = """
.badge.bad{background:var(--warn-bg);color:var(--bad)}.card>h2+p{margin-top:0}.card h2{font-size:1.1rem}
.curve{width:100%;max-width:900px;display:block}.curve text{font-size:12px;fill:var(--soft)}
.line{fill:var(--c);stroke:var(--c)}.line polyline,.line line{fill:none}
figure{margin:0 0 1.2rem}figure img{max-width:100%;height:auto;display:block;border-radius:8px}
figcaption{font-size:.86rem;color:var(--soft);margin-top:.4rem;overflow-wrap:anywhere}
.gates{list-style:none;margin:0;padding:0;display:grid;gap:.7rem}.gates .badge{margin-right:.5rem}
dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1.2rem;margin:0}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
"""
_BADGES = {
    Verdict.MET: "badge good",
    Verdict.MISSED: "badge bad",
    Verdict.UNDECIDED: "badge warn",
    Verdict.NOT_EVALUATED: "badge warn",
}
_NO_THRESHOLD = (
    "There is no threshold: enough pairs open any veil that a detector can be trained on, and what matters is how many "
    "are enough."
)
_HEADINGS = {
    Adversary.CIPHERTEXT_ONLY: (
        "A ciphertext-only adversary",
        "has veiled images and whatever is public. The thresholds above are for this one.",
    ),
    Adversary.INSIDER: (
        "An insider",
        (
            "(an honest but curious ML team) has labels and the detector that it trained on codes. It can make every "
            "attack of a ciphertext-only adversary, too."
        ),
    ),
    Adversary.KNOWN_PLAINTEXT: (
        "A known-plaintext adversary",
        f"has veiled images, some of them plain, too. {_NO_THRESHOLD}",
    ),
    Adversary.WHITE_BOX: (
        "A white-box adversary",
        (
            "has the key and all that is secret about the veil; only the images are not there. These attacks find what "
            "the veil still lets through once its key is compromised. What they do not find, the veil threw away, or "
            "they do not see it. It is a figure to know, and there is no threshold."
        ),
    ),
}
_ALL, _FEW = "On average over all images", "On the worst 5 % of images"
_WHERE = {MEAN: _ALL, INSIDER_MEAN: _ALL, WORST: _FEW, INSIDER_WORST: _FEW}
_FOUND = {
    FACES: "of the faces on the originals are found again on what {} reconstructed",
    TEXT: "of the words on plain images are read on what {} reconstructed",
}
_FOUND |= {INSIDER_FACES: _FOUND[FACES], INSIDER_TEXT: _FOUND[TEXT]}
_IDENTITIES = {IDENTITY, INSIDER_IDENTITY}


def write_report(folder: Path, certificate: Certificate, images: Path | None) -> Path:
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
        write_text(path, _page(certificate, images))
    except OSError as error:
        raise OptionError(f"`out` {folder}: {error.strerror or error}; name a folder you may write to") from None
    return path


def _page(certificate: Certificate, images: Path | None) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"Audit of veil {certificate.veil_id}"),
        element("style", Html(STYLE + _OWN_STYLE)),
    )
    made = f"{certificate.made_at}, raypp {certificate.raypp_version}, budget {certificate.budget}"
    top = element("div", element("h1", "What attacks made of this veil"), element("p", made, class_="sub"))
    main = element(
        "main",
        element("div", top, class_="top"),
        _verdict(certificate),
        _attacked(certificate),
        *(_adversary(certificate, adversary) for adversary in Adversary),
        _bounds(certificate),
        _curve(certificate),
        _comparison(certificate),
        _images(certificate, images) if images else None,
        _card("What this rests on", element("ul", [element("li", one) for one in certificate.assumptions])),
        _verification(certificate),
    )
    return "<!doctype html>" + element("html", head, element("body", main), lang="en").text + "\n"


def _verdict(certificate: Certificate) -> Html:
    gates = certificate.gates
    found = [element("p", element("strong", one)) for one in headlines(gates)]
    found += [element("p", one) for one in first_look(certificate.budget)]
    said = [
        element("li", element("span", gate.verdict.value, class_=_BADGES[gate.verdict]), _in_words(gate), _caveat(gate))
        for gate in gates
    ]
    note = element("p", "A stronger attack may do better; no figure here says that it would fail.", class_="note")
    return _card("Verdict", *found, element("ul", said, class_="gates"), note)


def _in_words(gate: Gate) -> str:
    attack = f"the best attack of the {gate.adversary.value}" + (f" ({gate.by})" if gate.by else "")
    if gate.got is None:
        why = f"not evaluated: {gate.reason}" if gate.reason else "no attack could be evaluated"
        return f"{gate.name[0].upper()}{gate.name[1:]}: {why}."
    if gate.name in _FOUND:
        allowed = "none" if gate.threshold == 0 else f"at most {gate.threshold:.1%}"
        return f"{gate.got:.1%} {_FOUND[gate.name].format(attack)}; {allowed} is allowed."
    if gate.name in _IDENTITIES:
        return (
            f"On what {attack} reconstructed, people are told apart with an area under the curve of {gate.got:.2f} (by "
            f"chance 0.50); at most {gate.threshold:.2f} is allowed."
        )
    if gate.name == MATCHING:
        threshold = (
            "labels alone tell it, too" if gate.threshold is None else f"at most {gate.threshold:.1%} is allowed"
        )
        return f"{attack.capitalize()} tells which image was veiled in {gate.got:.1%} of cases; {threshold}."
    threshold = "no threshold is known" if gate.threshold is None else f"at most {gate.threshold:.3f} is allowed"
    return f"{_WHERE.get(gate.name, gate.name)}, {attack} found {gate.got:.3f} ({_SCALE}); {threshold}."


def _caveat(gate: Gate) -> str:
    return _interval_caveat(gate) + (f" {said_over_keys(gate)}" if gate.over_keys else "")


def _interval_caveat(gate: Gate) -> str:
    if (
        gate.verdict is Verdict.UNDECIDED
        and gate.high is not None
        and gate.threshold is not None
        and gate.high > gate.threshold
    ):
        more = "people" if gate.name in _IDENTITIES else "images"
        return f" The 95 % interval reaches {gate.high:.3f}: more {more} would tell."
    if gate.verdict is Verdict.NOT_EVALUATED and gate.got is not None and gate.threshold is not None:
        return " Another attack was not made, or failed its control: nothing is known of what it would find."
    return ""


def _attacked(certificate: Certificate) -> Html:
    spec = ", ".join(f"{name} {value}" for name, value in certificate.spec.items())
    images = f"{certificate.images.victims:,} attacked, {certificate.images.known:,} for the attacker to learn from"
    if certificate.images.passed_by:
        images += f", {certificate.images.passed_by:,} of another shape left out"
    facts: list[tuple[str, object]] = [
        ("veil_id", element("code", certificate.veil_id)),
        ("settings", spec),
        ("images", f"{images}, in a square of {certificate.size} pixels"),
        ("key", element("code", certificate.key_fingerprint)),
        ("SHA-256 of the images", element("code", certificate.data_digest)),
        ("SHA-256 of the attacks", element("code", certificate.code_digest)),
    ]
    rows = [[element("dt", name), element("dd", value)] for name, value in facts if value is not None]
    return _card("What was attacked", element("dl", rows, class_="facts"))


def _bounds(certificate: Certificate) -> Html:
    words = (
        "Limits that can be computed; none of them says that no attack works. The detail is luma inside cells, each "
        "cell's mean taken away: its variance over these images."
    )
    return _card("What follows without any attack", element("p", words), bounds_table(certificate.bounds))


def _adversary(certificate: Certificate, adversary: Adversary) -> Html | None:
    rows = [row for row in certificate.rows if row.is_veil and row.adversary is adversary]
    if not rows and adversary is Adversary.WHITE_BOX:
        return None  # no budget but the quick one leaves it out, and it judges no gate
    heading, words = _HEADINGS[adversary]
    tables = attack_tables(rows) or [element("p", "No attack was made.", class_="note")]
    scale = (
        f"L is leakage: {_SCALE}; mean over all images and its 95 % interval. Below 0 is worse than the baseline. "
        "Faces and words count that recognisers find on the plain images; heights of letters are shares of a "
        "image's. Objects are those that a public detector finds on the plain images, colours those of labelled "
        "boxes, by eight names; neither has a threshold."
    )
    note = element("p", scale, class_="note") if adversary is Adversary.CIPHERTEXT_ONLY else None
    return _card(heading, element("p", f"{heading} {words}"), *tables, note)


def _curve(certificate: Certificate) -> Html | None:
    lines = lines_of(certificate.rows)
    if not lines:
        return None
    note = (
        f"Leakage of the best attack with as many pairs, the greater of detail and edges: {_SCALE}. A threshold is "
        "broken by the fewest pairs, of those tried, with which an attack goes beyond it."
    )
    broken = element("ul", [element("li", _broken(needed)) for needed in pairs_needed(certificate.rows)])
    return _card("What known pairs give", draw(lines), broken, element("p", note, class_="note"))


def _broken(needed: PairsNeeded) -> str:
    name = f"{needed.name[0].upper()}{needed.name[1:]}"
    by = "" if needed.pairs is None else f", {needed.by}"
    return f"{name}: {needed.verdict} ({needed.got:.3f}{by})."


def _comparison(certificate: Certificate) -> Html:
    words = (
        f"The same attacks on each: leakage L, the greater of detail and edges ({_SCALE}), the share found, or the "
        "area under the curve of a decision (AUC; 0.5 by chance)."
    )
    return _card("The veil beside other ways to hide", element("p", words), comparison_table(certificate.rows))


def _images(certificate: Certificate, folder: Path) -> Html | None:
    shown = _best(certificate.rows)
    if not shown:
        return None
    note = "The images of which an attack found most: the original, and beside it what was made of it. "
    secret = element("strong", "These are plain images: this page stays with their owner. The certificate holds none.")
    return _card("Best reconstructions", element("p", note, secret), *(_figure(row, folder) for row in shown))


def _best(rows: Sequence[AttackRow]) -> list[ReconstructRow]:
    """Every image of the veil, and the most telling one of each baseline."""
    drawn = [row for row in rows if isinstance(row, ReconstructRow) and row.image is not None]
    drawn.sort(key=lambda row: -(row.detail.mean if row.detail else 0.0))
    others = {row.target: row for row in reversed(drawn) if not row.is_veil}
    return [row for row in drawn if row.is_veil] + [row for row in drawn if others.get(row.target) is row]


def _figure(row: ReconstructRow, folder: Path) -> Html:
    name = row.image or ""
    address = data_url(folder, name)
    got = leakage(row)
    figures = [
        row.adversary.value,
        f"leakage {got:.3f}" if got is not None else "not evaluated",
        f"{row.psnr_db.mean:.1f} dB" if row.psnr_db else None,
    ]
    caption = element("figcaption", f"{row.attack.name} on {row.target}: ", ", ".join(one for one in figures if one))
    if address is None:
        return element("figure", element("p", f"image {name} is not there", class_="note"), caption)
    return element("figure", element("img", src=address, alt=f"{row.attack.name} on {row.target}"), caption)


def _verification(certificate: Certificate) -> Html:
    return _card(
        "How to verify the certificate",
        element("p", element("code", "raypp verify certificate.json"), " needs no key, and finds any change."),
        element(
            "p",
            "It proves that the holder of key ",
            element("code", certificate.key_fingerprint),
            " vouches for it. Compare that with what the owner tells you, and the veil_id with that of the archive "
            "(raypp inspect). This page is not signed; the certificate is.",
        ),
    )


def _card(heading: str, *content: object) -> Html:
    return element("section", element("h2", heading), *content, class_="card")
