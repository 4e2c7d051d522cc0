"""A whole plant in processes of its own: videos, agents, a link, nginx, the service, PostgreSQL; any may be hurt."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from sqlalchemy import create_engine, text

from raypp.demo.workshop.sample import make_sample
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.identity import Identities
from raypp.ledger.packing import pack_detections
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from raypp.usage.observation import SeenFrame
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.chaos.listeners import Listeners, listening
from tests.chaos.pipe import Pipe
from tests.command import environment
from tests.ledger.postgres import PostgresServer
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.serving.front import Authority, running_front

_STARTS_WITHIN_S = 600
_TOO_BUSY = "the machine is too busy"
_SERVICE = {
    "gateways": {"least": 2, "most": 2, "cpus": 0.1},
    "detectors": {"cpus": 0.1},
    "limits": {"window": 4},
    "stream_age_s": 20,
    "reap_every_s": 2,
}
_SITE = """
max_frame_gap_s: 2
max_lateness_s: 0.6
reap_after_s: 5
tools: [{class: hammer, min_confidence: 0.65, max_gap_s: 0.6}, {class: saw}]
people: {classes: [saw]}
procedures:
  - {name: job, execution: {gap_s: 1}, ignore: [saw], steps: [{name: hammer, tools: [hammer], min_s: 600}]}
"""
"""Streams that are silent for a few seconds are reaped, so that provisional episodes come and go. Hammers come and go,
too, since the detector is as often above as below that confidence: each is an execution that is too short."""
_KEY = VeilKey(b"the plant's key, of tests alone!")
"""The same in each run: what the detector finds depends on it."""
_ZONE = {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "forbidden": True, "grace_s": 0.5, "min_s": 0.5}
Dump = dict[str, list[tuple[object, ...]]]


@dataclass(frozen=True)
class Plan:
    """How large a world is: sites, cameras of each, and seconds of video, played at its own pace."""

    sites: int = 3
    cameras: int = 2
    seconds: float = 60.0

    def streams(self) -> int:
        return self.sites * self.cameras


@dataclass
class Stage:
    """Things that all rounds share: videos, keys, detector, database server, front's certificates."""

    place: Path
    plan: Plan
    postgres: PostgresServer
    videos: dict[str, dict[str, Path]]
    model: Path

    @classmethod
    def build(cls, place: Path, plan: Plan, postgres: PostgresServer) -> "Stage":
        sample = make_sample(place / "videos", 11, plan.sites, plan.cameras, plan.seconds, fps=4, size=(320, 180))
        videos: dict[str, dict[str, Path]] = {}
        for video in sample.videos:
            videos.setdefault(video.site, {})[video.camera] = video.path
        for site, cameras in videos.items():
            save_site_key(SiteKey.derive_from(_KEY, SPEC, site, list(cameras)), place / f"{site}.key")
        model = write_eager_bundle(place / "tools.model", veil_id=_KEY.veil_id(SPEC))
        return cls(place, plan, postgres, videos, model)


@dataclass
class World:
    """One run of the plant."""

    stage: Stage
    place: Path
    url: str
    ports: tuple[int, int]
    pipe: Pipe
    authority: Authority
    secret: Path
    listeners: Listeners
    service: "subprocess.Popen[bytes] | None" = None
    agents: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def start_service(self) -> None:
        command = [
            sys.executable, "-m", "raypp", "serve", "--model", self.stage.model,
            "--settings", self.place / "serve.yaml",
            "--port", self.ports[0], "--http-port", self.ports[1], "--threads", 1, "--front-secret-file", self.secret,
        ]  # fmt: skip
        with (self.place / "serve.log").open("ab") as log:
            self.service = subprocess.Popen(
                [str(part) for part in command], env=environment(RAYPP_LEDGER=self.url), stdout=log, stderr=log
            )

    def wait_for_service(self) -> None:
        """Wait until the service serves; one that Ray did not start in time is started again, as a supervisor does."""
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while "serving" not in (log := (self.place / "serve.log").read_text()):
            assert time.monotonic() < deadline, log
            if self.service is None or self.service.poll() is not None:
                assert _TOO_BUSY in log, log
                (self.place / "serve.log").write_text("")
                self.start_service()
            time.sleep(0.2)

    def stop_service(self) -> None:
        """Stop the service as an operator does, and whatever it leaves behind."""
        if self.service is None:
            return
        children = psutil.Process(self.service.pid).children(recursive=True) if self.service.poll() is None else []
        self.service.send_signal(signal.SIGTERM)
        try:
            self.service.wait(60)
        except subprocess.TimeoutExpired:
            self.service.kill()
            self.service.wait()
        for child in children:
            if child.is_running():
                child.kill()
        self.service = None

    def start_agent(self, site: str) -> None:
        """Start, or start again, the agent of a site."""
        folder = self.place / site
        command = [
            sys.executable, "-m", "raypp", "stream", "--config", folder / "cameras.yaml", "--site", site,
            "--key", self.stage.place / f"{site}.key", "--size", SIZE, "--server", f"localhost:{self.pipe.port}",
            "--ca", self.place / "ca.pem", "--token-file", folder / "token", "--spool", folder / "spool",
            "--chunk-frames", 4, "--chunk-seconds", 1, "--json", folder / "summary.json",
        ]  # fmt: skip
        with (folder / "agent.log").open("ab") as log:
            self.agents[site] = subprocess.Popen(
                [str(part) for part in command], env=environment(), stdout=log, stderr=log
            )

    def kill_agent(self, site: str) -> None:
        """Kill -9 an agent and its capture processes."""
        agent = self.agents[site]
        if agent.poll() is None:
            for process in [*psutil.Process(agent.pid).children(recursive=True), psutil.Process(agent.pid)]:
                process.kill()
        agent.wait()

    def begin_again(self) -> None:
        """Forget all that the sites have streamed, and have them stream it anew through the service that runs."""
        for site in self.agents:
            self.kill_agent(site)
            shutil.rmtree(self.place / site / "spool")
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE streams, outbox CASCADE"))
            connection.execute(text("DELETE FROM judged WHERE place <> ''"))
        engine.dispose()
        time.sleep(1)  # what the sender had in its hands is told meanwhile
        self.listeners.forget()
        self.done.clear()
        for site in self.agents:
            self.start_agent(site)

    def running_sites(self) -> list[str]:
        """Sites whose videos are not at their end yet. An agent with a file of cameras does not end by itself."""
        for site, agent in self.agents.items():
            status = self.place / site / "spool" / "status.json"
            if site not in self.done and status.exists():
                cameras = json.loads(status.read_text())["cameras"]
                if len(cameras) == self.stage.plan.cameras and all(camera["finished"] for camera in cameras.values()):
                    self.done.add(site)
            assert agent.poll() is None, (self.place / site / "agent.log").read_text()[-4000:]
        return [site for site in self.agents if site not in self.done]

    def replicas(self, name: str) -> list[psutil.Process]:
        """Processes of a deployment's replicas, or of Serve's proxy."""
        if self.service is None or self.service.poll() is not None:
            return []
        secrets_found = []
        for process in psutil.Process(self.service.pid).children(recursive=True):
            try:
                if name in " ".join(process.cmdline()):
                    secrets_found.append(process)
            except psutil.Error:
                continue
        return secrets_found

    def untold(self) -> str:
        """Say what the receivers of alerts were not told of, or wrongly; empty if nothing."""
        return self.listeners.faults(self.url)

    def dump(self) -> Dump:
        """All that the ledger holds, as `ledger_rows` reads it."""
        return ledger_rows(self.url)


def ledger_rows(url: str) -> Dump:
    """All that the ledger holds of frames, detections, episodes and stretches, without the streams' epochs."""
    engine = create_engine(url)
    queries = {
        "streams": (
            "SELECT site, camera, frames, detections, last_frame, newest_us, end_reason, reaped "
            "FROM streams ORDER BY 1, 2"
        ),
        "episodes": (
            "SELECT s.site, s.camera, e.tool, e.station, e.start_us, e.end_us, e.seen_us, e.state, e.reason "
            "FROM episodes e JOIN streams s USING (stream_id) ORDER BY 1, 2, 5, 3, 4"
        ),
        "violations": (
            "SELECT s.site, s.camera, v.kind, v.start_us, v.end_us, v.seen_us, v.sure, v.state, v.reason "
            "FROM violations v JOIN streams s USING (stream_id) ORDER BY 1, 2, 4, 5"
        ),
        "stretches": (
            "SELECT s.site, s.camera, t.start_us, t.end_us, t.observation "
            "FROM stretches t JOIN streams s USING (stream_id) ORDER BY 1, 2, 3"
        ),
    }
    with engine.connect() as connection:
        rows_of = {name: [tuple(row) for row in connection.execute(text(query))] for name, query in queries.items()}
    engine.dispose()
    with Ledger.open(url, create=False) as ledger:
        names = [status.stream for site in ledger.sites() for status in ledger.streams(site.name)]
        rows_of["frames"] = sorted(_frame_row(name, frame) for name in names for frame in ledger.frames(name))
    return rows_of


def _frame_row(stream: StreamName, frame: SeenFrame) -> tuple[object, ...]:
    digest = hashlib.sha256(pack_detections(frame.detections)).hexdigest()[:16]
    times = frame.frame_index, frame.timestamp_us
    return stream.site, stream.camera, *times, int(frame.observation), len(frame.detections), digest


@contextmanager
def running_world(stage: Stage, name: str, longest_wait_s: float = 1) -> Iterator[World]:
    """Start a world in which every agent streams its videos through link, front and service into a fresh ledger.

    Args:
        stage: what all worlds share.
        name: of its folder.
        longest_wait_s: of the sender of alerts, between two tries.
    """
    place = stage.place / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    secret = place / "front.secret"
    write_private(secret, b"of-the-front-alone-" * 2)
    with ExitStack() as stack:
        listeners = stack.enter_context(listening(place, longest_wait_s))
        (place / "serve.yaml").write_text(yaml.safe_dump(_SERVICE | {"alerts": listeners.settings()}))
        url = stage.postgres.database()
        stack.callback(stage.postgres.drop, url)
        *ports, front_port = free_ports(3)
        authority = stack.enter_context(
            running_front(
                place / "front", f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", secret.read_text(), front_port,
                verify=False,
            )
        )  # fmt: skip
        (place / "ca.pem").write_bytes(authority.pem)
        pipe = stack.enter_context(Pipe(front_port))
        world = World(stage, place, url, ports, pipe, authority, secret, listeners)
        _register(world)
        world.start_service()
        stack.callback(world.stop_service)
        world.wait_for_service()
        for site in stage.videos:
            world.start_agent(site)
            stack.callback(world.kill_agent, site)
        yield world


def _register(world: World) -> None:
    with Ledger.open(world.url) as ledger:
        for site, cameras in world.stage.videos.items():
            folder = world.place / site
            folder.mkdir()
            token = Identities(ledger).add_site(site)
            write_private(folder / "token", token.encode())
            zones = yaml.safe_dump({"cameras": {camera: {"zones": {"all": _ZONE}} for camera in cameras}})
            ledger.configure(site, _SITE + zones + world.listeners.rules())
            videos = {
                camera: {
                    "source": str(path),
                    "fps": 2,
                    "realtime": True,
                    "time_from": "name:%Y%m%d_%H%M%S",
                    "watch": False,  # what a camera's view was before its agent was killed is not known after
                }
                for camera, path in cameras.items()
            }
            (folder / "cameras.yaml").write_text(yaml.safe_dump({"cameras": videos}))
