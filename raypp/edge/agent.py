"""The agent: for each camera a watchdog with its capture process, for each stream a spool and a client."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

from protos import raypp_pb2 as pb
from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.edge.capture.fork_server import ForkServer
from raypp.edge.configuration.configurator import Configurator
from raypp.edge.configuration.trial import ConfigurationTrial, begin_trial
from raypp.edge.heartbeat import Heartbeat, device_facts
from raypp.edge.log import Log
from raypp.edge.loss_watch import LossWatch
from raypp.edge.settings import AgentSettings
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.status import STATUS_FILE, SiteStatus
from raypp.edge.supervisor import Supervisor
from raypp.edge.uplink.client import StreamClient
from raypp.edge.work import CameraAtWork, StreamAtWork
from raypp.errors import RayppError, SpoolError
from raypp.io.clock import now_us
from raypp.io.log_record import LoggedStream, about_stream
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
        self._sink = log
        self._config = config
        self._on_episode = on_episode
        self._spec: VeilSpec = settings.veil_spec()
        self._veil_id = settings.veil_id(self._spec, cameras)
        self._local = cameras
        self._configurator = Configurator(settings, settings.owner, self._log)
        self._wanted = self._configurator.cameras(cameras)
        self._trial: ConfigurationTrial | None = None
        self._fork_server = ForkServer()
        self._cameras: dict[str, CameraAtWork] = {}
        self._leaving: dict[str, StreamAtWork] = {}
        self._stopping = asyncio.Event()
        self._read_at: tuple[int, int] | None = _stamp(config)
        self._status_at = 0.0
        self._told_at, self._told = monotonic(), SiteStatus(site=settings.site, at_us=0, cameras={})
        self._troubled: dict[str, CameraSettings] = {}
        self._losses = LossWatch(settings, self._log)
        facts = device_facts(settings, self._veil_id)
        self._heartbeat = Heartbeat(settings, facts, self.status, self._rates, self._take_configuration, self._log)

    async def run(self) -> SiteStatus:
        """Stream until stopped or, without a file of cameras, until all recordings are committed or refused."""
        self._handle_signals()
        beside: list[asyncio.Task[None]] = []
        try:
            while not self._stopping.is_set():
                await self._reconcile()
                beside = beside or [
                    asyncio.create_task(self._losses.run(self._streams), name="losses"),
                    asyncio.create_task(self._heartbeat.run(), name="heartbeat"),
                ]
                self._judge_trial()
                self._tell_of_full_spools()
                self._write_status()
                self._tell_how_it_goes()
                if self._config is None and self._losses.compared and self._at_their_end():
                    break
                await self._pause(_LOOK_EVERY_S)
                self._read_config()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._end()
        return self.status()

    def stop(self) -> None:
        """Ask for the end: what is captured is spooled, and sent as far as a few seconds allow."""
        self._stopping.set()

    def status(self) -> SiteStatus:
        """How the cameras stand, and their views."""
        states = {stream.name: stream.status() for stream in self._streams()}
        return SiteStatus(site=self._settings.site, at_us=now_us(), cameras=states, lost=self._losses.lost)

    def _rates(self) -> dict[str, float | None]:
        """Frames a second that each stream is to give; None: every frame."""
        return {
            stream: None if camera.settings.fps is None else float(camera.settings.fps)
            for camera in self._cameras.values()
            for stream in camera.streams
        }

    def _at_their_end(self) -> bool:
        return all(stream.finished or stream.waits_for_a_person for stream in self._streams())

    def _streams(self) -> list[StreamAtWork]:
        cameras = [stream for camera in self._cameras.values() for stream in camera.streams.values()]
        return [*cameras, *self._leaving.values()]

    async def _reconcile(self) -> None:
        """Make the cameras at work those that are wanted."""
        for stream in list(self._leaving.values()):
            await self._see_off(stream)
        for name, camera in list(self._cameras.items()):
            wanted = self._wanted.get(name)
            if self._is_as_wanted(camera):
                continue
            await camera.rest(_FAREWELL_S)
            kept = wanted.streams(name) if wanted else {}
            for gone in camera.streams.keys() - kept.keys():
                self._log(f"{gone}: removed; what is spooled is still sent")
                self._leaving[gone] = camera.streams.pop(gone)
            if wanted is None:
                del self._cameras[name]
            else:
                self._log(f"{name}: has new settings")
                camera.settings, camera.masks_path = wanted, self._configurator.masks_path
        for name, wanted in self._wanted.items():
            camera = self._cameras.get(name) or CameraAtWork(name, wanted, self._configurator.masks_path)
            if camera.supervisor is None and self._troubled.get(name) != wanted:
                await self._begin(camera)

    async def _begin(self, camera: CameraAtWork) -> None:
        """Begin to capture a camera, once nothing of its streams' names is under way to be let go."""
        names = list(camera.settings.streams(camera.name))
        others = {stream.name for stream in self._streams()} - camera.streams.keys()
        if others & set(names):
            return
        try:
            for name in names:
                if name not in camera.streams:
                    camera.streams[name] = await self._open(name)
        except SpoolError as error:
            if self._config is None:
                raise
            self._troubled[camera.name] = camera.settings
            self._log(f"{camera.name}: {error}; it is tried again when its entry changes")
            return
        finally:
            if camera.streams:
                self._cameras[camera.name] = camera
        self._troubled.pop(camera.name, None)
        camera.streams = {name: camera.streams[name] for name in names}
        job = replace(self._settings.job(camera.name, camera.settings, self._spec), masks_path=camera.masks_path)
        spools = [stream.spool for stream in camera.streams.values()]
        logger = self._logger(camera.name)
        camera.begin(Supervisor(job, self._veil_id, spools, self._fork_server, self._settings.hang_s, logger))

    async def _open(self, name: str) -> StreamAtWork:
        """Open a stream's spool, and begin to send what it holds; raises SpoolError."""
        agent = self._settings
        # In a thread: all that it holds is read, and other cameras are at work.
        spool = await asyncio.to_thread(CameraSpool, agent.spool / name, agent.limit_bytes, agent.policy)
        if spool.torn:
            self._log(f"{name}: {spool.torn} bytes of a chunk that was being written are cut off the spool")
        return StreamAtWork(
            name, spool, StreamClient(spool, agent.connection, agent.retry, self._logger(name), self._on_episode)
        )

    async def _see_off(self, stream: StreamAtWork) -> None:
        """End a removed stream, and let it go once all is committed."""
        try:
            current = stream.spool.current
            if current is not None:
                await asyncio.to_thread(stream.spool.finish, current.position)
        except SpoolError as error:
            self._log(f"{stream.name}: {error}")
            return
        if stream.spool.sending is None:
            await stream.end_sending()
            del self._leaving[stream.name]

    def _read_config(self) -> None:
        """Read the file of cameras if it has changed; a wrong one changes nothing."""
        stamp = _stamp(self._config)
        if self._config is None or stamp == self._read_at:
            return
        self._read_at = stamp
        try:
            wanted = SiteCameras.load(self._config).cameras
            self._settings.veil_id(self._spec, wanted)
            self._settings.check_masks(wanted)
            self._wanted = self._configurator.cameras(wanted)
        except RayppError as error:
            self._log(f"{error}; the cameras stay as they are")
            return
        self._local = wanted

    def _is_as_wanted(self, camera: CameraAtWork) -> bool:
        wanted = self._wanted.get(camera.name)
        return wanted == camera.settings and camera.masks_path == self._configurator.masks_path

    def _take_configuration(self, document: bytes) -> pb.ReportDeviceRequest:
        """Take a good configuration on trial; return what a report says of configurations."""
        if document and self._configurator.offer(document):
            self._wanted = self._configurator.cameras(self._local)
            changed = {
                name
                for name, camera in self._cameras.items()
                if name in self._wanted and not self._is_as_wanted(camera)
            }
            self._trial = begin_trial(self._cameras, changed, self._settings.trial_s)
        self._configurator.remember_time()
        return self._configurator.report()

    def _judge_trial(self) -> None:
        """Keep a configuration once all cameras have started with it; go back to the one before where they do not."""
        if self._trial is None:
            return
        waiting = self._trial.waiting(self._cameras)
        if waiting and not self._trial.is_over:
            return
        self._trial = None
        if waiting:
            self._configurator.roll_back(f"{', '.join(waiting)} gave no frame within {self._settings.trial_s:g} s")
        else:
            self._configurator.keep()
        self._wanted = self._configurator.cameras(self._local)

    def _tell_of_full_spools(self) -> None:
        for stream in self._streams():
            if stream.spool.full == stream.told_full:
                continue
            stream.told_full = stream.spool.full
            what = _FULL[self._settings.policy] if stream.told_full else "has room again"
            self._log(f"{stream.name}: the spool {stream.spool.folder} {what}")

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
        for camera in self._cameras.values():
            if camera.supervisor is not None:
                camera.supervisor.stop()
        for camera in self._cameras.values():
            if camera.supervisor is not None:
                await asyncio.to_thread(camera.supervisor.join, _FAREWELL_S)
        streams = self._streams()
        until = monotonic() + _DRAIN_S
        while monotonic() < until and any(stream.client.has_to_send for stream in streams):
            await asyncio.sleep(0.05)
        self._status_at = 0.0
        self._write_status()
        await self._heartbeat.end()
        for stream in streams:
            await stream.end_sending()
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
        def log(text: str) -> None:
            with about_stream(LoggedStream(self._settings.site, name, self._epoch(name))):
                self._log(f"{name}: {text}")

        return log

    def _epoch(self, name: str) -> int | None:
        """Epoch of what a stream sends just now; None while it has nothing to send."""
        sending = next((stream.spool.sending for stream in self._streams() if stream.name == name), None)
        return None if sending is None else sending.facts.epoch


def _stamp(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
