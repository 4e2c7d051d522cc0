"""Where a service listens, and what it says of that."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.ports import RAY_AGENT_PORT, why_taken
from raypp.serving.defaults import LOOPBACK
from raypp.serving.settings import ServiceSettings


@dataclass(frozen=True)
class ServiceAddress:
    """Where a service listens.

    Attributes:
        host, port: of gRPC.
        http_host, http_port: of the pages.
        metrics_port: of metrics, on loopback; None: there are none.
        local: whether it is a Ray of this machine alone, and not one that runs already.
    """

    host: str
    port: int
    http_host: str
    http_port: int
    metrics_port: int | None
    local: bool

    def check(self, settings: ServiceSettings) -> None:
        """Raise OptionError for an interface or port that cannot be, or others reach although there is no front."""
        self._check_ports()
        if not self.local:
            if self.host != LOOPBACK:
                raise OptionError("`host` is of a local Ray; proxies of a running one (`address`) take all interfaces")
            return
        for field, host, what in (("host", self.host, "gRPC"), ("http_host", self.http_host, "the pages")):
            if not _is_loopback(field, host) and settings.front_secret_file is None:
                raise OptionError(
                    f"`{field}` {host} lets other machines reach {what}, which have no TLS of their own; put the front "
                    "before them and give `front_secret_file` (docs/how-to/serve.md)"
                )

    def check_free(self, wait_s: float) -> None:
        """Raise OptionError for a port that another program has, and keeps for `wait_s` seconds."""
        if not self.local:
            return
        wanted = [("port", self.host, self.port), ("http_port", self.http_host, self.http_port)]
        if self.metrics_port is not None:
            wanted.append(("metrics_port", LOOPBACK, self.metrics_port))
        for field, host, port in wanted:
            reason = why_taken(host, port, wait_s)
            if reason is not None:
                raise OptionError(
                    f"`{field}` {port} on {host} cannot be had: {reason}; give another, or end who has it"
                )

    def _check_ports(self) -> None:
        given = {"port": self.port, "http_port": self.http_port, "metrics_port": self.metrics_port}
        taken = {RAY_AGENT_PORT: "Ray's own agent"}
        for field, port in given.items():
            if port in taken:
                raise OptionError(f"`{field}` {port} is the port of {taken[port]}; give another")
            if port is not None:
                taken[port] = f"`{field}`"

    @property
    def grpc_address(self) -> str:
        """HOST:PORT of gRPC."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether gRPC is for this machine alone; raises OptionError where `host` is no address."""
        return _is_loopback("host", self.host)

    def lines(self, settings: ServiceSettings, logs: Path | None) -> dict[str, str]:
        """Say where the service is, how to get in, and how to end it, by what each line is about."""
        guard = "calls need the front's secret" if settings.front_secret_file else "no front"
        pages = f"http://{self.http_host}:{self.http_port}/"
        if not self.local:
            grpc = f"port {self.port}, on all interfaces of each node"
        elif self.is_loopback:
            grpc = f"{self.grpc_address}, this machine alone"
        else:
            grpc = f"{self.grpc_address}, reached from other machines"
        lines = {
            "gRPC": f"{grpc}, no TLS; {guard}",
            "pages": f"{pages}  any user name; the password is a token (raypp operator add NAME)",
            "health": f"{pages}-/healthz",
            "models": ", ".join(map(str, settings.models)),
            "logs": str(logs) if logs else "on the cluster",
        }
        if self.local and self.metrics_port is not None:
            lines["metrics"] = f"http://{LOOPBACK}:{self.metrics_port}/metrics"
        lines["serving"] = "stop with Ctrl-C or SIGTERM, read models anew with SIGHUP"
        return lines


def _is_loopback(field: str, host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        raise OptionError(f"`{field}` {host!r} is no address; give 127.0.0.1, or 0.0.0.0 for all interfaces") from None
