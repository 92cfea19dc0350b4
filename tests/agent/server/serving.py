"""`linkdoctor serve` as a process, for tests: what it logs, and what it answers."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import yaml

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
_PATIENCE = 60


class Serving:
    """One process. ``events``: the lines of its log, parsed."""

    def __init__(self, process):
        self.process = process
        self.events = []
        self.said = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def port(self):
        """Where it answers."""
        return int(self.wait("listening")["at"][0].rpartition(":")[2])

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.said.append(line)
                self._news.notify_all()
        with self._news:
            self.events.append({"event": "gone"})
            self._news.notify_all()

    def of(self, event):
        """All that was logged of an event."""
        return [each for each in self.events if each["event"] == event]

    def wait(self, event, count=1):
        """The last of so many events of that name, as soon as there are."""

        def there():
            return len(self.of(event)) >= count or self.of("gone")

        with self._news:
            assert self._news.wait_for(there, _PATIENCE), (event, self.events[-5:], self.said)
        assert len(self.of(event)) >= count, (event, self.events[-5:], self.said)
        return self.of(event)[count - 1]

    def more(self, event, count=1):
        """So many events more."""
        return self.wait(event, len(self.of(event)) + count)

    def ask(self, path, method="GET", body=None, port=None, **headers):
        """Status, headers and body of an answer."""
        client = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=_PATIENCE)
        try:
            client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            client.close()

    def state(self, plan="nightly-etl"):
        """What /api/state says of a plan."""
        status, _, body = self.ask("/api/state")
        assert status == 200
        return next(each for each in json.loads(body)["plans"] if each["name"] == plan)

    def target(self, name, plan="nightly-etl"):
        """What it says of a target."""
        return next(each for each in self.state(plan)["targets"] if each["name"] == name)

    def send(self, number):
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Its exit code."""
        self.send(number)
        code = self.process.wait(20)
        self._reader.join(_PATIENCE)
        return code


@contextlib.contextmanager
def serve(*arguments, program=(LINKDOCTOR,), state, listen="127.0.0.1:0", **environment):
    """`linkdoctor serve` with these arguments, and this environment beside PATH."""
    command = [*program, "serve", *map(str, arguments), "--listen", listen, "--state", state, "--log-format", "json"]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    ) as process:
        serving = Serving(process)
        try:
            yield serving
        finally:
            if process.poll() is None:
                process.kill()


def write_plan(folder, *targets, name="nightly-etl", interval="1s", file=None, **keys):
    """The file of a plan."""
    path = folder / (file or f"{name}.yaml")
    path.write_text(yaml.safe_dump({"name": name, "interval": interval, "targets": list(targets), **keys}))
    return path
