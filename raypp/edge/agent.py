"""The agent: for each camera a watchdog with its capture process, a spool, and a client; cameras come and go."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from protos import raypp_pb2 as pb
from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.edge.capture.fork_server import ForkServer
from raypp.edge.log import Log
from raypp.edge.settings import AgentSettings
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.status import STATUS_FILE, CameraStatus, SiteStatus
from raypp.edge.supervisor import Supervisor
from raypp.edge.uplink.client import StreamClient
from raypp.errors import RayppError, SpoolError
from raypp.io.clock import now_us
from raypp.io.private import FOLDER_MODE, private_folder, write_private
from raypp.text.address import redacted
from raypp.veil.spec import VeilSpec

_LOOK_EVERY_S = 0.5
_STATUS_EVERY_S = 2.0
TELL_EVERY_S = 60.0
_DRAIN_S = 5.0
_FAREWELL_S = 20.0
_FULL = {
    DropPolicy.BLOCK: "is full: capture waits",
    DropPolicy.DROP_OLDEST: "is full: the oldest frames are dropped",
    DropPolicy.DROP_NEWEST: "is full: new frames are dropped",
}


class _Camera:
    """One camera at work."""

    def __init__(self, name: str, settings: CameraSettings, spool: CameraSpool, client: StreamClient) -> None:
        self.name = name
        self.settings = settings
        self.spool = spool
        self.client = client
        self.supervisor: Supervisor | None = None
        self.sending = asyncio.create_task(client.run(), name=f"client of {name}")
        self.leaving = False
        self.captured_before = 0
        self.doubtful_before = 0
        self.clock_said_before: str | None = None
        self.told_full = False

    @property
    def finished(self) -> bool:
        """All of its recordings are captured, and all that was captured is committed."""
        return self.supervisor is not None and self.supervisor.finished and self.spool.sending is None

    @property
    def waits_for_a_person(self) -> bool:
        """All of its recordings are captured, and the service refuses what was captured."""
        return self.supervisor is not None and self.supervisor.finished and self.client.needs_a_person

    def status(self) -> CameraStatus:
        supervisor, progress = self.supervisor, self.client.progress
        return CameraStatus(
            captured=self.captured_before + (supervisor.frames if supervisor else 0),
            sent_bytes=progress.bytes,
            committed_frames=progress.frames,
            detections=progress.detections,
            waiting_chunks=self.spool.pending,
            waiting_frames=self.spool.pending_frames,
            spool_bytes=self.spool.bytes,
            spool_full=self.spool.full,
            dropped_frames=self.spool.dropped,
            aside_frames=self.spool.aside,
            capture_restarts=supervisor.restarts if supervisor else 0,
            connections=progress.connections,
            clock_offset_us=progress.clock_offset_us,
            clock_said=(supervisor.clock_said if supervisor else None) or self.clock_said_before,
            doubtful_frames=self.doubtful_before + (supervisor.doubtful_frames if supervisor else 0),
            refused=self.client.refused,
            capture_pid=supervisor.child_pid if supervisor else None,
            finished=self.finished,
        )


class Agent:
    """Streams the cameras of a site.

    Args:
        settings: what it was asked to do; already checked.
        cameras: the cameras to begin with.
        log: takes one line for the operator; the camera's name comes first.
        config: file of cameras, read again whenever it changes, or None.
        on_episode: told of each episode that the service reports.
    """

    def __init__(
        self,
        settings: AgentSettings,
        cameras: dict[str, CameraSettings],
        log: Log,
        config: Path | None = None,
        on_episode: Callable[[pb.Episode], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._wanted = cameras
        self._sink = log
        self._config = config
        self._on_episode = on_episode
        self._spec: VeilSpec = settings.veil_spec()
        self._veil_id = settings.veil_id(self._spec, cameras)
        self._fork_server = ForkServer()
        self._cameras: dict[str, _Camera] = {}
        self._stopping = asyncio.Event()
        self._read_at: tuple[int, int] | None = _stamp(config)
        self._status_at = 0.0
        self._told_at, self._told = monotonic(), SiteStatus(site=settings.site, at_us=0, cameras={})
        self._troubled: dict[str, CameraSettings] = {}

    async def run(self) -> SiteStatus:
        """Stream until stopped or, without a file of cameras, until all recordings are committed or refused."""
        self._handle_signals()
        try:
            while not self._stopping.is_set():
                await self._reconcile()
                self._tell_of_full_spools()
                self._write_status()
                self._tell_how_it_goes()
                if self._config is None and all(
                    camera.finished or camera.waits_for_a_person for camera in self._cameras.values()
                ):
                    break
                await self._pause(_LOOK_EVERY_S)
                self._read_config()
        finally:
            await self._end()
        return self.status()

    def stop(self) -> None:
        """Ask for the end: what is captured is spooled, and sent as far as a few seconds allow."""
        self._stopping.set()

    def status(self) -> SiteStatus:
        """How the cameras stand."""
        states = {name: camera.status() for name, camera in self._cameras.items()}
        return SiteStatus(site=self._settings.site, at_us=now_us(), cameras=states)

    async def _reconcile(self) -> None:
        """Make the cameras at work those that are wanted."""
        for name, camera in list(self._cameras.items()):
            wanted = self._wanted.get(name)
            if camera.leaving:
                await self._see_off(camera)
            elif wanted is None:
                self._log(f"{name}: removed; what is spooled is still sent")
                camera.leaving = True
                await self._stop_supervisor(camera)
            elif wanted != camera.settings:
                self._log(f"{name}: has new settings")
                await self._stop_supervisor(camera)
                camera.settings = wanted
                self._start_supervisor(camera)
        for name, wanted in self._wanted.items():
            if name not in self._cameras and self._troubled.get(name) != wanted:
                await self._add(name, wanted)

    async def _add(self, name: str, settings: CameraSettings) -> None:
        agent = self._settings
        try:
            # In a thread: all that it holds is read, and other cameras are at work.
            spool = await asyncio.to_thread(CameraSpool, agent.spool / name, agent.limit_bytes, agent.policy)
        except SpoolError as error:
            if self._config is None:
                raise
            self._troubled[name] = settings
            self._log(f"{name}: {error}; it is tried again when its entry changes")
            return
        self._troubled.pop(name, None)
        if spool.torn:
            self._log(f"{name}: {spool.torn} bytes of a chunk that was being written are cut off the spool")
        client = StreamClient(spool, agent.connection, agent.retry, self._logger(name), self._on_episode)
        self._cameras[name] = camera = _Camera(name, settings, spool, client)
        self._start_supervisor(camera)

    def _start_supervisor(self, camera: _Camera) -> None:
        job = self._settings.job(camera.name, camera.settings, self._spec)
        camera.supervisor = Supervisor(
            job, self._veil_id, camera.spool, self._fork_server, self._settings.hang_s, self._logger(camera.name)
        )
        camera.supervisor.start()

    async def _stop_supervisor(self, camera: _Camera) -> None:
        supervisor = camera.supervisor
        if supervisor is None:
            return
        supervisor.stop()
        await asyncio.to_thread(supervisor.join, _FAREWELL_S)
        camera.captured_before += supervisor.frames
        camera.doubtful_before += supervisor.doubtful_frames
        camera.clock_said_before = supervisor.clock_said or camera.clock_said_before
        camera.supervisor = None

    async def _see_off(self, camera: _Camera) -> None:
        """End a removed camera's stream, and let it go once all is committed."""
        try:
            current = camera.spool.current
            if current is not None:
                await asyncio.to_thread(camera.spool.finish, current.position)
        except SpoolError as error:
            self._log(f"{camera.name}: {error}")
            return
        if camera.spool.sending is None:
            await _cancel(camera.sending)
            camera.spool.close()
            del self._cameras[camera.name]

    def _read_config(self) -> None:
        """Read the file of cameras if it has changed; a wrong one changes nothing."""
        stamp = _stamp(self._config)
        if self._config is None or stamp == self._read_at:
            return
        self._read_at = stamp
        try:
            wanted = SiteCameras.load(self._config).cameras
            self._settings.veil_id(self._spec, wanted)
        except RayppError as error:
            self._log(f"{error}; the cameras stay as they are")
            return
        self._wanted = wanted

    def _tell_of_full_spools(self) -> None:
        for name, camera in self._cameras.items():
            if camera.spool.full == camera.told_full:
                continue
            camera.told_full = camera.spool.full
            what = _FULL[self._settings.policy] if camera.told_full else "has room again"
            self._log(f"{name}: the spool {camera.spool.folder} {what}")

    def _tell_how_it_goes(self) -> None:
        """A line a minute, so that whoever looks sees that it works, and what waits where it does not."""
        passed_s = monotonic() - self._told_at
        if passed_s < TELL_EVERY_S:
            return
        status = self.status()
        self._log(status.minute(self._told, passed_s))
        self._told_at, self._told = monotonic(), status

    def _write_status(self) -> None:
        if monotonic() - self._status_at < _STATUS_EVERY_S:
            return
        self._status_at = monotonic()
        with suppress(OSError):  # a full disk is told where it matters
            place = private_folder(self._settings.spool) / STATUS_FILE
            if place.exists():
                place.parent.chmod(FOLDER_MODE)  # a spool of an older agent, which left it open
            write_private(place, (self.status().model_dump_json(indent=1) + "\n").encode())

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _end(self) -> None:
        cameras = list(self._cameras.values())
        for camera in cameras:
            if camera.supervisor is not None:
                camera.supervisor.stop()
        for camera in cameras:
            if camera.supervisor is not None:
                await asyncio.to_thread(camera.supervisor.join, _FAREWELL_S)
        until = monotonic() + _DRAIN_S
        while monotonic() < until and any(camera.client.has_to_send for camera in cameras):
            await asyncio.sleep(0.05)
        self._status_at = 0.0
        self._write_status()
        for camera in cameras:
            await _cancel(camera.sending)
            camera.spool.close()
        self._fork_server.close()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stop)
            except (ValueError, RuntimeError):
                return  # not in the main thread: whoever runs it stops it

    def _log(self, text: str) -> None:
        self._sink(redacted(text))

    def _logger(self, name: str) -> Log:
        return lambda text: self._log(f"{name}: {text}")


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
