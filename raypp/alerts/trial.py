"""A test alert: sent at once by real channels, and not by way of the outbox."""

import asyncio
import json
import secrets
import time

from raypp.alerts.channel import Channel, Outcome
from raypp.alerts.event import cloud_event
from raypp.alerts.listing import TestAnswers, TriedChannel
from raypp.alerts.opening import open_channels
from raypp.alerts.settings import AlertSettings
from raypp.errors import OptionError
from raypp.ledger.delivery import Delivery, DeliveryState
from raypp.ledger.store import Ledger


def send_test_alert(ledger: Ledger, site: str, settings: AlertSettings, channel: str | None = None) -> TestAnswers:
    """Send a test alert of a site, and wait for the answers.

    Args:
        ledger: the ledger.
        site: the site.
        settings: of the service.
        channel: only by this channel; None: by all that the site's alert rules name.

    Raises:
        OptionError: if the site names no channel, or one that the settings lack.
        UnknownSiteError: if there is no such site.
    """
    rules = ledger.present_settings(site).alerts
    names = [channel] if channel else list(dict.fromkeys(name for rule in rules for name in rule.to))
    if not names:
        raise OptionError(f"site {site} has no alert rules; name a `channel`, or add rules to its settings")
    for name in names:
        if name not in settings.channels:
            known = ", ".join(sorted(settings.channels)) or "none"
            raise OptionError(f"the service's settings have no channel {name!r}; known: {known}")
    chosen = settings.model_copy(update={"channels": {name: settings.channels[name] for name in names}})
    now_us = ledger.clock()
    test = Delivery(
        delivery_id=0,
        alert_id=secrets.token_hex(16),
        channel="",
        site=site,
        camera="",
        kind="test",
        rule="test",
        moment_us=now_us,
        content=json.dumps({"test": True}),
        state=DeliveryState.WAITING,
        tries=0,
        raised_us=now_us,
        due_us=now_us,
        done_us=None,
        answer=None,
    )
    return asyncio.run(_try_all(open_channels(chosen), test, settings.source))


async def _try_all(channels: dict[str, Channel], test: Delivery, source: str) -> TestAnswers:
    tried = await asyncio.gather(*(_try(name, channel, test, source) for name, channel in channels.items()))
    return TestAnswers(site=test.site, alert_id=test.alert_id, channels=tuple(tried))


async def _try(name: str, channel: Channel, test: Delivery, source: str) -> TriedChannel:
    begun = time.monotonic()
    answer = await channel.send(test, cloud_event(test, source))
    seconds = time.monotonic() - begun
    await channel.close()
    return TriedChannel(
        channel=name, sent=answer.outcome is Outcome.SENT, answer=answer.words, seconds=round(seconds, 3)
    )
