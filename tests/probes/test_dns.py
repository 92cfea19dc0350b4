"""The dns probe against a real server and against servers that misbehave as no real one does."""

import asyncio
import contextlib
import socket
import subprocess
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes import dns as probe
from probes.contract import Budget, Notes
from probes.network import Network
from probes.resolv_conf import ResolverConfig
from reports.failures import Failure
from tests.tls_servers import free_port, program

HOST = "127.0.0.1"
TIMEOUT = 1.0


@pytest.fixture(scope="module")
def dnsmasq():
    """A real name server with one of each."""
    port = free_port()
    command = [
        program("dnsmasq"),
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        f"--listen-address={HOST}",
        "--bind-interfaces",
        f"--port={port}",
        "--local=/lab/",
        "--host-record=one.lab,192.0.2.1",
        "--host-record=both.lab,192.0.2.2,2001:db8::2",
        "--host-record=six.lab,2001:db8::6",
        "--cname=alias.lab,one.lab",
        "--txt-record=text.lab,nothing",
        *(f"--host-record=many.lab,192.0.2.{number}" for number in range(10, 70)),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "started" in line:
                break
        # It logs to this pipe to its end.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield HOST, port
        process.terminate()


@contextlib.contextmanager
def _scripted(answer):
    """A UDP server that answers a query's bytes with the bytes that ``answer`` gives; None is silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.settimeout(0.05)
        over = threading.Event()

        def serve():
            while not over.is_set():
                try:
                    data, client = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                for reply in answer(data) or ():
                    sock.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()
        finally:
            over.set()
            thread.join()


def _failing(rcode):
    """A server that says this of every name."""
    return _scripted(lambda query: _response(query, rcode=rcode))


async def _look_up(name, *servers, own=None, search=(), timeout=TIMEOUT):
    network, notes = Network(), Notes()
    lookup = probe.Lookup.of(name)
    try:
        config = ResolverConfig(servers=servers, search=search)
        await probe.probe(lookup, config, network, notes, timeout, own)
    finally:
        network.close()
    return lookup, notes.observations


def _by_type(observations):
    return {seen.facts["type"]: seen for seen in observations if seen.step == "query"}


def _response(query, *, rcode=dns.rcode.NOERROR, truncated=False, records=()):
    message = dns.message.make_response(dns.message.from_wire(query))
    message.set_rcode(rcode)
    if truncated:
        message.flags |= dns.flags.TC
    message.answer = [dns.rrset.from_text(name, 60, "IN", kind, *values) for name, kind, *values in records]
    return [message.to_wire()]


@pytest.mark.parametrize(
    ("name", "a", "aaaa", "addresses"),
    [
        ("one.lab", None, Failure.DNS_NO_ANSWER, ["192.0.2.1"]),
        ("both.lab", None, None, ["192.0.2.2", "2001:db8::2"]),
        ("six.lab", Failure.DNS_NO_ANSWER, None, ["2001:db8::6"]),
        ("alias.lab", None, Failure.DNS_NO_ANSWER, ["192.0.2.1"]),
        ("text.lab", Failure.DNS_NO_ANSWER, Failure.DNS_NO_ANSWER, []),
        ("gone.lab", Failure.DNS_NXDOMAIN, Failure.DNS_NXDOMAIN, []),
        ("one.elsewhere", Failure.DNS_REFUSED, Failure.DNS_REFUSED, []),
    ],
)
async def test_real_answers(dnsmasq, name, a, aaaa, addresses):
    """Both record types are asked for, and each answer is what the server said."""
    lookup, observations = await _look_up(name, dnsmasq)
    seen = _by_type(observations)

    assert (a, aaaa) == (seen["A"].failure, seen["AAAA"].failure)
    assert addresses == sorted(lookup.addresses)
    assert lookup.found.is_set()
    assert lookup.complete.is_set()


async def test_the_chain_of_names(dnsmasq):
    """CNAME records are told from the name that was asked for on."""
    _, observations = await _look_up("alias.lab", dnsmasq)

    assert _by_type(observations)["A"].facts["cnames"] == "alias.lab>one.lab"


async def test_truncated_then_tcp(dnsmasq):
    """An answer that does not fit a datagram is asked for again over TCP; addresses are bounded."""
    lookup, observations = await _look_up("many.lab", dnsmasq)
    seen = _by_type(observations)["A"]

    assert seen.failure is None
    assert (seen.facts["truncated"], seen.facts["transport"]) == (True, "tcp")
    assert len(lookup.addresses) == 16


async def test_search_list(dnsmasq):
    """A short name is searched for as the resolver would."""
    lookup, observations = await _look_up("one", dnsmasq, search=("nowhere.lab", "lab"))

    assert _by_type(observations)["A"].failure is None
    assert lookup.addresses == ["192.0.2.1"]


async def test_truncated_and_no_tcp():
    """Where TCP is refused, the answer stays truncated, and that is said."""
    with _scripted(lambda query: _response(query, truncated=True)) as server:
        _, observations = await _look_up("x.lab", server)
    seen = _by_type(observations)["A"]

    assert seen.failure is Failure.CONNECTION_REFUSED
    assert seen.facts["tcp_failure"] == "connection_refused"


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (dns.rcode.SERVFAIL, Failure.DNS_SERVFAIL),
        (dns.rcode.REFUSED, Failure.DNS_REFUSED),
        (dns.rcode.NOTIMP, Failure.DNS_ERROR_CODE),
    ],
)
async def test_rcodes(rcode, failure):
    """A server's own error is a value."""
    with _scripted(lambda query: _response(query, rcode=rcode)) as server:
        _, observations = await _look_up("x.lab", server)

    assert {failure} == {seen.failure for seen in observations}


async def test_silence_is_asked_twice():
    """A datagram may be lost once; then silence is believed."""
    heard = []
    with _scripted(heard.append) as server:
        lookup, observations = await _look_up("x.lab", server, timeout=0.4)

    assert {Failure.TIMED_OUT} == {seen.failure for seen in observations}
    assert len(heard) == 4
    assert lookup.complete.is_set()


async def test_a_late_answer_to_the_first_datagram_counts():
    """A server that answers after the second datagram has left has answered."""
    kept = []

    def late(query):
        kept.append(query)
        return _response(query, records=[("x.lab.", "A", "192.0.2.9")]) if kept.count(query) == 2 else None

    with _scripted(late) as server:
        lookup, observations = await _look_up("x.lab", server)

    assert lookup.addresses == ["192.0.2.9"]
    assert _by_type(observations)["A"].facts["tries"] == 2


async def test_loop():
    """CNAME records that lead back are a loop, also where the server leaves following them to us."""
    links = {"a.lab.": "b.lab.", "b.lab.": "a.lab."}

    def follow(query):
        name = dns.message.from_wire(query).question[0].name.to_text()
        return _response(query, records=[(name, "CNAME", links[name])])

    with _scripted(follow) as server:
        _, observations = await _look_up("a.lab", server)
    seen = _by_type(observations)["A"]

    assert seen.failure is Failure.DNS_CNAME_LOOP
    assert seen.facts["cnames"] == "a.lab>b.lab>a.lab"


async def test_forged_and_broken_answers():
    """An answer with another id is no answer; one that cannot be read is said to be malformed."""
    with _scripted(lambda query: [b"\0\0" + query[2:], query[:2] + b"\x81\x80\0\1"]) as server:
        _, observations = await _look_up("x.lab", server)

    assert {Failure.DNS_MALFORMED} == {seen.failure for seen in observations}


async def test_more_than_one_question():
    """Who answers a question with thousands of them is not read any further."""
    with _scripted(lambda query: [query[:2] + b"\x81\x80\xff\xff" + bytes(60_000)]) as server:
        _, observations = await _look_up("x.lab", server)

    assert {"65535 questions"} == {seen.facts["detail"] for seen in observations}
    assert {Failure.DNS_MALFORMED} == {seen.failure for seen in observations}


async def test_nobody_there():
    """A closed port is refused by ICMP, and by whom is told."""
    _, observations = await _look_up("x.lab", (HOST, free_port()))
    seen = _by_type(observations)["A"]

    assert seen.failure is Failure.PORT_UNREACHABLE
    assert seen.facts["icmp_from"] == HOST


async def test_no_servers():
    """Without a name server there is nothing to ask, and that is a failure of its own."""
    lookup, observations = await _look_up("x.lab")

    assert [Failure.DNS_NO_SERVERS] == [seen.failure for seen in observations]
    assert lookup.complete.is_set()


async def test_the_own_resolver():
    """What the job's own resolver says stands beside, from wherever it knows it."""
    _, observations = await _look_up("localhost", own=probe.OwnResolver())
    (seen,) = [seen for seen in observations if seen.step == "resolver"]

    assert HOST in seen.facts["addresses"].split(",")


@pytest.mark.parametrize(
    ("rcode", "packets"), [(dns.rcode.NXDOMAIN, 2), (dns.rcode.SERVFAIL, 2 * 2 * 2), (dns.rcode.REFUSED, 2 * 2 * 2)]
)
async def test_the_own_resolver_counts_as_it_asks(rcode, packets):
    """Where a server fails it asks each of them for both families, twice, and at once: all of it is waited for."""
    budget = _Counting()
    with _failing(rcode) as first, _failing(rcode) as second:
        lookup, network = probe.Lookup.of("localhost"), Network(budget)
        with contextlib.closing(network):
            config = ResolverConfig(servers=(first, second))
            await probe.probe(lookup, config, network, Notes(), TIMEOUT, probe.OwnResolver())

    assert budget.afterwards == packets


async def test_no_own_resolver_where_the_rate_does_not_bear_it():
    """It cannot be held back once it asks: where it might ask more than may leave in a second, its hosts file tells."""
    budget, notes = _Counting(most=7), Notes()
    with _failing(dns.rcode.SERVFAIL) as first, _failing(dns.rcode.SERVFAIL) as second:
        lookup, network = probe.Lookup.of("localhost"), Network(budget)
        with contextlib.closing(network):
            config = ResolverConfig(servers=(first, second))
            await probe.probe(lookup, config, network, notes, TIMEOUT, probe.OwnResolver())

    assert budget.afterwards == 0
    assert [seen.address for seen in notes.observations if seen.step == "resolver"] == [probe.HOSTS]


class _Counting(Budget):
    """Allows everything, ``most`` packets at the same moment; how many of the resolver's own were counted."""

    def __init__(self, most=1000):
        self._most = most
        self.afterwards = 0

    def bears(self, packets):
        return packets <= self._most

    def sent(self, packets):
        self.afterwards += packets


async def test_control(dnsmasq):
    """Any answer shows that a server answers."""
    network, notes = Network(), Notes()
    await probe.control(dnsmasq, 0, network, notes, TIMEOUT)
    network.close()
    (seen,) = notes.observations

    assert seen.failure is None
    assert seen.facts["rcode"]


async def test_cancelled_look_up_writes_down_its_end():
    """A run that ends in the middle leaves no question without an observation."""
    network, notes = Network(), Notes()
    with _scripted(lambda query: None) as server:
        lookup = probe.Lookup.of("x.lab")
        config = ResolverConfig(servers=(server,))
        asking = asyncio.ensure_future(probe.probe(lookup, config, network, notes, 5.0, None))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    network.close()

    assert [Failure.INTERRUPTED] * 2 == [seen.failure for seen in notes.observations]
    assert lookup.complete.is_set()


@given(st.binary(max_size=80))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes(payload):
    """Whatever bytes a server sends: an answer, or malformed."""
    with contextlib.suppress(probe.Failed):
        assert probe._read(b"\x12\x34" + payload, "x.lab").rcode


async def test_hosts_file_stands_in_for_the_resolver_where_there_are_no_threads():
    """What stands in it is an answer of the resolver; what does not is not known, and no failure."""
    hosts = probe.HostsFile("127.0.0.1 localhost\n10.10.2.30 Search.internal search # 10.9.9.9 comment\nbroken line\n")
    found = {}
    for name in ("search.internal", "comment", "line", "nowhere.invalid"):
        notes, lookup = Notes(), probe.Lookup.of(name)
        hosts.tell(lookup, notes)
        found[name] = (lookup.addresses, [(seen.address, seen.failure) for seen in notes.observations])

    nothing = ([], [])
    expected = {"search.internal": (["10.10.2.30"], [("/etc/hosts", None)]), "comment": nothing, "line": nothing}
    assert {**expected, "nowhere.invalid": nothing} == found
