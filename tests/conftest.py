"""What all tests share: which of them run one after the other where several processes run them, and their threads."""

import gc
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.ending import heed_interrupts, interrupt_on_sigterm

# Several processes run tests: threads of one that wait for a CPU of another's would slow both down many times.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_state = tempfile.TemporaryDirectory(prefix="raypp-state-")
os.environ["XDG_STATE_HOME"] = _state.name
"""What commands remember of ledgers is a test run's own."""

_TOGETHER = "tests/e2e/serve"
"""Its files share a running service."""
_LONGEST = (
    _TOGETHER,
    "tests/audit/test_command.py",
    "tests/edge/test_live.py",
    "tests/jobs/test_on_ray.py",
    "tests/e2e/test_train.py",
    "tests/edge/test_agent.py",
    "tests/fit/test_command.py",
    "tests/e2e",
    "tests/edge/test_clock.py",
    "tests/compare/test_comparison.py",
    "tests/examples",
    "tests/ledger/test_concurrency.py",
    "tests/audit",
)
"""What takes long, in this order, is begun first: a long file that came last would run alone.

What waits stands beside what computes, and no two processes begin by starting Ray.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""

    def place(item: pytest.Item) -> int:
        return next((n for n, long in enumerate(_LONGEST) if item.nodeid.startswith(long)), len(_LONGEST))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while modules are imported, a fifth of that time, and then leave out what they made."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Let SIGTERM, as of `timeout`, end a run as Ctrl-C does: with the servers that it has started."""
    heed_interrupts()
    interrupt_on_sigterm()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Do so anew: commands that tests run in this process have SIGTERM do other things."""
    interrupt_on_sigterm()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """And anew: a node of Ray that a fixture has started drains for 30 seconds, and then fails one test alone."""
    interrupt_on_sigterm()


class _ByFile(LoadScopeScheduling):
    """Keeps the tests of a file in one process, since they share what takes long to make."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _TOGETHER if file.startswith(_TOGETHER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share out tests by file, in the order in which they stand."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)
