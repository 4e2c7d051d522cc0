"""The way to the service: address, TLS, token."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import grpc
import grpc.aio

from raypp.errors import OptionError, SiteError
from raypp.io.private import read_secret
from raypp.io.tracing import current_traceparent
from raypp.text.address import redacted
from raypp.wire.spans import HEADER

_CERTIFICATE = re.compile(r"handshake failed.*CERTIFICATE_VERIFY_FAILED: ([^:]+)")
_NOT_SERVED_YET = re.compile(r"Application '.*' not found")
"""Words of Ray Serve's proxy while the service starts or is replaced."""
_REMEDY = "correct its path or permissions"
_MOST_WORDS = 600
_MOST_MESSAGE_BYTES = 64 << 20
_KEEPALIVE_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 20_000


def what_failed(code: grpc.StatusCode, details: str | None) -> str:
    """Say in one line why a call failed: what gRPC says, without the way down to where TLS failed."""
    line = (details or code.name).splitlines()[0]
    certificate = _CERTIFICATE.search(line)
    return f"the server's certificate is not accepted: {certificate[1]}" if certificate else line[:_MOST_WORDS]


def is_not_served_yet(code: grpc.StatusCode, details: str | None) -> bool:
    """Whether a call failed only because the service starts, or is being replaced."""
    return code is grpc.StatusCode.NOT_FOUND and _NOT_SERVED_YET.match(details or "") is not None


@dataclass(frozen=True)
class ServiceConnection:
    """How a site reaches the service.

    Attributes:
        server: HOST:PORT.
        token_path: file that holds the site's token; read anew at each connection.
        tls: whether to speak TLS.
        ca_path: certificates to trust; None for the system's.
        cert_path, cert_key_path: the site's own certificate and key, where the front asks for one.
        server_name: name that the service's certificate holds, where it is not the host's.
        insecure: whether token and codes may cross a network without TLS.
    """

    server: str
    token_path: Path
    tls: bool = False
    ca_path: Path | None = None
    cert_path: Path | None = None
    cert_key_path: Path | None = None
    server_name: str | None = None
    insecure: bool = False

    def check(self) -> None:
        """Raise OptionError if options are malformed or contradict each other."""
        host, _, port = self.server.rpartition(":")
        if "://" in self.server or "/" in self.server:
            raise OptionError(
                f"`server` {redacted(self.server)} is a URL; give HOST:PORT, such as raypp.example.com:443, with `tls`"
            )
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise OptionError(f"`server` {self.server} must be HOST:PORT, such as raypp.example.com:443")
        if (self.cert_path is None) != (self.cert_key_path is None):
            raise OptionError("`cert_path` and `cert_key_path` go together; give both or neither")
        if self.is_open_to_all and not self.insecure:
            raise OptionError(
                f"`server` {self.server} would be sent the token without TLS, for everybody on the way to read; give "
                "`tls` or `ca_path`, or `insecure` on a network that is yours alone"
            )

    @property
    def is_open_to_all(self) -> bool:
        """Whether token and codes would cross a network unencrypted."""
        host = self.server.rpartition(":")[0].strip("[]")
        try:
            local = ip_address(host).is_loopback
        except ValueError:
            local = host == "localhost"
        return not self.tls and not local

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a call, which is of the current span; raises SiteError if the token cannot be read."""
        content = read_secret(self.token_path, "token file", _REMEDY, SiteError)
        token = content.decode("ascii", "replace").strip()
        if not token or not token.isprintable() or not token.isascii():
            raise SiteError(f"token file {self.token_path} holds no token; ask the service's operator for one")
        traceparent = current_traceparent()
        trace = ((HEADER, traceparent),) if traceparent else ()
        return (("authorization", f"Bearer {token}"), ("application", "raypp"), *trace)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the credentials of TLS, or None without it; raises SiteError if a file cannot be read."""
        if not self.tls:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=None if self.ca_path is None else _read(self.ca_path, "CA file"),
            private_key=None if self.cert_key_path is None else _read(self.cert_key_path, "certificate's key"),
            certificate_chain=None if self.cert_path is None else _read(self.cert_path, "certificate"),
        )

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """Open a channel of its own; nothing connects before the first call. Raises SiteError."""
        options: list[tuple[str, int | str]] = [
            ("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MOST_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),  # another channel's backoff is no reason to wait
        ]
        if self.server_name:
            options.append(("grpc.ssl_target_name_override", self.server_name))
        credentials = self.credentials()
        if credentials is None:
            channel = grpc.aio.insecure_channel(self.server, options=options)
        else:
            channel = grpc.aio.secure_channel(self.server, credentials, options=options)
        try:
            yield channel
        finally:
            await channel.close()


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SiteError(f"{what} {path}: {error.strerror}; {_REMEDY}") from None
