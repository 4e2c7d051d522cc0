"""A service in processes of its own, as `raypp serve` starts it, and a client to call it with."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import grpc
import psutil
import yaml

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.io.ports import free_ports
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.usage.observation import Observation
from raypp.veil.packing import Codes
from raypp.veil.spec import VeilSpec
from raypp.wire.frames import CellEncoder, unseen_frame
from raypp.wire.grid import CellGrid
from tests.command import environment
from tests.serving.bundles import HEIGHT, SIZE, SPEC, VEIL, WIDTH, write_eager_bundle

START_US = 1_790_000_000_000_000
FRAME_US = 500_000
_STARTS = 3
_STARTS_WITHIN_S = 300
CALL_S = 120


@dataclass
class Service:
    """A running service.

    Attributes:
        place: folder of its bundle, ledger and logs.
        port, http_port, metrics_port: where it listens.
        process: the command.
    """

    place: Path
    port: int
    http_port: int
    metrics_port: int
    process: "subprocess.Popen[bytes]"

    @property
    def ledger_url(self) -> str:
        return f"sqlite:///{self.place / 'ledger.db'}"

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The service's ledger, opened beside it."""
        with Ledger.open(self.ledger_url, create=False) as ledger:
            yield ledger

    def site(self, name: str) -> str:
        """Register a site and return a token of it."""
        with self.ledger() as ledger:
            return Identities(ledger).add_site(name)

    def log_text(self) -> str:
        return (self.place / "serve.log").read_text()

    def replicas(self, name: str) -> list[psutil.Process]:
        """Processes of a deployment's replicas."""
        return self.processes(f"ServeReplica:raypp:{name}")

    def processes(self, title: str) -> list[psutil.Process]:
        """Processes of the service whose command line holds some words, such as "ProxyActor"."""
        processes = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in processes if title in _title(process)]

    def logs(self) -> Path:
        """Folder of the logs of Serve's proxy and replicas."""
        (line,) = (line for line in self.log_text().splitlines() if line.startswith("logs "))
        return Path(line.split()[1])

    def stub(self, address: str | None = None) -> SitesStub:
        return SitesStub(grpc.insecure_channel(address or f"127.0.0.1:{self.port}"))


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def running_service(place: Path, settings: dict[str, Any], *options: object) -> Iterator[Service]:
    """Run a service in a folder, which is given a detector and, where settings name none, a ledger."""
    if not (place / "tools.model").exists():
        write_eager_bundle(place / "tools.model")
    (place / "settings.yaml").write_text(yaml.safe_dump(settings))
    ports = free_ports(3)
    ledger = [] if "ledgers" in settings else ["--ledger", f"sqlite:///{place / 'ledger.db'}"]
    command = [
        sys.executable, "-m", "jobs.serve_models", "--model", place / "tools.model", *ledger,
        "--settings", place / "settings.yaml", "--port", ports[0], "--http-port", ports[1], "--metrics-port", ports[2],
        "--threads", 1, *options,
    ]  # fmt: skip
    process, service = _begin(command, place, ports)
    try:
        for _ in range(_STARTS - 1):
            if _serves(service):
                break
            process, service = _begin(command, place, ports)
        assert _serves(service), service.log_text()
        yield service
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            if child.is_running():
                child.kill()


def _begin(command: Sequence[object], place: Path, ports: Sequence[int]) -> "tuple[subprocess.Popen[bytes], Service]":
    with (place / "serve.log").open("wb") as log:
        process = subprocess.Popen([str(part) for part in command], env=environment(), stderr=log, stdout=log)
    return process, Service(place, *ports, process)


def _serves(service: Service) -> bool:
    """Wait until it serves; False where Ray took too long to start, which has a fixed time for it, and may do anew."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while "serving" not in service.log_text():
        if service.process.poll() is not None and "too busy, try again" in service.log_text():
            return False
        assert service.process.poll() is None, service.log_text()
        assert time.monotonic() < deadline, service.log_text()
        time.sleep(0.1)
    return True


def bearer(token: str, **more: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call with a token."""
    return (("authorization", f"Bearer {token}"), *more.items())


@dataclass
class Camera:
    """A camera of a site, as a client of StreamFrames sees it; knows what it has sent."""

    site: str
    camera: str
    epoch: int = START_US
    veil_id: str = VEIL
    width: int = WIDTH
    height: int = HEIGHT
    sub_key: int = 1
    live: bool = False
    spec: VeilSpec = SPEC
    size: int = SIZE

    def open(self) -> pb.StreamFramesRequest:
        return pb.StreamFramesRequest(
            open=pb.Open(
                site=self.site,
                camera=self.camera,
                stream_epoch=self.epoch,
                veil_id=self.veil_id,
                width=self.width,
                height=self.height,
                sub_key=self.sub_key,
                live=self.live,
                sent_at_us=time.time_ns() // 1000,
                agent_version="0.0.1",
                size=self.size,
            )
        )

    def encoder(self) -> CellEncoder:
        return CellEncoder(CellGrid.of(self.spec, self.size, self.width, self.height))


class MovedError(AssertionError):
    """The service told a connection to move where its client waited for a commit."""


@dataclass
class Connection:
    """One connection of a stream."""

    camera: Camera
    stub: SitesStub
    metadata: tuple[tuple[str, str], ...]
    within_s: float = CALL_S
    opened: pb.Opened = field(default_factory=pb.Opened)
    seen: int = 0
    _call: Any = None
    _sending: "SimpleQueue[pb.StreamFramesRequest | None]" = field(default_factory=SimpleQueue)

    def __enter__(self) -> Self:
        self._sending = SimpleQueue()
        sent = iter(self._sending.get, None)
        self._call = self.stub.StreamFrames(sent, metadata=self.metadata, timeout=self.within_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sending.put(None)
        self._call.cancel()

    def open(self) -> pb.Opened:
        """Send `open` and wait for `opened`."""
        self.send(self.camera.open())
        answer = next(self._call)
        assert answer.WhichOneof("message") == "opened", answer
        self.opened = answer.opened
        self.encoder = self.camera.encoder()
        self.seen = answer.opened.resume_after
        return self.opened

    def send(self, request: pb.StreamFramesRequest) -> None:
        self._sending.put(request)

    def chunk(
        self,
        sequence: int,
        codes: Codes | None,
        first: int,
        *,
        seen: int | None = None,
        last: bool = False,
        frame_us: int = FRAME_US,
    ) -> None:
        """Send a chunk of frames numbered from `first`, half a second apart; without codes, of covered ones."""
        if codes is None:
            frames = [unseen_frame(Observation.COVERED, first, START_US + first * frame_us)]
        else:
            frames = [
                self.encoder.encode(code, first + index, START_US + (first + index) * frame_us)
                for index, code in enumerate(codes)
            ]
        chunk = pb.Chunk(
            sequence=sequence,
            committed_seen=self.seen if seen is None else seen,
            frames=frames,
            last=last,
            sent_at_us=time.time_ns() // 1000,
        )
        self.send(pb.StreamFramesRequest(chunk=chunk))

    def committed(self) -> pb.Committed:
        """Wait for the next `committed`, however often the service says before that it is there.

        Raises:
            MovedError: if the service says `moving` in its place.
        """
        answer = next(answer for answer in self._call if not answer.HasField("alive"))
        if answer.HasField("moving"):
            raise MovedError(answer.moving.reason)
        assert answer.WhichOneof("message") == "committed", answer
        self.seen = max(self.seen, answer.committed.sequence)
        return answer.committed

    def moving(self) -> str:
        """Wait for `moving`, passing over what is committed before; returns its reason."""
        for answer in self._call:
            if answer.WhichOneof("message") == "moving":
                return str(answer.moving.reason)
        raise AssertionError("the stream ended without `moving`")

    def finish(self) -> list[pb.StreamFramesResponse]:
        """Send no more, and return what is answered until the end."""
        self._sending.put(None)
        return [answer for answer in self._call if not answer.HasField("alive")]

    def error(self) -> grpc.RpcError:
        """Wait for the call's end by an error, passing over answers."""
        try:
            for _ in self._call:
                pass
        except grpc.RpcError as error:
            return error
        raise AssertionError("the call ended without an error")
