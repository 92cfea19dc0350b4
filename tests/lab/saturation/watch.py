"""What the router and the far host know of the job's connections, without asking linkdoctor."""

import heapq
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

from tests.lab import network
from tests.lab.saturation.places import FAR, FAR_ADDRESS, JOB_ADDRESS, OUTBOUND, ROUTER
from tests.lab.wire import ACK, FIN, RST, SYN, Packet, densest

_ESTABLISHED = "01"  # include/net/tcp_states.h, as /proc/net/tcp has it
# A SYN that nobody answers counts for so many seconds: then it was given up.
_HALF_OPEN = 0.16


def tracked() -> int:
    """Established connections of the job in the router's table."""
    with network.inside(ROUTER):
        lines = Path("/proc/thread-self/net/nf_conntrack").read_text().splitlines()
    return sum(f" ESTABLISHED src={JOB_ADDRESS} " in line for line in lines)


def remembered() -> int:
    """Entries of the job in the router's table, in whatever state."""
    with network.inside(ROUTER):
        return Path("/proc/thread-self/net/nf_conntrack").read_text().count(f" src={JOB_ADDRESS} ")


def arrived() -> int:
    """Established connections at the far host that came through the router."""
    peer = f"{struct.unpack('=I', socket.inet_aton(OUTBOUND))[0]:08X}:"
    with network.inside(FAR):
        lines = Path("/proc/thread-self/net/tcp").read_text().splitlines()
    return sum(remote.startswith(peer) and state == _ESTABLISHED for _, _, remote, state, *_ in map(str.split, lines))


def most_begun(packets: Iterable[Packet]) -> int:
    """The most new connections of the job in any second, wherever they lead; a SYN that is sent again is none."""
    begun: dict[tuple[str, int, int, int], float] = {}
    for packet in packets:
        if packet.source == JOB_ADDRESS and packet.protocol == "tcp" and packet.flags & (SYN | ACK) == SYN:
            begun.setdefault((packet.destination, packet.port, packet.source_port, packet.sequence), packet.time)
    return densest(sorted(begun.values()), 1.0)


def most_at_once(packets: Iterable[Packet], port: int) -> int:
    """The most of the job's connections to a port of the far host, half open ones included.

    From the SYN to the first RST or FIN of either side; one that nobody answered is given up after a while.
    """
    ends: list[tuple[float, int]] = []
    open_: dict[int, tuple[int, bool]] = {}  # by the job's port: which one, and whether it was answered
    alive: set[int] = set()
    most = serial = 0
    for packet in packets:
        ours = (packet.source, packet.destination, packet.port) == (JOB_ADDRESS, FAR_ADDRESS, port)
        theirs = (packet.source, packet.destination, packet.source_port) == (FAR_ADDRESS, JOB_ADDRESS, port)
        if packet.protocol != "tcp" or not (ours or theirs):
            continue
        while ends and ends[0][0] <= packet.time:
            alive.discard(heapq.heappop(ends)[1])
        end = packet.source_port if ours else packet.port
        if ours and packet.flags & (SYN | ACK) == SYN:
            serial += 1
            alive.discard(open_.get(end, (0, False))[0])
            open_[end] = (serial, False)
            alive.add(serial)
            heapq.heappush(ends, (packet.time + _HALF_OPEN, serial))
            most = max(most, len(alive))
        elif packet.flags & (RST | FIN):
            alive.discard(open_.get(end, (0, False))[0])
        elif theirs and packet.flags & SYN and end in open_ and not open_[end][1]:
            # It is no silent one: another number, that only an end can end.
            alive.discard(open_[end][0])
            serial += 1
            open_[end] = (serial, True)
            alive.add(serial)
    return most
