"""A node is lost in the middle of a veil, and does not come back; what is left is what one process leaves."""

import random
from pathlib import Path

import pytest

from tests.nodes.cluster import ray_cluster
from tests.nodes.machine import lacking
from tests.nodes.rounds import disturbed
from tests.nodes.work import Veil, prepare, run_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(lacking()), reason=f"no machines of their own: {lacking()}"),
]


def test_a_veil_ends_as_undisturbed_when_a_node_is_lost_for_good(tmp_path: Path) -> None:
    prepare(tmp_path)
    work = Veil(tmp_path)
    run_command(tmp_path, *work.words(tmp_path / "alone"), "--on", "local")
    with ray_cluster(tmp_path / "machines", 2) as cluster:
        expected = work.results(tmp_path / "alone")
        outcome = disturbed(work, cluster, tmp_path / "out", random.Random(1), expected, returns=False)
    assert not outcome.difference
