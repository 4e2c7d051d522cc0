"""Counting by a real service: it gets codes alone, keeps nothing, and gives the boxes that its bundle gives here."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from raypp.counting.opening import CountSettings, open_counter
from raypp.counting.plain_image import read_image
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import ConflictError, SiteError
from raypp.io.private import write_private
from tests.serving.bundles import write_eager_bundle
from tests.serving.running import running_service

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]


def test_the_service_counts_as_its_bundle_does_here(place: Path, tmp_path: Path) -> None:
    shutil.copy(place / "eager.model", tmp_path / "tools.model")
    image = read_image(str(place / "micrographs" / "images" / "test" / "test-0000.png"))
    settings = CountSettings(place / "eager.model", place / "owner.key", threshold=0.3)
    here = open_counter(settings)
    with running_service(tmp_path, {"detection": {"most": 300, "engine": "torch"}}) as service:
        write_private(tmp_path / "lab.token", service.site("lab").encode())
        connection = ServiceConnection(f"127.0.0.1:{service.port}", tmp_path / "lab.token")
        there = open_counter(replace(settings, connection=connection))
        ours, theirs = here.count(image).objects, there.count(image).objects
        assert len(ours) == len(theirs) > 0
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.class_name == other.class_name
            assert mine.edges == pytest.approx(other.edges, abs=0.1)
        with service.ledger() as ledger:
            assert ledger.streams("lab") == []
        other_classes = tmp_path / "other.model"
        write_eager_bundle(other_classes, veil_id=here.detector.veil.veil_id, classes=("salt", "agglomerate"))
        with pytest.raises(ConflictError, match="has classes crystal, agglomerate, the model salt, agglomerate"):
            open_counter(replace(settings, model=other_classes, connection=connection)).count(image)
        write_private(tmp_path / "wrong.token", b"guessed")
        wrong = ServiceConnection(f"127.0.0.1:{service.port}", tmp_path / "wrong.token")
        with pytest.raises(SiteError, match="does not detect"):
            open_counter(replace(settings, connection=wrong)).count(image)
    with pytest.raises(SiteError, match="does not detect"):
        open_counter(replace(settings, connection=connection)).count(image)
