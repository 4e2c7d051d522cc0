"""Makes pages in a process of its own: a gateway's own process is that of the streams, and has one interpreter."""

from dataclasses import replace
from typing import Any

import ray

from raypp.ledger.identity import Principal
from raypp.ledger.store import Ledger
from raypp.serving.settings import ServiceSettings
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import make


class PageMaker:
    """An actor that reads the ledger and makes pages of it.

    Args:
        settings: JSON of `ServiceSettings`.
    """

    def __init__(self, settings: str) -> None:
        self._ledger = Ledger.open(ServiceSettings.model_validate_json(settings).ledger_url())

    def make(self, request: PageRequest, reader: Principal, now_us: int) -> PageResponse:
        """Make the answer to a request whose reader is known."""
        return make(self._ledger, request, reader, now_us)


class RemotePages:
    """The gateway's way to its page maker, which lives as long as the gateway; called from threads that may wait.

    Args:
        settings: of the service.
        threads: how many pages are made at a time.
    """

    def __init__(self, settings: ServiceSettings, threads: int) -> None:
        maker = ray.remote(PageMaker).options(num_cpus=0, max_concurrency=threads, max_restarts=-1, max_task_retries=1)
        self._maker: Any = maker.remote(settings.model_dump_json())

    def __call__(self, request: PageRequest, reader: Principal, now_us: int) -> PageResponse:
        """Have a page made; the reader's token, which is among the headers, stays here."""
        answer: PageResponse = ray.get(self._maker.make.remote(replace(request, headers={}), reader, now_us))
        return answer
