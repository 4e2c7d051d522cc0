"""A capture process: one camera, from source to codes, under the agent's watchdog."""

from multiprocessing.connection import Connection

from threadpoolctl import threadpool_limits

from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.capture.job import CaptureJob, Failed
from raypp.edge.capture.live import LiveCapture
from raypp.edge.capture.recordings import RecordingsCapture
from raypp.edge.capture.reporting import CaptureReporter, StopCaptureError
from raypp.errors import RayppError


def capture(job: CaptureJob, connection: Connection) -> None:
    """Capture a camera until it ends, fails, or the agent says stop; what is held is handed over first.

    Args:
        job: what to capture.
        connection: takes reports; gives orders.
    """
    reporter = CaptureReporter(connection, job.chunk_frames, job.chunk_s)
    try:
        with threadpool_limits(1):
            encoder = FrameEncoder(job)
            source = LiveCapture if job.live else RecordingsCapture
            source(job, encoder, reporter).run()
    except StopCaptureError:
        reporter.flush()
    except RayppError as error:
        reporter.flush()
        reporter.tell(Failed(str(error)))
