"""A network camera of the tests: MPEG-TS over HTTP at the pace of real time, that hangs or ends as it is told."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Self

import av


def transport_stream(video: Path, times: int = 1) -> list[tuple[float, bytes]]:
    """Remux a video, several times in a row: (presentation time in seconds, bytes) of each packet."""
    parts = []
    sink = BytesIO()
    with av.open(str(video)) as source, av.open(sink, "w", format="mpegts") as target:
        (images,) = source.streams.video
        stream = target.add_stream_from_template(images)
        for turn in range(times):
            source.seek(0)
            for packet in source.demux(images):
                if packet.dts is None:
                    continue
                packet.pts += turn * images.duration
                packet.dts += turn * images.duration
                seconds = float(packet.pts * packet.time_base)
                packet.stream = stream
                target.mux(packet)
                parts.append((seconds, sink.getvalue()))
                sink.seek(0)
                sink.truncate()
    parts.append((parts[-1][0], sink.getvalue()))
    return parts


class LiveCamera:
    """Serves a video so many times in a row, each connection from its start."""

    def __init__(self, video: Path, times: int = 1) -> None:
        self.hang = False
        self.refuse = False
        self.connections = 0
        parts = transport_stream(video, times)
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.refuse:
                    self.send_error(503)
                    return
                camera.connections += 1
                self.send_response(200)
                self.end_headers()
                began = time.monotonic()
                for seconds, data in parts:
                    time.sleep(max(0.0, began + seconds - time.monotonic()))
                    while camera.hang:
                        time.sleep(0.05)
                    try:
                        self.wfile.write(data)
                        self.wfile.flush()
                    except OSError:
                        return

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://user:secret@127.0.0.1:{self._server.server_port}/camera?user=admin&pwd=secret"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang = False
        self._server.shutdown()
        self._server.server_close()
