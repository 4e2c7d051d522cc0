"""The page behind a plain HTTP server, as the gateway puts it behind its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.web.request import PageRequest
from raypp.web.routes import respond


@contextmanager
def served(
    ledger: Ledger, identities: Identities, clock: Callable[[], int], seen: list[str] | None = None, port: int = 0
) -> Iterator[str]:
    """Serve the page on loopback, and give host and port; `seen` gathers what was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.path)
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = respond(PageRequest(self.command, unquote(path), query, headers), ledger, identities, clock())
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
