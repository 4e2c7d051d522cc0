"""A web server that takes alerts, as a receiver's would: in a thread, and it may misbehave."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float
    taken: bool

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Requests that came, and what the next is answered."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"thanks\n"
    extra_headers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    before_answer: Callable[[Received], None] = lambda _request: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def events(self) -> list[dict[str, Any]]:
        return [request.event for request in list(self.requests)]

    def wait(self, count: int, within_s: float = 30.0) -> list[dict[str, Any]]:
        """Wait until so many requests have come."""
        deadline = time.monotonic() + within_s
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} came"
            time.sleep(0.02)
        return self.events()


@contextmanager
def running(receiver: Receiver) -> Iterator[Receiver]:
    """Run a receiver, at its port if it has one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.path, headers, body, time.monotonic(), receiver.status < 300)
            receiver.requests.append(received)
            receiver.before_answer(received)
            try:
                self.send_response(receiver.status)
                for name, value in receiver.extra_headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)
            except OSError:
                return

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", receiver.port), Handler)
    receiver.port = server.server_address[1]
    if receiver.tls is not None:
        server.socket = receiver.tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
