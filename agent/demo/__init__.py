"""The demonstration: a real check over servers on loopback, healthy and broken in different ways.

A shop's nightly job reaches for all of them. One table says how each server behaves and what must be found; nothing
beyond 127.0.0.0/8 is contacted, and nothing is left when it ends.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing

from attrs import frozen

from agent import commands
from agent.demo import behaviours, certificate
from agent.demo.behaviours import Behaviour
from agent.demo.nameserver import NameServer
from agent.demo.place import Place, serving
from reports.causes import CAUSES
from reports.model import DEGRADED, FAILING, HEALTHY, Limits, Network, Plan, Report, Slow, Target, TlsExpectation
from reports.services import is_tls

__all__ = ["CAST", "CONCLUSION", "INTRODUCTION", "run", "surprises"]

# Each of the cast has the same last number in both networks: it lives in the first, and has left the second.
_HERE, _GONE = "127.10.1.", "127.10.2."
_FIRST = 10
_NETWORK = "127.10.0.0/22"
_NAME_SERVERS = ("127.10.0.2", "127.10.0.3")
_DOMAIN = "shop.example"


@frozen(kw_only=True)
class Part:
    """One target: how its server behaves (None: nothing listens), and the cause to be found (None: it is healthy).

    ``told``: into which networks each of the two name servers leads.
    """

    name: str
    service: str
    behaviour: Behaviour | None = None
    path: str = "/"
    told: tuple[tuple[str, ...], tuple[str, ...]] = ((_HERE,), (_HERE,))
    long_answer: bool = False
    cause: str | None = None

    @property
    def host(self) -> str:
        """Its name in the demonstration's DNS."""
        return f"{self.name}.{_DOMAIN}"

    @property
    def verdict(self) -> str:
        """The verdict that its cause brings."""
        if self.cause is None:
            return HEALTHY
        return DEGRADED if CAUSES[self.cause].severity == "warning" else FAILING


CAST = (
    Part(name="shop-api", service="http", behaviour=behaviours.http("200 OK", "welcome\n")),
    Part(name="cache", service="redis", behaviour=behaviours.redis),
    # Truncated over UDP and whole over TCP: no fault.
    Part(name="metastore", service="hive-metastore", behaviour=behaviours.hive_metastore, long_answer=True),
    Part(name="click-stream", service="tcp", behaviour=behaviours.until_closed),
    Part(name="orders-db", service="mysql", behaviour=behaviours.mysql_blocked, cause="mysql_host_blocked"),
    Part(name="customers-db", service="mysql", behaviour=behaviours.ssh, cause="wrong_service"),
    Part(name="warehouse", service="postgresql", told=((), ()), cause="dns_nxdomain"),
    Part(name="payments", service="http", path="/v1/status", cause="service_not_listening"),
    Part(name="search", service="elasticsearch", behaviour=behaviours.until_closed, cause="service_hang"),
    Part(name="events", service="kafka", behaviour=behaviours.hang_up, cause="accept_then_close"),
    Part(
        name="billing",
        service="http",
        path="/invoices",
        behaviour=behaviours.http("503 Service Unavailable", "no healthy backend\n"),
        cause="http_5xx",
    ),
    Part(name="partner-api", service="https", behaviour=behaviours.http("200 OK"), cause="tls_expired"),
    Part(
        name="inventory",
        service="http",
        behaviour=behaviours.http("200 OK"),
        told=((_GONE,), (_HERE,)),
        cause="dns_stale_answer",
    ),
    Part(
        name="coupons",
        service="http",
        behaviour=behaviours.http("200 OK"),
        told=((_GONE, _HERE), (_GONE, _HERE)),
        cause="one_address_dead",
    ),
)

_BROKEN = sum(part.cause is not None for part in CAST)
INTRODUCTION = f"{len(CAST)} servers on loopback, {_BROKEN} of them broken on purpose; nothing leaves this machine.\n"
CONCLUSION = f"\nThe demonstration worked: each of the {len(CAST)} was found to be what it was made to be."


def run(*, progress: bool) -> tuple[Report, bool]:
    """The check of the whole cast; the report, and whether Ctrl-C ended it."""
    with ExitStack() as sockets:
        places = [sockets.enter_context(closing(_place(part, number))) for number, part in enumerate(CAST, _FIRST)]
        name_servers = [sockets.enter_context(closing(_name_server(index))) for index in range(len(_NAME_SERVERS))]
        with serving(*places, *name_servers):
            # Whatever proxy the environment names leads away from here.
            return commands.run(_plan(places, name_servers), progress=progress, environment={})


def surprises(report: Report) -> tuple[str, ...]:
    """What is not as the cast has it, a line a target; nothing when the demonstration has worked."""
    results = {result.name: result for result in report.targets}
    causes = {finding.id: finding.cause for finding in report.findings}
    lines = []
    for part in CAST:
        result = results[part.name]
        found = result.verdict, next((causes[finding] for finding in result.findings), None)
        expected = part.verdict, part.cause
        if found != expected:
            lines.append(f"{part.name}: {_said(*found)}, and should be {_said(*expected)}")
    return tuple(lines)


def _said(verdict: str, cause: str | None) -> str:
    return f"{verdict} ({cause})" if cause else verdict


def _place(part: Part, number: int) -> Place:
    tls = certificate.context() if is_tls(part.service, 0) else None
    return Place.at(f"{_HERE}{number}", f"{_GONE}{number}", part.behaviour, tls)


def _name_server(index: int) -> NameServer:
    records = {
        part.host: tuple(f"{network}{number}" for network in part.told[index])
        for number, part in enumerate(CAST, _FIRST)
        if part.told[index]
    }
    return NameServer.at(_NAME_SERVERS[index], records, {part.host for part in CAST if part.long_answer})


def _plan(places: Sequence[Place], name_servers: Sequence[NameServer]) -> Plan:
    expected = TlsExpectation(ca=certificate.CERTIFICATE)
    return Plan(
        name="demo",
        targets=tuple(
            Target(name=part.name, host=part.host, port=place.port, service=part.service, path=part.path, tls=expected)
            for part, place in zip(CAST, places, strict=True)
        ),
        networks=(Network(name="loopback", cidr=_NETWORK),),
        name_servers=tuple(server.address for server in name_servers),
        # Short, for who hangs is waited for; long enough for a busy machine to be no fault.
        limits=Limits(deadline=20.0, connect_timeout=2.0),
        slow=Slow(service=0.8),
    )
