"""The demo's service: where it ends before it serves, the demo says so, and names its log."""

from pathlib import Path

import pytest

from raypp.demo.service import DemoSites, stream_sites
from raypp.errors import RayppError
from raypp.progress import SILENT
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec


@pytest.mark.slow
def test_a_service_that_ends_before_it_serves_is_named_with_its_status_and_log(tmp_path: Path) -> None:
    sites = DemoSites((), VeilKey.generate(), PatchSpec(), None, tmp_path / "missing.model", 320, 5)
    with pytest.raises(RayppError, match=r"ended with \d+ before it served; see .*service\.log"):
        stream_sites(sites, tmp_path, tmp_path / "service", SILENT)
    assert "missing.model" in (tmp_path / "service" / "service.log").read_text()
