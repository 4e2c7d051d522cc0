"""What image codecs show in as many bits as a frame takes: no more bits, and more where there are more."""

import pytest
from PIL import features

from raypp.audit.coding import image_codecs
from raypp.audit.coding.ceiling import ceiling_on
from raypp.audit.coding.image_codecs import shown_in
from raypp.audit.core.model import Images
from raypp.audit.footage.evidence import Evidence
from raypp.audit.metrics import scores
from raypp.audit.metrics.measure import BlindBaseline
from raypp.audit.verdict.assumptions import (
    CEILING_DETAIL,
    CEILING_DETAIL_WORST,
    CEILING_EDGES,
    CODED_BITS,
    CODED_BITS_PER_PIXEL,
)
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil

KEY = VeilKey(bytes(range(32)))


def ceiling(spec: PatchSpec, known: Images, victims: Images, say: object = pytest.fail) -> dict[str, float]:
    blind = BlindBaseline.of(known, victims, spec.patch)
    return ceiling_on(Veil(spec, KEY, None), Evidence(known, victims, 0), blind, say)


def test_more_bits_show_more(known: Images, victims: Images) -> None:
    narrow, wide = (ceiling(PatchSpec(channels=channels), known, victims) for channels in (4, 32))
    assert narrow[CODED_BITS] < 0.25 * wide[CODED_BITS]
    assert wide[CODED_BITS_PER_PIXEL] == wide[CODED_BITS] / (128 * 96)
    assert 0 < narrow[CEILING_DETAIL] < wide[CEILING_DETAIL] < wide[CEILING_DETAIL_WORST] < 1
    assert narrow[CEILING_EDGES] < wide[CEILING_EDGES]
    assert ceiling(PatchSpec(channels=4), known, victims) == narrow


def test_no_codec_takes_more_bits_than_it_is_given(victims: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = list[int]()
    for name in ("_avif", "_jpeg_2000"):
        codec = getattr(image_codecs, name)

        def counted(luma, size, codec=codec):
            content = codec(luma, size)
            if content is not None:
                mark = content.find(b"mdat")
                taken.append(len(content) - (mark + 4 if mark >= 0 else 0))
            return content

        monkeypatch.setattr(image_codecs, name, counted)
    details = []
    for bits in (1200, 24_000):
        shown = list(shown_in(victims.frames[0], bits))
        assert len(shown) == len(taken) >= 2
        assert max(taken) <= bits / 8
        assert max(taken) > 0.75 * bits / 8, "nearly all bits are used"
        details.append(max(scores.detail(image[None], victims.frames[:1], 8)[0] for image in shown))
        taken.clear()
    assert details[0] < details[1] - 0.1
    assert list(shown_in(victims.frames[0], 8)) == []


def test_without_a_codec_that_is_said_and_bits_are_counted(
    known: Images, victims: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    lines = list[str]()
    assert set(ceiling(PatchSpec(channels=4), known, victims, lines.append)) == {CODED_BITS, CODED_BITS_PER_PIXEL}
    assert lines == [
        "the codec ceiling is not computed: this Pillow was built without AVIF; install its wheel",
    ]
