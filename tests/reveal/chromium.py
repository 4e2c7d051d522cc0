"""A headless Chromium that a test drives by the DevTools protocol, over pipes: real keys, and no port."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_KEYS = {" ": "Space"}


class Tab:
    """One tab of the browser."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._rest, self._count = send, receive, b"", 0
        self.problems: list[str] = []
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol for this tab."""
        return self._call(method, parameters, sessionId=self._session)

    def press(self, *keys: str) -> None:
        """Press and let go of keys, such as `ArrowRight` or `[`."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            names = {"key": key, "code": _KEYS.get(key, key)}
            self.call("Input.dispatchKeyEvent", type="keyDown", **names, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **names)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait(self, expression: str, within_s: float = 30) -> None:
        """Wait until an expression is true in the page; an AssertionError says what the page showed."""
        ends = time.monotonic() + within_s
        while not self.evaluate(expression):
            state = self.evaluate("JSON.stringify(document.body.dataset) + document.body.innerText")
            assert time.monotonic() < ends, f"{expression} within {within_s} s; {state}; {self.problems}"
            time.sleep(0.05)

    def _call(self, method: str, parameters: dict[str, Any], **more: str) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters, **more}
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.problems.append(json.dumps(answer["params"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._receive, 1 << 16)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser_tab(profile: Path) -> Iterator[Tab]:
    """Start a fresh browser that reaches this machine alone, and give a tab of it."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    command = [
        *("bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", str(CHROMIUM)),
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
        *("--remote-debugging-pipe", "about:blank"),
    ]
    browser = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Tab(ours_out, ours_in)
    finally:
        browser.terminate()
        browser.wait(30)
        os.close(ours_out)
        os.close(ours_in)
