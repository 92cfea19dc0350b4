"""What really went over a node's interfaces: a recorder on AF_PACKET, and the questions that a test asks of it."""

import heapq
import mmap
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from tests.lab.network import inside

_ETH_P_ALL, _ETH_P_IP, _ETH_P_ARP = 0x0003, 0x0800, 0x0806
_PACKET_OUTGOING = 4
# include/uapi/linux/if_packet.h
_SOL_PACKET, _PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 263, 5, 6, 10
_TPACKET_V2, _TP_STATUS_USER = 1, 1
_HEADER = struct.Struct("=IIIHHII")  # tpacket2_hdr: status, len, snaplen, mac, net, sec, nsec
_HEADER_LENGTH = 32
_ADDRESS = struct.Struct("=4xi2xB")  # sockaddr_ll: ifindex, pkttype
# 262,144 packets, of each the headers.
_FRAME, _BLOCK, _BLOCKS = 256, 65536, 1024
_NAMES = {1: "icmp", 6: "tcp", 17: "udp"}
_ECHOES = (0, 8)  # of ICMP's types: a reply, and the request

FIN, SYN, RST, ACK = 1, 2, 4, 16


@frozen
class Packet:
    """One packet: Unix seconds, the interface, which way, and whence and where to. ``sequence`` is TCP's.

    ``length``: the bytes that TCP or UDP carries, an echo's whole message; none of an ICMP error, which only quotes.
    """

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
    length: int


@define
class Recording:
    """The packets of a node, in order. ``dropped``: how many the ring could not hold; a test wants 0.

    It is filled when the recording ends.
    """

    packets: list[Packet] = field(factory=list)
    dropped: int = 0

    def connections(self) -> list[Packet]:
        """The first SYN of each connection that the node opened: retransmissions apart."""
        seen: set[tuple[Any, ...]] = set()
        found = []
        for packet in self.packets:
            key = (_pair(packet), packet.sequence)
            opens = packet.outgoing and packet.protocol == "tcp" and packet.flags & (SYN | ACK) == SYN
            if opens and key not in seen:
                seen.add(key)
                found.append(packet)
        return found

    def most_opened(self, window: float = 1.0) -> int:
        """The most connections that were opened within any ``window`` seconds."""
        return densest([packet.time for packet in self.connections()], window)

    def most_open(self, timeout: float | None = None) -> int:
        """The most connections that were open at once (see ``lives``)."""
        most = 0
        open_until: list[float] = []
        for opened, until in self.lives(timeout):
            while open_until and open_until[0] <= opened:
                heapq.heappop(open_until)
            heapq.heappush(open_until, until)
            most = max(most, len(open_until))
        return most

    def lives(self, timeout: float | None = None) -> list[tuple[float, float]]:
        """From when to when each connection was open: from the SYN to the first FIN or RST of either side.

        One that met silence ends after ``timeout`` seconds, or was given up at the earliest after its last packet; one
        that nobody ended stays open.
        """
        tcp = [packet for packet in self.packets if packet.protocol == "tcp"]
        last = {_pair(packet): packet.time for packet in tcp if packet.outgoing and not packet.flags & RST}
        taken_up = {_pair(packet) for packet in tcp if packet.outgoing and not packet.flags & (SYN | RST)}
        ended: dict[frozenset[tuple[str, int]], list[float]] = {}
        for packet in tcp:
            # A reset to an answer that nobody waits for any more ends nothing, nor was it waited for until then.
            if packet.flags & (FIN | RST) and (not packet.outgoing or _pair(packet) in taken_up):
                ended.setdefault(_pair(packet), []).append(packet.time)
        found = []
        for opened in self.connections():
            pair = _pair(opened)
            after = [time for time in ended.get(pair, ()) if time >= opened.time]
            given_up = last[pair] if timeout is None else opened.time + timeout
            found.append((opened.time, min(after, default=float("inf") if pair in taken_up else given_up)))
        return found

    @property
    def bytes(self) -> int:
        """What was carried, both ways."""
        return sum(packet.length for packet in self.packets)

    def destinations(self) -> set[tuple[str, int, str]]:
        """Whatever was sent to: (address, port, protocol); port 0 where the protocol has none."""
        return {(packet.destination, packet.port, packet.protocol) for packet in self.packets if packet.outgoing}

    def most_sent(self, window: float = 1.0) -> int:
        """The most packets of any kind, ARP apart, that were sent within any ``window`` seconds."""
        sent = (packet for packet in self.packets if packet.outgoing and packet.protocol != "arp")
        return densest([packet.time for packet in sent], window)


class Recorder:
    """Takes down every packet of a namespace, or of one of its interfaces, from now until ``stop``.

    The kernel writes into a ring of memory (Documentation/networking/packet_mmap), large enough for a whole test: no
    reader has to keep up.
    """

    def __init__(self, namespace: str, interface: str | None = None) -> None:
        self._namespace = namespace
        with inside(namespace):
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            self._sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
            frames = _BLOCKS * _BLOCK // _FRAME
            self._sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack("=4I", _BLOCK, _BLOCKS, _FRAME, frames))
            if interface is not None:
                self._sock.bind((interface, _ETH_P_ALL))
            self._ring = mmap.mmap(self._sock.fileno(), _BLOCKS * _BLOCK)

    def stop(self) -> dict[str, Any]:
        """The fields of a Recording, as JSON carries them."""
        with inside(self._namespace):
            interfaces = dict(socket.if_nameindex())
        packets = list(self._read(interfaces))
        _, dropped = struct.unpack("=II", self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._ring.close()
        self._sock.close()
        return {"packets": packets, "dropped": dropped}

    def _read(self, interfaces: Mapping[int, str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(self._ring), _FRAME):
            status, _, length, link, _, seconds, nanoseconds = _HEADER.unpack_from(self._ring, start)
            if not status & _TP_STATUS_USER:
                return
            index, kind = _ADDRESS.unpack_from(self._ring, start + _HEADER_LENGTH)
            packet = _parse(self._ring[start + link : start + link + length])
            if packet is not None:
                head = (seconds + nanoseconds / 1e9, interfaces.get(index, str(index)), kind == _PACKET_OUTGOING)
                yield (*head, *packet)


def _parse(frame: bytes) -> tuple[Any, ...] | None:
    """Protocol, source, port, destination, port, flags, sequence, length; None for what is neither IPv4 nor ARP."""
    kind = int.from_bytes(frame[12:14])
    if kind == _ETH_P_ARP:
        return ("arp", _ip(frame[28:32]), 0, _ip(frame[38:42]), 0, 0, 0, 0)
    if kind != _ETH_P_IP:
        return None
    header = frame[14:]
    protocol, start = header[9], (header[0] & 15) * 4
    name = _NAMES.get(protocol, str(protocol))
    source, destination = _ip(header[12:16]), _ip(header[16:20])
    length = int.from_bytes(header[2:4]) - start
    if name not in ("tcp", "udp"):
        told = length if name == "icmp" and header[start] in _ECHOES else 0
        return (name, source, 0, destination, 0, 0, 0, told)
    source_port, port = struct.unpack_from("!HH", header, start)
    if name == "udp":
        return (name, source, source_port, destination, port, 0, 0, length - 8)
    sequence, offset, flags = struct.unpack_from("!I4xBB", header, start + 4)
    return (name, source, source_port, destination, port, flags, sequence, length - (offset >> 4) * 4)


def densest(times: Sequence[float], window: float) -> int:
    """The most of the ascending times that lie within any ``window`` seconds."""
    most = first = 0
    for last, now in enumerate(times):
        while times[first] <= now - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def _ip(data: bytes) -> str:
    return socket.inet_ntoa(data)


def _pair(packet: Packet) -> frozenset[tuple[str, int]]:
    """Both ends of a connection, whichever way the packet went."""
    return frozenset(((packet.source, packet.source_port), (packet.destination, packet.port)))
