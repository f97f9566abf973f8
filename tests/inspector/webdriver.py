# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless browser for tests, driven over the W3C WebDriver protocol with the standard library alone."""

from __future__ import annotations

__all__ = ("Browser", "find_browser")

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def find_browser() -> tuple[str, str] | None:
    """Return the paths of Chromium and of its driver, or None where one is missing."""
    browser = next(
        (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
    )
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """A session of a headless Chromium."""

    def __init__(self, base: str, session: str) -> None:
        self._url = f"{base}/session/{session}"

    @classmethod
    @contextlib.contextmanager
    def open(cls, downloads: Path, *, width: int = 1500, height: int = 1100) -> Iterator[Browser]:
        """Start a browser without network that saves files into a folder."""
        found = find_browser()
        assert found is not None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        driver = subprocess.Popen(
            [found[1], f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(100):
                with contextlib.suppress(urllib.error.URLError):
                    if _call("GET", f"{base}/status")["ready"]:
                        break
                time.sleep(0.1)
            arguments = [
                "--headless=new",
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                f"--window-size={width},{height}",
            ]
            options = {
                "binary": found[0],
                "args": arguments,
                "prefs": {"download.default_directory": str(downloads)},
            }
            capabilities = {"browserName": "chrome", "goog:chromeOptions": options}
            capabilities["goog:loggingPrefs"] = {"browser": "ALL"}
            made = _call("POST", f"{base}/session", {"capabilities": {"alwaysMatch": capabilities}})
            browser = cls(base, made["sessionId"])
            try:
                yield browser
            finally:
                _call("DELETE", browser._url)
        finally:
            driver.terminate()
            driver.wait()

    def go(self, url: str) -> None:
        """Open a page."""
        _call("POST", f"{self._url}/url", {"url": url})

    def script(self, text: str, *arguments: Any) -> Any:
        """Run a script and return its value."""
        return _call("POST", f"{self._url}/execute/sync", {"script": text, "args": list(arguments)})

    def wait_for(self, text: str, seconds: float = 90.0) -> Any:
        """Run a script until its value is true, and return it."""
        end = time.monotonic() + seconds
        while not (found := self.script(text)):
            if time.monotonic() > end:
                raise TimeoutError(f"Never true: {text}; console: {self.console()}")
            time.sleep(0.05)
        return found

    def element(self, css: str) -> dict[str, str]:
        """Return a reference to an element."""
        return _call("POST", f"{self._url}/element", {"using": "css selector", "value": css})

    def click(self, css: str) -> None:
        """Click on an element."""
        _call("POST", f"{self._url}/element/{self.element(css)[_ELEMENT]}/click", {})

    def type(self, css: str, text: str) -> None:
        """Type into an element."""
        _call("POST", f"{self._url}/element/{self.element(css)[_ELEMENT]}/value", {"text": text})

    def drag(self, points: list[tuple[int, int]]) -> None:
        """Press the mouse at the first point, move through the others and let go."""
        move = [{"type": "pointerMove", "duration": 30, "x": x, "y": y} for x, y in points]
        actions = [
            *move[:1],
            {"type": "pointerDown", "button": 0},
            *move[1:],
            {"type": "pointerUp", "button": 0},
        ]
        pointer = {
            "type": "pointer",
            "id": "mouse",
            "parameters": {"pointerType": "mouse"},
            "actions": actions,
        }
        _call("POST", f"{self._url}/actions", {"actions": [pointer]})

    def screenshot(self, path: Path) -> None:
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(_call("GET", f"{self._url}/screenshot")))

    def console(self) -> list[str]:
        """Return warnings and errors of the console since the last call."""
        entries = _call("POST", f"{self._url}/se/log", {"type": "browser"})
        return [e["message"] for e in entries if e["level"] in ("WARNING", "SEVERE")]


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error
