"""The service on a cluster, and a site that streams to it through a front: what the ledger holds in the end."""

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import yaml
from sqlalchemy import create_engine, text

from raypp.io.ports import reserved_ports
from raypp.io.private import write_private
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from tests.chaos.rounds import difference
from tests.chaos.world import Dump, Plan, Stage, ledger_rows
from tests.command import environment
from tests.ledger.postgres import PostgresServer
from tests.nodes.cluster import RayCluster
from tests.nodes.machine import Network, network
from tests.nodes.rounds import Round
from tests.nodes.timeline import Event, events, say, watched
from tests.serving.bundles import SIZE
from tests.serving.front import running_front

_ENDS_WITHIN_S = 900
_GRPC, _HTTP = 9000, 8000
SITE = "site-a"
_LONG_S = 4.0
"""A camera sends a chunk a second."""
_SETTINGS = """
max_frame_gap_s: 2
max_lateness_s: 0.6
tools: [{class: hammer, min_confidence: 0.65, max_gap_s: 0.6}, {class: saw}]
"""
TWO_OF_EACH = {
    "gateways": {"least": 2, "most": 2, "cpus": 0.6},  # one fits on a node of one CPU, beside a detector
    "detectors": {"least": 2, "most": 2, "cpus": 0.3},
}
Counts = dict[str, int]
"""Committed frames by camera."""


@dataclass(frozen=True)
class Ground:
    """Things that a site and its service stand on.

    Attributes:
        place: its folder.
        machines: the network.
        stage: videos, keys, model.
        url: of the ledger.
    """

    place: Path
    machines: Network
    stage: Stage
    url: str


@dataclass
class ServedSite:
    """A site's agent, the front, the service on its cluster, and the ledger.

    Attributes:
        place: folder of the site.
        stage: videos, keys, model.
        cluster: where the service runs.
        url: of the ledger.
        front_port: of loopback.
    """

    place: Path
    stage: Stage
    cluster: RayCluster
    url: str
    front_port: int

    def deploy(self, config: Path | None) -> None:
        """Deploy the service, or with None only wait until the one deployed before serves."""
        words = (self.cluster.address, config or "-")
        self.cluster.head.run(sys.executable, "-m", "tests.nodes.deploy", *words, timeout=700)

    def config(self, scale: Mapping[str, Any], deployments: Sequence[Mapping[str, Any]] = ()) -> Path:
        """Write what `serve deploy` takes; `scale`: settings of the service, `deployments`: what it has otherwise."""
        application = {
            "name": "raypp",
            "route_prefix": "/",
            "import_path": "actors.application:build_app",
            "args": {
                "models": [str(self.stage.model)],
                "front_secret_file": str(self.place / "front.secret"),
                "detection": {"confidence": 0.1, "threads": 1},
                "limits": {"window": 4},
                **scale,
            },
            "deployments": list(deployments),
        }
        servicer = "raypp.serving.door.add_sites_to_server"
        config = {
            "proxy_location": "EveryNode",
            "http_options": {"host": "0.0.0.0", "port": _HTTP},  # noqa: S104 - of machines of our own
            "grpc_options": {"port": _GRPC, "grpc_servicer_functions": [servicer], "enable_reflection": False},
            "applications": [application],
        }
        path = self.place / "serve-config.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def frames(self) -> Counts:
        """Count the frames that are committed."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT camera, sum(frames) FROM streams GROUP BY camera")).all()
        engine.dispose()
        return {camera: int(frames) for camera, frames in rows}

    def play(self, *, realtime: bool) -> None:
        """Have the site's videos played at their own pace from now on, or as fast as they are taken."""
        cameras = {
            camera: {
                "source": str(path),
                "fps": 2,
                "realtime": realtime,
                "time_from": "name:%Y%m%d_%H%M%S",
                "watch": False,
            }
            for camera, path in self.stage.videos[SITE].items()
        }
        (self.place / "cameras.yaml").write_text(yaml.safe_dump({"cameras": cameras}))

    @contextmanager
    def streaming(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Forget what the site has streamed, and have it stream anew."""
        shutil.rmtree(self.place / "spool", ignore_errors=True)
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE streams, outbox CASCADE"))
        engine.dispose()
        command = [
            sys.executable, "-m", "raypp", "stream", "--config", self.place / "cameras.yaml", "--site", SITE,
            "--key", self.stage.place / f"{SITE}.key", "--size", SIZE, "--server", f"localhost:{self.front_port}",
            "--ca", self.place / "ca.pem", "--token-file", self.place / "token", "--spool", self.place / "spool",
            "--chunk-frames", 4, "--chunk-seconds", 1,
        ]  # fmt: skip
        with (self.place / "agent.log").open("wb") as log:
            env = environment(RAYPP_LOG_FORMAT="json")
            agent = subprocess.Popen([str(part) for part in command], env=env, stdout=log, stderr=log)
        try:
            yield agent
        finally:
            for process in [*psutil.Process(agent.pid).children(recursive=True), agent]:
                process.kill()
            agent.wait()

    def has_ended(self) -> bool:
        """Whether all that the cameras took is committed."""
        status = self.place / "spool" / "status.json"
        if not status.exists():
            return False
        cameras = json.loads(status.read_text())["cameras"]
        return len(cameras) == self.stage.plan.cameras and all(camera["finished"] for camera in cameras.values())

    def log_text(self) -> str:
        """Return the end of the agent's log."""
        return (self.place / "agent.log").read_text()[-4000:]

    def log_events(self, since_s: float) -> list[Event]:
        """Read what the agent has said since then."""
        lines = [json.loads(line) for line in (self.place / "agent.log").read_text().splitlines() if line[:1] == "{"]
        events_of_all = [Event(datetime.fromisoformat(line["time"]).timestamp(), _words(line)) for line in lines]
        return [event for event in events_of_all if event.at_s >= since_s]


def undisturbed(served: ServedSite) -> tuple[float, Dump]:
    """Stream all once; returns the seconds that it took, and what the ledger holds then."""
    started = time.monotonic()
    with served.streaming() as agent:
        _watch(served, agent, started)
    dump = ledger_rows(served.url)
    assert len(dump["streams"]) == served.stage.plan.cameras
    assert dump["episodes"]
    return time.monotonic() - started, dump


def disturbed(served: ServedSite, chance: random.Random, expected: Dump, *, head: bool, returns: bool) -> Round:
    """Stream all, and lose a worker node in the middle, or the head, which is started again.

    Args:
        served: what runs.
        chance: of when, and of which worker.
        expected: what the ledger holds after an undisturbed run.
        head: whether the head is lost, and no worker.
        returns: whether a worker comes back meanwhile; else after it.
    """
    cluster, started = served.cluster, time.monotonic()
    at = int(len(expected["frames"]) * chance.uniform(0.2, 0.6))
    number = chance.choice(cluster.workers())
    with served.streaming() as agent:
        while sum(served.frames().values()) < at:
            assert agent.poll() is None, served.log_text()
            assert time.monotonic() - started < _ENDS_WITHIN_S, served.log_text()
            time.sleep(0.1)
        lost_machine = cluster.head if head else cluster.worker(number)
        had_work = any("ServeReplica" in title for title in lost_machine.titles())
        with ThreadPoolExecutor(1) as pool, watched(cluster.address, served.place / "timeline") as timeline:
            lost_s = time.time()
            lost_machine.lose()
            lost_at, lost = served.frames(), time.monotonic()
            begun = pool.submit(_bring_back, served, None if head else number) if head or returns else None
            waited_s, waits = _watch(served, agent, started, lost, lost_at)
            ended = time.monotonic()
            if begun:
                print(f"  it is back, and all serves without a deploy, after {begun.result():.0f} s", flush=True)
            say(lost_s, waits, served.log_events(lost_s), events(timeline, lost_s))
        log = served.log_text()
    if begun is None:
        _bring_back(served, number)
    other = difference(expected, ledger_rows(served.url))
    difference_words = f"{other}\n{log}" if other else ""
    frames = sum(lost_at.values())
    return Round(difference_words, ended - started, frames, had_work or head, waited_s, ended - lost)


def _bring_back(served: ServedSite, number: int | None) -> float:
    """Start a lost worker again, or with None the head, and wait until all serves; returns the seconds that it took."""
    started = time.monotonic()
    if number is None:
        served.cluster.start_head()
    else:
        served.cluster.start_worker(number)
    served.deploy(None)
    return time.monotonic() - started


def _watch(
    served: ServedSite,
    agent: "subprocess.Popen[bytes]",
    started: float,
    since: float | None = None,
    frames: Counts | None = None,
) -> tuple[float, list[Event]]:
    """Wait until all is committed; returns a camera's longest time without a new frame, and the ends of long ones."""
    begin = since or time.monotonic()
    waited_s, waits, seen = 0.0, list[Event](), dict(frames or {})
    changed = dict.fromkeys(seen, begin)
    while not served.has_ended():
        now = time.monotonic()
        for camera, count in served.frames().items():
            if count > seen.get(camera, 0):
                still_s = now - changed.get(camera, begin)
                waited_s, seen[camera], changed[camera] = max(waited_s, still_s), count, now
                if still_s > _LONG_S:
                    waits.append(Event(time.time(), f"{camera}: a new frame, after {still_s:.1f} s without"))
        assert agent.poll() is None, served.log_text()
        assert now - started < _ENDS_WITHIN_S, served.log_text()
        time.sleep(0.1)
    return waited_s, waits


def _words(line: dict[str, str | None]) -> str:
    return f"agent, {line['camera']}: {line['message']}"


@contextmanager
def site_ground(place: Path, seconds: float, cameras: int, **env: str) -> Iterator[Ground]:
    """Have a network with PostgreSQL, and videos to stream.

    Args:
        place: an empty folder.
        seconds: length of the videos, which are played at their own pace.
        cameras: of the site.
        env: variables of the machines.
    """
    with network(place / "machines", **env) as machines, _database(machines) as postgres:
        stage = Stage.build(place, Plan(1, cameras, seconds), postgres)
        url = postgres.database()
        machines.env["RAYPP_LEDGER"] = f"postgresql+psycopg://raypp@{machines.own_address}/{postgres.name_of(url)}"
        yield Ground(place, machines, stage, url)


@contextmanager
def site_on(ground: Ground, cluster: RayCluster, nodes: Iterable[int]) -> Iterator[ServedSite]:
    """Have a site, and nginx before the addresses of nodes, of which 0 is the head; nothing is deployed yet."""
    site = ground.place / "site"
    site.mkdir()
    write_private(site / "front.secret", b"of-the-front-alone-" * 2)
    (port,) = reserved_ports(1)
    addresses = [ground.machines.address(number) for number in nodes]
    services = "; server ".join(f"{address}:{_GRPC}" for address in addresses)
    secret = (site / "front.secret").read_text()
    front = ground.place / "front"
    with running_front(front, services, f"{addresses[0]}:{_HTTP}", secret, port, verify=False) as authority:
        (site / "ca.pem").write_bytes(authority.pem)
        served = ServedSite(site, ground.stage, cluster, ground.url, port)
        _register(served)
        yield served


@contextmanager
def _database(machines: Network) -> Iterator[PostgresServer]:
    """Run PostgreSQL where the machines reach it over their network."""
    with PostgresServer(listen_addresses=machines.own_address, fsync="off") as postgres:
        with (postgres.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {machines.own_address}/24 trust\n")
        postgres.stop()
        postgres.start()
        yield postgres


def _register(served: ServedSite) -> None:
    with Ledger.open(served.url) as ledger:
        write_private(served.place / "token", Identities(ledger).add_site(SITE).encode())
        ledger.configure(SITE, _SETTINGS)
    served.play(realtime=True)
