"""Where a local service listens: Serve puts gRPC on all interfaces, and has no setting for it."""

import os

from grpc.aio._server import Server

from raypp.serving.defaults import LOOPBACK

ADDRESS_VARIABLE = "RAYPP_GRPC_ADDRESS"
"""HOST:PORT of the service's gRPC port; everything else listens on loopback."""
_EVERYWHERE = ("[::]:", "0.0.0.0:")


def listen_where_told() -> None:
    """Have gRPC servers of this process that would listen on all interfaces listen where `ADDRESS_VARIABLE` says.

    A setup hook of a local Ray's workers: Serve's proxy binds [::]:PORT, and each replica [::] and any port, for calls
    of other replicas.
    """
    add_insecure_port = Server.add_insecure_port

    def add(self: Server, address: str) -> int:
        if address.startswith(_EVERYWHERE):
            address = address_for(address.rpartition(":")[2], os.environ.get(ADDRESS_VARIABLE, ""))
        return int(add_insecure_port(self, address))

    Server.add_insecure_port = add  # type: ignore[method-assign]


def address_for(port: str, address: str) -> str:
    """Return the address of a port: as told if it is that one, else on loopback."""
    host, _, chosen = address.rpartition(":")
    return address if host and port == chosen else f"{LOOPBACK}:{port}"
