"""The carry-in kit runs on its four libraries alone, and on CPython 3.7."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.bundle import kit

ROOT = Path(__file__).resolve().parents[1]
KIT = list(kit.names())

# Imports every module of the kit, then runs a plan given as canonical JSON, with every other package blocked.
_PROGRAM = """
import asyncio, importlib, importlib.abc, json, sys
sys.path.insert(0, sys.argv[1])

ALLOWED = {"agent", "probes", "reports", "attr", "attrs", "dns", "h11",
           "typing_extensions", "idna"}  # the last two are those of h11 and, where it is there, of dnspython
found_in = [path for path in sys.path if "site-packages" in path]

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in ALLOWED:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if any((spec.origin or "").startswith(folder) for folder in found_in):
                    raise ImportError("the kit imports " + name)
                return spec
        return None

sys.meta_path.insert(0, Blocker())
for module in sys.argv[3:]:
    importlib.import_module(module)

from agent.runner import Runner
from reports.document import dumps, plan_loads

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
report = loop.run_until_complete(Runner(plan_loads(sys.argv[2]), {}, kind="udf").run())
print(dumps(report))
"""


def _python37():
    """A CPython 3.7 with the kit's libraries, named by LINKDOCTOR_PYTHON37 or found in PATH."""
    for name in (os.environ.get("LINKDOCTOR_PYTHON37"), shutil.which("python3.7")):
        if name:
            probe = "import sys, attrs, dns, h11; sys.exit(sys.version_info[:2] != (3, 7))"
            if subprocess.run([name, "-c", probe], capture_output=True, check=False).returncode == 0:
                return name
    return None


@pytest.fixture
def plan():
    """A plan as the host would hand it in: a service that answers, one that refuses, a name, TLS against plain text."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    connection.recv(100)
                    connection.sendall(b"+PONG\r\n")

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        targets = [
            {"name": "cache", "host": "127.0.0.1", "port": port, "service": "redis"},
            {"name": "nobody", "host": "127.0.0.1", "port": 1},
            {"name": "secure", "host": "127.0.0.1", "port": port, "service": "https"},
            {"name": "named", "host": "nowhere.invalid", "port": 80, "service": "http"},
        ]
        yield json.dumps(
            {
                "name": "kit",
                "runtime": "udf",
                "targets": targets,
                "name_servers": ["127.0.0.1:1"],
                "limits": {"deadline": 20.0},
            }
        )
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("python", [sys.executable, _python37()], ids=["here", "cpython37"])
def test_the_kit_alone(python, plan):
    """Every module of the kit is imported and a run gives its report, with every other package forbidden."""
    if python is None:
        pytest.skip("no CPython 3.7 with attrs, dnspython and h11: name one with LINKDOCTOR_PYTHON37")
    modules = [name[: -len(".py")].replace("/", ".").replace(".__init__", "") for name in KIT]
    done = subprocess.run(
        [python, "-c", _PROGRAM, str(ROOT), plan, *modules],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    verdicts = {target["name"]: target["verdict"] for target in report["targets"]}
    assert verdicts == {"cache": "healthy", "nobody": "failing", "secure": "failing", "named": "failing"}
    causes = {name: finding["cause"] for finding in report["findings"] for name in finding["targets"]}
    assert causes["secure"] == "tls_port_speaks_plaintext"
    assert causes["named"] == "dns_unreachable"
    assert report["vantage"]["kind"] == "udf"
