"""Name servers for what no real one does on demand: silence for one name, delays, loops, another answer per server."""

import functools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.lab.network import inside, owner
from tests.lab.servers import Servers
from tests.lab.zone import RECORDS

FIRST, SECOND = "100.100.2.136", "100.100.2.138"
EVERY = "*"

# (server or EVERY, name or EVERY) -> action, argument. The more special one wins. ("first", count, *action): only for
# so many queries that each server gets for the name and type.
Overrides = dict[tuple[str, str], tuple[Any, ...]]

_PORT = 53
_TTL = 60


class NameServers:
    """Both name servers of the lab, over UDP and TCP."""

    def __init__(self, servers: Servers) -> None:
        self.overrides: Overrides = {}
        self.records = dict(RECORDS)
        self._asked: Counter[tuple[str, str, int]] = Counter()
        for address in (FIRST, SECOND):
            with inside(owner(address)):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.bind((address, _PORT))
            servers.watch(sock, functools.partial(self._datagram, sock, address))
            servers.known["dns"] = self._stream
            servers.behave(address, _PORT, ("dns", address))

    def override(self, server: str, name: str, action: tuple[Any, ...] | None) -> None:
        """Answer otherwise from now on; None: as the zone says."""
        self._asked.clear()
        if action is None:
            del self.overrides[server, name]
        else:
            self.overrides[server, name] = action

    def answer(self, server: str, query: dns.message.Message, over: str) -> tuple[float, dns.message.Message | None]:
        """Seconds to wait, and the answer; None is silence."""
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        action, *arguments = self._override(server, name)
        if action == "first":
            count, action, *arguments = arguments
            asked = server, name, query.question[0].rdtype
            self._asked[asked] += 1
            if self._asked[asked] > count:
                action = "zone"
        delay = arguments[0] if action == "delay" else 0.0
        if action == "silent":
            return delay, None
        response = dns.message.make_response(query, recursion_available=True)
        if action == "rcode":
            response.set_rcode(dns.rcode.from_text(arguments[0]))
        elif action == "truncate" and over == "udp":
            response.flags |= dns.flags.TC
        else:
            _fill(response, name, {**self.records, name: arguments[0]} if action == "records" else self.records)
        return delay, response

    def _override(self, server: str, name: str) -> tuple[Any, ...]:
        for key in ((server, name), (EVERY, name), (server, EVERY), (EVERY, EVERY)):
            if key in self.overrides:
                return self.overrides[key]
        return ("zone",)

    def _datagram(self, sock: socket.socket, server: str) -> None:
        data, client = sock.recvfrom(4096)
        self._reply(server, data, "udp", lambda wire: sock.sendto(wire, client))

    def _stream(self, connection: socket.socket, server: str) -> None:
        with connection.makefile("rb") as stream:
            while length := stream.read(2):
                self._reply(
                    server,
                    stream.read(int.from_bytes(length)),
                    "tcp",
                    lambda wire: connection.sendall(len(wire).to_bytes(2) + wire),
                )

    def _reply(self, server: str, data: bytes, over: str, send: Callable[[bytes], object]) -> None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        delay, response = self.answer(server, query, over)
        if response is None:
            return
        if delay:
            threading.Timer(delay, send, [response.to_wire()]).start()
        else:
            send(response.to_wire())


def _fill(response: dns.message.Message, name: str, records: Mapping[str, Any]) -> None:
    """The chain of CNAMEs and the values at its end, as a resolver gives them (RFC 1034, section 4.3.2)."""
    kind = dns.rdatatype.to_text(response.question[0].rdtype)
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        types = records.get(name)
        if types is None:
            if name:  # the root exists
                response.set_rcode(dns.rcode.NXDOMAIN)
            return
        if "CNAME" not in types:
            if types.get(kind):
                response.answer.append(dns.rrset.from_text(f"{name}.", _TTL, "IN", kind, *types[kind]))
            return
        response.answer.append(dns.rrset.from_text(f"{name}.", _TTL, "IN", "CNAME", f"{types['CNAME'][0]}."))
        name = types["CNAME"][0]
