"""Says how the agent is doing, every half a minute or so, for as long as it runs; no fault of it ends the agent."""

import asyncio
import random
import secrets
import shutil
from collections.abc import Callable, Mapping
from time import monotonic

import grpc
import grpc.aio

from protos import raypp_pb2 as pb
from raypp import __version__
from raypp.edge.device_report import DeviceFacts, DeviceReporter
from raypp.edge.log import Log
from raypp.edge.settings import AgentSettings
from raypp.edge.status import SiteStatus
from raypp.edge.uplink.connection import what_failed
from raypp.edge.uplink.device_link import DeviceLink
from raypp.errors import SiteError
from raypp.io.clock import now_us

_EVERY_S = 30.0
"""Until the service has said how often."""
_SHORTEST_S, _LONGEST_S = 0.1, 3600.0
"""Whatever the service says."""
_SECOND_S = 2.0
"""The second report follows soon: it is the first that knows the clocks' offset."""
_OLDER_S = 3600.0
_FAREWELL_S = 2.0
_JITTER = 0.1
_INSTANCE_BITS = 63


def device_facts(settings: AgentSettings, veil_id: str) -> DeviceFacts:
    """Return the facts of an agent that starts now, with frames of this veil."""
    instance = secrets.randbits(_INSTANCE_BITS)
    return DeviceFacts(settings.site, settings.device, __version__, instance, now_us(), veil_id)


class Heartbeat:
    """Reports one agent.

    Args:
        settings: of the agent.
        facts: of the agent, which stay.
        status: says how the cameras stand.
        rates: frames a second that each stream is to give; None: every frame.
        configured: takes a configuration that the service hands over, if any, and says which is in effect.
        log: takes one line for the operator.
    """

    def __init__(
        self,
        settings: AgentSettings,
        facts: DeviceFacts,
        status: Callable[[], SiteStatus],
        rates: Callable[[], Mapping[str, float | None]],
        configured: Callable[[bytes], pb.ReportDeviceRequest],
        log: Log,
    ) -> None:
        self._reporter = DeviceReporter(facts)
        self._link = DeviceLink(settings.connection)
        self._settings = settings
        self._status = status
        self._rates = rates
        self._configured = configured
        self._log = log
        self._trouble = ""
        self._heard = False

    async def run(self) -> None:
        """Report for ever; cancel it to stop."""
        while True:
            wait_s = await self._report()
            await asyncio.sleep(wait_s * random.uniform(1 - _JITTER, 1))  # noqa: S311 - no secret

    async def end(self) -> None:
        """Say that the agent ends, unless nobody has heard of it, and let the connection go."""
        if self._heard:
            await self._report(_FAREWELL_S, stopped=True)
        await self._link.close()

    async def _report(self, timeout_s: float | None = None, *, stopped: bool = False) -> float:
        """Report once; return how long to wait for the next time, in seconds."""
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, self._settings.spool)).free
            report = self._reporter.report(self._status(), self._rates(), free, self._link.clock.best, monotonic())
            report.stopped = stopped
            report.MergeFrom(self._configured(b""))
            answer = await (self._link.send(report, timeout_s) if timeout_s else self._link.send(report))
            if answer.configuration and not stopped:
                self._configured(answer.configuration)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code is grpc.StatusCode.UNIMPLEMENTED:
                return _OLDER_S
            return self._failed(f"{code.name}: {what_failed(code, error.details())}")
        except (SiteError, OSError) as error:
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, cameras go on, and so does this
            return self._failed(f"{type(error).__name__}: {' '.join(str(error).split())}")
        self._trouble = ""
        is_first, self._heard = not self._heard, True
        every_s = min(_LONGEST_S, max(_SHORTEST_S, answer.next_after_ms / 1000 or _EVERY_S))
        return min(_SECOND_S, every_s) if is_first else every_s

    def _failed(self, words: str) -> float:
        """Tell of a failure once."""
        if words != self._trouble:
            self._log(f"the service could not be told how this device is doing: {words}")
        self._trouble = words
        return _EVERY_S
