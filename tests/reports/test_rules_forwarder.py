"""Who accepted: behind one that accepts in place of the targets, what follows the handshake says how theirs went."""

import pytest

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HOST, NEIGHBOUR = "10.10.2.30", "10.10.2.31"
NETWORKS = (Network(name="vswitch-a", cidr="10.10.1.0/24"), Network(name="vswitch-b", cidr="10.10.2.0/24"))
ENI = seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses="10.10.1.10/24")


def target(name, ip, port, service="redis"):
    """One of the job's."""
    return Target(name=name, host=ip, port=port, service=service, via="vpc")


def answers(one):
    """A target that is reached: its own bytes came."""
    where = one.address
    reply = seen("service", "exchange", one.name, where, phase="reply", bytes_out=14, bytes_in=7, first_byte_s=0.001)
    return [connected(one.name, one.host, one.port), reply]


def ends(one, failure, duration_s=5.0):
    """A target whose connection is accepted, and ends without a byte."""
    facts = {"phase": "reply", "bytes_out": 14, "bytes_in": 0}
    exchange = seen("service", "exchange", one.name, one.address, failure=failure, duration_s=duration_s, **facts)
    return [connected(one.name, one.host, one.port), exchange]


def first_hop(one, accepted):
    """A SYN with TTL 1: accepted there, or a router tells that it expired."""
    more = {"from": "10.10.1.1"} if not accepted else {}
    return [seen("path", "hop", one.name, one.address, ip=one.host, ttl=1, reached=accepted, **more)]


IT = target("it", HOST, 6379)
OTHER_PORT, OTHER_HOST = target("other", HOST, 8020), target("other", NEIGHBOUR, 6379)


def diagnosed(*parts, vantage="host"):
    """The diagnosis of these targets and observations."""
    targets = tuple(dict.fromkeys((IT, OTHER_PORT) if any("8020" in str(one) for one in parts) else (IT, OTHER_HOST)))
    observations = [ENI, *(one for part in parts for one in part)]
    return diagnose(Plan(name="p", targets=targets, networks=NETWORKS), Vantage(kind=vantage), observations)


def likely(diagnosis):
    """Cause to share, of the first finding and its candidates."""
    first = diagnosis.findings[0]
    return {first.cause: first.confidence, **{one.cause: one.confidence for one in first.candidates}}


def test_whoever_accepted_is_asked_for():
    """As long as nothing shows who accepted, silence says little of the service, and the first hop is asked."""
    diagnosis = diagnosed(ends(IT, Failure.TIMED_OUT), answers(OTHER_HOST))

    assert diagnosis.findings[0].confidence < 0.9
    assert Want("path", "first_hop", "it") in diagnosis.wanted


def test_the_target_itself_accepted():
    """A router tells that the SYN expired there: nobody accepted before it, and the service hangs."""
    diagnosis = diagnosed(ends(IT, Failure.TIMED_OUT), first_hop(IT, accepted=False), answers(OTHER_HOST))

    assert diagnosis.findings[0].cause == "service_hang"
    assert diagnosis.findings[0].confidence > 0.9


def test_behind_a_forwarder_silence_is_the_handshake_s():
    """Another port of the host answers through the forwarder: it is the port that is dropped."""
    diagnosis = diagnosed(ends(IT, Failure.TIMED_OUT), first_hop(IT, accepted=True), answers(OTHER_PORT))
    shares = likely(diagnosis)

    assert diagnosis.findings[0].cause == "sg_drop"
    assert shares["sg_drop"] < 0.95
    assert "service_hang" in shares
    assert "accepts them at the first hop" in diagnosis.findings[0].because[0]


def test_a_first_hop_that_says_nothing_leaves_it_open():
    """Where no router tells, the handshake's causes stay candidates beside the service's own."""
    mute = seen("path", "hop", "it", IT.address, failure=Failure.TIMED_OUT, ip=HOST, ttl=1, reached=False)
    diagnosis = diagnosed(ends(IT, Failure.TIMED_OUT), [mute], answers(OTHER_HOST))
    shares = likely(diagnosis)

    assert diagnosis.findings[0].cause == "service_hang"
    assert shares["service_hang"] < 0.75
    assert "sg_drop" in shares


def test_no_trace_is_asked_for_behind_a_forwarder():
    """It would end where the connections are accepted, and each of them has to be ended in its turn."""
    diagnosis = diagnosed(ends(IT, Failure.TIMED_OUT), first_hop(IT, accepted=True), answers(OTHER_HOST))

    assert [want for want in diagnosis.wanted if want.step == "hop"] == []


@pytest.mark.parametrize("failure", [Failure.EOF, Failure.CONNECTION_RESET])
def test_behind_a_forwarder_an_end_is_a_refusal(failure):
    """It closes because the target refused it: nothing listens, or somebody says no."""
    diagnosis = diagnosed(ends(IT, failure, 0.001), first_hop(IT, accepted=True), answers(OTHER_PORT))

    assert diagnosis.findings[0].cause == "service_not_listening"
    assert diagnosis.findings[0].confidence < 0.9


def test_a_handshake_of_the_forwarder_s_proves_nothing():
    """Another host that was only accepted is no answer of its subnet: the route may be gone for both."""
    mute = target("other", NEIGHBOUR, 50010, "tcp")
    plan = Plan(name="p", targets=(IT, mute), networks=NETWORKS)
    observations = [
        ENI,
        *ends(IT, Failure.TIMED_OUT),
        *first_hop(IT, accepted=True),
        connected("other", NEIGHBOUR, 50010),
    ]

    assert "blackhole_route" in likely(diagnose(plan, Vantage(), observations))


@pytest.mark.parametrize("ip", ["10.10.1.20", "127.0.0.1"])
def test_a_neighbour_on_the_link_is_no_forwarder(ip):
    """Nothing lies between this machine and an address of its own vSwitch, or its own."""
    near = target("near", ip, 6379)
    plan = Plan(name="p", targets=(near,), networks=NETWORKS)
    observations = [ENI, *ends(near, Failure.TIMED_OUT), *first_hop(near, accepted=True)]

    assert diagnose(plan, Vantage(), observations).findings[0].cause == "service_hang"
