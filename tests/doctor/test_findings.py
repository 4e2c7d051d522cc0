from pathlib import Path
from typing import Any

import pytest

from raypp.doctor.cluster import ClusterReport, NodeAnswer, certain_skew_us, findings_of
from raypp.doctor.facts import NodeFacts, Room
from raypp.text.finding import CheckResult

_GB = 1 << 30


def _facts(**changes: Any) -> NodeFacts:
    facts: dict[str, Any] = {
        "host": "a",
        "versions": {"python": "3.11.7", "ray": "2.60.0"},
        "rooms": (Room(path=Path("/data"), free=50 * _GB, total=100 * _GB),),
        "shared_memory": Room(path=Path("/dev/shm"), free=4 * _GB, total=4 * _GB),
        "memory_free": 4 * _GB,
        "memory_total": 8 * _GB,
        "unreached": (),
        "metrics_open": False,
        "service": "",
        "ledger": "",
        "models": {"/tools.model": "ab" * 32},
        "gpu": "",
    }
    return NodeFacts(**facts | changes)


def _answer(facts: NodeFacts, **changes: Any) -> NodeAnswer:
    about: dict[str, Any] = {"skew_us": 0, "token": True, "tls": True, "stored": ""}
    return NodeAnswer(facts, **about | changes)


def _said(other: NodeAnswer) -> dict[str, tuple[CheckResult, str]]:
    """Return what is not good beside a node in order, by what it is about."""
    findings = findings_of({"a": _answer(_facts()), "b": other})
    return {each.what: (each.verdict, each.says) for each in findings if each.verdict is not CheckResult.GOOD}


def test_a_cluster_in_order_has_nothing_to_look_at() -> None:
    assert _said(_answer(_facts())) == {}


@pytest.mark.parametrize(
    ("facts", "about", "what", "verdict", "says"),
    [
        (
            {"versions": {"python": "3.11.7", "ray": "2.59.0"}},
            {},
            "ray on b",
            "WRONG",
            "2.59.0 where others have",
        ),
        (
            {"versions": {"python": "3.11.7", "ray": ""}},
            {},
            "ray on b",
            "WRONG",
            "none where others have 2.60",
        ),
        (
            {"models": {"/tools.model": "cd" * 32}},
            {},
            "model on b",
            "WRONG",
            "cdcdcdcdcdcd where others have ab",
        ),
        (
            {"models": {"/tools.model": "!No such file"}},
            {},
            "model on b",
            "WRONG",
            "No such file; put the bundle",
        ),
        (
            {"unreached": ("raylet at a:1 (refused)",)},
            {},
            "ports from b",
            "WRONG",
            "raylet at a:1 (refused); open",
        ),
        ({"ledger": "ledger x is full; make room"}, {}, "ledger from b", "WRONG", "ledger x is full; make room"),
        ({"ledger": None}, {}, "ledger from b", "look", "no ledger is named there; set RAYPP_LEDGER"),
        ({"memory_free": 1000}, {}, "memory of b", "look", "0.0 GB free of 8.6; end what takes it"),
        ({"metrics_open": True}, {}, "metrics of b", "look", "jobs.start_node"),
        ({"service": "OK"}, {}, "service on b", "WRONG", "answers anybody"),
        ({"service": "UNAUTHENTICATED"}, {}, "service on b", "look", "set front_secret_file"),
        ({"service": "UNAVAILABLE"}, {}, "service on b", "WRONG", "does not answer; see `serve status`"),
        ({"service": "INTERNAL"}, {}, "service on b", "WRONG", "answers INTERNAL; see the service's log"),
        ({"gpu": "!torch sees no GPU"}, {}, "GPU of b", "WRONG", "torch sees no GPU; see `nvidia-smi`"),
        ({}, {"skew_us": -2_500_000}, "clock of b", "WRONG", "2.5 s behind this machine's; see to time synchron"),
        ({}, {"stored": "it comes back changed"}, "object store of b", "WRONG", "changed; see raylet's log"),
        ({}, {"token": False}, "Ray's token", "WRONG", "start each with RAY_AUTH_MODE=token"),
        ({}, {"tls": False}, "Ray's TLS", "WRONG", "on some nodes alone"),
    ],
)
def test_each_fault_of_a_node_is_one_finding_with_its_remedy(
    facts: dict[str, Any], about: dict[str, Any], what: str, verdict: str, says: str
) -> None:
    faults = _said(_answer(_facts(**facts), **about))
    assert list(faults) == [what]
    assert faults[what][0] == verdict
    assert says in faults[what][1]
    assert ";" in faults[what][1] or "jobs.start_node" in faults[what][1]


@pytest.mark.parametrize(
    ("room", "verdict", "says"),
    [
        (Room(path=Path("/data"), free=1000, total=100 * _GB), "look", "0.0 GB free of 107.4; make room"),
        (Room(path=Path("/data"), free=-1, total=-1, problem="No such file"), "WRONG", "/data: No such file; name a"),
    ],
)
def test_a_disk_without_room_or_right_is_named(room: Room, verdict: str, says: str) -> None:
    ((what, (verdict_there, text)),) = _said(_answer(_facts(rooms=(room,)))).items()
    assert (what, verdict_there) == ("disk of b", verdict)
    assert says in text


def test_a_clock_is_off_only_where_the_time_of_the_question_does_not_explain_it() -> None:
    assert certain_skew_us(1000, 1500, 2000) == 0
    assert certain_skew_us(1000, 2700, 2000) == 700
    assert certain_skew_us(1000, 400, 2000) == -600


def test_a_report_counts_what_is_wrong() -> None:
    report = ClusterReport(findings=tuple(findings_of({"a": _answer(_facts(gpu="!torch sees no GPU"))})))
    assert report.wrong == 1
    assert '"wrong":1' in report.model_dump_json()
