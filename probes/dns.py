"""The dns probe: each configured name server on its own, UDP then TCP, A and AAAA, and once the job's own resolver.

Queries go out without EDNS, as the C library's do, so that an answer is truncated here where it is truncated there
(RFC 1035 section 4.2.1, RFC 7766). A query that stays unanswered is sent once more before silence is believed.
"""

import asyncio
import contextlib
import socket
import threading
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from attrs import define, evolve, frozen

from probes.contract import Notes, Step
from probes.network import Network, Refused
from probes.resolv_conf import ResolverConfig, label
from reports.addresses import parse_address
from reports.failures import Failed, Failure, classify

HOSTS = "/etc/hosts"

_TRIES = 2
# RFC 1034 gives no bound on a chain of CNAME records; resolvers give up after eight to sixteen.
_LONGEST_CHAIN = 8
_MOST_ADDRESSES = 16

# How many look-ups may sit in the C library at once; a dead name server holds each for many seconds.
_MOST_THREADS = 16
# What getaddrinfo(3) opens: its files one after the other, a socket for each record type.
_DESCRIPTORS_OF_A_LOOKUP = 4
# Whom it asks in turn, and how often, as soon as one refuses or fails (resolv.conf(5): MAXNS, attempts).
_MOST_SERVERS, _ATTEMPTS = 3, 2
# Where every server has said one of these, it asks no second one.
_SETTLED = (None, Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER)
# Seconds in which a server that is well has answered.
_SOON = 0.1


@define
class Lookup:
    """What is known of a name so far. ``found``: the first addresses are there, or there will be none."""

    name: str
    addresses: List[str]
    found: asyncio.Event
    complete: asyncio.Event

    @classmethod
    def of(cls, name: str) -> "Lookup":
        """A look-up that has not begun."""
        return cls(name, [], asyncio.Event(), asyncio.Event())

    def add(self, addresses: Iterable[str]) -> None:
        """Take in addresses, in the order in which they came."""
        for address in addresses:
            if address not in self.addresses and len(self.addresses) < _MOST_ADDRESSES:
                self.addresses.append(address)
        if self.addresses:
            self.found.set()


@frozen
class _Answer:
    """What one server said to one question."""

    rcode: str
    addresses: Tuple[str, ...]
    chain: Tuple[str, ...]  # the CNAME records from the name asked for on
    ttl: Optional[int]
    truncated: bool

    def looped(self, name: str) -> bool:
        """Whether the chain comes back to where it has been."""
        return name in self.chain or len(set(self.chain)) < len(self.chain)


class OwnResolver:
    """getaddrinfo(3), as the job calls it, in threads of its own: asyncio's shared pool would invent time-outs."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_MOST_THREADS)

    async def addresses(self, name: str, timeout: float) -> Tuple[str, ...]:
        """The addresses that the job would get, in the order in which it would try them.

        Raises socket.gaierror, asyncio.TimeoutError.
        """
        loop = asyncio.get_event_loop()
        answered: asyncio.Future[List[str]] = loop.create_future()
        await asyncio.wait_for(self._places.acquire(), timeout)

        def settle(found: Optional[List[str]], error: Optional[BaseException]) -> None:
            self._places.release()
            if answered.done():
                return
            if error is not None:
                answered.set_exception(error)
            else:
                answered.set_result(found or [])

        def ask() -> None:
            found, failed = None, None
            try:
                _need_descriptors()
                rows = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)
                found = list(dict.fromkeys(str(row[4][0]) for row in rows))
            except (OSError, UnicodeError) as error:
                failed = error
            try:
                loop.call_soon_threadsafe(settle, found, failed)
            except RuntimeError:  # the run is over; nobody waits
                return

        try:
            threading.Thread(target=ask, name="getaddrinfo", daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            raise Failed(Failure.NOT_SUPPORTED, "no thread to ask the resolver in") from error
        return tuple(await asyncio.wait_for(answered, timeout))


class HostsFile:
    """hosts(5), for where there is no thread to ask the resolver in: what is not in it is not known."""

    def __init__(self, text: str) -> None:
        self._addresses: Dict[str, List[str]] = {}
        for line in text.splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if parse_address(address) is not None:
                for name in names:
                    self._addresses.setdefault(name.lower(), []).append(address)

    @classmethod
    def read(cls) -> "HostsFile":
        """This machine's; empty where it cannot be read."""
        try:
            return cls(Path(HOSTS).read_text("utf-8", "replace"))
        except OSError:
            return cls("")

    def tell(self, lookup: Lookup, notes: Notes) -> None:
        """Write down what the file says of the name, if anything."""
        addresses = self._addresses.get(lookup.name)
        if addresses:
            with notes.step("dns", "resolver", address=HOSTS) as step:
                step.note("name", lookup.name)
                step.note("addresses", ",".join(addresses))
            lookup.add(addresses)


Own = Union[OwnResolver, HostsFile]


def _need_descriptors() -> None:
    """Raise OSError where none are left: the C library would say that the name does not exist."""
    with contextlib.ExitStack() as stack:
        for _ in range(_DESCRIPTORS_OF_A_LOOKUP):
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


async def probe(
    lookup: Lookup, config: ResolverConfig, network: Network, notes: Notes, timeout: float, own: Optional[Own]
) -> None:
    """Ask every server of the configuration for the name, and the own resolver if there is one.

    ``timeout``: seconds for each question in all. ``lookup`` is filled as answers come.
    """
    servers = [
        asyncio.ensure_future(
            _ask_server(
                lookup,
                config,
                index,
                kind,
                _Asker(server, network, timeout, notes.step("dns", "query", address=label(server)), lookup.name),
            )
        )
        for index, server in enumerate(config.servers)
        for kind in ("A", "AAAA")
    ]
    questions: List[asyncio.Future[Any]] = [*servers]
    if isinstance(own, OwnResolver):
        work = _ask_own(lookup, own, config, network, notes, timeout, servers)
        questions.append(asyncio.ensure_future(work))
    elif own is not None:
        own.tell(lookup, notes)
    try:
        if not config.servers:
            with notes.step("dns", "query") as step:
                step.note("name", lookup.name)
                step.fail(Failure.DNS_NO_SERVERS)
        await _all(questions)
    finally:
        lookup.found.set()
        lookup.complete.set()


async def control(server: Tuple[str, int], index: int, network: Network, notes: Notes, timeout: float) -> None:
    """Ask the server for the root's name servers: whatever it says, it answers."""
    with notes.step("dns", "control", address=label(server)) as step:
        step.note("server", server[0])
        step.note("index", index)
        step.note("name", ".")
        answer = await _Asker(server, network, timeout, step, ".").exchange(".", "NS")
        step.note("rcode", answer.rcode)


async def _all(tasks: Sequence["asyncio.Future[Any]"]) -> None:
    """Wait for them together; when this is cancelled, so are they, and each still writes down its end."""
    try:
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask_own(
    lookup: Lookup,
    own: OwnResolver,
    config: ResolverConfig,
    network: Network,
    notes: Notes,
    timeout: float,
    servers: Sequence["asyncio.Future[Optional[Failure]]"],
) -> None:
    # Both families of each name that the search list makes of it, of one server where each of them is well.
    packets = 2 * len(config.names_for(lookup.name))
    if not await _are_well(servers):
        packets *= _ATTEMPTS * min(_MOST_SERVERS, len(config.servers))
    if not network.bears(packets):
        HostsFile.read().tell(lookup, notes)
        return
    await network.account(packets)
    asking_again = asyncio.ensure_future(_account_for_more(network))
    try:
        with notes.step("dns", "resolver", address="getaddrinfo") as step:
            step.note("name", lookup.name)
            try:
                addresses = await own.addresses(lookup.name, timeout)
            except socket.gaierror as error:
                step.fail(classify(error))
                step.note("error", error.strerror)
                return
            step.note("addresses", ",".join(addresses))
            lookup.add(addresses)
    finally:
        asking_again.cancel()
        network.accounted(packets)


async def _are_well(servers: Sequence["asyncio.Future[Optional[Failure]]"]) -> bool:
    """Whether each of these questions is soon answered in a way after which nobody asks further."""
    if not servers:
        return True
    answered, silent = await asyncio.wait(servers, timeout=_SOON)
    return not silent and all(one.result() in _SETTLED for one in answered if not one.cancelled())


async def _account_for_more(network: Network) -> None:
    """Whoever does not answer within a second at least (resolv.conf(5), timeout) is followed by the next server."""
    while True:
        await asyncio.sleep(1)
        await network.account(2)


async def _ask_server(
    lookup: Lookup, config: ResolverConfig, index: int, kind: str, asker: "_Asker"
) -> Optional[Failure]:
    """One server, one record type; the search list as the resolver walks it. How it failed."""
    with asker.step as step:
        step.note("name", lookup.name)
        step.note("server", asker.server[0])
        step.note("index", index)
        step.note("type", kind)
        for name in config.names_for(lookup.name):
            answer = await asker.resolve(name, kind)
            if answer.rcode != "NXDOMAIN":
                break
        step.note("rcode", answer.rcode)
        step.note("ttl", answer.ttl)
        if answer.chain:
            step.note("cnames", ">".join((name, *answer.chain)))
        if answer.addresses:
            step.note("addresses", ",".join(answer.addresses[:_MOST_ADDRESSES]))
        step.failure = _failure(name, answer)
        lookup.add(answer.addresses)
    return asker.step.failure


def _failure(name: str, answer: _Answer) -> Optional[Failure]:
    if answer.addresses:
        return None
    if answer.looped(name):
        return Failure.DNS_CNAME_LOOP
    if answer.rcode == "NOERROR":
        return Failure.DNS_NO_ANSWER
    by_rcode = {"NXDOMAIN": Failure.DNS_NXDOMAIN, "SERVFAIL": Failure.DNS_SERVFAIL, "REFUSED": Failure.DNS_REFUSED}
    return by_rcode.get(answer.rcode, Failure.DNS_ERROR_CODE)


@frozen
class _Asker:
    """Asks one server within one step, about the name. ``timeout``: seconds for each question in all."""

    server: Tuple[str, int]
    network: Network
    timeout: float
    step: Step
    lookup: str

    @property
    def name(self) -> str:
        """What its bytes count against: no target, whatever that is called."""
        return "the name %s" % self.lookup

    async def resolve(self, name: str, kind: str) -> _Answer:
        """The answer with its CNAME chain followed to the end, also where the server leaves that to the client."""
        answer = await self.exchange(name, kind)
        while answer.chain and not answer.addresses and answer.rcode == "NOERROR":
            if answer.looped(name) or len(answer.chain) >= _LONGEST_CHAIN:
                break
            more = await self.exchange(answer.chain[-1], kind)
            answer = evolve(more, chain=answer.chain + more.chain)
            if not more.chain:
                break
        return answer

    async def exchange(self, name: str, kind: str) -> _Answer:
        """One question over UDP, twice if need be, and over TCP where the answer is truncated."""
        import dns.exception  # noqa: PLC0415 - costs start-up, and a plan of addresses needs none of it
        import dns.message  # noqa: PLC0415

        try:
            wire = dns.message.make_query(name, kind, use_edns=False).to_wire()
        except dns.exception.DNSException as error:
            raise Failed(Failure.DNS_MALFORMED, "not a name that DNS can be asked for: %s" % error) from error
        answer = _read(await self._over_udp(wire), name)
        if not answer.truncated:
            return answer
        self.step.note("truncated", True)
        self.step.note("over", "tcp")
        try:
            answer = _read(await self._over_tcp(wire), name)
        except (OSError, EOFError, Failed, asyncio.TimeoutError) as error:
            self.step.note("tcp_failure", classify(error).value)
            if answer.addresses:
                return answer
            raise
        self.step.note("transport", "tcp")
        return answer

    async def _over_udp(self, wire: bytes) -> bytes:
        self.step.note("transport", "udp")
        self.step.note("tries", _TRIES)
        try:
            answer, tries = await self.network.ask_datagram(
                *self.server, wire, self.timeout, self.name, lambda data: data[:2] == wire[:2], _TRIES
            )
        except Refused as refused:
            self.step.note("icmp_from", refused.icmp.sender)
            raise
        self.step.note("tries", tries)
        return answer

    async def _over_tcp(self, wire: bytes) -> bytes:
        opened = await self.network.connect_to(*self.server, self.timeout, self.name)
        if opened.stream is None:
            raise Failed(opened.handshake.failure or Failure.UNKNOWN, "TCP to %s" % label(self.server))
        try:
            await opened.stream.write(len(wire).to_bytes(2, "big") + wire, self.timeout)
            length = int.from_bytes(await opened.stream.read_exactly(2, self.timeout), "big")
            return await opened.stream.read_exactly(length, self.timeout)
        finally:
            await opened.stream.close()


def _read(raw: bytes, name: str) -> _Answer:
    """The answer in a message. Raises Failed(DNS_MALFORMED) for bytes that are none."""
    import dns.exception  # noqa: PLC0415
    import dns.flags  # noqa: PLC0415
    import dns.message  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415
    import dns.rdatatype  # noqa: PLC0415

    questions = int.from_bytes(raw[4:6], "big")
    if questions > 1:  # RFC 9619; to read thousands of them would keep the loop
        raise Failed(Failure.DNS_MALFORMED, "%d questions" % questions)
    try:
        message = dns.message.from_wire(raw, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError, IndexError) as error:
        raise Failed(Failure.DNS_MALFORMED, type(error).__name__) from error
    aliases: Dict[str, str] = {}
    addresses: Dict[str, List[str]] = {}
    ttl: Optional[int] = None
    for rrset in message.answer:
        owner = rrset.name.to_text(omit_final_dot=True).lower()
        for record in rrset:
            if record.rdtype == dns.rdatatype.CNAME:  # others have a target, too, and of URI it is no name
                aliases[owner] = record.target.to_text(omit_final_dot=True).lower()
            text = str(getattr(record, "address", ""))
            if parse_address(text) is not None:
                addresses.setdefault(owner, []).append(text)
        ttl = rrset.ttl if ttl is None else min(ttl, rrset.ttl)
    chain = [name.rstrip(".").lower()]
    while chain[-1] in aliases and chain[-1] not in chain[:-1]:
        chain.append(aliases[chain[-1]])
    return _Answer(
        dns.rcode.to_text(message.rcode()),
        tuple(addresses.get(chain[-1], ())),
        tuple(chain[1:]),
        ttl,
        bool(message.flags & dns.flags.TC),
    )
