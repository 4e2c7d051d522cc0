"""What Ray knows of its nodes and actors, and when: `python -m tests.nodes.timeline ADDRESS` prints each change.

It asks Ray's global control store alone, and is no driver, so it costs the cluster nothing.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ray._private.state import state
from ray._raylet import GcsClientOptions

from tests.command import environment
from tests.ending import interrupt_on_sigterm

_LOOK_S = 0.25
_PATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}


@dataclass(frozen=True)
class Event:
    """Something that Ray learned.

    Attributes:
        at_s: seconds since 1970.
        words: what it is about, where it is, and what it is now, such as `node 10.87.0.3 lost`.
    """

    at_s: float
    words: str


@contextmanager
def watched(address: str, log: Path) -> Iterator[Path]:
    """Write what Ray learns meanwhile into a file, for `events`."""
    with log.open("w") as out:
        command = [sys.executable, "-m", "tests.nodes.timeline", address]
        watcher = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=environment(**_PATIENCE))
    try:
        yield log
    finally:
        watcher.kill()
        watcher.wait()


def events(log: Path, since_s: float) -> list[Event]:
    """Read what Ray learned since then, without what it knew when the watch began."""
    pairs = [line.split("\t", 1) for line in log.read_text().splitlines()]
    return [Event(float(at), words) for at, words in pairs if float(at) >= since_s and at != pairs[0][0]]


def say(since_s: float, *all_events: Iterable[Event]) -> None:
    """Print events in their order, by the seconds since then."""
    for event in sorted(chain.from_iterable(all_events), key=lambda event: event.at_s):
        print(f"    {event.at_s - since_s:6.1f} s  {event.words}", flush=True)


def main(address: str) -> None:
    """Print changes for ever."""
    state._initialize_global_state(GcsClientOptions.create(address, None, True, False))
    seen: dict[str, str] = {}
    while True:
        known, now = _known(), time.time()
        for key, words in known.items():
            if seen.get(key) != words:
                seen[key] = words
                print(f"{now:.3f}\t{words}", flush=True)
        time.sleep(_LOOK_S)


def _known() -> Mapping[str, str]:
    nodes = {
        node["NodeID"]: f"node {node['NodeManagerAddress']} {'alive' if node['Alive'] else 'lost'}"
        for node in state.node_table()
    }
    return nodes | {key: _actor(actor) for key, actor in state.actor_table(None).items()}


def _actor(actor: Mapping[str, Any]) -> str:
    place = actor["Address"]["IPAddress"] or "nowhere"
    return f"{actor['ActorClassName']} {actor['ActorID'][:6]} on {place} {actor['State'].lower()}"


if __name__ == "__main__":
    interrupt_on_sigterm()
    main(*sys.argv[1:])
