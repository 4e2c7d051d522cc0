"""Parties of a tally on this machine: their certificates, a plan, and their runs side by side."""

import json
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from raypp.errors import RayppError
from raypp.tally.certificate import make_certificate
from raypp.tally.result import TallyResult
from raypp.tally.run import TallySettings, join_tally


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Parties:
    """Parties with certificates in one folder, and a plan that all have.

    Args:
        folder: an empty one.
        count: how many there are.
        figures: of the plan.
        plan: further fields of the plan.
    """

    def __init__(self, folder: Path, count: int, figures: Sequence[Mapping[str, Any]], **plan: Any) -> None:
        self.folder = folder
        self.names = [f"plant-{number + 1}" for number in range(count)]
        for name in self.names:
            make_certificate(name, folder / f"{name}.key", folder / f"{name}.crt")
        self.plan = {
            "name": "tools",
            "parties": {
                name: {"address": f"127.0.0.1:{port}", "certificate": f"{name}.crt"}
                for name, port in zip(self.names, free_ports(count), strict=True)
            },
            "figures": list(figures),
            **plan,
        }
        self.write_plan("tally.yaml")

    def write_plan(self, name: str, **changed: Any) -> Path:
        """Write the plan, or a changed one, as a file (JSON is YAML); return it."""
        path = self.folder / name
        path.write_text(json.dumps({**self.plan, **changed}))
        return path

    def settings(self, place: int, values: Mapping[str, Any], plan: str = "tally.yaml", **more: Any) -> TallySettings:
        """Return the settings of a party with its figures."""
        name = self.names[place]
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(values))
        fields = {"plan": self.folder / plan, "party": name, "key": self.folder / f"{name}.key", "values": path}
        return TallySettings(**{**fields, "wait_s": 90, "within_s": 120, **more})


def run_side_by_side(settings: Sequence[TallySettings]) -> list[TallyResult | RayppError]:
    """Run parties at the same time; return what each of them got, or why it did not."""

    def run(own: TallySettings) -> TallyResult | RayppError:
        try:
            return join_tally(own)
        except RayppError as error:
            return error

    with ThreadPoolExecutor(len(settings)) as threads:
        return list(threads.map(run, settings))
