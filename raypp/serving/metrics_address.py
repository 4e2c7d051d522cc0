"""Where metrics are exported, and who may read them."""

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from raypp.errors import OptionError, RayppError
from raypp.io.ports import why_taken
from raypp.io.private import read_secret
from raypp.serving.defaults import LOOPBACK

_LEAST_TOKEN = 16
_CONNECT_S, _GLANCE_S = 2.0, 0.1


@dataclass(frozen=True)
class MetricsAddress:
    """Where Prometheus reads metrics.

    Attributes:
        port: of HTTP, or of HTTPS with a certificate.
        host: address of an interface.
        token_file: whose content a caller must send as `Authorization: Bearer`; None lets in whoever comes.
        certificate: PEM file for TLS; None for none.
        key: PEM file of the certificate's key; None where `certificate` holds it.
    """

    port: int
    host: str = LOOPBACK
    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether they are for this machine alone; raises OptionError where `host` is no address."""
        return is_loopback("metrics_host", self.host)

    @property
    def url(self) -> str:
        """Where they are."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}/metrics"

    def wait_for(self, within_s: float) -> None:
        """Wait until somebody exports there: what starts before that may give up and export nothing.

        Raises:
            RayppError: if nobody does in time.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((self.host, self.port), timeout=_CONNECT_S):
                return
            time.sleep(_GLANCE_S)
        raise RayppError(
            f"nobody exports metrics at {self.url} after {within_s:g} s; the machine is too busy, or "
            "dashboard_agent.log in the folder of Ray's session says why"
        )

    def check(self) -> None:
        """Raise OptionError for what cannot be read, and for an interface that lets anybody in."""
        if not self.is_loopback and self.token_file is None:
            raise OptionError(
                f"`metrics_host` {self.host} lets other machines read metrics, which show how busy your sites are; "
                "give `metrics_token_file`, whose token Prometheus then sends"
            )
        if self.key is not None and self.certificate is None:
            raise OptionError(f"`metrics_key` {self.key} is of no certificate; give `metrics_certificate`")
        if self.token_file is not None:
            remedy = "make one with `openssl rand -hex 32`"
            token = read_secret(self.token_file, "metrics' token file", remedy, OptionError).strip()
            if len(token) < _LEAST_TOKEN:
                raise OptionError(
                    f"metrics' token file {self.token_file} has fewer than {_LEAST_TOKEN} bytes; {remedy}"
                )
        for field, file in (("metrics_certificate", self.certificate), ("metrics_key", self.key)):
            if file is not None and not file.is_file():
                raise OptionError(f"`{field}` {file} is no file; give a PEM file")
        if self.certificate is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password="")
            except (OSError, ValueError):
                pair = f"`metrics_certificate` {self.certificate}" + (
                    f" and `metrics_key` {self.key}" if self.key else ""
                )
                raise OptionError(f"{pair} cannot be used for TLS; give a PEM certificate and its key") from None

    def check_free(self, wait_s: float) -> None:
        """Raise OptionError for a port that another program has, and keeps for `wait_s` seconds."""
        reason = why_taken(self.host, self.port, wait_s)
        if reason is not None:
            raise OptionError(
                f"`metrics_port` {self.port} on {self.host} cannot be had: {reason}; give another, or end who has it"
            )

    def line(self) -> str:
        """Say where they are, and who may read them."""
        who = "with the token of " + str(self.token_file) if self.token_file else "no token"
        return f"{self.url}  {who}"


def is_loopback(field: str, host: str) -> bool:
    """Whether an interface is reached from this machine alone; raises OptionError for what is no address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        raise OptionError(f"`{field}` {host!r} is no address; give 127.0.0.1, or 0.0.0.0 for all interfaces") from None
