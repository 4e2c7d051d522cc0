"""The list of ten thousand sites of several ledgers, as page, API and command: `python -m benchmarks.many_sites`.

Half of the ledgers are SQLite files and half PostgreSQL. Each site has settings of its own, two cameras, and a day of
uses. Times are medians of three; the first one of a process, which has read no settings yet, stands apart. CPU time is
that of the reading process: on a machine that is busy, it is what a quiet one would take, but for PostgreSQL's own.
"""

import base64
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from sqlalchemy import insert
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US, EpisodeRow, ModelRow, SiteRow, StreamRow, StretchRow, TokenRow
from raypp.web.freshness import MadePages
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.ledger.postgres import PostgresServer

_CAMERAS, _USES, _STRETCHES, _TIMES = ("bench", "gate"), 10, 6, 3
_TOOLS = ("drill", "saw", "hammer")
_MINUTE_US = 60_000_000


def fill(ledger: Ledger, sites: Sequence[str], now_us: int) -> None:
    """Write sites with a token, settings, cameras and a day of uses, without a fold."""
    model = {"model_key": "m" * 32, "model_id": "a" * 64, "veil_id": "b" * 32, "classes": '["drill", "saw", "hammer"]'}
    with ledger.database.write(patient=True) as connection:
        connection.execute(insert(ModelRow), [model | {"reliabilities": None}])
        connection.execute(insert(SiteRow), [_site(site, now_us) for site in sites])
        connection.execute(insert(TokenRow), [_token(site, now_us) for site in sites])
        names = [(site, camera) for site in sites for camera in _CAMERAS]
        connection.execute(insert(StreamRow), [_stream(key, name, now_us) for key, name in enumerate(names, 1)])
        for begin in range(0, len(names), 1000):
            some = list(enumerate(names[begin : begin + 1000], begin + 1))
            connection.execute(insert(EpisodeRow), [use for key, name in some for use in _uses(key, name, now_us)])
            connection.execute(insert(StretchRow), [part for key, name in some for part in _parts(key, name, now_us)])


def _site(site: str, now_us: int) -> dict[str, object]:
    settings = f"# of {site}\ntime_zone: Europe/Berlin\ntools:\n  - class: drill\n  - class: saw\n"
    return {
        "name": site,
        "settings": settings,
        "version": 1,
        "reap_after_us": _MINUTE_US,
        "alerts": None,
        "added_us": now_us,
    }


def _token(site: str, now_us: int) -> dict[str, object]:
    digest = hashlib.sha256(site.encode())
    return {
        "token_id": digest.hexdigest()[:16],
        "role": "site",
        "site": site,
        "operator": None,
        "secret_sha256": digest.digest(),
        "created_us": now_us,
        "expires_us": None,
        "revoked_us": None,
    }


def _stream(key: int, name: tuple[str, str], now_us: int) -> dict[str, object]:
    counts = dict.fromkeys(("rewrites", "forgotten_frames", "clock_offset_us"), 0)
    return counts | {
        "stream_id": key,
        "site": name[0],
        "camera": name[1],
        "epoch": now_us - DAY_US,
        "committed": 1000,
        "lease": 1,
        "settings_id": None,
        "model_key": "m" * 32,
        "reaped": False,
        "last_frame": 8000,
        "frames": 8000,
        "detections": 16000,
        "floor_us": None,
        "newest_us": now_us,
        "live": True,
        "agent_version": "0.1",
        "opened_us": now_us - DAY_US,
        "active_us": now_us,
        "ended_us": None,
        "end_reason": None,
        "fold": None,
    }


def _uses(key: int, name: tuple[str, str], now_us: int) -> Iterator[dict[str, object]]:
    for number in range(_USES):
        start_us = now_us - (number + 1) * 30 * _MINUTE_US
        yield {
            "episode_id": hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:32],
            "stream_id": key,
            "site": name[0],
            "tool": _TOOLS[number % len(_TOOLS)],
            "station": "",
            "start_us": start_us,
            "end_us": start_us + 5 * _MINUTE_US,
            "seen_us": 4 * _MINUTE_US,
            "state": 3,
            "reason": 1,
            "changed_us": start_us,
        }


def _parts(key: int, name: tuple[str, str], now_us: int) -> Iterator[dict[str, object]]:
    for number in range(_STRETCHES):
        start_us = now_us - (number + 1) * 50 * _MINUTE_US
        end_us = start_us + 50 * _MINUTE_US
        yield {"stream_id": key, "start_us": start_us, "site": name[0], "end_us": end_us, "observation": 1}


def _timed(work: Callable[[], object]) -> str:
    times, spent = [], []
    for _ in range(1 + _TIMES):
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        times.append(time.perf_counter() - began)
        spent.append(time.process_time() - began_cpu)
    return (
        f"{median(spent[1:]):.2f} s of CPU in {median(times[1:]):.2f} s, "
        f"the first {spent[0]:.2f} s of CPU in {times[0]:.2f} s"
    )


def main() -> None:
    """Make the ledgers, and print a line for each list."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    now_us = time.time_ns() // 1000
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(PostgresServer(fsync="off"))
        urls = {f"file-{each}": f"sqlite:///{folder}/{each}.db" for each in range(2)}
        urls |= {f"server-{each}": server.database() for each in range(2)}
        ledgers = stack.enter_context(Ledgers.open(LedgerList(urls)))
        names: dict[str, list[str]] = {name: [] for name in urls}
        for each in range(number):
            names[list(urls)[each % len(urls)]].append(f"plant-{each:05}")
        for name, ledger in ledgers.opened():
            fill(ledger, names[name], now_us)
        for each in range(2):
            server.sql(server.name_of(urls[f"server-{each}"]), "ANALYZE")
        identities = Identities(ledgers)
        token = identities.add_operator("anna")
        basic = base64.b64encode(f"x:{token}".encode()).decode()
        pages = MadePages()

        def get(path: str, query: str, kept: MadePages | None = None) -> None:
            request = PageRequest("GET", path, query, {"authorization": f"Basic {basic}"})
            answer = respond(request, ledgers, identities, time.time_ns() // 1000, pages=kept)
            assert answer.status == 200, answer.body

        def run(*words: str) -> None:
            result = CliRunner().invoke(build(), words, env={"RAYPP_LEDGER": LedgerList(urls).text()})
            assert result.exit_code == 0, result.output

        print(f"{number:,} sites in {len(urls)} ledgers")
        print("page, first 50 sites:       ", _timed(lambda: get("/", "")))
        print("page, sites 5,001 to 5,050: ", _timed(lambda: get("/", "page=101")))
        print("page as a gateway keeps it: ", _timed(lambda: get("/", "page=51", pages)))
        print("/api/sites, all of them:    ", _timed(lambda: get("/api/sites", "")))
        print("raypp site list:            ", _timed(lambda: run("site", "list")))
        print("raypp ledger map:           ", _timed(lambda: run("ledger", "map")))


if __name__ == "__main__":
    main()
