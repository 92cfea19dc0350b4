"""The memory in which 10,000 reports of 20 targets are compared, each read from its JSON as it comes."""

import json
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from benchmarks.diagnose import observed
from benchmarks.measure import CannotRun, Result
from reports.comparison import Merge
from reports.diagnose import conclude
from reports.document import dumps, loads
from reports.model import Run, Vantage

_REPORTS, _TARGETS = 10_000, 20
_GOAL_MIB = 200
# How many different patterns of silent targets there are.
_PATTERNS = 200
_HOST, _ADDRESS, _RUN = "worker-of-the-template", "10.0.0.2", "r-template"


def run() -> Iterator[Result]:
    """See the module: in a process of its own, whose memory is nobody else's."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.compare"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(done.stderr[-500:])
    found = json.loads(done.stdout)
    yield Result(
        what=f"{_REPORTS:,} reports of {_TARGETS} targets compared: MiB at most",
        measured=found["mib"],
        goal=_GOAL_MIB,
        detail=f"{found['text_mib']:.0f} MiB of JSON, {found['cpu']:.0f} s of CPU",
    )


def texts() -> Iterator[str]:
    """As many reports, each of another executor."""
    templates = [_template(seed) for seed in range(_PATTERNS)]
    for number in range(_REPORTS):
        text = templates[number % _PATTERNS]
        address = f"10.{64 + (number >> 14)}.{number >> 8 & 63}.{number & 255}"
        yield text.replace(_HOST, f"worker-{number}").replace(_ADDRESS, address).replace(_RUN, f"r-{number:06}")


def _template(seed: int) -> str:
    chosen = random.Random(seed)
    plan, seen = observed(_TARGETS, lambda _: chosen.random() < 0.2)
    vantage = Vantage(kind="spark", host=_HOST, addresses=(f"{_ADDRESS}/8%eth0",), labels={"executor": "1"})
    run = Run(id=_RUN, started=1e9, duration_s=3.0, linkdoctor="", plan=evolve(plan, runtime="spark"))
    return dumps(conclude(run, vantage, seen))


def main() -> None:
    """Compare them, and print what it took."""
    merge, length = Merge(), 0
    for text in texts():
        length += len(text)
        merge.add(loads(text))
    merge.conclude()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "mib": _most_memory() / 2**20,
                "text_mib": length / 2**20,
                "cpu": used.ru_utime + used.ru_stime,
            }
        )
    )


def _most_memory() -> int:
    """Bytes that were resident at most: proc(5), VmHWM. ru_maxrss would be that of whoever started this, if larger."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
