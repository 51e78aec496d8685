"""A real headless Chromium for the tests, spoken to in its DevTools protocol over two pipes."""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from contextlib import contextmanager

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
    "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars",
)  # fmt: skip


def find_chromium():
    """The command of the first browser there is, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


class Tab:
    """One tab: commands go in, answers come out, and what the page reports is kept."""

    def __init__(self, send, receive):
        self._send, self._receive, self._number, self._session = send, receive, 0, None
        self.events = []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    def command(self, method, **parameters):
        """Ask for something and wait for the answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        self._send.flush()
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self):
        text = bytearray()
        while (byte := self._receive.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser ended")
            text += byte
        message = json.loads(text)
        if message.get("method") == "Page.javascriptDialogOpening":  # it would wait for ever
            raise RuntimeError(f"the page opened a dialog: {message['params']['message']}")
        return message

    def open(self, path, width=1280, height=900, scheme="light", media=""):
        """Load a file in a window of this size, and forget what earlier pages reported."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", media=media, features=features)
        self.events.clear()
        self.command("Page.navigate", url=path.resolve().as_uri())
        while not any(one["method"] == "Page.loadEventFired" for one in self.events):
            self.events.append(self._next())

    def value(self, expression):
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def complaints(self):
        """Everything the console, the log or a failed request reported since the page opened."""
        wanted = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [one for one in self.events if one["method"] in (*wanted, "Network.loadingFailed")]

    def requests(self):
        """Addresses asked for since the page opened, without those that carry their data."""
        sent = (one for one in self.events if one["method"] == "Network.requestWillBeSent")
        addresses = (one["params"]["request"]["url"] for one in sent)
        return [address for address in addresses if not address.startswith("data:")]

    def screenshot(self):
        """A PNG of the whole page."""
        answer = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        return b64decode(answer["data"])

    def pdf(self):
        """The printed page, A4."""
        answer = self.command(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True,
            printBackground=True,
        )  # fmt: skip
        return b64decode(answer["data"])


@contextmanager
def chromium(profile):
    """Start the browser with a profile of its own and end it; yields a tab."""
    command = [find_chromium(), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    (there, send), (receive, back) = os.pipe(), os.pipe()  # the browser reads 3 and writes 4

    def connect():
        os.dup2(there, 100), os.dup2(back, 101)
        os.dup2(100, 3), os.dup2(101, 4)

    process = subprocess.Popen(
        command, preexec_fn=connect, close_fds=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(there), os.close(back)
    with os.fdopen(send, "wb") as writing, os.fdopen(receive, "rb") as reading:
        try:
            yield Tab(writing, reading)
        finally:
            process.kill()  # it may be waiting for an answer to a dialog
            process.wait(30)
