"""Run a program of Ray's whose metrics are exported where and to whom the environment says; imports no raypp.

Ray's own exporters listen on all interfaces of a node, without TLS and for anybody, and have no setting for it.
"""

import ctypes
import hmac
import os
import runpy
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref import simple_server
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

HOST_VARIABLE = "RAYPP_METRICS_HOST"
TOKEN_VARIABLE = "RAYPP_METRICS_TOKEN_FILE"
CERTIFICATE_VARIABLE, KEY_VARIABLE = "RAYPP_METRICS_CERTIFICATE", "RAYPP_METRICS_KEY"
_LOOPBACK = "127.0.0.1"
_BEARER = "Bearer "
_SLOWEST_S = 10.0
_AGENT = "dashboard/agent.py"
"""Ray's program that a raylet starts; all others outlive whoever starts them."""
_RAYLET_VARIABLE = "RAY_RAYLET_PID"
_END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""

Respond = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], Respond], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each call in a thread, so that a slow caller holds up no other."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without a look at names: a node need not know a name of its own."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    """The same over IPv6."""

    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    """Logs no call, and waits for none."""

    timeout = _SLOWEST_S

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def guarded(application: Application, token: bytes | None) -> Application:
    """Return an application that answers 401 unless a call carries the token; None lets all calls in."""
    if token is None:
        return application

    def answer(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        is_let_in = given.startswith(_BEARER) and hmac.compare_digest(given[len(_BEARER) :].strip().encode(), token)
        if is_let_in:
            return application(environ, respond)
        status = HTTPStatus.UNAUTHORIZED
        respond(f"{status.value} {status.phrase}", [("WWW-Authenticate", "Bearer")])
        return [b"metrics need the token of the metrics' token file\n"]

    return answer


def make_server(_host: str, port: int, application: Application, *_: Any, **__: Any) -> WSGIServer:
    """Make the server of an exporter; stands where wsgiref's own does, and takes its arguments.

    Raises:
        OSError: if the port, the token file, the certificate or its key cannot be had.
    """
    host = os.environ.get(HOST_VARIABLE) or _LOOPBACK
    file, certificate = os.environ.get(TOKEN_VARIABLE), os.environ.get(CERTIFICATE_VARIABLE)
    token = Path(file).read_bytes().strip() if file else None
    server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
    server.set_app(guarded(application, token))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, os.environ.get(KEY_VARIABLE))
        # A handshake is waited for by the thread of its call alone.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def end_with_raylet() -> None:
    """Have the system end this process with the raylet that started it, and its port with it.

    Ray's agent looks for its raylet itself, and needs longer to be gone than whoever starts the service anew waits.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if str(os.getppid()) != os.environ.get(_RAYLET_VARIABLE, str(os.getppid())):
        signal.raise_signal(signal.SIGKILL)  # it ended before the system was told


def main() -> None:
    """Run the program that the arguments name, as Python would."""
    del sys.argv[0]
    if sys.argv[0].endswith(_AGENT):
        end_with_raylet()
    sys.path[0] = str(Path(sys.argv[0]).parent)
    simple_server.make_server = make_server  # type: ignore[assignment]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
