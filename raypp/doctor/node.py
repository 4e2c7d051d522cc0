"""Look at the node that this process runs on."""

import hashlib
import os
import platform
import shutil
import socket
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import grpc

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp import __version__
from raypp.doctor.facts import PACKAGES, Endpoint, NodeFacts, NodeQuestions, Room
from raypp.errors import RayppError
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.placement import refuse_several_nodes
from raypp.ledger.schema import newest_schema, schema_of
from raypp.ledger.store import Ledger
from raypp.serving.defaults import LEDGER_VARIABLE, LOOPBACK

_CONNECT_S = 3.0
_CALL_S = 10.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - it is looked at, and nothing is put there
_MEMORY = Path("/proc/meminfo")


def look_at_node(questions: NodeQuestions) -> NodeFacts:
    """Return the facts of this node; what cannot be looked at is a fact, and no error."""
    free, total = _memory()
    return NodeFacts(
        host=socket.gethostname(),
        versions=_versions(),
        rooms=tuple(map(_room, questions.places)),
        shared_memory=_room(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        memory_free=free,
        memory_total=total,
        unreached=tuple(filter(None, map(_why_unreached, questions.endpoints))),
        metrics_open=_reads_metrics(questions.own, questions.metrics_port),
        service=_ask_service(questions.own, questions.service_port) if questions.service_port else "",
        ledger=_ledgers(questions.ledger or os.environ.get(LEDGER_VARIABLE), questions.nodes),
        models={str(path): _digest(path) for path in questions.models},
        gpu=_compute() if questions.gpu else "",
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = ""
    return versions | {"raypp": __version__}


def _room(path: Path) -> Room:
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        return Room(path=path, free=-1, total=-1, problem=error.strerror or str(error))
    problem = "" if os.access(path, os.W_OK) else "may not be written to"
    return Room(path=path, free=usage.free, total=usage.total, problem=problem)


def _memory() -> tuple[int, int]:
    """Return bytes of memory that are available, and all; -1 where Linux does not tell."""
    try:
        rows = dict(line.split(":", 1) for line in _MEMORY.read_text().splitlines())
        return tuple(int(rows[name].split()[0]) << 10 for name in ("MemAvailable", "MemTotal"))  # type: ignore[return-value]
    except (OSError, KeyError, ValueError):
        return -1, -1


def _why_unreached(endpoint: Endpoint) -> str:
    try:
        socket.create_connection((endpoint.host, endpoint.port), timeout=_CONNECT_S).close()
    except OSError as error:
        return f"{endpoint.what} at {endpoint.host}:{endpoint.port} ({error.strerror or error})"
    return ""


def _reads_metrics(own: str, port: int | None) -> bool:
    """Whether anybody who reaches this node may read its metrics."""
    if port is None or port <= 0 or own == LOOPBACK:
        return False
    host = f"[{own}]" if ":" in own else own
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=_CONNECT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _ask_service(own: str, port: int) -> str:
    """Return the status of a call without the front's secret and without a token."""
    host = f"[{own}]" if ":" in own else own
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        try:
            stub = SitesStub(channel)  # type: ignore[no-untyped-call]
            stub.DescribeModel(pb.DescribeModelRequest(), timeout=_CALL_S)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def _ledgers(text: str | None, nodes: int) -> str | None:
    """Return what is wrong with the ledgers; empty where nothing is, None where none is named."""
    if not text:
        return None
    try:
        urls = LedgerList.parse(text).urls
    except RayppError as error:
        return str(error)
    problems = {name: _ledger(url, nodes) for name, url in urls.items()}
    return "; ".join(f"{name} {words}" if len(urls) > 1 else words for name, words in problems.items() if words)


def _ledger(url: str, nodes: int) -> str:
    try:
        ledger = Ledger.open(url, create=False)
        try:
            with ledger.database.read() as connection:
                schema, newest = schema_of(connection), newest_schema()
        finally:
            ledger.close()
        refuse_several_nodes([url], nodes)
        if schema != newest:
            return f"has schema {schema}, older than this raypp's {newest}; start the service to bring it up"
    except RayppError as error:
        return str(error)
    return ""


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"!{error.strerror}"


def _compute() -> str:
    try:
        import torch  # noqa: PLC0415 - it takes seconds

        if not torch.cuda.is_available():
            return "!torch sees no GPU"
        numbers = torch.arange(4, device="cuda").sum().item()
        name = torch.cuda.get_device_name()
    except (ImportError, RuntimeError, AssertionError) as error:
        return f"!{str(error).splitlines()[0]}"
    return name if numbers == 6 else f"!{name} computes 0 + 1 + 2 + 3 = {numbers}"
