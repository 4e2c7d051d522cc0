"""What starts nodes for other tests leaves nothing of one that does not start."""

import psutil
import pytest

from tests.ray_cluster import running_cluster

pytestmark = pytest.mark.ray


def test_nothing_is_left_of_a_node_that_does_not_start() -> None:
    before = set(psutil.Process().children(recursive=True))
    no_room = {"include_dashboard": False, "object_store_memory": 1}
    with pytest.raises(ValueError, match="object store"), running_cluster(no_room):
        pass
    assert set(psutil.Process().children(recursive=True)) <= before
