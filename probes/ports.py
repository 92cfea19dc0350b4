"""Which local ports connections take, and to where: a port serves one destination once at a time, TIME_WAIT included.

Source: proc_net_tcp (Documentation/networking in the kernel's tree), ip(7) on ip_local_port_range.
"""

import re
import socket
import sys
from pathlib import Path
from typing import Counter, Iterator

from probes.contract import Notes
from reports.model import join_port

_FILES = ("/proc/net/tcp", "/proc/net/tcp6")
_MOST_LINES = 200_000
_CHUNK = 1 << 18
_TIME_WAIT = "06"
# The local port, the far end and the state of each socket that does not listen (0A). ::ffff:0:0/96 is left out, in the
# words of four bytes in which the kernel writes.
_SOCKET = re.compile(rb": [0-9A-F]+:([0-9A-F]{4}) (?:0000000000000000FFFF0000)?([0-9A-F]+:[0-9A-F]{4} (?!0A)..) ")


def observe(low: int, high: int, notes: Notes) -> None:
    """The connections from the ports in this range, and the destination that takes most of them."""
    found: Counter[bytes] = Counter()  # of equal far end and state
    first, last = b"%04X" % low, b"%04X" % high
    with notes.step("local", "ports") as step:
        for lines in _lines():
            found.update([there for port, there in _SOCKET.findall(lines) if first <= port <= last])
        taken: Counter[str] = Counter()
        waiting: Counter[str] = Counter()
        for there, many in found.items():
            peer, _, state = there.decode("ascii").partition(" ")
            taken[peer] += many
            waiting[peer] += many if state == _TIME_WAIT else 0
        step.note("taken", sum(taken.values()))
        for peer, most in taken.most_common(1):
            step.note("busiest", _readable(peer))
            step.note("busiest_taken", most)
            step.note("busiest_time_wait", waiting[peer])


def _lines() -> Iterator[bytes]:
    """What the kernel says of its sockets, many whole lines at once. Raises OSError where it does not say."""
    for path in _FILES:
        if path == _FILES[1] and not Path(path).exists():  # a kernel without IPv6
            return
        rest, left = b"", _MOST_LINES
        with Path(path).open("rb", buffering=0) as file:
            while left > 0:
                chunk = file.read(_CHUNK)
                if not chunk:
                    break
                lines, end, rest = (rest + chunk).rpartition(b"\n")
                many = lines.count(b"\n") + len(end)
                yield lines if many <= left else b"\n".join(lines.split(b"\n")[:left])
                left -= many


def _readable(end: str) -> str:
    address, _, port = end.partition(":")
    words = [int(address[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return join_port(socket.inet_ntop(family, b"".join(words)), int(port, 16))
