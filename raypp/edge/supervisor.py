"""The watchdog of one camera: keeps a capture process at work, and puts what it captures into the spool."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread
from time import monotonic

from protos import raypp_pb2 as pb
from raypp.edge.capture.clock import ClockState
from raypp.edge.capture.fork_server import Child, ForkServer
from raypp.edge.capture.job import (
    Captured,
    CaptureJob,
    CaptureReport,
    Chunk,
    ClockChanged,
    Failed,
    Finished,
    LogLine,
    Remembered,
    SourceShape,
    Stop,
    Taken,
)
from raypp.edge.capture.position import Position
from raypp.edge.log import Log
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.stream_spool import StreamFacts
from raypp.errors import SiteError, SpoolError
from raypp.io.backoff import Backoff
from raypp.io.clock import now_us
from raypp.wire.frames import unseen_frame, whole_frame

_POLL_S = 0.25
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0
_FAREWELL_S = 10.0
_LAST_WORDS_S = 1.0
_RECORDING_PATIENCE = 10  # a sparse sample of a large recording is decoded for long without a word


class Supervisor(Thread):
    """Captures one camera in a process of its own, killed and started again when it hangs.

    Args:
        job: what to capture; its position is taken from the spool.
        veil_id: the veil that it is captured with.
        spools: take what is captured, one for each view of the job.
        fork_server: starts processes.
        hang_s: a live capture that says nothing for so long is killed; a recording's, for ten times that.
        log: takes one line for the operator.

    Attributes:
        frames: frames captured since the start, of each view.
        restarts: times that the process was killed or failed.
        finished: the recordings have ended.
        clock_said: what was last told of a change of the site's clock, or None.
        doubtful_frames: frames whose times such a change has put in doubt.
    """

    def __init__(
        self,
        job: CaptureJob,
        veil_id: str,
        spools: Sequence[CameraSpool],
        fork_server: ForkServer,
        hang_s: float,
        log: Log,
    ) -> None:
        super().__init__(name=f"supervisor of {job.camera}", daemon=True)
        self.frames = [0] * len(spools)
        self.restarts = 0
        self.finished = False
        self.clock_said: str | None = None
        self.doubtful_frames = 0
        self.child_pid: int | None = None
        self._job = job
        self._veil_id = veil_id
        self._spools = spools
        self._fork_server = fork_server
        self._hang_s = hang_s if job.live else hang_s * _RECORDING_PATIENCE
        self._log = log
        self._stopping = Event()
        self._memory: bytes | None = None
        self._clock: ClockState | None = None
        self._positions = [spool.current.position if spool.current else Position() for spool in spools]
        self._ended: set[int] = set()

    def stop(self) -> None:
        """Ask for the end; what is captured is still spooled."""
        self._stopping.set()

    def run(self) -> None:
        """Capture until the recordings end or `stop` is called."""
        backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        while not self._stopping.is_set() and not self.finished:
            frames = sum(self.frames)
            try:
                self._capture()
            except (SpoolError, SiteError) as error:
                self._log(str(error))
            if self._stopping.is_set() or self.finished:
                break
            self.restarts += 1
            if sum(self.frames) > frames:
                backoff.reset()
            retry_s = backoff.wait_s()
            self._log(f"captured again in {retry_s:.0f} s")
            self._stopping.wait(retry_s)

    def _capture(self) -> None:
        job = replace(self._job.at(self._positions), memory=self._memory, clock=self._clock)
        self._ended.clear()
        child = self._fork_server.start(job)
        self.child_pid = child.pid
        try:
            self._attend(child)
        except (EOFError, OSError):
            if not self._stopping.is_set():
                self._log("the capture process ended")
        finally:
            self.child_pid = None
            child.end()

    def _attend(self, child: Child) -> None:
        heard, patience_s, is_stopped, ending = monotonic(), self._hang_s, False, False
        while True:
            if self._stopping.is_set() and not is_stopped:
                child.connection.send(Stop())
                heard, patience_s, is_stopped = monotonic(), _FAREWELL_S, True
            if not child.connection.poll(_POLL_S):
                silent_s = monotonic() - heard
                if silent_s <= patience_s:
                    continue
                if is_stopped or ending:
                    return
                self._log(f"nothing comes for {silent_s:.0f} s: the capture process has hung and is killed")
                child.connection.send(Stop())  # what it holds is still handed over
                heard, patience_s, ending = monotonic(), _LAST_WORDS_S, True
                continue
            if not self._take(child.connection.recv(), child):
                return
            heard = monotonic()

    def _take(self, report: CaptureReport, child: Child) -> bool:
        """Do what a report asks for; False ends the process."""
        match report:
            case SourceShape():
                self._begin(report)
            case Chunk():
                frames = [_message(frame) for frame in report.frames]
                spool = self._spools[report.view]
                if not spool.append(frames, report.position, lambda: not self._stopping.is_set()):
                    return False
                self._positions[report.view], self._clock = report.position, report.clock
                self.frames[report.view] += len(frames)
                with suppress(OSError):  # it may have ended with this chunk; that it has finished is still to be read
                    child.connection.send(Taken())
            case Remembered():
                self._memory = report.memory
            case ClockChanged():
                self._log(report.text)
                self.clock_said = report.text
                self.doubtful_frames += report.doubtful_frames
            case LogLine():
                self._log(report.text)
            case Failed():
                self._log(report.reason)
                return False
            case Finished():
                self._spools[report.view].finish(report.position)
                self._ended.add(report.view)
                self.finished = len(self._ended) == len(self._spools)
                return not self.finished
            case _:
                pass  # alive
        return True

    def _begin(self, shape: SourceShape) -> None:
        job = self._job
        if shape.anew:
            self._positions[shape.view] = Position()
        facts = StreamFacts(
            site=job.site,
            camera=job.views[shape.view].camera,
            epoch=now_us(),
            veil_id=self._veil_id,
            spec=job.spec,
            size=job.size,
            sub_key=shape.sub_key,
            width=shape.width,
            height=shape.height,
            live=job.live,
            begun_at=self._positions[shape.view].model_copy(update={"finished": False}),
        )
        self._spools[shape.view].begin(facts, anew=shape.anew)


def _message(frame: Captured) -> pb.Frame:
    if frame.packed is None:
        return unseen_frame(frame.observation, frame.frame_index, frame.timestamp_us)
    return whole_frame(frame.packed, frame.frame_index, frame.timestamp_us)
