"""Makes pages in a process of its own: a gateway's own process is that of the streams, and has one interpreter."""

from dataclasses import replace
from threading import Lock
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raypp.ledger.identity import Principal
from raypp.ledger.ledgers import Ledgers
from raypp.serving.settings import ServiceSettings
from raypp.web.execution_reports import ExecutionReports
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import is_of_executions, make

_WAIT_S = 1.0
"""How long a page waits for executions that are being compared; it then says so, and asks again by itself."""


class PageMaker:
    """An actor that reads the ledgers and makes pages of it.

    Args:
        settings: JSON of `ServiceSettings`.
    """

    def __init__(self, settings: str) -> None:
        named = ServiceSettings.model_validate_json(settings).ledger_list()
        self._ledgers = Ledgers.open(
            named, create=False, upgrade=True
        )  # the gateway has made those that were not there
        self._executions = ExecutionReports(self._ledgers, _WAIT_S)

    def make(self, request: PageRequest, reader: Principal, now_us: int) -> PageResponse:
        """Make the answer to a request whose reader is known."""
        return make(self._ledgers, request, reader, now_us, self._executions)


class RemotePages:
    """The gateway's way to its page makers, which live as long as the gateway; called from threads that may wait.

    They are on the gateway's node: so no other node's loss takes pages away, and none is kept from going when idle.

    Pages of executions have a maker of their own, from the first one on: it loads pm4py, which takes seconds of a CPU
    and some memory, and no other page waits for that.

    Args:
        settings: of the service.
        threads: how many pages are made at a time; those that wait for a ledger that hangs are among them.
    """

    def __init__(self, settings: ServiceSettings, threads: int) -> None:
        self._settings = settings.model_dump_json()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._class = ray.remote(PageMaker).options(
            num_cpus=0, max_concurrency=threads, max_restarts=-1, max_task_retries=1, scheduling_strategy=here
        )
        self._maker: Any = self._class.remote(self._settings)
        self._of_executions: Any = None
        self._lock = Lock()

    def __call__(self, request: PageRequest, reader: Principal, now_us: int) -> PageResponse:
        """Have a page made; the reader's token, which is among the headers, stays here."""
        maker = self._maker_of(request.path)
        answer: PageResponse = ray.get(maker.make.remote(replace(request, headers={}), reader, now_us))
        return answer

    def _maker_of(self, path: str) -> Any:
        if not is_of_executions(path):
            return self._maker
        with self._lock:
            if self._of_executions is None:
                self._of_executions = self._class.remote(self._settings)
            return self._of_executions
