"""A stand-in for a Vault server, for none can be had from a package index: the calls that raypp makes, as its API says.

Real HTTP, real AES-256-GCM with versions of keys, tokens, namespaces, statuses and errors as Vault gives them.
"""

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.the-token-of-the-test"


@dataclass
class VaultServer:
    """Keys of transit by name, secrets of KV by path, and what was called."""

    port: int = 0
    sealed: bool = False
    keys: dict[str, bytes] = field(
        default_factory=lambda: {name: secrets.token_bytes(32) for name in ("owner", "other")}
    )
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, token: str | None, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.calls.append(f"{method} {path}")
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        mount, action, name = path.split("/", 2)
        if mount == "secret" and action == "data" and method == "GET":
            held = self.kept.get(name)
            data = {"data": held, "metadata": {"version": 1, "destroyed": False, "deletion_time": ""}}
            return (404, {"errors": []}) if held is None else (200, {"data": data})
        if mount != "transit" or method != "POST":
            return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        return self._encrypted(name, body) if action == "encrypt" else self._decrypted(name, body)

    def _encrypted(self, name: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        nonce = secrets.token_bytes(12)
        sealed = nonce + AESGCM(self.keys[name]).encrypt(nonce, base64.b64decode(body["plaintext"]), None)
        return 200, {"data": {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}", "key_version": 1}}

    def _decrypted(self, name: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        prefix, _, text = body["ciphertext"].rpartition(":")
        try:
            sealed = base64.b64decode(text, validate=True)
            plain = AESGCM(self.keys[name]).decrypt(sealed[:12], sealed[12:], None)
        except (ValueError, InvalidTag):
            return 400, {"errors": ["cipher: message authentication failed"]}
        if prefix != "vault:v1":
            return 400, {"errors": ["invalid ciphertext: no prefix"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@contextmanager
def running_vault() -> Iterator[VaultServer]:
    """Serve on a free port of loopback."""
    vault = VaultServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, token = self.path.removeprefix("/v1/").partition("?")[0], self.headers.get("X-Vault-Token")
            status, document = vault.answer(self.command, path, token, json.loads(body or b"{}"))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vault.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
