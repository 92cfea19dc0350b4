"""Silent targets: a run takes the time-out times the rounds that the concurrency forces, and calls every target right.

It runs in a network namespace of its own, where a filter drops what comes in for 127.2.0.0/16: silence on loopback.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from attrs import asdict

from benchmarks.measure import CannotRun, Result, addresses, check, listener, plan_file

_SILENT = 600
_CONCURRENCY = 100
_TIMEOUT = 1.0
_EACH_THIRD = 1000
_EXPECTED = (None, "connection_refused", "timed_out")
_FILTER = "table inet silence { chain input { type filter hook input priority 0; ip daddr 127.2.0.0/16 drop; }; }"


def run() -> list[Result]:
    """See the module."""
    if shutil.which("nft") is None or shutil.which("ip") is None:
        raise CannotRun("nft and ip are needed (apt-get install nftables iproute2)")
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "benchmarks.silent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"a network namespace of its own is needed: {done.stderr[-500:]}")
    return [Result(**each) for each in json.loads(done.stdout)]


def _inside() -> Iterator[Result]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", _FILTER], check=True)
    yield _wall()
    yield _verdicts()


def _wall() -> Result:
    limits = {"concurrency": _CONCURRENCY, "connect_timeout": f"{_TIMEOUT:g}s"}
    with plan_file([f"{address}:9" for address in addresses("127.2", _SILENT)], **limits) as names:
        wall = check(*names).wall
    forced = -(-_SILENT // _CONCURRENCY) * _TIMEOUT
    return Result(
        what=f"wall of {_SILENT} silent targets / time-out x rounds",
        measured=wall / forced,
        goal=1.15,
        detail=f"{wall:.2f} s / {forced:.2f} s, start-up and report included",
    )


def _verdicts() -> Result:
    with listener() as port:
        up, down = addresses("127.1", _EACH_THIRD), addresses("127.2", _EACH_THIRD)
        # Port 1 of an address that is up refuses.
        thirds = zip([f"{ip}:{port}" for ip in up], [f"{ip}:1" for ip in up], [f"{ip}:9" for ip in down], strict=True)
        targets = list(chain.from_iterable(thirds))
        with plan_file(targets, concurrency=256, connect_timeout="1s") as names:
            check(*names)
            report = json.loads(Path(names[1]).read_bytes())
    seen = {each["target"]: each["failure"] for each in report["observations"] if each["step"] == "connect"}
    wrong = sum(seen.get(name, "") != _EXPECTED[index % 3] for index, name in enumerate(targets))
    return Result(
        what="targets called wrong: open, refused, silent",
        measured=wrong,
        goal=0,
        detail=f"{len(targets) - wrong} of {len(targets)} right",
    )


if __name__ == "__main__":
    print(json.dumps([asdict(each) for each in _inside()]))
