"""What the facts of a cluster's nodes mean together."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, computed_field

from raypp.doctor.facts import NodeFacts, Room
from raypp.serving.defaults import LEDGER_VARIABLE
from raypp.text.finding import CheckResult, Finding
from raypp.text.wording import counted

_LEAST_DISK, _LEAST_MEMORY, _LEAST_SHARED = 2 << 30, 1 << 30, 64 << 20
_MOST_SKEW_US = 1_000_000
_GB = 1e9
_SERVICE_SAYS = {
    "PERMISSION_DENIED": (CheckResult.GOOD, "asks for the front's secret"),
    "UNAUTHENTICATED": (
        CheckResult.DOUBTFUL,
        "asks for a token, and for no front's secret; set front_secret_file, or let nobody but the front reach it",
    ),
    "OK": (CheckResult.WRONG, "answers anybody; start it again with tokens and the front's secret"),
    "UNAVAILABLE": (CheckResult.WRONG, "does not answer; see `serve status`, and the firewall between nodes"),
}


@dataclass(frozen=True)
class NodeAnswer:
    """Hold what came back from a node.

    Attributes:
        facts: what it answered.
        skew_us: how far its clock is ahead of the doctor's for certain, microseconds.
        token, tls: whether its Ray asks for a token, and speaks TLS.
        stored: what is wrong with its object store; empty where it is good.
    """

    facts: NodeFacts
    skew_us: int
    token: bool
    tls: bool
    stored: str


def certain_skew_us(sent_us: int, clock_us: int, back_us: int) -> int:
    """How far a clock is ahead of ours for certain: 0 where question and answer leave room for none, microseconds.

    Args:
        sent_us: our clock when the question was sent.
        clock_us: the other clock, read after that.
        back_us: our clock when the answer was there.
    """
    return max(0, clock_us - back_us) + min(0, clock_us - sent_us)


def findings_of(answers: Mapping[str, NodeAnswer]) -> list[Finding]:
    """Return what is to be said of a cluster, one finding for each check and node; problems name their remedy.

    Args:
        answers: of nodes, by the name under which findings tell of them.
    """
    return [
        *_alike(answers),
        *_access(answers),
        *_models(answers),
        *(finding for node, answer in answers.items() for finding in _node(node, answer)),
    ]


def _alike(answers: Mapping[str, NodeAnswer]) -> Iterator[Finding]:
    packages = {package for answer in answers.values() for package in answer.facts.versions}
    different = False
    for package in sorted(packages):
        versions = {node: answer.facts.versions.get(package, "") for node, answer in answers.items()}
        usual, _ = Counter(versions.values()).most_common(1)[0]
        for node, installed in versions.items():
            if installed != usual:
                different = True
                says = f"{installed or 'none'} where others have {usual or 'none'}; install the same lock on all nodes"
                yield Finding(f"{package} on {node}", CheckResult.WRONG, says)
    if not different:
        facts = next(iter(answers.values())).facts.versions
        shown = ", ".join(f"{package} {facts[package]}" for package in sorted(facts) if facts[package])
        yield Finding("versions", CheckResult.GOOD, f"alike on {counted(len(answers), 'node')}: {shown}")


def _access(answers: Mapping[str, NodeAnswer]) -> Iterator[Finding]:
    tokens = {answer.token for answer in answers.values()}
    encrypted = {answer.tls for answer in answers.values()}
    if tokens == {True}:
        yield Finding("Ray's token", CheckResult.GOOD, "each node asks for it")
    else:
        says = "nodes ask for none: whoever reaches a port runs code; start each with RAY_AUTH_MODE=token"
        yield Finding("Ray's token", CheckResult.DOUBTFUL if tokens == {False} else CheckResult.WRONG, says)
    if encrypted == {True}:
        yield Finding("Ray's TLS", CheckResult.GOOD, "between all nodes")
    elif len(encrypted) > 1:
        yield Finding("Ray's TLS", CheckResult.WRONG, "on some nodes alone; set RAY_USE_TLS=1 on all, or on none")
    elif len(answers) > 1:
        says = "none between nodes; set RAY_USE_TLS=1, or encrypt their network"
        yield Finding("Ray's TLS", CheckResult.DOUBTFUL, says)


def _models(answers: Mapping[str, NodeAnswer]) -> Iterator[Finding]:
    for path in dict.fromkeys(path for answer in answers.values() for path in answer.facts.models):
        digests = {node: answer.facts.models[path] for node, answer in answers.items()}
        read = {node: digest for node, digest in digests.items() if not digest.startswith("!")}
        for node, digest in digests.items():
            if node not in read:
                says = f"{path}: {digest[1:]}; put the bundle there, readable for Ray's account"
                yield Finding(f"model on {node}", CheckResult.WRONG, says)
        if not read:
            continue
        usual, _ = Counter(read.values()).most_common(1)[0]
        for node, digest in read.items():
            if digest != usual:
                says = f"{path} is {digest[:12]} where others have {usual[:12]}; copy the same bundle to all nodes"
                yield Finding(f"model on {node}", CheckResult.WRONG, says)
        if set(digests.values()) == {usual}:
            yield Finding("model", CheckResult.GOOD, f"{path} is {usual[:12]} on {counted(len(answers), 'node')}")


def _node(node: str, answer: NodeAnswer) -> Iterator[Finding]:
    facts = answer.facts
    yield _judged(f"ports from {node}", ", ".join(facts.unreached), "all reached", "open them between nodes")
    skew_s = answer.skew_us / 1e6
    is_off = abs(answer.skew_us) > _MOST_SKEW_US
    ahead = "ahead of" if skew_s > 0 else "behind"
    clock = f"{abs(skew_s):.1f} s {ahead} this machine's" if is_off else ""
    yield _judged(f"clock of {node}", clock, "as this machine's", "see to time synchronisation")
    yield _judged(f"object store of {node}", answer.stored, "written and read", "see raylet's log on that node")
    for room in facts.rooms:
        yield _room(f"disk of {node}", room, _LEAST_DISK, "make room, or use a larger disk")
    if facts.shared_memory is not None:
        remedy = "enlarge it (`--shm-size`), or Ray's objects go to disk"
        yield _room(f"shared memory of {node}", facts.shared_memory, _LEAST_SHARED, remedy)
    if facts.memory_total > 0:
        memory = f"{facts.memory_free / _GB:.1f} GB free of {facts.memory_total / _GB:.1f}"
        if facts.memory_free < _LEAST_MEMORY:
            yield Finding(f"memory of {node}", CheckResult.DOUBTFUL, f"{memory}; end what takes it, or add memory")
        else:
            yield Finding(f"memory of {node}", CheckResult.GOOD, memory)
    if facts.metrics_open:
        says = "anybody who reaches the node reads them; start it with `python -m jobs.start_node`"
        yield Finding(f"metrics of {node}", CheckResult.DOUBTFUL, says)
    if facts.service:
        unknown = (CheckResult.WRONG, f"answers {facts.service}; see the service's log")
        verdict, says = _SERVICE_SAYS.get(facts.service, unknown)
        yield Finding(f"service on {node}", verdict, says)
    if facts.ledger is None:
        says = f"no ledger is named there; set {LEDGER_VARIABLE} where Ray is started, or give `ledger`"
        yield Finding(f"ledger from {node}", CheckResult.DOUBTFUL, says)
    else:
        remedy = f"mend it, or {LEDGER_VARIABLE} on that node"
        yield _judged(f"ledger from {node}", facts.ledger, "reached, and of this version's schema", remedy)
    if facts.gpu:
        fault = facts.gpu[1:] if facts.gpu.startswith("!") else ""
        yield _judged(f"GPU of {node}", fault, facts.gpu, "see `nvidia-smi` there, and the driver's version")


def _judged(what: str, problem: str, good: str, remedy: str) -> Finding:
    if not problem:
        return Finding(what, CheckResult.GOOD, good)
    return Finding(what, CheckResult.WRONG, problem if ";" in problem else f"{problem}; {remedy}")


def _room(what: str, room: Room, least: int, remedy: str) -> Finding:
    if room.problem:
        return Finding(what, CheckResult.WRONG, f"{room.path}: {room.problem}; name a folder that Ray may write to")
    says = f"{room.path}: {room.free / _GB:.1f} GB free of {room.total / _GB:.1f}"
    if room.free < least:
        return Finding(what, CheckResult.DOUBTFUL, f"{says}; {remedy}")
    return Finding(what, CheckResult.GOOD, says)


class ClusterReport(BaseModel):
    """Report what was found on a cluster.

    Attributes:
        findings: each thing that was checked.
        wrong: how many are wrong.
    """

    findings: tuple[Finding, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def wrong(self) -> int:
        """How many are wrong."""
        return sum(finding.is_wrong for finding in self.findings)
