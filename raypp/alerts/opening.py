"""Channels made of their settings."""

from raypp.alerts.channel import Channel
from raypp.alerts.settings import AlertSettings, MqttSettings, WebhookSettings


def open_channels(settings: AlertSettings) -> dict[str, Channel]:
    """Make the channels of a service; reads their secrets, and connects to nobody.

    Raises:
        OptionError: naming the channel whose files cannot be used.
    """
    return {name: _open(name, channel) for name, channel in settings.channels.items()}


def _open(name: str, channel: WebhookSettings | MqttSettings) -> Channel:
    if isinstance(channel, WebhookSettings):
        from raypp.alerts.webhook import Webhook  # noqa: PLC0415 - its client is large

        return Webhook(name, channel)
    from raypp.alerts.mqtt import Mqtt  # noqa: PLC0415 - likewise

    return Mqtt(name, channel)
