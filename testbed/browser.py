"""A headless Chromium for tests of pages: driven by its own protocol, and watched for errors and requests."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import websocket

NAMES = ("chromium", "google-chrome", "chromium-browser")  # the last is a stub on Ubuntu, which says so
MISSING = "no Chromium is there: install chromium (on Ubuntu, where that is a snap, google-chrome-stable)"
ANSWER_SECONDS = 60
READY = "DevTools listening on "


class Browser:
    """A Chromium with a profile of its own, without rights to the network beyond this machine.

    As root it runs without its sandbox, which Chromium demands; the pages are the tests' own.
    """

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = [f"--user-data-dir={self._profile.name}", "--headless", "--remote-debugging-port=0", "--no-first-run"]
        options += ["--disable-gpu", "--hide-scrollbars", "--disable-background-networking", "--disable-dev-shm-usage"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen([program, *options, "about:blank"], stderr=subprocess.PIPE, text=True)
        self.address = self._ready()

    def _ready(self) -> str:
        """Return the address of its protocol, once it listens."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if line.startswith(READY):
                return line.removeprefix(READY).strip()
        self.close()
        raise AssertionError("Chromium did not start: " + "".join(said))

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End it, and leave nothing behind."""
        self._process.terminate()
        self._process.communicate()
        self._profile.cleanup()


class Tab:
    """A page in a browser. `errors` is what its console and its policy said, `requests` what it loaded."""

    def __init__(self, browser: Browser) -> None:
        self._connection = websocket.create_connection(browser.address, timeout=ANSWER_SECONDS, suppress_origin=True)
        self._sent, self._session = 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._target = target
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something, and return the answer."""
        self._sent += 1
        number = self._sent
        session = {"sessionId": self._session} if self._session else {}
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters} | session))
        answer = self._receive(lambda message: message.get("id") == number)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next message of that kind; note what came before."""
        while True:
            message: dict[str, Any] = json.loads(self._connection.recv())
            self._note(message.get("method", ""), message.get("params", {}))
            if wanted(message):
                return message

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(said["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.errors.append(str(said["args"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.errors.append(said["entry"]["text"])

    def open(self, path: Path, *, width: int = 1200, dark: bool = False, scripts: bool = True) -> None:
        """Open a page, and wait until it is drawn."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.ask("Page.navigate", url=path.as_uri())
        self._receive(lambda message: message.get("method") == "Page.loadEventFired")
        if scripts:
            self.settle()

    def settle(self) -> None:
        """Wait until the browser has shown what was changed."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def run(self, expression: str) -> Any:
        """Return what a script's expression is, as JSON has it."""
        made = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in made, made["exceptionDetails"]
        return made["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements, as they are shown."""
        found: list[str] = self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(it => it.innerText)")
        return found

    def click(self, selector: str) -> None:
        """Click an element in its middle."""
        x, y = self.place(selector)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)
        self.settle()

    def drag(self, selector: str, start: float, end: float) -> None:
        """Press at a share of an element's width, and let go at another."""
        (left, y), (right, _) = self.place(selector, start), self.place(selector, end)
        self.mouse("mousePressed", left, y)
        self.mouse("mouseMoved", right, y)
        self.mouse("mouseReleased", right, y)
        self.settle()

    def hover(self, selector: str, share: float) -> None:
        """Move the mouse to a share of an element's width."""
        self.mouse("mouseMoved", *self.place(selector, share))
        self.settle()

    def place(self, selector: str, share: float = 0.5) -> tuple[float, float]:
        """Return where an element is, at a share of its width, having moved it into view."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{element}.scrollIntoView({{block: 'center'}})")
        box = self.run(f"{element}.getBoundingClientRect().toJSON()")
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Let the mouse do something."""
        buttons = 0 if kind == "mouseReleased" else 1
        button = "none" if kind == "mouseMoved" else "left"
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0)
        self.settle()

    def screenshot(self, height: float | None = None) -> bytes:
        """Return the page as PNG: the whole, or as much of it from its top on."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])

    def close(self) -> None:
        """Close it."""
        session, self._session = self._session, ""
        assert session
        self.ask("Target.closeTarget", targetId=self._target)
        self._connection.close()


def program() -> str | None:
    """Return the path of a Chromium, if one is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def tab(browser: Browser) -> Iterator[Tab]:
    """Yield a page that is closed afterwards."""
    opened = Tab(browser)
    try:
        yield opened
    finally:
        opened.close()
