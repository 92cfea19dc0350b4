"""The outbound addresses in a run on loopback: how often the echo is asked, and when more is done."""

import asyncio
import itertools
import json
import ssl

import pytest

from agent.plan import parse
from agent.runner import Runner
from reports.failures import Failure
from reports.model import FAILING, HEALTHY
from tests.tls_servers import Authority

OLD, NEW = "203.0.113.7", "203.0.113.8"


@pytest.fixture
async def serve():
    """HTTP servers that give these bodies in turn (None: close without a word): gives port and request lines."""
    running = []

    async def start(*bodies, context=None):
        turns, asked = itertools.cycle(bodies), []

        async def behave(reader, writer):
            body = next(turns)
            if body is not None:
                asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            writer.close()

        started = await asyncio.start_server(behave, "127.0.0.1", 0, ssl=context)
        running.append(started)
        return started.sockets[0].getsockname()[1], asked

    yield start
    for one in running:
        one.close()
        await one.wait_closed()


async def run(port, echo, *, environment=None, expected=(OLD,), **keys):
    """A run of a plan with one HTTP target by the Internet, and this echo."""
    plan = {
        "name": "p",
        "targets": [{"name": "partner", "address": f"http://127.0.0.1:{port}", "via": "internet"}],
        "egress": {"echo": echo, "expected": list(expected)},
        **keys,
    }
    return await Runner(parse(json.dumps(plan)), environment or {}).run()


def seen(report, step="address"):
    """The observations of the probe."""
    return [one for one in report.observations if (one.probe, one.step) == ("egress", step)]


async def test_a_healthy_plan_asks_a_few_times(serve):
    """Four connections, and no experiment."""
    partner, _ = await serve("ok")
    echo, asked = await serve(OLD)
    report = await run(partner, f"http://127.0.0.1:{echo}/ip?x=1")

    assert report.verdict == HEALTHY
    assert [one.facts["seen"] for one in seen(report)] == [OLD] * 4
    assert asked == ["GET /ip?x=1 HTTP/1.1"] * 4
    assert [phase.name for phase in report.run.phases] == ["look"]


async def test_an_echo_that_is_not_there(serve):
    """One try, and nothing is said against any target."""
    partner, _ = await serve("ok")
    report = await run(partner, "http://127.0.0.1:1/")
    (one,) = seen(report)

    assert one.failure is Failure.CONNECTION_REFUSED
    assert report.verdict == HEALTHY


async def test_a_pool_and_a_partner_that_answers_at_times(serve):
    """Two addresses, of which one is expected: the target is looked at six times more, and that is the finding."""
    partner, asked = await serve("ok", None)
    echo, _ = await serve(OLD, NEW)
    report = await run(partner, f"http://127.0.0.1:{echo}/")
    (again,) = seen(report, "repeat")

    assert again.failure in (Failure.EOF, Failure.CONNECTION_RESET)
    assert (again.target, again.facts["tries"], again.facts["answered"]) == ("partner", 6, 3)
    assert len(asked) == 4
    assert (report.verdict, report.findings[0].cause) == (FAILING, "outbound_ip_pool_partly_admitted")


async def test_an_unexpected_address_is_looked_at_more_closely(serve):
    """There may be others: eight connections more."""
    partner, _ = await serve("ok")
    echo, _ = await serve(NEW)
    report = await run(partner, f"http://127.0.0.1:{echo}/")

    assert len(seen(report)) == 12
    assert [(one.cause, one.severity) for one in report.findings] == [("outbound_ip_changed", "warning")]


async def test_through_the_proxy_that_targets_take(serve):
    """The environment's proxy is asked for the whole URL, and it is a proxied way out."""
    proxy, asked = await serve(OLD)
    report = await run(9, "http://ip.example/ip", environment={"http_proxy": f"http://127.0.0.1:{proxy}"})

    assert {(one.facts["via"], one.address) for one in seen(report)} == {("proxy", f"127.0.0.1:{proxy}")}
    assert asked.count("GET http://ip.example/ip HTTP/1.1") == 4


@pytest.mark.parametrize(
    ("name", "failure"), [("127.0.0.1", None), ("elsewhere.example", Failure.TLS_WRONG_NAME)], ids=["good", "bad"]
)
async def test_with_tls(serve, tmp_path, name, failure):
    """An https echo is verified with the plan's authority; a certificate of another's says nothing."""
    authority = Authority("Root")
    (tmp_path / "server.pem").write_text(authority.issue(name))
    (tmp_path / "ca.pem").write_text(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    partner, _ = await serve("ok")
    echo, _ = await serve(OLD, context=context)
    report = await run(partner, f"https://127.0.0.1:{echo}/", tls={"ca": str(tmp_path / "ca.pem")})

    assert {one.failure for one in seen(report)} == {failure}
    assert len(seen(report)) == (4 if failure is None else 1)


async def test_at_the_port_of_mysql_nothing_is_asked(serve):
    """A handshake there would have to be finished in its own protocol."""
    partner, _ = await serve("ok")
    report = await run(partner, "http://127.0.0.1:3306/")

    assert seen(report) == []
