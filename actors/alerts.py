"""The Serve deployment that sends alerts: apart from gateways, so that no channel that hangs can harm a stream."""

import asyncio
import logging

from actors.logs import structure_logs
from actors.metrics import AlertMetrics
from raypp.alerts.opening import open_channels
from raypp.alerts.sender import Sender
from raypp.alerts.waiting import open_when_it_answers
from raypp.ledger.known_ledgers import KnownLedgers
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.member import Member
from raypp.serving.settings import ServiceSettings


class Alerts:
    """Sends what the outboxes hold, for as long as it lives; Serve starts it anew where it dies.

    Args:
        settings: JSON of `ServiceSettings`.

    Raises:
        OptionError, LedgerError: if a channel's files, or the ledgers, cannot be used.
    """

    def __init__(self, settings: str) -> None:
        logging.getLogger("raypp.alerts").parent = logging.getLogger("ray.serve")
        service = ServiceSettings.model_validate_json(settings)
        structure_logs(service.log_format, "alerts")
        self._settings = service.alerts
        open_channels(service.alerts)  # says what is wrong with them before anything is sent
        self._metrics = AlertMetrics()
        self._senders: dict[str, Sender] = {}
        loop = asyncio.get_running_loop()
        ledgers = Ledgers.open(service.ledger_list(), known=KnownLedgers.of_account())
        self._sending = {name: loop.create_task(self._send_for(member)) for name, member in ledgers.members.items()}

    def check_health(self) -> None:
        """Raise what ended a sender, if anything did: Serve then starts all of them anew."""
        for name, sending in self._sending.items():
            if sending.done():
                sending.result()
                raise RuntimeError(f"the sender of alerts of {name} has ended")

    def __del__(self) -> None:
        """Let the next one send at once: Serve calls this when a replica goes in peace."""
        if hasattr(self, "_senders"):  # it may have failed to start
            for sender in self._senders.values():
                sender.release()

    async def _send_for(self, member: Member) -> None:
        """Send the alerts of one ledger, once it can be opened."""
        ledger = await open_when_it_answers(member)
        sender = Sender(ledger, self._settings, open_channels(self._settings), self._metrics.of(member.name))
        self._senders[member.name] = sender
        await sender.run()
