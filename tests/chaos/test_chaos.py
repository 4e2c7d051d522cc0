"""Nothing lost, nothing twice: a short round of mischief leaves the ledger as a run that nobody disturbs."""

from pathlib import Path

import pytest

from tests.chaos.mischief import cut_link, drop_database, kill_agent, kill_gateway, kill_sender
from tests.chaos.rounds import difference, disturbed, undisturbed, undone
from tests.chaos.world import Plan, Stage, running_world
from tests.ledger.postgres import PostgresServer


@pytest.mark.slow
@pytest.mark.ray
def test_a_disturbed_run_leaves_the_ledger_of_an_undisturbed_one(tmp_path: Path) -> None:
    with PostgresServer() as postgres:
        stage = Stage.build(tmp_path, Plan(sites=2, cameras=1, seconds=12), postgres)
        mischiefs = (cut_link, kill_gateway, drop_database, kill_agent, kill_sender)
        with running_world(stage, "world") as world:
            expected = undisturbed(world)
            assert len(expected["episodes"]) > 3
            world.begin_again()
            hurt = disturbed(world, 1, mischiefs, print, (1, 2), most=2)
    assert undone(mischiefs, hurt.done) == []
    assert difference(expected, hurt.dump) == ""
    assert hurt.untold == ""
