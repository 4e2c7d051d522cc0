"""One real service with two ledgers: a site moves while it streams, a gateway is killed, and a ledger goes down."""

import base64
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from protos import raypp_pb2 as pb
from raypp.ledger.check.ledgers import check_ledgers
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledger_map import source_of_move
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.site_move import SiteMove
from raypp.text.wording import counted
from tests.e2e.serve.talk import Code, get_page
from tests.ledger.postgres import PostgresServer
from tests.serving.running import FRAME_US, Camera, Connection, Service, bearer, running_service

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

_SITES = {"plant-1": "north", "plant-2": "south"}
_UNKNOWN = bearer("rpp_0123456789abcdef_" + "A" * 43)


@dataclass
class Running:
    """The service, its ledgers, and metadata of who calls."""

    service: Service
    south: PostgresServer
    ledgers: Ledgers
    settings: Path
    callers: dict[str, tuple[tuple[str, str], ...]]

    def connect(self, site: str, camera: str = "gate") -> Connection:
        return Connection(Camera(site, camera), self.service.stub(), self.callers[site])

    def page(self, path: str) -> tuple[int, str]:
        token = dict(self.callers["operator"])["authorization"].split()[1]
        basic = base64.b64encode(f"x:{token}".encode()).decode()
        return get_page(f"http://127.0.0.1:{self.service.http_port}{path}", authorization=f"Basic {basic}")

    def status(self, metadata: tuple[tuple[str, str], ...], site: str) -> grpc.StatusCode:
        try:
            self.service.stub().GetSiteReport(pb.GetSiteReportRequest(site=site), metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            return error.code()
        return Code.OK

    def stream(self, site: str, chunks: int, deadline_s: float = 280) -> int:
        """Stream chunks of one covered frame as an agent does, opening anew after every refusal; count openings."""
        deadline, opened = time.monotonic() + deadline_s, 0
        while time.monotonic() < deadline:
            try:
                with self.connect(site) as stream:
                    sequence = stream.open().resume_after
                    opened += 1
                    while sequence < chunks:
                        sequence += 1
                        stream.chunk(sequence, None, sequence, last=sequence == chunks)
                        stream.committed()
                        time.sleep(0.02)
                    return opened
            except (grpc.RpcError, AssertionError, StopIteration):
                time.sleep(0.2)
        raise AssertionError(f"not done after {deadline_s} s, opened {opened} times")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("several")
    with PostgresServer(fsync="off") as south:
        urls = {"north": f"sqlite:///{place}/north.db", "south": south.database()}
        settings = {"ledgers": urls, "token_check_s": 0.2, "reap_every_s": 0.5, "watch_every_s": 0.2}
        with Ledgers.open(LedgerList(urls)) as ledgers:
            identities = Identities(ledgers)
            callers = {site: bearer(identities.add_site(site, into=name)) for site, name in _SITES.items()}
            callers["operator"] = bearer(identities.add_operator("anna"))
            with running_service(place, settings) as service:
                yield Running(service, south, ledgers, place / "settings.yaml", callers)


def test_a_site_moves_there_and_back_while_it_streams_and_a_gateway_is_killed(running: Running) -> None:
    chunks, opened = 400, []
    streaming = threading.Thread(target=lambda: opened.append(running.stream("plant-1", chunks)))
    streaming.start()
    beside = threading.Thread(target=lambda: opened.append(running.stream("plant-2", chunks)))
    beside.start()
    for number, name in enumerate(("south", "north", "south")):
        time.sleep(1.5)
        if number == 1:
            (gateway,) = running.service.replicas("Gateway")
            os.kill(gateway.pid, signal.SIGKILL)
        target = running.ledgers.named(name).ledger()
        SiteMove(source_of_move(running.ledgers, "plant-1", target), target, "plant-1").run()
    streaming.join(300)
    beside.join(300)
    assert len(opened) == 2
    for site in _SITES:
        ledger = running.ledgers.of(site)
        (stream,) = ledger.streams(site)
        assert (stream.committed, stream.frames, stream.ended) == (chunks, chunks, True)
        assert [frame.frame_index for frame in ledger.frames(stream.stream)] == list(range(1, chunks + 1))
    assert running.ledgers.member_of("plant-1").name == "south"
    assert running.ledgers.named("north").ledger().streams("plant-1") == []
    assert check_ledgers(running.ledgers).problems == ()
    assert running.status(running.callers["plant-1"], "plant-1") is Code.OK


def test_while_a_ledger_is_down_the_other_s_sites_go_on_and_its_own_come_back(running: Running) -> None:
    with Ledgers.open(LedgerList.parse(str(running.settings))) as ledgers:
        identities = Identities(ledgers)
        running.callers |= {
            site: bearer(identities.add_site(site, into=name)) for site, name in (("x", "north"), ("y", "south"))
        }
        sites = ledgers.site_list()
    shown = [counted(number, "site") for number in (Counter(sites.ledger_of.values())["north"], len(sites.sites))]
    assert running.status(_UNKNOWN, "x") is Code.UNAUTHENTICATED
    with running.connect("x") as here, running.connect("y") as there:
        for stream in (here, there):
            stream.open()
            stream.chunk(1, None, 1)
            stream.committed()
        running.south.stop("immediate")
        try:
            slowest = 0.0
            for sequence in range(2, 60):
                begin = time.monotonic()
                here.chunk(sequence, None, sequence)
                here.committed()
                slowest = max(slowest, time.monotonic() - begin)
                time.sleep(0.05)
            there.chunk(2, None, 2)
            assert there.error().code() is Code.UNAVAILABLE
            assert slowest < 10, slowest
            assert running.status(running.callers["x"], "x") is Code.OK
            assert running.status(running.callers["operator"], "x") is Code.OK
            assert running.status(running.callers["operator"], "y") is Code.UNAVAILABLE
            assert running.status(_UNKNOWN, "x") is Code.UNAVAILABLE
            code, page = running.page("/")
            assert code == 200
            assert f"{shown[0]}, and those of a ledger that cannot be reached just now" in page
            with running.connect("x", "hall") as more:
                more.open()
        finally:
            running.south.start()
        deadline = time.monotonic() + 60
        while running.status(running.callers["y"], "y") is not Code.OK:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert running.status(_UNKNOWN, "x") is Code.UNAUTHENTICATED
    with running.connect("y") as there:
        assert there.open().resume_after == 1
        there.chunk(2, None, 2, frame_us=FRAME_US)
        assert there.committed().sequence == 2
    assert shown[1] in running.page("/")[1]


def test_a_ledger_that_stands_still_slows_no_page_and_no_stream_of_the_other_s_sites(running: Running) -> None:
    with Ledgers.open(LedgerList.parse(str(running.settings))) as ledgers:
        identities = Identities(ledgers)
        running.callers |= {
            site: bearer(identities.add_site(site, into=name)) for site, name in (("v", "north"), ("w", "south"))
        }
    with running.connect("v") as here, running.connect("w") as there:
        for stream in (here, there):
            stream.open()
            stream.chunk(1, None, 1)
            stream.committed()
        before = max(_seconds(lambda: running.page("/sites/v")) for _ in range(3))
        assert running.page("/sites/w")[0] == 200
        with running.south.frozen():
            codes: list[int] = []
            watching = [threading.Thread(target=lambda: codes.append(running.page("/sites/w")[0])) for _ in range(6)]
            for thread in watching:
                thread.start()
            sent = 1
            commits, pages = [], []
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline or any(thread.is_alive() for thread in watching):
                sent += 1
                begin = time.monotonic()
                here.chunk(sent, None, sent)
                here.committed()
                commits.append(time.monotonic() - begin)
                pages.append(_seconds(lambda: running.page("/sites/v")))
                assert time.monotonic() < deadline + 30
            for thread in watching:
                thread.join(60)
            code, page = running.page("/")
            statuses = [running.status(running.callers["operator"], site) for site in "vw"]
        print(f"page alone {before:.2f} s; beside a frozen ledger {sorted(pages)[-3:]}; commits {sorted(commits)[-3:]}")
        assert codes == [503] * 6
        assert (code, "those of a ledger that cannot be reached just now" in page) == (200, True)
        assert statuses == [Code.OK, Code.UNAVAILABLE]
        assert max(commits) < 6, "a token may have waited for the ledger once"
        assert sorted(pages)[len(pages) // 2] < max(1.0, 3 * before)
        assert max(pages) < 8
        assert there.error().code() is Code.UNAVAILABLE, "its token could not be looked up anew"
    end = time.monotonic() + 60
    while running.page("/sites/w")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    with running.connect("w") as there:
        assert there.open().resume_after == 1
        there.chunk(2, None, 2)
        assert there.committed().sequence == 2


def _seconds(work: Callable[[], tuple[int, str]]) -> float:
    begin = time.monotonic()
    assert work()[0] == 200
    return time.monotonic() - begin
