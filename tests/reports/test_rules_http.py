import pytest

from probes.contract import identified
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import FAILING, HEALTHY, Observation, Plan, Target, Vantage
from reports.rules.contract import Want

PLAN = Plan(name="p", targets=(Target(name="api", host="api.example", port=80, service="http", via="internet"),))
PROXY = "10.0.0.9:3128"
DIRECT = "192.0.2.7:80"


def saw(probe, step, failure=None, address=DIRECT, **facts):
    """One observation about the target."""
    return identified(
        Observation(
            probe=probe, step=step, target="api", address=address, failure=failure, duration_s=0.0123, facts=facts
        )
    )


CONNECTED = [saw("tcp", "connect", ip="192.0.2.7")]
PROXY_CONNECTED = [saw("tcp", "connect_proxy", address=PROXY, ip="10.0.0.9")]


def found(observations):
    """The diagnosis and its most important finding."""
    diagnosis = diagnose(PLAN, Vantage(), observations)
    return diagnosis, diagnosis.findings[0]


@pytest.mark.parametrize("status", [200, 302, 401, 404])
def test_answers_are_healthy(status):
    """An answer without a failure is no finding, whatever its status."""
    diagnosis = diagnose(PLAN, Vantage(), [*CONNECTED, saw("http", "exchange", status=status, bytes_in=200)])

    assert diagnosis.findings == ()
    assert diagnosis.verdict == HEALTHY


@pytest.mark.parametrize(
    ("status", "reason", "expected", "words"),
    [
        (500, "Internal Server Error", "http_5xx", 'answers 500 Internal Server Error from nginx, "boom"'),
        (502, "Bad Gateway", "http_5xx", "gets no valid answer"),
        (503, "", "http_5xx", "answers 503 from nginx"),
        (504, "Gateway Timeout", "http_5xx", "no answer from it in time"),
        (403, "Forbidden", "http_403", "GET http://api.example/v1 answers 403 Forbidden"),
    ],
)
def test_error_status(status, reason, expected, words):
    """5xx and 403 say that the network works, and quote the answer."""
    seen = saw(
        "http",
        "exchange",
        Failure.HTTP_ERROR_STATUS,
        url="http://api.example/v1",
        status=status,
        server="nginx",
        message="boom",
        bytes_in=300,
        **({"reason": reason} if reason else {}),
    )
    diagnosis, finding = found([*CONNECTED, seen])

    assert words in finding.because[0]
    assert str(status) in finding.remedy.text
    assert "the network is fine" in finding.remedy.text
    assert finding.confidence > 0.9
    assert diagnosis.verdict == FAILING
    assert expected == finding.cause


def refused_by_the_proxy(failure, status, reason):
    """The proxy accepts the connection and answers this."""
    return [
        *PROXY_CONNECTED,
        saw("http", "proxy", failure, PROXY, proxy=PROXY, status=status, reason=reason, server="squid", bytes_in=1),
    ]


@pytest.mark.parametrize(
    ("observations", "expected", "words", "remedy"),
    [
        (
            refused_by_the_proxy(Failure.PROXY_AUTH_REQUIRED, 407, "Proxy Authentication Required"),
            "proxy_auth_required",
            "the proxy 10.0.0.9:3128 answers 407 Proxy Authentication Required from squid",
            "give the proxy 10.0.0.9:3128 credentials (in the proxy variable of the job), or name api.example in",
        ),
        (
            refused_by_the_proxy(Failure.PROXY_UNAVAILABLE, 503, "Service Unavailable"),
            "proxy_unavailable",
            "the proxy 10.0.0.9:3128 is there and answers 503 Service Unavailable from squid for api.example:80",
            "it answers 503 Service Unavailable for api.example:80",
        ),
        (
            refused_by_the_proxy(Failure.PROXY_DENIED, 403, "Forbidden"),
            "proxy_denied",
            "does not let api.example:80 through: 403 Forbidden",
            "ask whoever runs the proxy 10.0.0.9:3128 to let api.example:80 through",
        ),
        (
            [saw("tcp", "connect_proxy", Failure.CONNECTION_REFUSED, PROXY)],
            "proxy_not_listening",
            "10.0.0.9:3128, which the environment names as the proxy: refuses after 12 ms",
            "correct the proxy 10.0.0.9:3128",
        ),
        (
            [saw("tcp", "connect_proxy", Failure.TIMED_OUT, PROXY)],
            "proxy_not_listening",
            "timed out after 12 ms",
            "correct the proxy 10.0.0.9:3128",
        ),
        (
            [*PROXY_CONNECTED, saw("http", "proxy", Failure.WRONG_PROTOCOL, PROXY, proxy=PROXY, spoke="ssh")],
            "proxy_not_listening",
            "no HTTP proxy answers at 10.0.0.9:3128, but ssh",
            "correct the proxy 10.0.0.9:3128",
        ),
        (
            [*PROXY_CONNECTED, saw("http", "proxy", Failure.TIMED_OUT, PROXY, proxy=PROXY)],
            "proxy_unavailable",
            "takes our request for api.example:80 and does not answer within 12 ms",
            "it answers nothing for api.example:80",
        ),
        (
            [*CONNECTED, saw("http", "exchange", Failure.PROXY_AUTH_REQUIRED, status=407)],
            "proxy_auth_required",
            "answers 407",
            "credentials",
        ),
    ],
)
def test_proxy(observations, expected, words, remedy):
    """What the proxy does instead of its service, in words and with what to change."""
    diagnosis, finding = found(observations)

    assert words in " | ".join(finding.because)
    assert remedy in finding.remedy.text
    assert diagnosis.verdict == FAILING
    assert expected == finding.cause


BROKEN_PROXIES = [
    refused_by_the_proxy(Failure.PROXY_UNAVAILABLE, 503, "Service Unavailable"),
    refused_by_the_proxy(Failure.PROXY_DENIED, 403, "Forbidden"),
    [saw("tcp", "connect_proxy", Failure.CONNECTION_REFUSED, PROXY)],
    [saw("tcp", "connect_proxy", Failure.TIMED_OUT, PROXY)],
]


@pytest.mark.parametrize("observations", BROKEN_PROXIES)
def test_the_direct_way_is_asked_for(observations):
    """A broken proxy asks for the direct way, once; where that works, the remedy says so."""
    before, _ = found(observations)
    after, finding = found([*observations, saw("tcp", "connect_direct", ip="192.0.2.7")])

    assert Want(probe="tcp", step="connect_direct", target="api") in before.wanted
    assert not after.wanted
    assert "without the proxy, 192.0.2.7:80 answers in 12 ms" in finding.because
    assert finding.remedy.text.endswith("it is enough to add api.example to what NO_PROXY holds")


def test_the_direct_way_fails_too():
    """Where the direct way fails as well, the finding says so and the remedy does not lead there."""
    _, finding = found([*BROKEN_PROXIES[0], saw("tcp", "connect_direct", Failure.CONNECTION_REFUSED)])

    assert "without the proxy it is not reached either: 192.0.2.7:80, connection refused" in finding.because
    assert "NO_PROXY" not in finding.remedy.text


def test_braces_in_what_a_server_says():
    """What a server says is data: braces in it are no fields."""
    seen = saw("http", "exchange", Failure.HTTP_ERROR_STATUS, status=500, reason="{host} {0.__class__}", bytes_in=1)
    _, finding = found([*CONNECTED, seen])

    assert "500 {host} {0.__class__}" in finding.remedy.text
