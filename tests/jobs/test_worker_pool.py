"""Workers of a pool die, fail and come late: each row is done, or an error says why none can be."""

import json

import pytest

from tests.command import environment
from tests.command_server import run_forked

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]  # ten workers start in vain

_POOL = """
import json, os, sys, time
from pathlib import Path
import ray
from jobs.cluster import connect
from jobs.worker_pool import WorkerPool
from raypp.errors import ShardError, RayppError

folder = Path(sys.argv[1])

class Worker:
    def __init__(self, kind):
        self.kind = kind

    def begin(self):
        if self.kind == "stillborn":
            os._exit(1)
        if self.kind == "without key":
            raise ShardError("no key here")

    def work(self, row, again):
        mark = folder / row.decode()
        if self.kind == "mortal" and row in {b"3", b"7"} and not mark.exists():
            mark.touch()
            os._exit(1)
        if self.kind == "failing" and row == b"5":
            raise ShardError("the disk is full")
        if self.kind == "poisoned" and row == b"5":
            os._exit(1)
        return row + (b" again" if again else b"") + b" of %d" % os.getpid()

def outcome(kind, most):
    try:
        rows = WorkerPool(Worker, {"kind": kind}, most, 0).map(str(number).encode() for number in range(12))
        return [row.decode() for row in rows]
    except RayppError as error:
        return [type(error).__name__, str(error)]

connect(None)
outcomes = {kind: outcome(kind, 2) for kind in ("mortal", "stillborn", "without key", "failing", "poisoned")}
outcomes["more than there is room for"] = outcome("well", 50)
deadline = time.monotonic() + 60  # Ray gives back what a killed actor had a little later
while not (free := ray.available_resources().get("CPU", 0) == ray.cluster_resources()["CPU"]):
    if time.monotonic() > deadline:
        break
    time.sleep(0.2)
outcomes["free"] = free
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    done = run_forked(_POOL, [str(tmp_path_factory.mktemp("marks"))], environment(), cwd=None, timeout=500)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("{"))  # Ray tells of deaths there, too
    return json.loads(line)


def test_what_dead_workers_had_is_done_by_others(outcomes: dict[str, list[str]]) -> None:
    rows = [outcome.split(" ", 1) for outcome in outcomes["mortal"]]
    assert sorted(int(row) for row, _ in rows) == list(range(12))
    assert {row for row, how in rows if "again" in how} >= {"3", "7"}
    assert len({how.split()[-1] for _, how in rows}) >= 2


def test_an_error_of_a_worker_is_raised_as_it_was_there(outcomes: dict[str, list[str]]) -> None:
    assert outcomes["failing"] == ["ShardError", "the disk is full"]
    assert outcomes["without key"] == ["ShardError", "no key here"]


def test_workers_that_die_as_they_start_end_the_work(outcomes: dict[str, list[str]]) -> None:
    kind, words = outcomes["stillborn"]
    assert kind == "RayppError"
    assert "workers die as they start" in words


def test_work_that_kills_each_of_its_workers_ends(outcomes: dict[str, list[str]]) -> None:
    kind, words = outcomes["poisoned"]
    assert kind == "RayppError"
    assert "10 workers, one after another, died of the same work" in words


def test_workers_without_room_are_not_waited_for(outcomes: dict[str, list[str]]) -> None:
    assert len(outcomes["more than there is room for"]) == 12
    assert outcomes["free"], "a worker still holds its CPU"
