"""The Serve deployment that gateways tell their counts to, and a gateway's side of it."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from raypp.serving.hedge import awaited
from raypp.serving.quota import Presence
from raypp.serving.shared_counts import EVERY_S, FORGET_S, Report, SharedCounts

logger = logging.getLogger("ray.serve")


class CountsDeployment:
    """Holds what gateways count; a new one is told all of it within a second."""

    def __init__(self) -> None:
        self._counts = SharedCounts()

    async def report(
        self, gateway: str, under_way: Mapping[tuple[str, str], int], begun: Mapping[str, int]
    ) -> tuple[Mapping[tuple[str, str], int], Mapping[str, int]]:
        """Take a gateway's counts, and return those of the others."""
        others = self._counts.report(gateway, Report(under_way, begun), time.monotonic())
        return others.under_way, others.begun


async def keep_shared(calls: Presence, counts: DeploymentHandle[Any]) -> None:
    """Report what a gateway counts and take what the others do, for ever.

    While nobody answers, the gateway soon counts its own calls alone.

    Args:
        calls: of the gateway.
        counts: the deployment.
    """
    name, answered_s, silent = secrets.token_hex(8), time.monotonic(), False
    while True:
        await asyncio.sleep(EVERY_S)
        mine = calls.report()
        try:
            report = partial(counts.report.remote, name, mine.under_way, mine.begun)
            others = await asyncio.wait_for(awaited(report), FORGET_S)
        except (TimeoutError, RayError, BackPressureError, DeploymentUnavailableError) as error:
            if time.monotonic() - answered_s > FORGET_S and not silent:
                silent = True
                calls.take_others(Report({}, {}))
                logger.warning("raypp: quotas count on this gateway alone: %s", str(error) or "no answer")
            continue
        answered_s, silent = time.monotonic(), False
        calls.take_others(Report(*others))
