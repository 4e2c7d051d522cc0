"""The Serve deployment that sends alerts: apart from gateways, so that no channel that hangs can harm a stream."""

import asyncio
import logging

from actors.logs import structure_logs
from actors.metrics import AlertMetrics
from raypp.alerts.opening import open_channels
from raypp.alerts.sender import Sender
from raypp.ledger.store import Ledger
from raypp.serving.settings import ServiceSettings


class Alerts:
    """Sends what the outbox holds, for as long as it lives; Serve starts it anew where it dies.

    Args:
        settings: JSON of `ServiceSettings`.

    Raises:
        OptionError, LedgerError: if a channel's files, or the ledger, cannot be used.
    """

    def __init__(self, settings: str) -> None:
        logging.getLogger("raypp.alerts").parent = logging.getLogger("ray.serve")
        service = ServiceSettings.model_validate_json(settings)
        structure_logs(service.log_format, "alerts")
        channels = open_channels(service.alerts)
        self._sender = Sender(Ledger.open(service.ledger_url()), service.alerts, channels, AlertMetrics())
        self._sending = asyncio.get_running_loop().create_task(self._sender.run())

    def check_health(self) -> None:
        """Raise what ended the sender, if anything did: Serve then starts another one."""
        if self._sending.done():
            self._sending.result()
            raise RuntimeError("the sender of alerts has ended")

    def __del__(self) -> None:
        """Let the next one send at once: Serve calls this when a replica goes in peace."""
        if hasattr(self, "_sending"):  # it may have failed to start
            self._sender.release()
