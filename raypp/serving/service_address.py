"""Where a service listens, and what it says of that."""

from dataclasses import dataclass
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.ports import RAY_AGENT_PORT, why_taken
from raypp.serving.defaults import LOOPBACK
from raypp.serving.metrics_address import MetricsAddress, is_loopback
from raypp.serving.settings import ServiceSettings


@dataclass(frozen=True)
class ServiceAddress:
    """Where a service listens.

    Attributes:
        host, port: of gRPC.
        http_host, http_port: of the pages.
        metrics: of metrics; None: there are none.
        local: whether it is a Ray of this machine alone, and not one that runs already.
    """

    host: str
    port: int
    http_host: str
    http_port: int
    metrics: MetricsAddress | None
    local: bool

    def check(self, settings: ServiceSettings) -> None:
        """Raise OptionError for an interface or port that cannot be, or others reach although there is no front."""
        self._check_ports()
        if not self.local:
            if self.host != LOOPBACK:
                raise OptionError("`host` is of a local Ray; proxies of a running one (`address`) take all interfaces")
            if self.metrics is not None:
                raise OptionError(
                    "`metrics_port` is of a local Ray; nodes of a running one (`address`) export where they were "
                    "told at their start (docs/how-to/watch.md)"
                )
            return
        if self.metrics is not None:
            self.metrics.check()
        for field, host, what in (("host", self.host, "gRPC"), ("http_host", self.http_host, "the pages")):
            if not is_loopback(field, host) and settings.front_secret_file is None:
                raise OptionError(
                    f"`{field}` {host} lets other machines reach {what}, which have no TLS of their own; put the front "
                    "before them and give `front_secret_file` (docs/how-to/serve.md)"
                )

    def check_free(self, wait_s: float) -> None:
        """Raise OptionError for a port that another program has, and keeps for `wait_s` seconds."""
        if not self.local:
            return
        wanted = [("port", self.host, self.port), ("http_port", self.http_host, self.http_port)]
        for field, host, port in wanted:
            reason = why_taken(host, port, wait_s)
            if reason is not None:
                raise OptionError(
                    f"`{field}` {port} on {host} cannot be had: {reason}; give another, or end who has it"
                )
        if self.metrics is not None:
            self.metrics.check_free(wait_s)

    def _check_ports(self) -> None:
        given = {"port": self.port, "http_port": self.http_port}
        if self.metrics is not None:
            given["metrics_port"] = self.metrics.port
        taken = {RAY_AGENT_PORT: "Ray's own agent"}
        for field, port in given.items():
            if port in taken:
                raise OptionError(f"`{field}` {port} is the port of {taken[port]}; give another")
            taken[port] = f"`{field}`"

    @property
    def grpc_address(self) -> str:
        """HOST:PORT of gRPC."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether gRPC is for this machine alone; raises OptionError where `host` is no address."""
        return is_loopback("host", self.host)

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
        if self.metrics is not None:
            lines["metrics"] = self.metrics.line()
        lines["serving"] = "stop with Ctrl-C or SIGTERM, read models anew with SIGHUP"
        return lines
