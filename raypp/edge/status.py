"""How a site's cameras stand: for the operator's eye, and as JSON for a machine's."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypp.edge.spool.committed_record import RECORD_FILE
from raypp.text.address import redacted
from raypp.text.wording import counted

STATUS_FILE = "status.json"
"""Where the agent writes it, in its spool."""


class CameraStatus(BaseModel):
    """One camera since the agent started.

    Attributes:
        captured: frames captured.
        sent_bytes: bytes of cells sent.
        committed_frames: frames whose detections the service has answered.
        detections: found on them.
        waiting_chunks, waiting_frames: what is captured and not known to be committed.
        oldest_waiting_us: time of the oldest of these frames, microseconds since 1970; None for recordings.
        last_us: time of the latest frame captured, or None.
        spool_bytes: bytes that the spool takes.
        spool_full: spool or disk had no room for the last chunk.
        dropped_frames: by the drop policy.
        capture_restarts: times that the capture process was killed or failed.
        connections: times that the stream was opened.
        clock_offset_us: service's clock minus the site's, by the exchange of the shortest round trip of the last ones.
        clock_error_us: how far that may be off: half of that round trip.
        clock_said: what was last told of a jump of the site's clock that was believed, or None.
        doubtful_frames: frames whose times are wrong if the clock was right after such a jump.
        aside_frames: frames set aside, since a wrong clock had stamped them more than a day ahead.
        refused: why the service will not take the stream, or None.
        capture_pid: the capture process, or None.
        finished: its recordings have ended and all of them is committed.
    """

    model_config = ConfigDict(frozen=True)

    captured: int = 0
    sent_bytes: int = 0
    committed_frames: int = 0
    detections: int = 0
    waiting_chunks: int = 0
    waiting_frames: int = 0
    oldest_waiting_us: int | None = None
    last_us: int | None = None
    spool_bytes: int = 0
    spool_full: bool = False
    dropped_frames: int = 0
    capture_restarts: int = 0
    connections: int = 0
    clock_offset_us: int | None = None
    clock_error_us: int | None = None
    clock_said: str | None = None
    doubtful_frames: int = 0
    aside_frames: int = 0
    refused: str | None = None
    capture_pid: int | None = None
    finished: bool = False


class LostChunks(BaseModel):
    """Chunks of one stream that were committed, and that neither the service nor the spool has.

    Attributes:
        camera, epoch: the stream.
        first_chunk, last_chunk: their numbers.
        from_us, to_us: times between which their frames lie, microseconds since 1970; 0: not known.
        live: whether it was a live camera's.
        source: the last recording of the stream; empty for a live camera.
    """

    model_config = ConfigDict(frozen=True)

    camera: str
    epoch: int
    first_chunk: int
    last_chunk: int
    from_us: int
    to_us: int
    live: bool
    source: str

    def says(self, spool: Path) -> str:
        """One line for a person: what is lost, and what helps."""
        folder = spool / self.camera
        what = f" of {redacted(self.source)}" if self.source else ""
        line = (
            f"{self.camera}: LOST at the service: chunks {self.first_chunk} to {self.last_chunk} of stream {self.epoch}"
            f"{what} ({_moment(self.from_us)} to {_moment(self.to_us)}) were committed, and its ledger does not have "
            "them any more: it was restored to an earlier moment. Have a later back-up restored; else "
        )
        if self.live:
            return line + f"delete {folder / RECORD_FILE} once you have noted it"
        return line + f"move {folder} away and stream the recordings again"


class SiteStatus(BaseModel):
    """All cameras of a site.

    Attributes:
        site: its name.
        at_us: when this was written, microseconds since 1970.
        cameras: by name.
        lost: what the service said is committed and has lost.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    at_us: int
    cameras: dict[str, CameraStatus]
    lost: tuple[LostChunks, ...] = ()

    def lines(self) -> list[str]:
        """One line for each camera, and for each stream of which something is lost."""
        return [*(_line(name, camera) for name, camera in sorted(self.cameras.items())), *map(_lost_line, self.lost)]

    def minute(self, before: "SiteStatus", passed_s: float) -> str:
        """How it goes in one line: what has happened since another status, and what waits."""
        frames = sum(self._gained(before, "captured").values()) / passed_s
        committed = sum(self._gained(before, "committed_frames").values())
        waiting = sum(camera.waiting_frames for camera in self.cameras.values())
        silent = [name for name, gained in self._gained(before, "captured").items() if not gained]
        line = f"{frames:.1f} frames/s captured, {committed} committed in {passed_s:.0f} s, {waiting} wait"
        if refused := [name for name, camera in sorted(self.cameras.items()) if camera.refused]:
            line += f"; refused: {', '.join(refused)}"
        if self.lost:
            line += f"; LOST at the service: {', '.join(sorted({chunks.camera for chunks in self.lost}))}"
        if silent := [name for name in silent if not self.cameras[name].finished]:
            line += f"; no frame of {', '.join(silent)}"
        return line

    def _gained(self, before: "SiteStatus", what: str) -> dict[str, int]:
        """How far a number of each camera has risen."""
        none = CameraStatus()
        return {
            name: getattr(camera, what) - getattr(before.cameras.get(name, none), what)
            for name, camera in sorted(self.cameras.items())
        }


def _line(name: str, camera: CameraStatus) -> str:
    if camera.finished and not camera.captured and not camera.committed_frames:
        return f"{name}: all of it was sent before, nothing is left to do"
    line = (
        f"{name}: {camera.captured} frames captured, {camera.committed_frames} committed, "
        f"{camera.detections} detections, "
        f"{counted(camera.waiting_chunks, 'chunk')} {'waits' if camera.waiting_chunks == 1 else 'wait'}"
    )
    if camera.dropped_frames:
        line += f", {camera.dropped_frames} frames dropped"
    if camera.aside_frames:
        line += f", {camera.aside_frames} frames set aside"
    if camera.doubtful_frames:
        line += f", {camera.doubtful_frames} with times in doubt"
    return line + (", refused" if camera.refused else "")


def _lost_line(chunks: LostChunks) -> str:
    return f"{chunks.camera}: LOST at the service: chunks {chunks.first_chunk} to {chunks.last_chunk}, told above"


def _moment(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat(timespec="seconds") if moment_us else "?"
