"""A card's figures are of images that nothing was learnt from."""

from dataclasses import replace

import pytest

from raypp.audit.coding.code_length import coded_bits
from raypp.compare.images import letterboxed, read_images
from raypp.fit.card import make_card
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings
from raypp.veil.learned import EncoderNetwork
from tests.veil.networks import small_network
from tests.videos import make_dataset


def test_a_coder_has_not_seen_the_images_that_it_codes(tmp_path):
    make_dataset(tmp_path / "tools")
    images = read_images(str(tmp_path / "tools"))
    settings = FitSettings(data=str(tmp_path / "tools"), weights=tmp_path / "x.pt", size=64, channels=6)
    fields = {name: 0.0 for name, field in FitEpoch.model_fields.items() if field.is_required()}
    network, last = EncoderNetwork(small_network()), FitEpoch.model_validate(fields | {"epoch": 1})
    alone = replace(images, splits={**images.splits, "val": ()})
    codes = [network.levels(letterboxed(image, 64, 8)[1]) for image in images.splits["train"]]
    assert len(codes) <= 16, "all are measured"
    card = make_card(settings, alone, last, network)
    assert card.coded_bits == pytest.approx(coded_bits(codes, 8, []).mean())
    assert card.coded_bits > coded_bits(codes, 8, codes).mean(), "the control"
