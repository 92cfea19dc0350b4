import pytest

from probes.contract import identified
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import FAILING, HEALTHY, Observation, Plan, Target, TlsExpectation, Vantage

CORPORATE = "CN=Corp Inspection CA,O=Corp"
GOOD = {
    "version": "TLSv1.3",
    "issuer": "CN=R3,O=Let's Encrypt,C=US",
    "names": "web.example,www.web.example",
    "not_before": "2026-10-01T00:00:00Z",
    "not_after": "2027-01-23T08:30:00Z",
    "days_left": 60.5,
    "self_signed": False,
    "bytes_in": 3000,
}


def plan(*hosts, port=443, issuer=None, via="internet"):
    """A plan of https targets by their hosts."""
    targets = tuple(Target(name=host, host=host, port=port, service="https", via=via) for host in hosts)
    return Plan(name="p", targets=targets, tls=TlsExpectation(issuer=issuer))


def handshake(failure=None, host="web.example", **facts):
    """What the tcp and tls probes see of a host: it accepts, and this of the handshake."""
    address = "192.0.2.%d:443" % (sum(host.encode()) % 250 + 1)
    steps = [("tcp", "connect", None, {"ip": address[:-4]}), ("tls", "handshake", failure, facts)]
    return [
        identified(
            Observation(
                probe=probe, step=step, target=host, address=address, failure=broke, duration_s=0.01, facts=seen
            )
        )
        for probe, step, broke, seen in steps
    ]


def exchange(failure=None, host="web.example", **facts):
    """What the http probe sees of a host."""
    return [
        identified(Observation(probe="http", step="exchange", target=host, address="x", failure=failure, facts=facts))
    ]


def answered(host="web.example"):
    """A good answer over HTTP."""
    return exchange(host=host, status=200, bytes_in=100)


def found(made, observations):
    """The diagnosis and its most important finding."""
    diagnosis = diagnose(made, Vantage(), observations)
    return diagnosis, diagnosis.findings[0]


def test_healthy():
    """A good certificate is no finding at all."""
    diagnosis = diagnose(plan("web.example"), Vantage(), handshake(**GOOD) + answered())

    assert diagnosis.findings == ()
    assert diagnosis.verdict == HEALTHY


@pytest.mark.parametrize(
    ("failure", "facts", "expected", "words", "remedy"),
    [
        (
            Failure.TLS_EXPIRED,
            {**GOOD, "not_after": "2026-11-20T10:05:00Z", "days_left": -4.0},
            "tls_expired",
            "for web.example, www.web.example, ended on 2026-11-20 10:05 UTC, 4 days ago",
            "it ended on 2026-11-20 10:05 UTC",
        ),
        (
            Failure.TLS_EXPIRED,
            {**GOOD, "days_left": -0.25},
            "tls_expired",
            "6 hours ago",
            "renew the certificate of web.example:443",
        ),
        (
            Failure.TLS_EXPIRED,
            GOOD,
            "tls_expired",
            "a certificate in the chain of 192.0.2.113:443 has ended; the server's own lasts until 2027-01-23",
            "a day of which only its chain tells",
        ),
        (Failure.TLS_EXPIRED, {"verify_message": "certificate has expired"}, "tls_expired", "has expired", "renew"),
        (
            Failure.TLS_NOT_YET_VALID,
            {**GOOD, "not_before": "2026-12-01T00:00:00Z"},
            "tls_not_yet_valid",
            "begins on 2026-12-01 00:00 UTC",
            "it begins on 2026-12-01 00:00 UTC",
        ),
        (
            Failure.TLS_WRONG_NAME,
            {**GOOD, "names": "a.example,b.example"},
            "tls_wrong_name",
            "was asked for web.example and shows a certificate for a.example, b.example",
            "use a name that the certificate holds (a.example, b.example)",
        ),
        (
            Failure.TLS_UNTRUSTED,
            {**GOOD, "issuer": "CN=Private Root", "verify_code": 20, "chain": 1},
            "tls_untrusted",
            "the server sends no intermediate certificate",
            "the issuer is CN=Private Root",
        ),
        (
            Failure.TLS_UNTRUSTED,
            {**GOOD, "issuer": "CN=web.example", "self_signed": True, "verify_code": 18, "days_left": -1},
            "tls_untrusted",
            "signed by nobody but itself (CN=web.example); it ended on",
            "the issuer is CN=web.example",
        ),
        (
            Failure.TLS_UNTRUSTED,
            {"verify_message": "unable to get local issuer certificate"},
            "tls_untrusted",
            '"unable to get local issuer certificate"',
            "put the authority into the trust store",
        ),
        (Failure.TLS_PLAINTEXT, {"spoke": "ssh"}, "tls_port_speaks_plaintext", "in plain text (ssh)", "answers ssh in"),
        (
            Failure.TLS_HANDSHAKE_FAILED,
            {"alert": "protocol_version"},
            "tls_handshake_failed",
            "knows none of the TLS versions that this client accepts (alert protocol_version)",
            "knows none of the TLS versions",
        ),
        (
            Failure.TLS_HANDSHAKE_FAILED,
            {"detail": "[SSL: X] something else"},
            "tls_handshake_failed",
            "something else",
            "something else",
        ),
        (Failure.EOF, {"bytes_in": 0}, "accept_then_close", "is closed after 10 ms, without a byte", ""),
        (Failure.EOF, {"bytes_in": 1}, "tls_handshake_failed", "after 1 byte of the server", "without an alert"),
        (Failure.CONNECTION_RESET, {"bytes_in": 0}, "reset_on_first_data", "resets", ""),
        (Failure.TIMED_OUT, {"bytes_in": 0}, "service_hang", "then says nothing for 10 ms", ""),
    ],
)
def test_cause(failure, facts, expected, words, remedy):
    """Each way in which a handshake fails has its cause, its words with numbers and names, and its remedy."""
    diagnosis, finding = found(plan("web.example"), handshake(failure, **facts))

    assert words in " | ".join(finding.because)
    assert remedy in finding.remedy.text
    assert diagnosis.verdict == FAILING
    assert expected == finding.cause


@pytest.mark.parametrize(
    ("failure", "facts"),
    [
        (Failure.TLS_HANDSHAKE_FAILED, {"detail": "[SSL] tlsv13 alert certificate required (_ssl.c:1)"}),
        (Failure.TLS_HANDSHAKE_FAILED, {"status": 400, "message": "No required SSL certificate was sent"}),
    ],
)
def test_client_certificate_wanted_in_the_exchange(failure, facts):
    """TLS 1.3 and nginx tell only in the exchange that they want a client certificate."""
    _, finding = found(plan("web.example"), handshake(**GOOD) + exchange(failure, **facts))

    assert "the server wants a client certificate" in finding.remedy.text
    assert finding.cause == "tls_handshake_failed"


def test_mute_on_a_port_without_tls():
    """Nothing but an end on a port whose usual service has no TLS: there is none."""
    _, finding = found(plan("web.example", port=80), handshake(Failure.EOF, bytes_in=0))

    assert "port 80 is the usual one of http, without TLS" in finding.because
    assert finding.cause == "tls_port_speaks_plaintext"


@pytest.mark.parametrize(
    ("days", "expected"),
    [(13.9, "tls_expiring_soon"), (5.2, "tls_expiring_soon"), (0.5, "tls_expiring_soon"), (14, None)],
)
def test_expiring_soon(days, expected):
    """Fewer than 14 days left are a warning, more are nothing."""
    facts = {**GOOD, "days_left": days}
    diagnosis = diagnose(plan("web.example"), Vantage(), handshake(**facts) + answered())
    causes = [finding.cause for finding in diagnosis.findings]

    assert causes == ([expected] if expected else [])
    assert all(finding.severity == "warning" for finding in diagnosis.findings)
    assert all("before 2027-01-23 08:30 UTC" in finding.remedy.text for finding in diagnosis.findings)


@pytest.mark.parametrize(
    ("expectation", "expected"),
    [
        ("Let's Encrypt", None),
        ("C=US, O=let's encrypt, CN=R3", None),
        ("Corp Root", "tls_intercepted"),
        ("C=US, O=Let's Encrypt, CN=R4", "tls_intercepted"),
    ],
)
def test_issuer_is_not_the_expected_one(expectation, expected):
    """Another issuer than the plan expects is an interception, and critical, also where the handshake verifies."""
    diagnosis = diagnose(plan("web.example", issuer=expectation), Vantage(), handshake(**GOOD) + answered())
    causes = [finding.cause for finding in diagnosis.findings]

    assert causes == ([expected] if expected else [])
    assert diagnosis.verdict == (FAILING if expected else HEALTHY)


def test_target_has_its_own_expectation():
    """A target's own expectation goes before the plan's."""
    own = Target(
        name="web.example", host="web.example", port=443, service="https", tls=TlsExpectation(issuer="Let's Encrypt")
    )
    made = Plan(name="p", targets=(own,), tls=TlsExpectation(issuer="Corp Root"))
    diagnosis = diagnose(made, Vantage(), handshake(**GOOD) + answered())

    assert diagnosis.findings == ()


def test_untrusted_from_another_issuer():
    """An untrusted issuer that is not the expected one is an interception."""
    facts = {**GOOD, "issuer": CORPORATE, "verify_code": 20}
    _, finding = found(plan("web.example", issuer="Let's Encrypt"), handshake(Failure.TLS_UNTRUSTED, **facts))

    assert "is issued by %s; the plan expects Let's Encrypt" % CORPORATE in finding.because[0]
    assert CORPORATE in finding.remedy.text
    assert [candidate.cause for candidate in finding.candidates] == ["tls_untrusted"]
    assert finding.cause == "tls_intercepted"


def test_untrusted_from_the_expected_issuer():
    """An untrusted issuer that is the expected one is no interception: that is ruled out."""
    facts = {**GOOD, "issuer": CORPORATE, "verify_code": 20}
    diagnosis, finding = found(plan("web.example", issuer="Corp"), handshake(Failure.TLS_UNTRUSTED, **facts))

    assert [cleared.causes for cleared in diagnosis.cleared] == [("tls_intercepted",)]
    assert finding.cause == "tls_untrusted"


@pytest.mark.parametrize(
    ("hosts", "via", "expected"),
    [
        (("web.example", "shop.example.org"), "internet", "tls_intercepted"),
        (("web.example", "www.web.example"), "internet", "tls_untrusted"),
        (("web.example", "shop.example.org"), "vpc", "tls_untrusted"),
    ],
)
def test_one_unknown_issuer_for_several_owners(hosts, via, expected):
    """One unknown issuer for different domains of the Internet is an interception; inside, it is an own authority."""
    facts = {**GOOD, "issuer": CORPORATE, "verify_code": 20, "chain": 2}
    observations = [seen for host in hosts for seen in handshake(Failure.TLS_UNTRUSTED, host, **facts)]
    diagnosis, _ = found(plan(*hosts, via=via), observations)

    assert {expected} == {finding.cause for finding in diagnosis.findings}


def test_self_signed_is_no_interception():
    """A certificate that is signed by itself alone points at no device on the way."""
    facts = {**GOOD, "issuer": "CN=web.example", "self_signed": True, "verify_code": 18}
    _, finding = found(plan("web.example"), handshake(Failure.TLS_UNTRUSTED, **facts))

    assert finding.candidates == ()
    assert finding.confidence > 0.9
