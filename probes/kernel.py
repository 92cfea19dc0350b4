"""What Linux tells of a socket beyond its bytes: TCP_INFO, and the error queue with who sent an ICMP message.

Source: include/uapi/linux/tcp.h (struct tcp_info), include/uapi/linux/errqueue.h (struct sock_extended_err).
CPython 3.7's socket module has TCP_INFO and MSG_ERRQUEUE and lacks the constants defined here.
"""

import errno
import socket
import struct
from typing import Dict, Optional, Tuple

from attrs import frozen

from reports.failures import Failure, of_errno

IP_RECVERR = 11
IPV6_RECVERR = 25
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_PROBE = 3

ORIGIN_LOCAL = 1

TCP_SYN_SENT = 2

_ERROR = struct.Struct("=IBBBBII")
# Enough of a packet to know it again.
_QUOTED = 64
_INFO = struct.Struct("=8B24I")  # up to and with tcpi_total_retrans
_HANDSHAKE = struct.Struct("=B35xI28xI28xI")  # tcpi_state, tcpi_retrans, tcpi_rtt, tcpi_total_retrans
_COUNTER = struct.Struct("=I")
_COUNTER_OF_BYTES = struct.Struct("=Q")
_BYTES_IN = 128  # where tcpi_bytes_received stands, since Linux 4.1
_SEGMENTS_OUT = 136  # where tcpi_segs_out stands, since Linux 4.2
_SEGMENTS_IN = 140  # where tcpi_segs_in stands, since Linux 4.2
_OUT_OF_ORDER = 224  # tcpi_rcv_ooopack, since 5.4


# What connect(2) and a route look-up say where this machine's own routing table or output chain refuses: ip-route(8)
# names the errors of unreachable, prohibit and blackhole routes.
REFUSED_HERE: Dict[int, Failure] = {
    errno.EHOSTUNREACH: Failure.LOCAL_ROUTE_REJECTS,
    errno.ENETUNREACH: Failure.LOCAL_NO_ROUTE,
    errno.EACCES: Failure.LOCAL_ROUTE_REJECTS,
    errno.EINVAL: Failure.LOCAL_ROUTE_REJECTS,
    errno.EPERM: Failure.LOCAL_FILTER_DENIES,
}

# ICMPv4 destination unreachable (RFC 792, RFC 1812 section 5.2.7.1) and ICMPv6 (RFC 4443 section 3.1), where the
# code says more than the errno that the kernel made of it.
_BY_ICMP: Dict[Tuple[int, int], Failure] = {
    (3, 0): Failure.NETWORK_UNREACHABLE,
    (3, 1): Failure.HOST_UNREACHABLE,
    (3, 2): Failure.PROTOCOL_UNREACHABLE,
    (3, 3): Failure.PORT_UNREACHABLE,
    (3, 6): Failure.NETWORK_UNREACHABLE,
    (3, 7): Failure.HOST_UNREACHABLE,
    (3, 9): Failure.ADMIN_PROHIBITED,
    (3, 10): Failure.ADMIN_PROHIBITED,
    (3, 13): Failure.ADMIN_PROHIBITED,
    (11, 0): Failure.TTL_EXCEEDED,
}
_BY_ICMPV6: Dict[Tuple[int, int], Failure] = {
    (1, 0): Failure.NETWORK_UNREACHABLE,
    (1, 1): Failure.ADMIN_PROHIBITED,
    (1, 3): Failure.HOST_UNREACHABLE,
    (1, 4): Failure.PORT_UNREACHABLE,
    (1, 5): Failure.ADMIN_PROHIBITED,
    (1, 6): Failure.ADMIN_PROHIBITED,
    (3, 0): Failure.TTL_EXCEEDED,
}


@frozen
class TcpInfo:
    """The part of struct tcp_info that says how a handshake and an exchange went. Seconds, bytes, counts.

    ``unacked``: segments of ours that the peer's kernel has not acknowledged. ``receive_rtt``: the round-trip time as
    whoever only receives can estimate it; 0 where it could not. ``segments_in``: all that came, in order or not;
    ``out_of_order``: those that came before an earlier one did; None where this kernel does not count them.
    ``bytes_in``: all that came in order, read or not, the end of the connection counted as one; None as above.
    """

    state: int
    rtt: float
    rtt_variance: float
    mss: int
    path_mtu: int
    retransmits: int
    retransmits_in_flight: int
    since_last_ack: float
    since_last_data: float
    unacked: int
    receive_rtt: float = 0.0
    segments_in: Optional[int] = None
    out_of_order: Optional[int] = None
    bytes_in: Optional[int] = None

    @property
    def unsent(self) -> int:
        """Retransmitted SYNs that this machine itself did not let out.

        Linux counts every attempt in tcpi_total_retrans, and in tcpi_retrans only what the output path accepted
        (tcp_retransmit_skb): an output chain that drops the SYN leaves a gap.
        """
        return self.retransmits if self.state == TCP_SYN_SENT and not self.retransmits_in_flight else 0


@frozen
class IcmpError:
    """An ICMP or ICMPv6 error that belongs to a socket: errno, type, code, and the host that sent it.

    ``mtu``: what would fit, where the message says that a packet was too large (RFC 1191, RFC 4443 section 3.2).
    ``quoted``: how the payload of the packet that it is about began.
    """

    errno: int
    type: int
    code: int
    sender: str
    local: bool  # this machine's own stack made it: nothing was received
    mtu: int = 0
    quoted: bytes = b""


def tcp_info(sock: socket.socket) -> Optional[TcpInfo]:
    """TCP_INFO of the socket, or None where the platform does not give it."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OUT_OF_ORDER + _COUNTER.size)
        fields = _INFO.unpack_from(raw)
    except (OSError, AttributeError, struct.error):
        return None
    counters = fields[8:]
    return TcpInfo(
        state=fields[0],
        mss=counters[2],
        unacked=counters[4],
        retransmits_in_flight=counters[7],
        since_last_data=counters[11] / 1e3,
        since_last_ack=counters[12] / 1e3,
        path_mtu=counters[13],
        rtt=counters[15] / 1e6,
        rtt_variance=counters[16] / 1e6,
        receive_rtt=counters[21] / 1e6,
        segments_in=_counter(raw, _SEGMENTS_IN),
        out_of_order=_counter(raw, _OUT_OF_ORDER),
        bytes_in=_counter(raw, _BYTES_IN, _COUNTER_OF_BYTES),
        retransmits=counters[23],
    )


def handshake_info(sock: socket.socket) -> Tuple[int, float, int, int]:
    """Of TCP_INFO what one handshake among thousands needs, in a fraction of the time.

    The state; the round trip in seconds; SYNs sent again, and how many of them this machine did not let out (see
    ``TcpInfo.unsent``). Where the platform does not tell, it is a handshake under way of which nothing is known.
    """
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _HANDSHAKE.size)
        state, let_out, rtt, again = _HANDSHAKE.unpack(raw)
    except (OSError, AttributeError, struct.error):
        return TCP_SYN_SENT, 0.0, 0, 0
    return state, rtt / 1e6, again, again if state == TCP_SYN_SENT and not let_out else 0


def segments_out(sock: socket.socket) -> int:
    """How many segments the kernel has sent for it so far; 0 where it does not count them."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SEGMENTS_OUT + _COUNTER.size)
    except (OSError, AttributeError):
        return 0
    return _counter(raw, _SEGMENTS_OUT) or 0


def bytes_in(sock: socket.socket) -> int:
    """How many bytes the peer has sent so far; 0 where the kernel does not count them."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_IN + _COUNTER_OF_BYTES.size)
    except (OSError, AttributeError):
        return 0
    return _counter(raw, _BYTES_IN, _COUNTER_OF_BYTES) or 0


def _counter(raw: bytes, offset: int, counter: struct.Struct = _COUNTER) -> Optional[int]:
    return int(counter.unpack_from(raw, offset)[0]) if len(raw) >= offset + counter.size else None


def receive_icmp_errors(sock: socket.socket) -> bool:
    """Ask the kernel to keep ICMP errors with their sender on this socket; whether it will."""
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    except OSError:
        return False
    return True


def limit_hops(sock: socket.socket, hops: int) -> None:
    """The TTL of the socket's packets; of IPv6, their hop limit."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)


def limit_unread(sock: socket.socket, most: int) -> None:
    """Let so many bytes wait for being read, at most twice as many (socket(7), SO_RCVBUF); 2304 at least."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most)


def end_with_reset(sock: socket.socket, reset: bool = True) -> None:
    """Whether closing the socket resets its connection, or ends it in order (socket(7), SO_LINGER)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", reset, 0))


def forbid_fragments(sock: socket.socket) -> None:
    """Send every datagram whole or not at all, whatever the kernel believes of the path (ip(7), IP_PMTUDISC_PROBE)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)


def icmp_error(sock: socket.socket) -> Optional[IcmpError]:
    """The ICMP error at the head of the socket's error queue, if there is one.

    After a reset the queue is empty: so a reset and an ICMP refusal are told apart, also where both are ECONNREFUSED.
    """
    try:
        quoted, controls, _, _ = sock.recvmsg(_QUOTED, 512, socket.MSG_ERRQUEUE)
    except (OSError, AttributeError):
        return None
    for level, kind, data in controls:
        if (level, kind) not in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
            continue
        if len(data) < _ERROR.size:
            continue
        number, origin, icmp_type, icmp_code, _, extra, _ = _ERROR.unpack_from(data)
        mtu = extra if number == errno.EMSGSIZE else 0
        sender = _offender(data[_ERROR.size :])
        return IcmpError(number, icmp_type, icmp_code, sender, origin == ORIGIN_LOCAL, mtu, quoted)
    return None


def failure_of(number: int, icmp: Optional[IcmpError]) -> Failure:
    """The Failure of an errno, made more exact by the ICMP message that caused it."""
    if icmp is not None and not icmp.local:
        table = _BY_ICMPV6 if ":" in icmp.sender else _BY_ICMP
        return table.get((icmp.type, icmp.code), of_errno(number))
    return of_errno(number)


def _offender(address: bytes) -> str:
    """SO_EE_OFFENDER: a sockaddr_in or sockaddr_in6, or nothing."""
    if len(address) < 8:
        return ""
    family = struct.unpack_from("=H", address)[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return ""
