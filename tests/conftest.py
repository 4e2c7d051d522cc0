"""What all tests share: which of them run one after the other where several processes run them, and their threads."""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Several processes run tests: threads of one that wait for a CPU of another's would slow both down many times.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_TOGETHER = "tests/e2e/serve"
"""Its files share a running service."""


class _ByFile(LoadScopeScheduling):
    """Keeps the tests of a file in one process, since they share what takes long to make."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _TOGETHER if file.startswith(_TOGETHER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share out tests by file."""
    return _ByFile(config, log)
