"""``linkdoctor sweep`` beside nmap and fping: wall and CPU, memory, wrong states, and how cost grows with the network.

All are new processes each time, in turns, and all that a process and its children take counts, from start to end; each
answer is looked at, and one that is not wholly right counts for nothing. nmap and fping run with the fastest settings
that still give right answers here.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from benchmarks import fabric
from benchmarks.measure import LINKDOCTOR, CannotRun, Cost, Result, cost_of
from tests.lab import network

_TIMES = 5
_FEWER = 3
_MB = 1024.0
# What a host means that answers for a whole network is none of a benchmark's business: that the states are right is.
_VERDICTS = (0, 1, 2, 3)
# Seconds between two looks at a sweep's memory.
_EVERY = 0.005
_MOST_MEMORY = 60.0

# How much more a /14 may take than a /16, of which it is four.
_LINEAR, _CONSTANT = 4.6, 1.1

_FAST = ("-n", "-Pn", "-T5", "--min-rate", "100000", "-p", str(fabric.OPEN), "-oG", "-")
_NMAP_CONNECT = ("nmap", "-sT", *_FAST)
# Smaller groups of hosts wait for each other, larger ones are searched for too long.
_NMAP_SYN = ("nmap", "-sS", "--min-hostgroup", "4096", "--max-hostgroup", "4096", *_FAST)
_NMAP_PING = ("nmap", "-sn", "-PE", "-n", "-T5", "--min-hostgroup", "4096", "--min-rate", "100000", "-oG", "-")
# -g leaves out the first address and the last, and says who answers.
_FPING = ("fping", "-i0", "-r1", "-a", "-q", "-g", fabric.PART)


def run() -> Iterator[Result]:
    """See the module."""
    return fabric.apart("benchmarks.sweep")


def _inside() -> Iterator[Result]:
    fabric.build()
    with TemporaryDirectory() as folder:
        files = _Files(Path(folder))
        yield from _against_nmap(files)
        yield from _echoes(files)
        yield from _memory(files)
        yield from _wrong(files)
        yield from _growth(files)


@frozen
class _Files:
    """Where results are written."""

    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "report.json"

    @property
    def said(self) -> Path:
        return self.folder / "said"


def _sweep(files: _Files, method: str, ports: Sequence[int], *networks: str) -> tuple[str, ...]:
    """As fast as it goes, with all of the result written."""
    asked = ("--ports", ",".join(map(str, ports))) if ports else ()
    manner = ("--method", method, "--rate", "0", "--i-own-this", "--format", "json", "--output", str(files.report))
    return (LINKDOCTOR, "sweep", *networks, *asked, *manner)


def _against_nmap(files: _Files) -> Iterator[Result]:
    for method, theirs, wall, cpu in (("connect", _NMAP_CONNECT, 0.67, 1.0), ("syn", _NMAP_SYN, 0.33, 0.33)):
        costs = _beside_nmap(files, method, theirs, fabric.TEN_THOUSAND, _TIMES)
        peer = " ".join(theirs[:2])
        yield _ratio(f"{method}: wall of 10,000 open / {peer}", costs, "wall", wall)
        yield _ratio(f"{method}: CPU of 10,000 open / {peer}", costs, "cpu", cpu)
    yield _bare("syn", fabric.TEN_THOUSAND, f"10,000 / {peer}", costs)
    # Where starting costs next to nothing.
    costs = _beside_nmap(files, "syn", _NMAP_SYN, (fabric.PART,), 1)
    yield _ratio("syn: wall of a /16, open / nmap -sS", costs, "wall", None)
    yield _ratio("syn: CPU of a /16, open / nmap -sS", costs, "cpu", None)


def _beside_nmap(
    files: _Files, method: str, nmap: Sequence[str], networks: Sequence[str], times: int
) -> list[tuple[Cost, Cost]]:
    """What both cost in each turn, one to warm up among them."""
    count = sum(map(_size, networks))
    sweep = _sweep(files, method, (fabric.OPEN,), *networks)
    return [
        (
            _ours(files, sweep, {"o": count}),
            _theirs(files, (*nmap, *networks), lambda text: text.count(b"/open/"), count),
        )
        for _ in range(times + 1)
    ]


def _echoes(files: _Files) -> Iterator[Result]:
    count = _size(fabric.PART)
    sweep, ping = _sweep(files, "icmp", (), fabric.PART), (*_NMAP_PING, fabric.PART)
    costs = [
        (
            _ours(files, sweep, {"a": count}),
            _theirs(files, _FPING, lambda text: text.count(b"\n"), count - 2),
            _theirs(files, ping, lambda text: text.count(b"Status: Up"), count),
        )
        for _ in range(_FEWER + 1)
    ]
    fping, nmap = [(ours, theirs) for ours, theirs, _ in costs], [(ours, theirs) for ours, _, theirs in costs]
    yield _ratio("icmp: wall of a /16 / fping -i0", fping, "wall", 0.67)
    yield _ratio("icmp: CPU of a /16 / fping -i0", fping, "cpu", None)
    yield _bare("icmp", (fabric.PART,), "a /16 / fping -i0", fping)
    yield _ratio("icmp: wall of a /16 / nmap -sn", nmap, "wall", None)


def _ratio(what: str, costs: Sequence[tuple[Cost, Cost]], which: str, goal: float | None) -> Result:
    """Of the medians, the first turn apart: it warms the caches."""
    ours, theirs = (statistics.median(getattr(cost, which) for cost in each) for each in zip(*costs[1:], strict=True))
    return Result(what=what, measured=ours / theirs, goal=goal, detail=f"{ours:.2f} s / {theirs:.2f} s")


def _bare(kind: str, networks: Sequence[str], what: str, costs: Sequence[tuple[Cost, Cost]]) -> Result:
    """The least that the same packets cost whoever sends them: beside what the peer took in all."""
    command = (sys.executable, "-m", "benchmarks.bare", kind, *networks)
    with network.inside(fabric.SOURCE):
        ours = statistics.median(float(subprocess.check_output(command)) for _ in range(_FEWER))
    theirs = statistics.median(cost.cpu for _, cost in costs[1:])
    return Result(
        what=f"{kind}: CPU of bare sending, {what}", measured=ours / theirs, detail=f"{ours:.2f} s / {theirs:.2f} s"
    )


def _memory(files: _Files) -> Iterator[Result]:
    ports = {fabric.OPEN: "o", fabric.REFUSED: "r", fabric.SILENT: "."}
    for method in ("connect", "syn"):
        sweep = _sweep(files, method, tuple(ports), fabric.PART)
        _, peak = _peak(files, sweep, dict.fromkeys(ports.values(), _size(fabric.PART)))
        yield Result(what=f"{method}: MB at most for a /16 with three ports", measured=peak, goal=_MOST_MEMORY)


def _wrong(files: _Files) -> Iterator[Result]:
    """Four neighbours differ at each of three ports: open, refused, filtered, silent."""
    for method in ("connect", "syn"):
        cost = _cost(_sweep(files, method, fabric.MIXED, fabric.PART))
        found, wrong = 0, Counter[str]()
        for (address, asked), letter in _states(files.report):
            shift = fabric.MIXED.index(int(asked))
            right = fabric.MIXED_STATES[(address + shift) % len(fabric.MIXED_STATES)]
            found += 1
            if letter != right:
                wrong[f"{right} as {letter}"] += 1
        cells = _size(fabric.PART) * len(fabric.MIXED)
        yield Result(
            what=f"{method}: wrong states of a /16 at three ports",
            measured=wrong.total() + cells - found,
            goal=0,
            detail=f"{found:,} of {cells:,} said in {cost.wall:.1f} s; {dict(wrong) or 'all right'}",
        )


def _growth(files: _Files) -> Iterator[Result]:
    """Of a network where everybody answers at once, so that it is packets that are counted, and no time-outs."""
    for method, ports, letter in (("syn", (fabric.OPEN,), "o"), ("icmp", (), "a")):
        (part, part_peak), (whole, whole_peak) = (
            _peak(files, _sweep(files, method, ports, each), {letter: _size(each)})
            for each in (fabric.PART, fabric.WHOLE)
        )
        yield Result(
            what=f"{method}: CPU of a /14 / of a /16",
            measured=whole.cpu / part.cpu,
            goal=_LINEAR,
            detail=f"{whole.cpu:.1f} s / {part.cpu:.1f} s; wall {whole.wall:.1f} s / {part.wall:.1f} s",
        )
        yield Result(
            what=f"{method}: memory of a /14 / of a /16",
            measured=whole_peak / part_peak,
            goal=_CONSTANT,
            detail=f"{whole_peak:.0f} MB / {part_peak:.0f} MB",
        )


def _ours(files: _Files, sweep: Sequence[str], expected: dict[str, int]) -> Cost:
    cost = _cost(sweep)
    _check(files, sweep, expected)
    return cost


def _check(files: _Files, sweep: Sequence[str], expected: dict[str, int]) -> None:
    found = Counter(letter for _, letter in _states(files.report))
    if found != expected:
        raise CannotRun(f"{' '.join(sweep)[:200]} says {dict(found)}, and there are {expected}")


def _theirs(files: _Files, command: Sequence[str], count: Callable[[bytes], int], expected: int) -> Cost:
    with files.said.open("wb") as said, network.inside(fabric.SOURCE):
        cost = cost_of(*command, output=said)
    found = count(files.said.read_bytes())
    if found != expected:
        raise CannotRun(f"{' '.join(command)[:200]} found {found:,} of {expected:,}")
    return cost


def _size(network: str) -> int:
    return IPv4Network(network).num_addresses


def _cost(sweep: Sequence[str]) -> Cost:
    with network.inside(fabric.SOURCE):
        return cost_of(*sweep, accept=_VERDICTS)


def _states(report: Path) -> Iterator[tuple[tuple[int, str], str]]:
    """Of each address, as a number, and question: its letter."""
    for seen in json.loads(report.read_bytes())["observations"]:
        if (seen["probe"], seen["step"]) == ("subnet", "states"):
            first, asked = int(IPv4Network(seen["address"])[0]), seen["facts"]["asked"]
            yield from (((first + place, asked), letter) for place, letter in enumerate(seen["facts"]["states"]))


def _peak(files: _Files, sweep: Sequence[str], expected: dict[str, int]) -> tuple[Cost, float]:
    """What a sweep cost, and the most MB that it and its children had resident, added up."""
    start, most = time.monotonic(), 0
    with network.inside(fabric.SOURCE):
        process = subprocess.Popen(sweep, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        most = max(most, sum(map(_resident, _family(process.pid))))
        time.sleep(_EVERY)
    _, status, usage = ended
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in _VERDICTS:
        raise CannotRun(f"{' '.join(sweep)[:200]}: exit code {process.returncode}")
    _check(files, sweep, expected)
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall), most / _MB


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _family(int(child))


def _resident(pid: int) -> int:
    """KiB; none of what has ended."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])
    return 0


if __name__ == "__main__":
    fabric.tell(_inside())
