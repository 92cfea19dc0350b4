"""Sizes: what hangs by its size is told from what hangs, and what is throttled from what is far."""

import pytest

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, Network, Plan, Slow, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

IP = "10.10.2.30"
NETWORKS = (Network(name="vswitch-a", cidr="10.10.1.0/24"), Network(name="vswitch-b", cidr="10.10.2.0/24"))
SILENCE = Failure.TIMED_OUT


def target(name="it", host=IP, port=443, service="https", measure=()):
    """One of the job's."""
    return Target(name=name, host=host, port=port, service=service, via="vpc", measure=measure)


def diagnosed(*observations, targets=None, slow=Slow(), rtt_s=0.0004):  # noqa: B008 - frozen
    """The diagnosis of targets that were connected to."""
    targets = targets or (target(),)
    opened = [connected(one.name, one.host, one.port, rtt_s) for one in targets]
    plan = Plan(name="p", targets=targets, networks=NETWORKS, slow=slow)
    return diagnose(plan, Vantage(kind="host"), [*opened, *observations])


def first(diagnosis):
    """The first finding."""
    return diagnosis.findings[0]


def share(diagnosis, cause):
    """How likely a cause is."""
    one = first(diagnosis)
    shares = {one.cause: one.confidence, **{other.cause: other.confidence for other in one.candidates}}
    return shares.get(cause, 0.0)


def tls_hangs(**facts):
    """A handshake that hears nothing."""
    facts = {"bytes_in": 0, "unacked": 0, "retransmits": 0, **facts}
    return seen("tls", "handshake", "it", f"{IP}:443", failure=SILENCE, duration_s=5.0, **facts)


def http_hangs(port=9200, **facts):
    """A request that is not answered."""
    facts = {"phase": "reply", "bytes_out": 110, "bytes_in": 0, "unacked": 0, "retransmits": 0, **facts}
    return seen("http", "exchange", "it", f"{IP}:{port}", failure=SILENCE, duration_s=5.0, **facts)


def tried(step, mss=None, failure=None, **facts):
    """The exchange again."""
    if mss is not None:
        facts["mss"] = mss
    return seen("mtu", step, "it", f"{IP}:443", failure=failure, last="tls handshake", bytes_in=900, **facts)


def echo(size, failure=None, method="echo"):
    """A datagram to the host."""
    return seen("mtu", "sized", "it", IP, failure=failure, method=method, size=size)


FIRST_HOP = seen("path", "first_hop", "it", f"{IP}:443", ip=IP, ttl=1, reached=False, **{"from": "10.10.1.1"})
BLACK_HOLE = (
    tried("clamped", 536),
    tried("usual", 1460, SILENCE),
    tried("clamped", 767, SILENCE),
    tried("clamped", 709),
)


def test_a_hang_is_tried_again_in_small_segments():
    """As long as it is open why it hangs."""
    diagnosis = diagnosed(tls_hangs())

    assert {Want("mtu", "clamped", "it"), Want("mtu", "sized", "it")} <= set(diagnosis.wanted)
    assert share(diagnosis, "pmtu_black_hole") > 0.05


def test_small_segments_that_work_prove_it():
    """What to clamp to is the largest that worked, and the rule to paste says it."""
    diagnosis = diagnosed(tls_hangs(), *BLACK_HOLE, echo(576), echo(1500))
    one = first(diagnosis)

    assert ("pmtu_black_hole", FAILING) == (one.cause, diagnosis.verdict)
    assert one.confidence > 0.95
    assert "of up to 709 bytes the same exchange with 10.10.2.30:443 answers" in " ".join(one.because)
    assert "larger than 749 bytes vanish on the way back from" in one.remedy.text
    assert "--set-mss 709" in one.remedy.snippet


def test_datagrams_tell_the_size_to_the_byte():
    """They agree with the segments, and are exact."""
    one = first(diagnosed(tls_hangs(), *BLACK_HOLE, echo(576), echo(800), echo(801, SILENCE), echo(1500, SILENCE)))

    assert "larger than 800 bytes vanish in both directions" in one.remedy.text


def test_an_exchange_that_works_when_repeated_is_no_black_hole():
    """It works in usual segments too: it hung once."""
    diagnosis = diagnosed(tls_hangs(), tried("clamped", 536), tried("usual", 1460))

    assert share(diagnosis, "pmtu_black_hole") < 0.05


def test_small_segments_that_hang_too_speak_against_it():
    """Then it is not their size."""
    diagnosis = diagnosed(tls_hangs(), tried("clamped", 536, SILENCE), FIRST_HOP)

    assert first(diagnosis).cause == "service_hang"
    assert share(diagnosis, "pmtu_black_hole") < 0.05


def test_behind_a_forwarder_a_small_answer_tells():
    """Its segments are its own; but the service refuses a hopeless handshake, and a hopeful one is not answered."""
    accepted = seen("path", "hop", "it", f"{IP}:443", ip=IP, ttl=1, reached=True)
    small = seen("mtu", "small", "it", f"{IP}:443", last="tls alert", bytes_in=7)
    hung = tried("clamped", 536, SILENCE)
    with_it, without = (diagnosed(tls_hangs(), accepted, hung, *more) for more in ([small], []))

    assert first(with_it).cause == "pmtu_black_hole"
    assert "refuses a hopeless TLS handshake at once (7 bytes)" in " ".join(first(with_it).because)
    assert share(without, "pmtu_black_hole") < 0.5


def test_a_backend_that_hangs_is_no_black_hole():
    """A HEAD is answered, a GET is not, whatever the segments; and nobody accepted in the target's place."""
    small = seen("mtu", "small", "it", f"{IP}:9200", last="http exchange", bytes_in=120)
    one = target(port=9200, service="elasticsearch")
    hop = seen("path", "hop", "it", f"{IP}:9200", ip=IP, ttl=1, reached=False, **{"from": "10.10.1.1"})
    diagnosis = diagnosed(http_hangs(), tried("clamped", 536, SILENCE), small, hop, targets=(one,))

    assert first(diagnosis).cause == "service_hang"


@pytest.mark.parametrize(("service", "port"), [("redis", 6379), ("postgresql", 5432)])
def test_an_answer_that_fits_any_packet_is_hardly_lost_by_its_size(service, port):
    """Only TLS, HTTP and the like answer in large packets."""
    hung = seen("service", "exchange", "it", f"{IP}:{port}", failure=SILENCE, phase="reply", bytes_out=8, bytes_in=0)

    assert share(diagnosed(hung, targets=(target(port=port, service=service),)), "pmtu_black_hole") < 0.1


def test_a_missing_greeting_is_not_lost_by_its_size():
    """Nothing was asked yet."""
    hung = seen("service", "exchange", "it", f"{IP}:3306", failure=SILENCE, phase="greeting", bytes_out=0, bytes_in=0)
    diagnosis = diagnosed(hung, targets=(target(port=3306, service="mysql"),))

    assert share(diagnosis, "pmtu_black_hole") == 0.0
    assert not [want for want in diagnosis.wanted if want.probe == "mtu"]


def test_what_was_never_acknowledged_speaks_against_a_service_that_hangs():
    """The service's kernel has not even got it."""
    got, lost = diagnosed(http_hangs(443)), diagnosed(http_hangs(443, unacked=1, retransmits=4))

    assert share(lost, "service_hang") < share(got, "service_hang") / 2


def test_a_measured_path_that_loses_large_packets_is_a_warning():
    """The target answers, in small packets."""
    answer = seen("http", "exchange", "it", f"{IP}:443", status=401, bytes_in=300)
    padded = seen("mtu", "padded", "it", f"{IP}:443", failure=SILENCE, last="http exchange", unacked=1, retransmits=2)
    one = target(measure=("mtu",))
    before = diagnosed(answer, targets=(one,))
    after = diagnosed(answer, padded, echo(576), echo(1400), echo(1401, SILENCE), targets=(one,))

    assert {Want("mtu", "sized", "it"), Want("mtu", "padded", "it")} <= set(before.wanted)
    assert (HEALTHY, DEGRADED) == (before.verdict, after.verdict)
    assert first(after).cause == "pmtu_black_hole"
    assert "larger than 1400 bytes vanish on the way to" in first(after).remedy.text


def test_datagrams_that_no_segment_needs_say_nothing():
    """An interface for larger packets than the connection agreed on."""
    answer = seen("http", "exchange", "it", f"{IP}:443", status=200, bytes_in=300)
    large = (echo(576), echo(1500), echo(1501, SILENCE), echo(8500, SILENCE))

    assert diagnosed(answer, *large, targets=(target(measure=("mtu",)),)).verdict == HEALTHY


def transfer(**facts):
    """A large answer."""
    usual = {"bytes": 131072, "seconds": 1.05, "rate_bytes_s": 124830, "burst_bytes": 40000, "plateau_bytes_s": 120000}
    usual.update(slowest_bytes_s=115000, fastest_bytes_s=130000, rtt_s=0.0004, mss=1448, out_of_order=0)
    return seen("throughput", "transfer", "it", f"{IP}:443", duration_s=1.1, **{**usual, **facts})


ANSWER = seen("http", "exchange", "it", f"{IP}:443", status=200, bytes_in=300, first_byte_s=0.001)
MEASURED = (target(measure=("throughput",)),)


def test_a_burst_and_a_plateau_are_a_token_bucket():
    """It is said in these words, and it is a warning."""
    diagnosis = diagnosed(ANSWER, transfer(), targets=MEASURED)
    one = first(diagnosis)

    assert ("bandwidth_throttled", DEGRADED) == (one.cause, diagnosis.verdict)
    assert "a burst of 40 kB, and then evenly between 115 kB/s and 130 kB/s" in " ".join(one.because)
    assert "comes at 120 kB/s and no faster" in one.remedy.text


def test_it_is_measured_only_where_the_plan_asks():
    """Nothing is downloaded without that."""
    asked, unasked = diagnosed(ANSWER, targets=MEASURED), diagnosed(ANSWER)

    assert Want("throughput", "transfer", "it") in asked.wanted
    assert not [want for want in unasked.wanted if want.probe == "throughput"]


def test_pauses_and_disorder_make_it_less_sure():
    """Loss does that."""
    even = diagnosed(ANSWER, transfer(), targets=MEASURED)
    uneven = diagnosed(ANSWER, transfer(slowest_bytes_s=0, fastest_bytes_s=400000, out_of_order=9), targets=MEASURED)

    assert share(uneven, "bandwidth_throttled") < share(even, "bandwidth_throttled") - 0.2


@pytest.mark.parametrize(("rtt_s", "first_byte_s"), [(0.25, 0.251), (0.0004, 0.251)])
def test_a_long_round_trip_is_not_throttled(rtt_s, first_byte_s):
    """The first round trips of a connection carry little; who accepts on the way shakes hands at once all the same."""
    far = transfer(seconds=0.9, rate_bytes_s=145000, plateau_bytes_s=145000, slowest_bytes_s=0, fastest_bytes_s=580000)
    answer = seen("http", "exchange", "it", f"{IP}:443", status=200, bytes_in=300, first_byte_s=first_byte_s)
    diagnosis = diagnosed(answer, far, targets=MEASURED, rtt_s=rtt_s)

    assert "bandwidth_throttled" not in {finding.cause for finding in diagnosis.findings}


def test_a_plan_may_want_less():
    """What is enough is the plan's to say."""
    assert diagnosed(ANSWER, transfer(), targets=MEASURED, slow=Slow(throughput=100000)).verdict == HEALTHY


def test_a_large_answer_that_was_read_anyway_is_judged():
    """Less surely, for it has no shape."""
    answer = seen(
        "http",
        "exchange",
        "it",
        f"{IP}:443",
        status=200,
        bytes_in=65800,
        body_bytes=65536,
        first_byte_s=0.001,
        duration_s=0.5,
    )
    diagnosis = diagnosed(answer)

    assert ("bandwidth_throttled", DEGRADED) == (first(diagnosis).cause, diagnosis.verdict)
    assert first(diagnosis).confidence < 0.7
