"""Alerts to a broker of MQTT 5, each acknowledged before the next."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from raypp.alerts.channel import Answer, Outcome
from raypp.alerts.event import CONTENT_TYPE
from raypp.alerts.settings import MqttSettings
from raypp.alerts.webhook import tls_context
from raypp.errors import OptionError
from raypp.io.private import read_secret
from raypp.ledger.delivery import Delivery
from raypp.text.printable import printable

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

_KEEPALIVE_S = 15
_NOBODY_SUBSCRIBES = 16


class _LinkError(Exception):
    """A broker refused a connection, or it was lost."""


class Mqtt:
    """Publishes alerts with QoS 1, over a connection that is made when there is something to send.

    After any failure the connection is given up with all that it holds, and the alert is published anew over another
    one: a client that is kept would deliver what it has queued by itself, after the alert was tried again.

    Args:
        name: of the channel.
        settings: its settings.

    Raises:
        OptionError: if paho-mqtt is not installed, or a file of a secret, or of certificates, cannot be used.
    """

    def __init__(self, name: str, settings: MqttSettings) -> None:
        if find_spec("paho") is None:
            raise OptionError(f"channel {name}: MQTT needs paho-mqtt; install raypp[mqtt]")
        self.deadline_s = settings.deadline_s
        self._settings = settings
        self._shown = "{}:{}".format(*settings.broker)
        self._tls = tls_context(settings.ca_file, name) if settings.tls else None
        self._password: str | None = None
        if settings.password_file is not None:
            what, remedy = f"channel {name}: password file", "write the password into it, mode 0600"
            self._password = read_secret(settings.password_file, what, remedy, OptionError).decode().rstrip("\r\n")
        self._link: _Link | None = None

    async def send(self, delivery: Delivery, body: bytes) -> Answer:
        """Publish an alert; the broker's acknowledgement decides."""
        try:
            async with asyncio.timeout(self.deadline_s):
                if self._link is not None and self._link.is_lost:
                    await self.close()
                if self._link is None:
                    self._link = _Link(self._client(), self._settings.broker)
                await self._link.opened
                reason = await self._link.publish(self.topic(delivery), body)
        except TimeoutError:
            await self.close()
            return Answer(Outcome.UNREACHED, f"{self._shown} did not answer within {self.deadline_s:g} s")
        except _LinkError as error:
            await self.close()
            return Answer(Outcome.UNREACHED, f"{self._shown}: {printable(str(error))}")
        if reason.is_failure:
            return Answer(Outcome.FAILED, f"{self._shown} refused it: {reason}")
        nobody = reason.value == _NOBODY_SUBSCRIBES
        return Answer(Outcome.SENT, "acknowledged" + ("; nobody subscribes to it" if nobody else ""))

    async def close(self) -> None:
        """Give the connection up."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def topic(self, delivery: Delivery) -> str:
        """Return where an alert is published: a camera's below SITE/CAMERA, a whole site's below SITE."""
        where = (delivery.site, delivery.camera) if delivery.camera else (delivery.site,)
        return "/".join((self._settings.topic, *where, delivery.kind))

    def _client(self) -> "Client":
        from paho.mqtt.client import Client, MQTTv5  # noqa: PLC0415 - an extra
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, reconnect_on_failure=False)
        client.connect_timeout = self.deadline_s
        if self._settings.user is not None:
            client.username_pw_set(self._settings.user, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client


class _Link:
    """One connection; paho's threads tell it what happens, in the event loop."""

    def __init__(self, client: "Client", broker: tuple[str, int]) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._published: dict[int, asyncio.Future[ReasonCode]] = {}
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.is_lost = False
        client.on_connect = lambda _client, _user, _flags, reason, _properties: self._tell(self._connected, reason)
        client.on_publish = lambda _client, _user, mid, reason, _properties: self._tell(self._acknowledged, mid, reason)
        client.on_disconnect = lambda _client, _user, _flags, reason, _properties: self._tell(
            self._lost, f"the connection ended: {reason}"
        )
        threading.Thread(target=self._connect, args=broker, name="mqtt-connect", daemon=True).start()

    async def publish(self, topic: str, body: bytes) -> "ReasonCode":
        """Publish and wait for the acknowledgement; raises _LinkError if the connection is lost before."""
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - an extra
        from paho.mqtt.properties import Properties  # noqa: PLC0415

        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType, properties.PayloadFormatIndicator = CONTENT_TYPE, 1
        if self.is_lost:
            raise _LinkError("the connection ended")
        message = self._client.publish(topic, body, qos=1, properties=properties)
        acknowledged: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._published[message.mid] = acknowledged
        return await acknowledged

    def close(self) -> None:
        """Say goodbye, and wait for nothing: the connection's thread ends when the broker does, or is silent."""
        self.is_lost = True
        self._client.disconnect()
        # Without a circle to this link, the client's own sockets are closed as soon as its thread ends.
        self._client.on_connect = self._client.on_publish = self._client.on_disconnect = None

    def _connect(self, host: str, port: int) -> None:
        try:
            self._client.connect(host, port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._tell(self._lost, getattr(error, "strerror", None) or str(error) or type(error).__name__)
        else:
            self._client.loop_start()

    def _tell(self, what: Callable[..., None], *words: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(what, *words)

    def _connected(self, reason: "ReasonCode") -> None:
        if reason.is_failure:
            self._lost(f"the broker refuses: {reason}")
        elif not self.opened.done():
            self.opened.set_result(None)

    def _acknowledged(self, mid: int, reason: "ReasonCode") -> None:
        waiting = self._published.pop(mid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason)

    def _lost(self, why: str) -> None:
        self.is_lost = True
        waiting: list[asyncio.Future[Any]] = [self.opened, *self._published.values()]
        self._published.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(_LinkError(why))
                future.exception()  # looked at, also where nobody waits for it
