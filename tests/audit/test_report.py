import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary
from raypp.audit.core.recognised import (
    NO_FACE,
    NOT_INSTALLED,
    ColourFigures,
    FaceFigures,
    ObjectFigures,
    Recognised,
)
from raypp.audit.core.row import AttackRow
from raypp.audit.report.page import write_audit_report
from raypp.audit.verdict.certificate import Certificate, ImageCounts
from raypp.errors import OptionError
from tests.audit.rows import (
    FAILED,
    VEIL,
    certificate,
    decide,
    labels_only,
    match,
    pairs,
    recognised,
    reconstruct,
    under_keys,
)

NASTY = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e"
_VOID = {"meta", "img"}
TOLD = labels_only(0.5)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value or "" for attribute, value in self.attributes if attribute == name]


def show(folder: Path, stated: Certificate, images: Path | None = None) -> Page:
    path = write_audit_report(folder, stated, images or folder / "images")
    assert path == folder / "report.html"
    return Page(path.read_text())


def save(folder: Path, name: str, side: int = 16, kind: str = "PNG") -> bytes:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(side).integers(0, 256, (side, 2 * side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / name, kind)
    return (folder / name).read_bytes()


def test_the_report_says_what_was_attacked_and_what_came_of_it(tmp_path: Path) -> None:
    stated = certificate()
    page = show(tmp_path, stated)
    for words in (
        stated.veil_id,
        stated.key_fingerprint,
        "kB per frame",
        "5.76",
        "patch 8, ",
        "Against a ciphertext-only adversary: the veil held against these attacks: all 6 thresholds met.",
        "the best attack of the ciphertext-only adversary (component view) found 0.050",
        "at most 0.100 is allowed",
        "0.050 [0.040, 0.060]",
        "11.5 dB",
        "12.8 dB",
        "L of detail 0.95 of 0.9, PSNR 31.5 of 20 required, on linear mix",
        "ridge, 6 pairs",
        "pixelation 16",
        "raypp verify certificate.json",
        *stated.assumptions,
    ):
        assert words in page.text


def test_images_that_were_left_out_are_counted(tmp_path: Path) -> None:
    assert "left out" not in show(tmp_path, certificate()).text
    some = ImageCounts(known=12, victims=16, passed_by=1200)
    assert "1,200 of another shape left out" in show(tmp_path, certificate(images=some)).text


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        (
            [reconstruct(detail=0.5), match(), TOLD],
            "Against a ciphertext-only adversary: the veil did not hold: 2 of 6 thresholds missed.",
        ),
        (
            [reconstruct(), match()],
            "Against a ciphertext-only adversary: not proven: 1 of 6 thresholds could not be evaluated.",
        ),
        (
            [reconstruct(control=FAILED), match(), TOLD],
            "Against a ciphertext-only adversary: not proven: 5 of 6 thresholds could not be evaluated.",
        ),
        (
            [pairs(6, 0.9), TOLD],
            "Against a ciphertext-only adversary: not proven: 6 of 6 thresholds could not be evaluated.",
        ),
        (
            [reconstruct(detail=0.095), match(), TOLD],
            (
                "Against a ciphertext-only adversary: not proven: 1 of 6 thresholds undecided, the images are too few "
                "to tell."
            ),
        ),
        (
            [reconstruct(detail=0.095), match()],
            "Against a ciphertext-only adversary: not proven: 1 of 6 thresholds could not be evaluated, 1 undecided.",
        ),
        (
            [under_keys(reconstruct(detail=0.05), 0.02, 0.2), match(), TOLD],
            "Against a ciphertext-only adversary: not proven: 1 of 6 thresholds undecided, keys of this spec differ.",
        ),
    ],
)
def test_the_headline_never_says_more_than_the_gates(tmp_path: Path, rows: list[AttackRow], headline: str) -> None:
    page = show(tmp_path, certificate(rows))
    assert headline in page.text
    assert "Against a ciphertext-only adversary: the veil held" not in page.text


def test_an_insider_is_judged_apart_and_an_attack_that_was_not_made_says_why(tmp_path: Path) -> None:
    insider = reconstruct("feature bridge, linear", 0.4, adversary=Adversary.INSIDER)
    attack = AttackId(family="feature bridge", variant="network")
    gone = {"attack": attack, "detail": None, "edges": None, "control": None, "reason": "no --model"}
    lacking = insider.model_copy(update=gone)
    page = show(tmp_path, certificate([reconstruct(), match(), TOLD, insider, lacking]))
    assert "Against a ciphertext-only adversary: the veil held" in page.text
    assert "Against an insider: the veil did not hold: 2 of 5 thresholds missed." in page.text
    assert "the best attack of the insider (feature bridge, linear) found 0.400" in page.text
    own = page.text[page.text.index("An insider (an honest but curious ML team) has") :]
    assert "not evaluated no --model" in own


def test_thresholds_that_could_be_about_nothing_are_named_apart(tmp_path: Path) -> None:
    nobody = recognised(faces=FaceFigures(faces=0, found=0, anywhere=0, reason=NO_FACE))
    text = show(tmp_path, certificate([reconstruct(recognised=nobody), match(), TOLD])).text
    assert (
        "the veil held against these attacks: all 4 thresholds met. 2 thresholds more had nothing on these images"
        in text
    )
    assert "Face verification: not evaluated: no face is found on the originals." in text
    text = show(tmp_path, certificate([reconstruct(recognised=Recognised(reason=NOT_INSTALLED)), match(), TOLD])).text
    assert "not proven: 3 of 6 thresholds could not be evaluated" in text
    assert "component viewnot evaluated: it needs raypp[recognition]" in text


def test_a_decision_has_its_area_under_the_curve(tmp_path: Path) -> None:
    rows = [
        reconstruct(),
        match(),
        TOLD,
        decide(),
        decide(auc=0.96, target="overfitted"),
        decide("other", control=None),
    ]
    text = show(tmp_path, certificate(rows)).text
    assert "by lossVeiled frames and the detector.0.550 [0.487, 0.613]75 %64passed AUC 0.96 of 0.8 required" in text
    beside = text[text.index("The veil beside other ways to hide") :]
    assert "by lossinsiderAUC 0.550AUC 0.960" in beside
    assert "otherinsidernot evaluated-" in beside


def test_objects_and_colours_stand_beside_what_chance_tells_and_change_no_threshold(tmp_path: Path) -> None:
    objects = ObjectFigures(objects=1204, found=7, others=2, again=1199, grey=3)
    colours = ColourFigures(boxes=86, right=51, by_chance=42.85, commonest=44, guessed=41)
    stated = certificate([reconstruct(recognised=recognised(objects=objects, colours=colours)), match(), TOLD])
    text = show(tmp_path, stated).text
    assert "component view7 of 1,2042" in text
    assert "1,199351 of 8642.94441" in text
    assert "always the commonest" not in show(tmp_path, certificate()).text
    assert stated.gates == certificate([reconstruct(), match(), TOLD]).gates
    nobody = Recognised(reason=NOT_INSTALLED, colours=colours)
    assert "component view----51 of 86" in show(tmp_path, certificate([reconstruct(recognised=nobody), match()])).text


def test_a_white_box_adversary_is_told_apart_and_has_no_threshold(tmp_path: Path) -> None:
    key = reconstruct("inversion under the key", 0.9, adversary=Adversary.WHITE_BOX)
    page = show(tmp_path, certificate([reconstruct(), match(), TOLD, key]))
    assert (
        "Against a ciphertext-only adversary: the veil held against these attacks: all 6 thresholds met." in page.text
    )
    assert "Against a white-box" not in page.text
    section = page.text[page.text.index("A white-box adversary has the key") :]
    assert "once its key is compromised" in section
    assert "0.900" in section


def test_an_attack_whose_control_failed_reads_not_evaluated(tmp_path: Path) -> None:
    page = show(
        tmp_path, certificate([reconstruct("view"), reconstruct("broken", 0.77, control=FAILED), match(control=None)])
    )
    assert "not evaluated L of detail 0.95 of 0.9, PSNR 12.2 of 20 required" in page.text
    assert "Another attack was not made, or failed its control" in page.text
    assert "Matching: no attack could be evaluated." in page.text
    cells = page.text[page.text.index("The veil beside other ways") :]
    assert "0.770" not in cells
    assert cells.count("not evaluated") == 2


def test_every_name_is_escaped(tmp_path: Path) -> None:
    rows = [
        reconstruct(NASTY, knowledge=NASTY, image=NASTY),
        reconstruct(target=NASTY),
        pairs(6, 0.2, NASTY, NASTY),
        match(NASTY, target=NASTY),
    ]
    stated = certificate(
        rows,
        assumptions=(NASTY,),
        spec={NASTY: NASTY},
        bounds={NASTY: 1.0},
        budget=NASTY,
        veil_id=NASTY,
        made_at=NASTY,
        key_fingerprint=NASTY,
        raypp_version=NASTY,
    )
    page = show(tmp_path, stated)
    assert not {"script", "iframe", "object", "link", "base", "form"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\u202e" not in page.text
    assert NASTY[:-1] in page.text


def test_images_are_part_of_the_page(tmp_path: Path) -> None:
    first = save(tmp_path / "images", "view.png")
    second = save(tmp_path / "images", "pixelation.jpg", kind="JPEG")
    rows = [reconstruct(target="pixelation 16", image="pixelation.jpg"), reconstruct(image="view.png")]
    page = show(tmp_path, certificate(rows))
    sources = page.values("src")
    assert sources[0] == f"data:image/png;base64,{base64.b64encode(first).decode()}"
    assert sources[1] == f"data:image/jpeg;base64,{base64.b64encode(second).decode()}"
    assert f"component view on {VEIL}: ciphertext-only adversary, leakage 0.050, 11.5 dB" in page.text
    assert "this page stays with their owner" in page.text


def test_of_a_baseline_only_the_most_telling_image_is_shown(tmp_path: Path) -> None:
    for name in ("weak.png", "strong.png", "veil.png", "veil2.png"):
        save(tmp_path / "images", name)
    rows = [
        reconstruct("weak", 0.2, target="blur", image="weak.png"),
        reconstruct("strong", 0.8, target="blur", image="strong.png"),
        reconstruct("weak", 0.01, image="veil.png"),
        reconstruct("strong", 0.02, image="veil2.png"),
    ]
    page = show(tmp_path, certificate(rows))
    assert page.values("alt") == [f"strong on {VEIL}", f"weak on {VEIL}", "strong on blur"]


def test_a_large_image_is_made_smaller(tmp_path: Path) -> None:
    whole = save(tmp_path / "images", "large.png", 400)
    assert len(whole) > 900_000
    (source,) = show(tmp_path, certificate([reconstruct(image="large.png")])).values("src")
    kind, _, content = source.partition(";base64,")
    assert kind == "data:image/jpeg"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.size == (800, 400)
    assert len(content) < len(whole)


@pytest.mark.parametrize("name", ["gone.png", "text.png", "../secret.png", "link.png", "", ".", "cut.png", "a\0b.png"])
def test_what_is_no_image_of_the_audit_is_not_embedded(tmp_path: Path, name: str) -> None:
    save(tmp_path / "audit", "secret.png")
    images = tmp_path / "audit" / "images"
    images.mkdir()
    (images / "text.png").write_text("veil key")
    (images / "link.png").symlink_to(tmp_path / "audit" / "secret.png")
    (images / "cut.png").write_bytes(save(images, "whole.png", 400)[:500_000])
    page = show(tmp_path, certificate([reconstruct(image=name)]), images)
    assert page.values("src") == []
    assert "is not there" in page.text


def test_the_page_needs_nothing_outside_it(tmp_path: Path) -> None:
    save(tmp_path / "images", "view.png")
    write_audit_report(tmp_path, certificate([reconstruct(image="view.png"), pairs(6, 0.2)]), tmp_path / "images")
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", (tmp_path / "report.html").read_text())
    for outside in ("http", "@import", "url(/", "url(h", "//", "<script", "<link", "href="):
        assert outside not in text, outside
    assert "prefers-color-scheme: dark" in text


def test_a_report_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="name a folder you may write to"):
        write_audit_report(tmp_path / "file", certificate(), tmp_path)


def test_writing_again_replaces_the_report_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first = write_audit_report(tmp_path / "new" / "out", certificate(), tmp_path).read_bytes()
    assert write_audit_report(tmp_path / "new" / "out", certificate(), tmp_path).read_bytes() == first
    assert [path.name for path in (tmp_path / "new" / "out").iterdir()] == ["report.html"]


def test_the_report_says_what_other_keys_give_and_that_quick_is_a_first_look(tmp_path: Path) -> None:
    stated = certificate([under_keys(reconstruct(detail=0.05), 0.02, 0.2), match(), TOLD])
    text = show(tmp_path, stated.model_copy(update={"budget": "quick"})).text
    assert "under 2 other keys 0.02 to 0.20, under this one 0.05; keys of this spec differ." in text
    assert "A first look" in text
    assert "A first look" not in show(tmp_path, stated.model_copy(update={"budget": "standard"})).text
