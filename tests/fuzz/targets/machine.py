"""What this machine says of itself: netlink messages, the rules of nft. Not from a peer, and yet bytes from outside."""

import json
import socket
import struct
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from probes import netlink, nftables
from tests.fuzz import jsons
from tests.fuzz.engine import Opening, Target
from tests.fuzz.peers import TURN

_RULES = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "filter", "handle": 1}},
        {
            "set": {
                "family": "inet",
                "table": "filter",
                "name": "s",
                "elem": ["10.0.0.1", {"prefix": {"addr": "10.1.0.0", "len": 16}}],
            }
        },
        {
            "chain": {
                "family": "inet",
                "table": "filter",
                "name": "output",
                "hook": "output",
                "prio": 0,
                "policy": "drop",
            }
        },
        {"chain": {"family": "inet", "table": "filter", "name": "more"}},
        {
            "rule": {
                "family": "inet",
                "table": "filter",
                "chain": "output",
                "expr": [
                    {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@s"}},
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                            "right": {"range": [1, 9]},
                        }
                    },
                    {"counter": {"packets": 0, "bytes": 0}},
                    {"jump": {"target": "more"}},
                ],
            }
        },
        {
            "rule": {
                "family": "inet",
                "table": "filter",
                "chain": "more",
                "expr": [
                    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": {"set": ["new", "established"]}}},
                    {
                        "match": {
                            "op": "!=",
                            "left": {"concat": [{"meta": {"key": "oifname"}}, {"meta": {"key": "l4proto"}}]},
                            "right": {"concat": ["eth*", 6]},
                        }
                    },
                    {"reject": {"type": "icmpx", "expr": "admin-prohibited"}},
                ],
            }
        },
        {"rule": {"family": "inet", "table": "filter", "chain": "output", "expr": [{"xt": None}, {"accept": None}]}},
    ]
}
_PACKETS = (
    nftables.Packet(destination="10.1.2.3", port=5, source="10.0.0.9", interface="eth0"),
    nftables.Packet(destination="2001:db8::1", port=443),
)


@contextmanager
def _nftables() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        rules = nftables.parsed(data)
        if rules is None:
            return None
        found = [rules.refusal(packet) for packet in _PACKETS]
        return rules.refusals, *(one and (one.verdict, one.certain, bool(one.words)) for one in found)

    words = (b'"jump"', b'"more"', b'"output"', b'"@s"')
    yield Target(read=read, seeds=[json.dumps(_RULES).encode()], words=words, reshape=jsons.reshape)


def _message(kind: int, body: bytes) -> bytes:
    return netlink._HEADER.pack(netlink._HEADER.size + len(body), kind, 2, 1, 1) + body


def _attributes(*pairs: tuple[int, bytes]) -> bytes:
    return b"".join((netlink._attribute(kind, value) + b"\0\0\0")[: (len(value) + 7) & ~3] for kind, value in pairs)


_ADDRESS, _DONE = bytes((10, 0, 0, 1)), _message(3, b"\0\0\0\0")
_LINK = netlink._LINK.pack(0, 1, 2, 0x41, 0) + _attributes((3, b"eth0\0"), (4, struct.pack("=I", 1500)), (33, b"\1"))
_OWN = netlink._ADDR.pack(2, 24, 0, 0, 2) + _attributes((1, _ADDRESS), (2, _ADDRESS))
_ROUTE = netlink._ROUTE.pack(2, 24, 0, 0, 254, 0, 0, 1, 0) + _attributes(
    (1, bytes((10, 0, 0, 0))), (4, struct.pack("=I", 2)), (5, _ADDRESS), (7, _ADDRESS), (15, struct.pack("=I", 254))
)
_RULE = netlink._ROUTE.pack(2, 0, 24, 0, 100, 0, 0, 1, 2) + _attributes(
    (2, _ADDRESS),
    (3, b"eth0\0"),
    (6, struct.pack("=I", 9)),
    (10, b"\1\0\0\0"),
    (16, b"\xff\0\0\0"),
    (20, bytes(8)),
    (23, bytes(4)),
)
_REFUSED = _message(2, struct.pack("=i", -22) + bytes(16))  # EINVAL: by a blackhole route


def _kernel(ask: Callable[[], Hashable], *seeds: bytes) -> Opening:
    """A question to the kernel, in whose place a socket pair answers: a turn for each request."""

    @contextmanager
    def opened() -> Iterator[Target]:
        def read(data: bytes) -> Hashable:
            turns, peers = data.split(TURN), []

            def answering(*_: object) -> socket.socket:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                theirs.send((turns.pop(0) if len(turns) > 1 else turns[0]) or b"\0")
                theirs.shutdown(socket.SHUT_WR)
                peers.append(theirs)
                return ours

            with patch.object(netlink, "_opened", answering):
                try:
                    return ask()
                except OSError as error:
                    return error.errno
                finally:
                    for peer in peers:
                        peer.close()

        yield Target(read=read, seeds=seeds, words=(TURN,), longest=1 << 13)

    return opened


def _links() -> Hashable:
    found = netlink.links().interfaces
    return len(found), *(one.up for one in found[:2])


def _route() -> Hashable:
    way = netlink.route_to("10.0.0.7", netlink.Links({2: netlink.Interface("eth0", True, True, False, 1500, ())}))
    return bool(way.interface), bool(way.gateway), way.errno, bool(way.cidr)


TARGETS: Mapping[str, Opening] = {
    "nftables": _nftables,
    "netlink-links": _kernel(_links, _message(20, _OWN) + _DONE + TURN + _message(16, _LINK) + _DONE),
    "netlink-route": _kernel(
        _route, _message(24, _ROUTE), _REFUSED + TURN + _message(24, _ROUTE[:7] + b"\6" + _ROUTE[8:]) + _DONE
    ),
    "netlink-rules": _kernel(lambda: len(netlink.rules()), _message(32, _RULE) + _DONE),
    "netlink-defaults": _kernel(lambda: len(netlink.default_routes()), _message(24, _ROUTE) + _DONE),
}
