import pytest

from tests.nodes.cluster import is_work


@pytest.mark.parametrize(
    ("title", "works"),
    [
        ("ray::VeilActor.work", True),
        ("ray::RayTrainWorker", True),
        ("ray::IDLE", False),
        ("ray::DashboardAgent  ", False),
        ("ray::RuntimeEnvAgent", False),
        ("/usr/bin/python -m tests.nodes.ray_start", False),
        ("", False),
    ],
)
def test_agents_of_a_node_are_no_work_that_it_has(title: str, works: bool) -> None:
    assert is_work(title) is works
