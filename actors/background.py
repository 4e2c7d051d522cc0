"""Work that a gateway does beside its calls, for as long as it lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

logger = logging.getLogger("ray.serve")
PAUSE_S = 5.0


async def kept_up(work: Callable[[], Awaitable[object]], pause_s: float = PAUSE_S) -> NoReturn:
    """Do work that is to last; whatever ends it is logged, and it begins anew. Cancel it to stop.

    Args:
        work: starts it.
        pause_s: seconds before it begins anew.
    """
    while True:
        try:
            await work()
        except Exception:
            logger.exception("raypp: work in the background ended, and begins anew")
        await asyncio.sleep(pause_s)
