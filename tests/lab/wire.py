"""What really went over a node's interfaces: a recorder on AF_PACKET, and the questions that a test asks of it."""

import contextlib
import heapq
import select
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from tests.lab.network import inside

_ETH_P_ALL, _ETH_P_IP, _ETH_P_ARP = 0x0003, 0x0800, 0x0806
_PACKET_OUTGOING = 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_BUFFER = 64 * 1024 * 1024
_HEADERS = 128  # bytes: link, IP and TCP headers with all options
_NAMES = {1: "icmp", 6: "tcp", 17: "udp"}

FIN, SYN, RST, ACK = 1, 2, 4, 16


@frozen
class Packet:
    """One packet: Unix seconds, the interface, which way, and whence and where to. ``sequence`` is TCP's."""

    time: float
    interface: str
    outgoing: bool
    protocol: str
    source: str
    source_port: int
    destination: str
    port: int
    flags: int
    sequence: int


@frozen
class Recording:
    """The packets of a node, in order. ``dropped``: how many the kernel could not hand over; a test wants 0."""

    packets: Sequence[Packet] = field(factory=list)
    dropped: int = 0

    def connections(self) -> list[Packet]:
        """The first SYN of each connection that the node opened: retransmissions apart."""
        seen: set[tuple[Any, ...]] = set()
        found = []
        for packet in self._sent("tcp"):
            key = (_pair(packet), packet.sequence)
            if packet.flags & (SYN | ACK) == SYN and key not in seen:
                seen.add(key)
                found.append(packet)
        return found

    def most_opened(self, window: float = 1.0) -> int:
        """The most connections that were opened within any ``window`` seconds."""
        times = [packet.time for packet in self.connections()]
        most = first = 0
        for last, now in enumerate(times):
            while times[first] <= now - window:
                first += 1
            most = max(most, last - first + 1)
        return most

    def most_open(self, timeout: float) -> int:
        """The most connections that were open at once: from the SYN to the first FIN or RST of either side.

        One that met silence ends after ``timeout`` seconds; one that nobody ended stays open.
        """
        answered = {_pair(packet) for packet in self.packets if packet.protocol == "tcp" and not packet.outgoing}
        ends = [packet for packet in self.packets if packet.protocol == "tcp" and packet.flags & (FIN | RST)]
        ended: dict[frozenset[tuple[str, int]], list[float]] = {}
        for packet in ends:
            ended.setdefault(_pair(packet), []).append(packet.time)
        most = 0
        open_until: list[float] = []
        for opened in self.connections():
            pair = _pair(opened)
            after = [time for time in ended.get(pair, ()) if time >= opened.time]
            until = min(after) if after else (float("inf") if pair in answered else opened.time + timeout)
            while open_until and open_until[0] <= opened.time:
                heapq.heappop(open_until)
            heapq.heappush(open_until, until)
            most = max(most, len(open_until))
        return most

    def destinations(self) -> set[tuple[str, int, str]]:
        """Whatever was sent to: (address, port, protocol); port 0 where the protocol has none."""
        return {(packet.destination, packet.port, packet.protocol) for packet in self.packets if packet.outgoing}

    def most_sent(self, window: float = 1.0) -> int:
        """The most packets of any kind, ARP apart, that were sent within any ``window`` seconds."""
        times = [packet.time for packet in self.packets if packet.outgoing and packet.protocol != "arp"]
        most = first = 0
        for last, now in enumerate(times):
            while times[first] <= now - window:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _sent(self, protocol: str) -> list[Packet]:
        return [packet for packet in self.packets if packet.outgoing and packet.protocol == protocol]


class Recorder:
    """Reads every packet of a namespace, in a thread, from now until ``stop``."""

    def __init__(self, namespace: str) -> None:
        with inside(namespace):
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        with contextlib.suppress(PermissionError):  # then the kernel's own limit holds, and drops are counted
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._packets: list[tuple[Any, ...]] = []
        self._stopped, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, Any]:
        """The fields of a Recording, as JSON carries them."""
        self._stop.send(b".")
        self._thread.join()
        _, dropped = struct.unpack("=II", self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        for sock in (self._sock, self._stop, self._stopped):
            sock.close()
        return {"packets": sorted(self._packets), "dropped": dropped}

    def _read(self) -> None:
        stopping = False
        while not stopping:
            ready, _, _ = select.select([self._sock, self._stopped], [], [])
            stopping = self._stopped in ready
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, ancillary, _, address = self._sock.recvmsg(_HEADERS, 64)
                    packet = _parse(data)
                    if packet is not None:
                        seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2][:16])
                        interface, _, kind = address[:3]
                        head = (seconds + nanoseconds / 1e9, interface, kind == _PACKET_OUTGOING)
                        self._packets.append((*head, *packet))


def _parse(frame: bytes) -> tuple[Any, ...] | None:
    """Protocol, source, port, destination, port, flags, sequence; None for what is neither IPv4 nor ARP."""
    kind = int.from_bytes(frame[12:14])
    if kind == _ETH_P_ARP:
        return ("arp", _ip(frame[28:32]), 0, _ip(frame[38:42]), 0, 0, 0)
    if kind != _ETH_P_IP:
        return None
    header = frame[14:]
    protocol, start = header[9], (header[0] & 15) * 4
    name = _NAMES.get(protocol, str(protocol))
    source, destination = _ip(header[12:16]), _ip(header[16:20])
    if name not in ("tcp", "udp"):
        return (name, source, 0, destination, 0, 0, 0)
    source_port, port = struct.unpack_from("!HH", header, start)
    if name == "udp":
        return (name, source, source_port, destination, port, 0, 0)
    sequence, flags = struct.unpack_from("!I5xB", header, start + 4)
    return (name, source, source_port, destination, port, flags, sequence)


def _ip(data: bytes) -> str:
    return socket.inet_ntoa(data)


def _pair(packet: Packet) -> frozenset[tuple[str, int]]:
    """Both ends of a connection, whichever way the packet went."""
    return frozenset(((packet.source, packet.source_port), (packet.destination, packet.port)))
