"""Ledgers whose alerts wait: those of the others are sent meanwhile."""

import asyncio
import logging

from raypp.errors import LedgerError
from raypp.io.background import BackgroundThreads
from raypp.ledger.member import Member
from raypp.ledger.store import Ledger

_AGAIN_S = 5.0

logger = logging.getLogger("raypp.alerts")


async def open_when_it_answers(member: Member) -> Ledger:
    """Return a ledger once it can be opened, however often that fails; what is wrong with it is logged once."""
    trouble, threads = "", BackgroundThreads(1, f"opening-{member.name}")
    while True:
        try:
            return await threads.run(member.ledger)
        except LedgerError as error:
            if str(error) != trouble:
                logger.warning("raypp: alerts of ledger %s wait: %s", member.name, error)
            trouble = str(error)
            await asyncio.sleep(_AGAIN_S)
