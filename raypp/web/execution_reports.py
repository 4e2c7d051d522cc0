"""Executions for pages: judged by a thread for each ledger while whoever asks waits a moment, and kept."""

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.reports.execution_record import ExecutionsReport
from raypp.reports.executions import executions_within
from raypp.reports.period import Period
from raypp.reports.records import MOST_EPISODES
from raypp.usage.settings import SiteSettings

_MOST_KEPT = 6
_MOST_BEGUN = 4
_Kind = tuple[str, str, int]
"""A ledger, a site and where its period begins."""
_Source = tuple[object, ...]
"""All that executions are made of."""


@dataclass(frozen=True, slots=True)
class LatestExecutions:
    """Executions as they were judged last.

    Attributes:
        report: None where they have not been judged yet.
        is_fresh: whether nothing has changed since; else they are being judged anew.
    """

    report: ExecutionsReport | None
    is_fresh: bool


class ExecutionReports:
    """Executions of the sites of a ledger, or of several. Safe to use from several threads.

    Those of one ledger wait for each other, and for no other ledger. The first judgement loads pm4py, which takes
    seconds: a process that has others waiting gives this one of its own.

    Args:
        ledger: what they are read from, or all that they may be in.
        wait_s: how long whoever asks waits for executions that are not judged yet; None: until they are.
    """

    def __init__(self, ledger: Ledger | Ledgers, wait_s: float | None) -> None:
        self._ledgers = Ledgers.around(ledger)
        self._wait_s = wait_s
        self._workers = {name: ThreadPoolExecutor(1, f"executions-{name}") for name in self._ledgers.members}
        self._lock = Lock()
        self._kept: OrderedDict[_Kind, tuple[_Source, ExecutionsReport]] = OrderedDict()
        self._begun: dict[_Kind, tuple[_Source, Future[ExecutionsReport]]] = {}

    def of(self, site: str, settings: SiteSettings, period: Period) -> LatestExecutions:
        """Return the executions of a site that began in a period.

        Raises:
            OptionError: if they cannot be judged: there are too many uses, or pm4py is not installed.
        """
        member = self._ledgers.member_of(site)
        ledger = member.ledger()
        kind = (member.name, site, period.from_us)
        source = (period, settings.settings_id, ledger.version(site))
        with self._lock:
            kept = self._kept.get(kind)
            if kept is not None and kept[0] == source:
                self._kept.move_to_end(kind)
                return LatestExecutions(kept[1], is_fresh=True)
            is_new = kind not in self._begun
            if is_new and sum(name == member.name for name, *_ in self._begun) >= _MOST_BEGUN:
                return LatestExecutions(kept and kept[1], is_fresh=False)
            if is_new:
                self._begun[kind] = (source, self._workers[member.name].submit(_judge, ledger, site, settings, period))
            begun, future = self._begun[kind]
        if is_new:  # whoever asked may not ask again
            future.add_done_callback(lambda done: self._done(kind, begun, done))
        try:
            report = future.result(self._wait_s)
        except TimeoutError:
            return LatestExecutions(kept and kept[1], is_fresh=False)
        finally:
            if future.done():
                self._done(kind, begun, future)
        return LatestExecutions(report, is_fresh=begun == source)

    def _done(self, kind: _Kind, source: _Source, future: "Future[ExecutionsReport]") -> None:
        with self._lock:
            if self._begun.get(kind) != (source, future):
                return  # seen to already
            del self._begun[kind]
            if future.exception() is None:
                self._kept[kind] = (source, future.result())
                self._kept.move_to_end(kind)
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)


def _judge(ledger: Ledger, site: str, settings: SiteSettings, period: Period) -> ExecutionsReport:
    return executions_within(ledger, site, settings, period, most=MOST_EPISODES).report()
