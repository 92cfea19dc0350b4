"""Which local ports connections take, and to where: a port serves one destination once at a time, TIME_WAIT included.

Source: proc_net_tcp (Documentation/networking in the kernel's tree), ip(7) on ip_local_port_range.
"""

import socket
import sys
from itertools import islice
from pathlib import Path
from typing import Counter, Iterator, Tuple

from probes.contract import Notes
from reports.model import join_port

_FILES = ("/proc/net/tcp", "/proc/net/tcp6")
_MOST_LINES = 200_000
_TIME_WAIT, _LISTENING = "06", "0A"
_MAPPED = "0000000000000000FFFF0000"  # ::ffff:0:0/96, in the words of four bytes in which the kernel writes


def observe(low: int, high: int, notes: Notes) -> None:
    """The connections from the ports in this range, and the destination that takes most of them."""
    taken: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    with notes.step("local", "ports") as step:
        for local, peer, state in _connections():
            if low <= int(local.rpartition(":")[2], 16) <= high and state != _LISTENING:
                taken[peer] += 1
                waiting[peer] += state == _TIME_WAIT
        step.note("taken", sum(taken.values()))
        for peer, most in taken.most_common(1):
            step.note("busiest", _readable(peer))
            step.note("busiest_taken", most)
            step.note("busiest_time_wait", waiting[peer])


def _connections() -> Iterator[Tuple[str, str, str]]:
    """Local end, far end and state of each socket. Raises OSError where the kernel does not say."""
    for path in _FILES:
        if path == _FILES[1] and not Path(path).exists():  # a kernel without IPv6
            return
        with Path(path).open(encoding="ascii") as lines:
            for line in islice(lines, 1, _MOST_LINES):
                _, local, peer, state = line.split(None, 4)[:4]
                yield local, peer[len(_MAPPED) :] if peer.startswith(_MAPPED) else peer, state


def _readable(end: str) -> str:
    address, _, port = end.partition(":")
    words = [int(address[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return join_port(socket.inet_ntop(family, b"".join(words)), int(port, 16))
