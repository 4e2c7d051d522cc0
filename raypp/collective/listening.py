"""Where a coordinator listens: on loopback, behind the TLS front, or with a certificate of its own."""

from pathlib import Path

import grpc
import grpc.aio

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.private import read_secret
from raypp.io.settings import AbsolutePath, FrozenSettings
from raypp.serving.access import Front, read_front_secret
from raypp.serving.defaults import LOOPBACK
from raypp.serving.metrics_address import is_loopback

_MOST_CERTIFICATE_BYTES = 1_000_000


class CoordinatorAddress(FrozenSettings):
    """Where a coordinator listens.

    Attributes:
        host, port: of gRPC; port 0 for any.
        front_secret_file: secret that the TLS front adds to calls, or None without a front.
        certificate, certificate_key: PEM, for TLS without a front.
    """

    host: str = LOOPBACK
    port: int = 9460
    front_secret_file: AbsolutePath | None = None
    certificate: AbsolutePath | None = None
    certificate_key: AbsolutePath | None = None

    def check(self) -> None:
        """Raise OptionError for a port that cannot be, half a certificate, or an interface that shows tokens."""
        if not 0 <= self.port < 1 << 16:
            raise OptionError(f"`port` {self.port} must be 0 to 65535")
        if (self.certificate is None) != (self.certificate_key is None):
            raise OptionError("`certificate` and `certificate_key` go together; give both or neither")
        if not is_loopback("host", self.host) and self.certificate is None and self.front_secret_file is None:
            raise OptionError(
                f"`host` {self.host} lets other machines reach the coordinator without TLS; give `certificate` and "
                "`certificate_key`, or put the front before it and give `front_secret_file`"
            )
        self.front()

    def front(self) -> Front:
        """Return the front that calls must have come through; raises OptionError if its secret cannot be read."""
        return Front(None if self.front_secret_file is None else read_front_secret(self.front_secret_file))

    def add_to(self, server: grpc.aio.Server) -> int:
        """Let a server listen here; returns the port. Raises RuntimeError if it is taken."""
        place = f"{self.host}:{self.port}"
        if self.certificate is None or self.certificate_key is None:
            return int(server.add_insecure_port(place))
        key = read_secret(self.certificate_key, "certificate's key", "name its PEM file", OptionError)
        credentials = grpc.ssl_server_credentials([(key, _certificate(self.certificate))])
        return int(server.add_secure_port(place, credentials))


def _certificate(path: Path) -> bytes:
    try:
        return read_content(path, _MOST_CERTIFICATE_BYTES)
    except ContentError as error:
        raise OptionError(f"certificate {path} {error}; name its PEM file") from None
