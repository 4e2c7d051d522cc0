from pathlib import Path

from PIL import Image

from raypp.audit.core.model import Adversary
from raypp.audit.report.page import render_report, report_of
from tests.audit.rows import certificate, decide, labels_only, match, pairs, reconstruct
from tests.web.escaping import NASTY, shape, with_names


def test_no_text_of_the_report_can_become_markup(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "view.png")
    white_box = reconstruct("inversion under the key", 0.9, adversary=Adversary.WHITE_BOX)
    rows = [reconstruct(image="view.png"), reconstruct("broken", control=None, image="gone.png"), white_box]
    rows += [pairs(1, 0.2), pairs(6, 0.5), pairs(6, 0.3, "blur"), match(), labels_only(0.25), decide()]
    report = report_of(certificate(rows).model_copy(update={"budget": "quick"}), tmp_path)
    assert len(report.adversaries) == len(Adversary)
    assert report.curve
    assert [bool(image.address) for image in report.illustrations].count(True) == 1
    text = render_report(with_names(report, NASTY))
    assert shape(text) == shape(render_report(with_names(report, "plain")))
    assert "<script" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text
