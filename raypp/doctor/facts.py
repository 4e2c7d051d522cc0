"""What the doctor asks of each node, and what a node answers."""

from pathlib import Path

from raypp.io.settings import FrozenSettings

PACKAGES = ("ray", "raypp", "torch", "onnxruntime", "numpy", "protobuf", "pyarrow")
"""Whose versions are to be alike on all nodes."""


class Endpoint(FrozenSettings):
    """A TCP port that nodes must reach.

    Attributes:
        what: whose it is.
        host, port: where it is.
    """

    what: str
    host: str
    port: int


class NodeQuestions(FrozenSettings):
    """Tell a node what to look at.

    Attributes:
        endpoints: ports that it must reach.
        nodes: how many nodes there are.
        own: its own address, as other nodes know it.
        metrics_port: where it exports metrics; None for nowhere.
        service_port: of the service's gRPC on its own address; None leaves it out.
        ledger: URL of the ledger, without a password; None for that of the node's environment, if any.
        models: bundles that the service loads there.
        places: folders whose free disk counts, beside Ray's own.
        gpu: whether it is to compute on its GPU.
    """

    endpoints: tuple[Endpoint, ...] = ()
    nodes: int = 1
    own: str = ""
    metrics_port: int | None = None
    service_port: int | None = None
    ledger: str | None = None
    models: tuple[Path, ...] = ()
    places: tuple[Path, ...] = ()
    gpu: bool = False


class Room(FrozenSettings):
    """Space on a disk.

    Attributes:
        path: a folder of it.
        free, total: bytes; -1 where there is no such folder.
        problem: why nothing can be written; empty where it can.
    """

    path: Path
    free: int
    total: int
    problem: str = ""


class NodeFacts(FrozenSettings):
    """Hold what a node answers.

    Attributes:
        host: its name.
        versions: of Python and `PACKAGES`; empty where one is not installed.
        rooms: of each folder asked for.
        shared_memory: of /dev/shm; None where there is none.
        memory_free, memory_total: bytes.
        unreached: endpoints that it cannot reach, with the reason.
        metrics_open: whether its metrics are read from its own address without a token.
        service: what the service's gRPC answers a call without secret and token; empty where it was not asked.
        ledger: what the ledger lacks; empty where it is good, None where none is named.
        models: SHA-256 of each bundle in hexadecimal digits; or, behind "!", why it cannot be read.
        gpu: what computed, or, behind "!", why nothing did; empty where it was not asked.
    """

    host: str
    versions: dict[str, str]
    rooms: tuple[Room, ...]
    shared_memory: Room | None
    memory_free: int
    memory_total: int
    unreached: tuple[str, ...]
    metrics_open: bool
    service: str
    ledger: str | None
    models: dict[str, str]
    gpu: str
