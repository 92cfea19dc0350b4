"""A name server for the demonstration: A records out of a table, over UDP and TCP."""

import asyncio
import socket
from collections.abc import Container, Mapping
from contextlib import ExitStack
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from attrs import frozen

from agent.demo.place import client_of, pair

_TTL = 60


@frozen
class NameServer:
    """``records``: the addresses of each name, without the trailing dot.

    ``long``: the names whose answer is held to be too long for UDP.
    """

    records: Mapping[str, tuple[str, ...]]
    long: Container[str]
    datagrams: socket.socket
    streams: socket.socket

    @classmethod
    def at(cls, ip: str, records: Mapping[str, tuple[str, ...]], long: Container[str]) -> Self:
        """A server at a port of this address that is free for UDP and for TCP."""
        return cls(records, long, *pair((ip, socket.SOCK_DGRAM), (ip, socket.SOCK_STREAM)))

    @property
    def address(self) -> str:
        """``IP:PORT``, as a plan names it."""
        ip, port = self.streams.getsockname()
        return f"{ip}:{port}"

    async def start(self, begun: ExitStack) -> None:
        """See agent.demo.place.Server."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=self.datagrams)
        begun.callback(transport.close)
        server = await asyncio.start_server(client_of(self._serve), sock=self.streams)
        begun.callback(server.close)

    def close(self) -> None:
        """Give the port back."""
        self.datagrams.close()
        self.streams.close()

    def answer(self, query: bytes, *, over_udp: bool) -> bytes:
        """The answer, truncated over UDP where it is too long; nothing to what is no query."""
        try:
            message = dns.message.from_wire(query)
        except dns.exception.DNSException:
            return b""
        response = dns.message.make_response(message, recursion_available=True)
        question = message.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if name not in self.records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif over_udp and name in self.long:
            response.flags |= dns.flags.TC
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, _TTL, "IN", "A", *self.records[name]))
        return response.to_wire()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(2))
            answer = self.answer(await reader.readexactly(length), over_udp=False)
            writer.write(len(answer).to_bytes(2) + answer)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, over_udp=True)
        if answer:
            self._transport.sendto(answer, addr)
