"""What is said where the run itself sees that something has changed: asked once more, and asked in a series."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

IP = "10.10.2.40"
IT = Target(name="it", host=IP, port=3306, service="mysql", via="vpc")
NAMED = Target(name="named", host="es.internal", port=9200, service="elasticsearch", via="vpc")
REFUSED, UNAVAILABLE, FULL = (
    Failure.CONNECTION_REFUSED,
    Failure.HTTP_ERROR_STATUS,
    Failure.TOO_MANY_CONNECTIONS,
)


def diagnosed(*observations, targets=(IT,)):
    """What these mean."""
    return diagnose(Plan(name="p", targets=targets), Vantage(kind="udf"), observations)


def refused(failure=REFUSED, duration_s=0.001, **facts):
    """The handshake did not come about."""
    known = {"ip": IP, "port": 3306, **facts}
    return seen("tcp", "connect", "it", IT.address, failure=failure, duration_s=duration_s, **known)


def answered(step="exchange", failure=None, target="it", probe="service", duration_s=0.001, **facts):
    """What came of the exchange after a handshake."""
    where = IT.address if target == "it" else "10.10.3.21:9200"
    said = seen(
        probe, step, target, where, failure=failure, after=0.01, duration_s=duration_s, **{"bytes_in": 80, **facts}
    )
    return [connected(target, *where.split(":")), said]


def again(failure=None, ip=IP):
    """The look once more, a quarter of a second later."""
    return seen("again", "look", "it", f"{ip}:3306", failure=failure, after=0.26, ip=ip, port=3306, last="tcp connect")


def unknown(failure=Failure.DNS_SERVFAIL):
    """No server knows the name."""
    facts = {"name": NAMED.host, "server": "100.100.2.136", "index": 0, "type": "A"}
    return seen("dns", "query", None, "100.100.2.136:53", failure=failure, **facts)


def resolved(failure=None):
    """The name once more."""
    return seen("again", "lookup", None, None, failure=failure, after=0.26, name=NAMED.host)


LOOK = (Want("again", "look", "it", IP),)


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        ([refused()], LOOK),
        (answered(failure=FULL), LOOK),
        (answered(failure=Failure.EOF, bytes_in=0), LOOK),
        (answered(probe="http", failure=UNAVAILABLE, status=503), LOOK),
        (answered(probe="http", failure=UNAVAILABLE, status=403), ()),
        (answered(failure=FULL, duration_s=2.0), ()),
        (answered(failure=Failure.CLIENT_DENIED), ()),
        ([refused(Failure.TIMED_OUT, 1.5, syns=2)], ()),
        ([refused(immediate=True)], ()),
        (answered(), ()),
    ],
    ids=["refused", "full", "closed", "503", "403", "late", "denied", "silent", "local", "healthy"],
)
def test_what_is_asked_once_more(observations, expected):
    """What failed fast and may be over soon; nothing else, and nothing of what works."""
    assert expected == diagnosed(*observations).wanted_last


def test_a_name_is_asked_for_once():
    """Whatever targets it has."""
    other = evolve(NAMED, name="other", port=9300)

    assert diagnosed(unknown(), targets=(NAMED, other)).wanted_last == (Want("again", "lookup", None, NAMED.host),)


def test_a_few_targets_are_asked_once_more():
    """A whole fleet that is refused is not asked twice."""
    targets = [evolve(IT, name=f"t{port}", port=port, service="tcp") for port in range(5000, 5050)]
    refusals = [
        seen("tcp", "connect", one.name, one.address, failure=REFUSED, duration_s=0.001, ip=IP, port=one.port)
        for one in targets
    ]

    assert len(diagnosed(*refusals, targets=tuple(targets)).wanted_last) == 6


@pytest.mark.parametrize(
    ("first", "once_more", "targets", "words"),
    [
        ([refused()], again(), (IT,), "later the target answers"),
        (answered(failure=FULL), again(), (IT,), "later the target answers"),
        ([unknown()], resolved(), (NAMED,), "later the name servers know the name"),
    ],
    ids=["refused", "full", "name"],
)
def test_what_is_over_is_not_certain(first, once_more, targets, words):
    """The cause stays, half as sure, and the report says why."""
    (before,), (after,) = (diagnosed(*first, *more, targets=targets).findings for more in ((), (once_more,)))

    assert before.cause == after.cause
    assert after.confidence <= 0.5 < before.confidence
    assert any(words in reason for reason in after.because)


@pytest.mark.parametrize(
    ("first", "once_more", "targets"),
    [
        ([refused()], again(REFUSED), (IT,)),
        ([refused()], again(ip="10.10.2.41"), (IT,)),
        ([unknown()], resolved(Failure.DNS_SERVFAIL), (NAMED,)),
    ],
    ids=["refused", "another-address", "name"],
)
def test_what_lasts_stays_certain(first, once_more, targets):
    """That it still fails changes nothing; nor does it that another of its addresses, which never failed, answers."""
    before, after = (diagnosed(*first, *more, targets=targets).findings for more in ((), (once_more,)))

    assert [one.confidence for one in before] == [one.confidence for one in after]


def series(failure=None, **facts):
    """Repeated handshakes, all of them answered by something."""
    known = {"ip": IP, "port": 3306, "tried": 20, "answered": 20, "syns": 20, "syns_lost": 0, "loss": 0.0}
    return seen("loss", "handshakes", "it", IT.address, failure=failure, after=1, **{**known, **facts})


@pytest.mark.parametrize(
    ("later", "cause", "verdict"),
    [
        (series(refused=20), "service_not_listening", "failing"),
        (series(refused=3), "service_not_listening", "degraded"),
        (series(denied=20, denial="too_many_connections"), "destination_connection_limit", "failing"),
        (series(denied=2, denial="too_many_connections"), "destination_connection_limit", "degraded"),
        (series(Failure.ADMIN_PROHIBITED), "admin_prohibited", "failing"),
    ],
    ids=["down", "at-times", "full", "full-at-times", "rejected"],
)
def test_what_a_series_meets_is_not_healthy(later, cause, verdict):
    """The first look was fine; that most, or some, of what came after was turned away is told."""
    diagnosis = diagnosed(*answered(), later)

    assert (cause, verdict) == (diagnosis.findings[0].cause, diagnosis.verdict)


def test_a_series_without_refusals_is_healthy():
    """Nothing is said."""
    assert diagnosed(*answered(), series()).verdict == "healthy"
