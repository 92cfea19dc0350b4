"""What this machine's policy rules, packet filter and local ports explain, and what they do not."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

IT = Target(name="it", host="10.10.2.40", port=3306, via="vpc")
CONTROL = Target(name="control", host="10.10.3.20", port=2181, via="vpc")
NETWORKS = (Network(name="vswitch-a", cidr="10.10.1.0/24"), Network(name="vswitch-b", cidr="10.10.2.0/24"))
RULE = "100: from all to 10.10.2.0/24 lookup 100"
BUSY = seen("local", "pressure", None, None, tcp_in_use=10, tcp_time_wait=80, tcp_orphans=0)
LIMITS = seen("local", "limits", None, None, ports_low=40000, ports_high=40099)


def interface(name="eth1", address="10.10.1.10/24", **facts):
    """One of this machine's."""
    return seen("local", "interface", None, name, **{"name": name, "up": True, "addresses": address, **facts})


def answers(one=CONTROL):
    """A target that is reached."""
    return (
        connected(one.name, one.host, one.port),
        seen("service", "exchange", one.name, one.address, phase="greeting", bytes_in=0, answers=False),
    )


def fails(failure, one=IT, **facts):
    """A handshake that does not come about."""
    facts = {"ip": one.host, "port": one.port, "source": "10.10.1.10", "syns": 2, **facts}
    return seen("tcp", "connect", one.name, one.address, failure=failure, duration_s=1.5, **facts)


def way(ip=IT.host, failure=None, **facts):
    """What this machine does with the address."""
    return seen("local", "way", None, ip, failure=failure, ip=ip, **facts)


def diagnosed(*observations, targets=(IT, CONTROL), vantage="udf"):
    """The diagnosis of these."""
    return diagnose(Plan(name="p", targets=targets, networks=NETWORKS), Vantage(kind=vantage), observations)


def first(diagnosis):
    """The finding that comes first."""
    return diagnosis.findings[0]


def reasons(diagnosis):
    """Its reasons as one text."""
    return "; ".join(first(diagnosis).because)


def test_a_policy_rule_is_named_where_it_sends_the_traffic_elsewhere():
    """The rule and its table's route, in the reasons and in what to change."""
    other = way(interface="eth0", gateway="10.0.0.1", route="default", table="100", rule=RULE)
    eni = interface()
    diagnosis = diagnosed(eni, interface("eth0", "10.0.0.2/24"), *answers(), fails(Failure.TIMED_OUT), other)

    assert first(diagnosis).cause == "wrong_route"
    assert f"the policy rule `{RULE}` (with the route default in that table) sends 10.10.2.40 out" in reasons(diagnosis)
    assert RULE in first(diagnosis).remedy.text
    assert "leaves by eth1" in first(diagnosis).remedy.text


def test_without_a_policy_rule_the_default_route_is_nobodys_fault():
    """That a private address leaves by the default route says nothing against a route."""
    other = way(interface="eth0", gateway="10.0.0.1", route="default", table="main")
    diagnosis = diagnosed(interface(), interface("eth0", "10.0.0.2/24"), *answers(), fails(Failure.TIMED_OUT), other)

    assert "wrong_route" not in {finding.cause for finding in diagnosis.findings}


@pytest.mark.parametrize(
    ("gateway", "accused"), [("10.10.1.99", True), ("10.10.1.1", False)], ids=["another gateway", "the same gateway"]
)
def test_another_gateway_than_that_of_those_that_answer(gateway, accused):
    """A policy rule that leads out of the same interface is suspected only where its gateway is another one."""
    usual = way(CONTROL.host, interface="eth1", gateway="10.10.1.1", route="default", table="main")
    odd = way(interface="eth1", gateway=gateway, route="default", table="100", rule=RULE)
    diagnosis = diagnosed(interface(), *answers(), fails(Failure.TIMED_OUT), usual, odd, vantage="host")

    assert (first(diagnosis).cause == "wrong_route") is accused
    assert first(diagnosis).confidence < 0.9


def test_ways_are_compared_where_one_is_odd():
    """Then the way to what answers is asked for, and it is not where nothing is odd."""
    odd = way(interface="eth1", gateway="10.10.1.99", route="default", table="100", rule=RULE)
    plain = way(interface="eth1", gateway="10.10.1.1", route="default", table="main")
    want = Want("local", "way", address=CONTROL.host)
    parts = (interface(), *answers(), fails(Failure.TIMED_OUT))

    assert want in diagnosed(*parts, odd).wanted
    assert want not in diagnosed(*parts, plain).wanted


@pytest.mark.parametrize(
    "failure", [Failure.LOCAL_ROUTE_REJECTS, Failure.LOCAL_NO_ROUTE], ids=["prohibit", "unreachable"]
)
def test_a_policy_rule_that_rejects(failure):
    """It is named; that there is no default route is ruled out."""
    rule = "102: from all to 10.10.2.40 unreachable"
    diagnosis = diagnosed(interface(), *answers(), fails(failure, immediate=True), way(failure=failure, rule=rule))
    cleared = {cause for one in diagnosis.cleared for cause in one.causes}

    assert first(diagnosis).cause == "local_reject_route"
    assert first(diagnosis).confidence > 0.99
    assert rule in first(diagnosis).remedy.text
    assert ("no_default_route" in cleared) is (failure is Failure.LOCAL_NO_ROUTE)


def test_a_route_that_rejects_in_another_table():
    """The policy rule that leads to the table, and the route in it."""
    refused = Failure.LOCAL_ROUTE_REJECTS
    met = way(failure=refused, rule=RULE, route="10.10.2.0/24", table="100")
    diagnosis = diagnosed(interface(), *answers(), fails(refused, immediate=True), met)

    assert f"the policy rule `{RULE}` (with the route 10.10.2.0/24 in that table) of this machine" in reasons(diagnosis)


def test_no_route_beside_a_default_route():
    """Where policy rules cannot be read, something before the default route rejects."""
    routes = seen("local", "routes", None, None, default4=True, default6=False)
    diagnosis = diagnosed(routes, *answers(), fails(Failure.LOCAL_NO_ROUTE, immediate=True))

    assert first(diagnosis).cause == "local_reject_route"
    assert [one.cause for one in first(diagnosis).candidates] == ["no_default_route"]


def test_the_rule_of_the_output_chain():
    """It is asked for where the kernel could not send, and named where it was read."""
    held = (interface(), *answers(), fails(Failure.TIMED_OUT, unsent=1))
    met = {"chain": "inet filter output", "expression": "tcp dport 3306 drop", "verdict": "drop", "certain": True}
    rule = seen("local", "filter_rule", "it", IT.address, ip=IT.host, **met)
    before, after = diagnosed(*held), diagnosed(*held, rule)

    assert Want("local", "filter") in before.wanted
    assert "nft list ruleset" in first(before).remedy.text
    assert first(after).cause == "local_firewall_drop"
    assert "its rule `tcp dport 3306 drop` in the chain inet filter output does so" in reasons(after)
    assert "(`tcp dport 3306 drop` in the chain inet filter output)" in first(after).remedy.text


def test_the_filter_is_not_asked_for_on_silence_alone():
    """A SYN that left says nothing against this machine."""
    assert Want("local", "filter") not in diagnosed(interface(), *answers(), fails(Failure.TIMED_OUT)).wanted


def ports(busiest=CONTROL.address, taken=85):
    """Who takes the local ports."""
    facts = {"busiest": busiest, "busiest_taken": taken, "busiest_time_wait": taken - 1}
    return seen("local", "ports", None, None, taken=90, **facts)


@pytest.mark.parametrize(
    ("taken", "again", "severity"),
    [(85, 1, "warning"), (60, 1, "info"), (60, 2, "warning"), (49, 2, None)],
)
def test_few_local_ports_are_left(taken, again, severity):
    """A warning from 80 % on, or from half on where SYNs had to be sent again; below half nothing is told."""
    handshake, exchange = answers()
    handshake = evolve(handshake, id="", facts={**handshake.facts, "syns": again})
    diagnosis = diagnosed(LIMITS, BUSY, ports(taken=taken), handshake, exchange, targets=(CONTROL,))
    told = {finding.cause: finding.severity for finding in diagnosis.findings}

    assert told.get("local_pressure") == severity


def test_another_destination_has_ports_of_its_own():
    """Said of the target that they are taken for; of all where it is none of the plan's."""
    of_control = diagnosed(LIMITS, BUSY, ports(), *answers(), *answers(IT))
    of_nobody = diagnosed(LIMITS, BUSY, ports("192.0.2.9:443"), *answers(), *answers(IT))

    assert first(of_control).targets == ("control",)
    assert set(first(of_nobody).targets) == {"it", "control"}
    assert "connections to 10.10.3.20:2181 take 85 of the 100 local ports, 84 of them in TIME_WAIT" in reasons(
        of_control
    )


def test_who_takes_ports_is_asked_where_there_are_many_sockets():
    """Not on a quiet machine, nor where the kernel does not say how many ports there are."""
    want = Want("local", "ports")
    quiet = seen("local", "pressure", None, None, tcp_in_use=10, tcp_time_wait=0, tcp_orphans=0)

    assert want in diagnosed(LIMITS, BUSY, *answers()).wanted
    assert want not in diagnosed(LIMITS, quiet, *answers()).wanted
    assert want not in diagnosed(BUSY, *answers()).wanted


def test_the_vswitch_is_named():
    """Of an interface that is down, and of one that is missing."""
    down = diagnosed(interface(up=False), fails(Failure.LOCAL_NO_ROUTE, immediate=True), targets=(IT,))
    missing = diagnosed(interface("eth0", "10.0.0.2/24"), fails(Failure.TIMED_OUT), targets=(IT,))

    assert "eth1 (10.10.1.10/24 in vswitch-a) is down" in reasons(down)
    assert "no interface here is in vswitch-a (10.10.1.0/24), vswitch-b (10.10.2.0/24)" in reasons(missing)
