"""What all tests share: which of them run one after the other where several processes run them."""

from pathlib import Path

import pytest

_TOGETHER = Path(__file__).parent / "e2e" / "serve"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those that share a running service: for `--dist loadgroup`."""
    for item in items:
        group = _TOGETHER if item.path.is_relative_to(_TOGETHER) else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))
