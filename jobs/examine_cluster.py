"""Check every node of a running Ray: a task on each looks at it, and this process compares what they say.

Example:
    ray job submit --working-dir . -- python -m jobs.examine_cluster --model /models/tools.model
"""

import hashlib
import os
import time
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jobs.cluster import connect
from jobs.command import run_job
from jobs.local_ray import session_folder
from raypp.cli.cluster import cluster_doctor
from raypp.doctor.cluster import NodeAnswer, certain_skew_us, findings_of
from raypp.doctor.facts import Endpoint, NodeFacts, NodeQuestions
from raypp.doctor.node import look_at_node
from raypp.execution import ExecutionSettings
from raypp.text.finding import CheckResult, Finding

Node = dict[str, Any]
"""A node as `ray.nodes()` describes it."""

_WITHIN_S = 90.0
_CLOCK_QUESTIONS = 3
_PROBE_BYTES = 1 << 20
"""More than what Ray sends along with an answer: it passes through the object stores of both nodes."""


def examine_on_ray(questions: NodeQuestions, execution: ExecutionSettings) -> list[Finding]:
    """Check all nodes of a running Ray.

    Args:
        questions: to each node; ports and its own address are filled in here.
        execution: which Ray.

    Raises:
        RayppError: if no Ray answers.
    """
    connect(execution.address)
    nodes = {_name(node): node for node in ray.nodes()}  # type: ignore[no-untyped-call]
    alive = {name: node for name, node in nodes.items() if node["Alive"]}
    findings = [
        Finding(f"node {name}", CheckResult.DOUBTFUL, "is gone; start it again, if it should be there")
        for name, node in nodes.items()
        if name not in alive
    ]
    endpoints = tuple(endpoint for node in alive.values() for endpoint in _endpoints(node))
    questions = questions.model_copy(update={"nodes": len(alive)})
    pending = {name: _ask(node, questions, endpoints) for name, node in alive.items()}
    answers: dict[str, NodeAnswer] = {}
    for name, reference in pending.items():
        try:
            answers[name] = _answer(alive[name], *ray.get(reference, timeout=_WITHIN_S))
        except GetTimeoutError:
            says = f"gives no answer within {_WITHIN_S:.0f} s; see raylet's log there, or take the node away"
            findings.append(Finding(f"node {name}", CheckResult.WRONG, says))
        except RayError as error:
            reason = str(error).strip().splitlines()[-1]
            says = f"cannot be looked at ({reason}); install raypp there as on this machine"
            findings.append(Finding(f"node {name}", CheckResult.WRONG, says))
    return findings + (findings_of(answers) if answers else [])


def _look(questions: str) -> tuple[str, bool, bool, Any, str]:
    """Look at the node that this runs on; returns facts, how Ray is guarded, and an object with its digest."""
    from ray._private.authentication.authentication_utils import is_token_auth_enabled  # noqa: PLC0415

    facts = look_at_node(NodeQuestions.model_validate_json(questions)).model_dump_json()
    probe = os.urandom(_PROBE_BYTES)
    tls = os.environ.get("RAY_USE_TLS", "0") == "1"
    return facts, is_token_auth_enabled(), tls, ray.put(probe), hashlib.sha256(probe).hexdigest()


def _clock_us() -> int:
    return time.time_ns() // 1000


def _answer(node: Node, facts: str, token: bool, tls: bool, stored: Any, digest: str) -> NodeAnswer:
    return NodeAnswer(NodeFacts.model_validate_json(facts), _skew_us(node), token, tls, _why_not_stored(stored, digest))


def _skew_us(node: Node) -> int:
    """How far a node's clock is off for certain, of a few short questions to it."""
    skews = []
    for _ in range(_CLOCK_QUESTIONS):
        sent_us = _clock_us()
        clock_us = ray.get(_on(node, _clock_us).remote(), timeout=_WITHIN_S)
        skews.append(certain_skew_us(sent_us, clock_us, _clock_us()))
    return max(skews, key=abs)


def _why_not_stored(reference: Any, digest: str) -> str:
    """Fetch an object from a node's store; says why it is not what was put there, or nothing."""
    try:
        probe = ray.get(reference, timeout=_WITHIN_S)
    except RayError as error:
        return f"an object that was put there cannot be had ({type(error).__name__})"
    return "" if hashlib.sha256(probe).hexdigest() == digest else "an object comes back changed"


def _ask(node: Node, questions: NodeQuestions, endpoints: tuple[Endpoint, ...]) -> Any:
    own = questions.model_copy(
        update={
            "own": node["NodeManagerAddress"],
            "metrics_port": node["MetricsExportPort"],
            "endpoints": endpoints,
            "places": (session_folder(), *questions.places),
        }
    )
    return _on(node, _look).remote(own.model_dump_json())


def _on(node: Node, function: Callable[..., Any]) -> Any:
    """Return a remote function that runs on one node alone, whatever else takes its processors."""
    there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=there)


def _endpoints(node: Node) -> tuple[Endpoint, ...]:
    host = node["NodeManagerAddress"]
    ports = {"raylet": node["NodeManagerPort"], "object manager": node["ObjectManagerPort"]}
    return tuple(Endpoint(what=what, host=host, port=port) for what, port in ports.items())


def _name(node: Node) -> str:
    return f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"


def main() -> None:
    """Run the command as a program of its own."""
    run_job(cluster_doctor, "examine", examine_on_ray)


if __name__ == "__main__":
    main()
