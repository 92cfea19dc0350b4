"""Name servers' answers, over UDP and TCP, and this machine's own files about names."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping
from contextlib import contextmanager

import dns.message
import dns.rrset

from probes import dns as dns_probe
from probes import resolv_conf
from probes.contract import Notes
from probes.network import Network
from reports import model
from reports.failures import Failed
from tests.fuzz.engine import Opening, Target
from tests.fuzz.judging import Telling
from tests.fuzz.peers import ENDLESS, HERE, PATIENCE, TURN, Conversation, Loop, conversation, meanwhile

_NAME = "db.example"
_JUNK = b"\xff\xff not for you"
# Seconds: 64 KB may hold thousands of records, and each is looked at.
_LONG = 4.0


def answers() -> list[bytes]:
    """What name servers say: an address, a chain, a loop, a cut answer, refusals."""
    query = dns.message.make_query(_NAME, "A", use_edns=False)
    query.id = 0x1234

    def reply(*records: str, rcode: int = 0, flags: int = 0) -> bytes:
        message = dns.message.make_response(query)
        message.set_rcode(rcode)
        message.flags |= flags
        message.answer += [dns.rrset.from_text(*record.split(maxsplit=4)) for record in records]
        return message.to_wire()

    return [
        reply("db.example. 60 IN A 10.0.0.1", "db.example. 60 IN A 10.0.0.2"),
        reply("db.example. 60 IN AAAA 2001:db8::1"),
        reply("db.example. 60 IN CNAME a.example.", "a.example. 60 IN CNAME b.example.", "b.example. 5 IN A 10.0.0.3"),
        reply("db.example. 60 IN CNAME other.example."),
        reply("db.example. 60 IN CNAME a.example.", "a.example. 60 IN CNAME db.example."),
        reply("db.example. 60 IN A 10.0.0.1", flags=dns.flags.TC),
        reply(
            'db.example. 60 IN TXT "x"', "db.example. 60 IN MX 10 m.example.", "db.example. 60 IN SRV 1 2 3 s.example."
        ),
        reply("db.example. 60 IN HTTPS 1 . alpn=h2 ipv4hint=10.0.0.1", "db.example. 60 IN DNAME x.example."),
        reply(rcode=3),
        reply(rcode=2),
        reply(rcode=5),
        reply(rcode=11),
    ]


@contextlib.asynccontextmanager
async def _server(said: Conversation) -> AsyncIterator[int]:
    """The port of a name server that says one turn after the other, as an answer to whatever it was asked."""
    loop = asyncio.get_running_loop()
    with socket.create_server((HERE, 0)) as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, stream.getsockname()[1]))
        for each in (stream, sock):
            each.setblocking(False)
        turns = [b"".join(pieces) for pieces in said.turns]

        def answer(question: bytes) -> bytes:
            now = turns[0] if len(turns) == 1 else turns.pop(0)
            return question[:2] + now[2:]

        async def datagrams() -> None:
            while True:
                question, client = await loop.sock_recvfrom(sock, 512)
                sock.sendto(answer(question)[:65000], client)
                while said.end == ENDLESS:
                    sock.sendto(_JUNK, client)
                    await asyncio.sleep(0)

        async def streams() -> None:
            while True:
                client, _ = await loop.sock_accept(stream)
                with client, contextlib.suppress(OSError):
                    client.setblocking(False)
                    question = await loop.sock_recv(client, 512)
                    now = answer(question[2:])
                    await loop.sock_sendall(client, len(now).to_bytes(4, "big")[-2:] + now)

        async with meanwhile(datagrams(), streams()):
            yield sock.getsockname()[1]


@contextmanager
def _over_the_network() -> Iterator[Target]:
    loop = Loop()
    telling = Telling(model.Target(name="t", host=_NAME, port=9, service="tcp"))

    def read(data: bytes) -> Hashable:
        said, notes = Conversation.of(data), Notes()

        async def work(network: Network) -> None:
            async with _server(said) as port:
                config = resolv_conf.ResolverConfig(servers=((HERE, port),), search=("lab",))
                await dns_probe.probe(dns_probe.Lookup.of(_NAME), config, network, notes, PATIENCE, None)

        loop.run(work)
        return telling.tell(notes.observations)

    known = answers()
    seeds = [conversation(*([answer] * 2)) for answer in known]
    cut = [conversation(known[5], known[5], known[0], known[0]), conversation(known[0], end=ENDLESS)]
    cut.append(conversation(b"\0\0", end=ENDLESS))
    try:
        words = (TURN, b"\xc0\x0c", b"\x00\x05\x00\x01", b"\x02db")
        yield Target(read=read, seeds=[*seeds, *cut], words=words, seconds=_LONG)
    finally:
        loop.close()


@contextmanager
def _message() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            answer = dns_probe._read(data, _NAME)  # the reader, without the way to it
        except Failed as failed:
            return failed.failure
        return answer.rcode, bool(answer.addresses), min(3, len(answer.chain)), answer.looped(_NAME)

    words = (b"\xc0\x0c", b"\x00\x05\x00\x01", b"\x02db\x07example\0")
    yield Target(read=read, seeds=answers(), words=words, seconds=_LONG)


@contextmanager
def _resolv_conf() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        config = resolv_conf.parse(data.decode("utf-8", "replace"))
        for server in config.servers:
            resolv_conf.label(server)
        return len(config.servers), bool(config.search)

    text = b"# x\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nsearch a.example b.example\noptions ndots:5 timeout:1\n"
    yield Target(read=read, seeds=[text, b"domain example.\n"], words=(b"nameserver", b"options", b"ndots:", b"search"))


@contextmanager
def _hosts() -> Iterator[Target]:
    telling = Telling(model.Target(name="t", host=_NAME, port=9, service="tcp"))

    def read(data: bytes) -> Hashable:
        notes = Notes()
        dns_probe.HostsFile(data.decode("utf-8", "replace")).tell(dns_probe.Lookup.of(_NAME), notes)
        return telling.tell(notes.observations)

    yield Target(read=read, seeds=[b"127.0.0.1 localhost\n10.0.0.1 db.example db # x\n::1 db.example\n"])


TARGETS: Mapping[str, Opening] = {
    "dns": _over_the_network,
    "dns-message": _message,
    "resolv-conf": _resolv_conf,
    "hosts": _hosts,
}
