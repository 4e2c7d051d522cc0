"""A client of a page that this machine serves for its own user, and a page that is served meanwhile."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class LocalClient:
    """A client that keeps the page's cookie and its token against forged requests."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Get a path, or send a body there; returns status, headers and content."""
        return self._ask(path, None if body is None else json.dumps(body).encode(), headers)

    def send(self, path: str, content: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are."""
        return self._ask(path, content, headers)

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        where = urlsplit(self.address).netloc
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection(where, timeout=30)) as connection:
            connection.request("GET" if body is None else "POST", path, body, {"Host": where} | self.headers | named)
            with connection.getresponse() as answer:
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def enter(self) -> None:
        """Open the address with the token, as a browser does."""
        parts = urlsplit(self.address)
        status, headers, _ = self.ask(f"/?{parts.query}")
        assert (status, headers["location"]) == (303, "/")
        assert {"httponly", "samesite=strict"} <= set(headers["set-cookie"].lower().split("; "))
        self.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        page = self.ask("/")[2].decode()
        self.headers["X-CSRF-Token"] = page.partition('name="csrf" content="')[2].partition('"')[0]


@contextmanager
def served(serve: Callable[[Callable[[str], None]], None]) -> Iterator[LocalClient]:
    """Serve a page in a thread, and give a client that has not opened it yet; the page is ended by its button."""
    addresses: list[str] = []
    ready = threading.Event()

    def listens(address: str) -> None:
        addresses.append(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(listens,))
    thread.start()
    assert ready.wait(30)
    client = LocalClient(addresses[0])
    try:
        yield client
    finally:
        client.enter()
        assert client.ask("/api/end", {})[0] == 200
        thread.join(30)
        assert not thread.is_alive(), "the button End ends the page"
