"""Alerts to a web server."""

import asyncio
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from raypp.alerts.channel import Answer, Outcome
from raypp.alerts.event import CONTENT_TYPE
from raypp.alerts.settings import WebhookSettings, checked_url
from raypp.alerts.signature import read_signing_key, signature_headers
from raypp.errors import OptionError
from raypp.io.private import read_secret
from raypp.ledger.delivery import Delivery
from raypp.text.printable import printable

_MOST_ANSWER_BYTES = 2000
_LONGEST_WORDS = 200
_REFUSALS = frozenset({400, 413, 415, 422})
"""Answers that say that this body will never be taken."""


class Webhook:
    """Posts alerts, signed, over one connection. Follows no redirect, and uses no proxy.

    Args:
        name: of the channel.
        settings: its settings.

    Raises:
        OptionError: if a file of a secret, or of certificates, cannot be used.
    """

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        self.deadline_s = settings.deadline_s
        self._url = settings.url or _read_url(name, settings.url_file)
        self._host = urlsplit(self._url).netloc
        self._keys = [read_signing_key(path, name) for path in settings.key_files]
        self._headers = {"content-type": f"{CONTENT_TYPE}; charset=utf-8", "user-agent": "raypp"}
        if settings.token_file:
            token = _read_line(settings.token_file, f"channel {name}: token file")
            self._headers["authorization"] = f"Bearer {token}"
        self._tls = tls_context(settings.ca_file, name)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery, body: bytes) -> Answer:
        """Post an alert; the answer's status decides."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=1, ssl=self._tls)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        headers = self._headers | signature_headers(self._keys, delivery.alert_id, int(time.time()), body)
        try:
            async with asyncio.timeout(self.deadline_s):
                posting = self._session.post(self._url, data=body, headers=headers, allow_redirects=False)
                async with posting as response:
                    text = await response.content.read(_MOST_ANSWER_BYTES)
                    return _judge(response.status, text)
        except TimeoutError:
            return Answer(Outcome.UNREACHED, f"{self._host} did not answer within {self.deadline_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Outcome.UNREACHED, f"{self._host}: {_reason(error)}")

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()


def tls_context(ca_file: Path | None, name: str) -> ssl.SSLContext:
    """Return a context that checks certificates; raises OptionError if the file has none."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "no certificate in it"
        raise OptionError(f"channel {name}: certificates {ca_file}: {reason}; name a PEM file") from None


def _judge(status: int, text: bytes) -> Answer:
    lines = text.decode(errors="replace").strip().splitlines()
    words = f"answered {status}" + (f": {printable(lines[0])[:_LONGEST_WORDS]}" if lines else "")
    if 200 <= status < 300:
        return Answer(Outcome.SENT, words)
    if 300 <= status < 400:
        return Answer(Outcome.FAILED, f"answered {status}; redirects are not followed: give the new address")
    return Answer(Outcome.REFUSED if status in _REFUSALS else Outcome.FAILED, words)


def _read_url(name: str, path: Path | None) -> str:
    if path is None:
        raise OptionError(f"channel {name} needs `url` or `url_file`")
    url = _read_line(path, f"channel {name}: URL file")
    try:
        return checked_url(url)
    except ValueError as error:
        raise OptionError(f"channel {name}: URL file {path} {error}") from None


def _read_line(path: Path, what: str) -> str:
    text = read_secret(path, what, "write it as one line, mode 0600", OptionError).decode(errors="replace").strip()
    if not text or not text.isprintable() or not text.isascii():
        raise OptionError(f"{what} {path} does not hold one line of plain characters; write it so")
    return text


def _reason(error: Exception) -> str:
    reason = getattr(error, "os_error", error)
    words = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return printable(words.splitlines()[0])[:_LONGEST_WORDS]
