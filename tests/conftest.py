"""What all tests share: which of them run one after the other where several processes run them, and their threads."""

import os
from pathlib import Path

import pytest

# Several processes run tests: threads of one that wait for a CPU of another's would slow both down many times.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_TOGETHER = Path(__file__).parent / "e2e" / "serve"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those that share a running service: for `--dist loadgroup`."""
    for item in items:
        group = _TOGETHER if item.path.is_relative_to(_TOGETHER) else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))
