"""A camera at work: one capture for all of its views, and for each view a spool and a client."""

import asyncio
from pathlib import Path

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.status import CameraStatus
from raypp.edge.supervisor import Supervisor
from raypp.edge.uplink.client import StreamClient


class StreamAtWork:
    """One stream: the whole frames of a camera, or a view of them."""

    def __init__(self, name: str, spool: CameraSpool, client: StreamClient) -> None:
        self.name = name
        self.spool = spool
        self.client = client
        self.sending = asyncio.create_task(client.run(), name=f"client of {name}")
        self.supervisor: Supervisor | None = None
        self.captured_before = 0
        self.doubtful_before = 0
        self.clock_said_before: str | None = None
        self.told_full = False
        self._view = 0

    @property
    def finished(self) -> bool:
        """All of its recordings are captured, and all that was captured is committed."""
        return self.supervisor is not None and self.supervisor.finished and self.spool.sending is None

    @property
    def waits_for_a_person(self) -> bool:
        """All of its recordings are captured, and the service refuses what was captured."""
        return self.supervisor is not None and self.supervisor.finished and self.client.needs_a_person

    def begin(self, supervisor: Supervisor, view: int) -> None:
        """Take what a supervisor captures, as this view of its camera."""
        self.supervisor, self._view = supervisor, view

    def rest(self) -> None:
        """Keep the figures of a supervisor that has ended."""
        if self.supervisor is not None:
            self.captured_before += self.supervisor.frames[self._view]
            self.doubtful_before += self.supervisor.doubtful_frames
            self.clock_said_before = self.supervisor.clock_said or self.clock_said_before
            self.supervisor = None

    async def end_sending(self) -> None:
        """Stop sending, and let the spool go."""
        self.sending.cancel()
        await asyncio.gather(self.sending, return_exceptions=True)
        self.spool.close()

    def status(self) -> CameraStatus:
        """Say how it stands."""
        supervisor, progress = self.supervisor, self.client.progress
        current, sending, offset = self.spool.current, self.spool.sending, progress.clock.best
        return CameraStatus(
            captured=self.captured_before + (supervisor.frames[self._view] if supervisor else 0),
            sent_bytes=progress.bytes,
            committed_frames=progress.frames,
            detections=progress.detections,
            waiting_chunks=self.spool.pending,
            waiting_frames=self.spool.pending_frames,
            oldest_waiting_us=sending.first_pending_us if sending is not None and sending.facts.live else None,
            last_us=current.position.last_us if current is not None and current.position.last_us >= 0 else None,
            spool_bytes=self.spool.bytes,
            spool_full=self.spool.full,
            dropped_frames=self.spool.dropped,
            aside_frames=self.spool.aside,
            capture_restarts=supervisor.restarts if supervisor else 0,
            connections=progress.connections,
            clock_offset_us=offset and offset.offset_us,
            clock_error_us=offset and offset.error_us,
            clock_said=(supervisor.clock_said if supervisor else None) or self.clock_said_before,
            doubtful_frames=self.doubtful_before + (supervisor.doubtful_frames if supervisor else 0),
            refused=self.client.refused,
            capture_pid=supervisor.child_pid if supervisor else None,
            finished=self.finished,
        )


class CameraAtWork:
    """One camera.

    Attributes:
        name: of the camera.
        settings: what it is captured by.
        masks_path: its masks, or None.
        streams: of its views, by name, in their order.
        supervisor: of its capture; None while there is none.
    """

    def __init__(self, name: str, settings: CameraSettings, masks_path: Path | None = None) -> None:
        self.name = name
        self.settings = settings
        self.masks_path = masks_path
        self.streams: dict[str, StreamAtWork] = {}
        self.supervisor: Supervisor | None = None

    def begin(self, supervisor: Supervisor) -> None:
        """Let a supervisor capture it."""
        self.supervisor = supervisor
        for view, stream in enumerate(self.streams.values()):
            stream.begin(supervisor, view)
        supervisor.start()

    async def rest(self, patience_s: float) -> None:
        """Stop capturing; what is captured is still sent."""
        if self.supervisor is not None:
            self.supervisor.stop()
            await asyncio.to_thread(self.supervisor.join, patience_s)
            self.supervisor = None
        for stream in self.streams.values():
            stream.rest()
