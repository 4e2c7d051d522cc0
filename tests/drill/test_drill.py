"""A stolen box is answered by raypp's commands on a real service; what its key still reaches is measured."""

from pathlib import Path

import pytest

from tests.drill.drill import MOST_SHARE, REFUSED, run_drill

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1800)]


def test_a_stolen_box_is_answered(tmp_path: Path) -> None:
    outcome = run_drill(tmp_path, print)
    assert "revoked" in outcome.refusal
    assert outcome.steps[REFUSED] < 60
    assert outcome.waiting_frames < 64, "a few seconds"
    assert outcome.before > 0.5, "the control: the old pair reads"
    assert outcome.after == pytest.approx(outcome.before, abs=0.5e-4)
    assert outcome.stolen_before > 0.5, "the control: the stolen key veils what the old model reads"
    assert outcome.share <= MOST_SHARE
    assert "veil" in outcome.mismatch
