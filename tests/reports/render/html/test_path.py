"""The way to a target as a picture: what was observed proves stations, and a finding says at which one it breaks."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.causes import CAUSES
from reports.evidence import Evidence
from reports.failures import Failure
from reports.model import Candidate, Finding, Network, Plan, Target, Vantage
from reports.render.html import path, picture
from tests.reports import samples, strategies
from tests.reports.building import connected, seen

ENI = Network(name="vswitch-a", cidr="10.10.1.0/24", enis=("10.10.1.10",))
METASTORE = Target(name="metastore", host="10.10.2.30", port=9083, service="hive-metastore", via="vpc")
NAMENODE = Target(name="namenode", host="10.10.2.30", port=8020, service="hdfs-namenode", via="vpc")
PARTNER = Target(name="partner", host="198.51.100.20", port=443, service="https", via="internet")


def silent(target=METASTORE, source="10.10.1.10"):
    """SYNs without an answer."""
    return seen(
        "tcp",
        "connect",
        target.name,
        target.address,
        duration_s=3.0,
        failure=Failure.TIMED_OUT,
        ip=target.host,
        port=target.port,
        source=source,
        syns=3,
    )


def hop(ttl, sender=None, *, reached=False, target=METASTORE):
    """What came back for a SYN that lives so long."""
    facts = {"from": sender} if sender else {}
    return seen(
        "path",
        "hop",
        target.name,
        target.address,
        failure=None if sender else Failure.TIMED_OUT,
        ip=target.host,
        ttl=ttl,
        **facts,
        **({"reached": True} if reached else {}),
    )


def blamed(cause, confidence=0.9, severity=None, **others):
    """A finding of this cause, ``others`` the shares of its candidates."""
    entry = CAUSES[cause]
    candidates = tuple(Candidate(cause=code, confidence=share) for code, share in others.items())
    return Finding(
        cause=cause,
        layer=entry.layer,
        severity=severity or entry.severity,
        confidence=confidence,
        targets=("metastore",),
        candidates=candidates,
    )


def way(observations, finding=None, target=METASTORE, targets=(METASTORE, NAMENODE), runtime="udf"):
    """The way to a target, as a job with an ENI sees it."""
    plan = Plan(name="p", runtime=runtime, targets=(*targets, PARTNER), networks=(ENI,))
    return path.way_of(Evidence(plan, Vantage(kind="udf"), observations).cases[target.name], finding)


def states(found):
    """The state of each station by its kind; of several routers the last."""
    return {station.kind: station.state for station in found.stations}


def test_solid_as_far_as_it_was_proved_red_where_it_breaks_and_dashed_behind():
    """A security group that drops: the ENI is used, the same host answers at another port, and nothing of the rest."""
    found = way([silent(), connected("namenode", "10.10.2.30", 8020)], blamed("sg_drop"))
    assert [(one.title, one.state) for one in found.stations] == [
        ("UDF", "proved"),
        ("ENI, vswitch-a", "proved"),
        ("route", "proved"),
        ("security group", "broken"),
        ("host", "proved"),
        ("hive-metastore", "unknown"),
    ]
    assert found.links == ("proved", "proved", "broken", "unknown", "unknown")
    assert found.stations[3].note == "sg_drop 90 %"


def test_without_any_answer_nothing_before_the_break_is_called_proved():
    """The finding alone proves nothing: neither the routers, nor the group that they would have to reach."""
    found = way([silent()], blamed("host_down"))
    assert states(found) == {
        "job": "proved",
        "way": "proved",
        "router": "unknown",
        "filter": "unknown",
        "host": "broken",
        "service": "unknown",
    }
    assert found.links == ("proved", "unknown", "unknown", "broken", "unknown")


def test_routers_that_were_heard_are_proved_one_by_one():
    """A trace whose second hop is silent: the first router passed the SYN on, and behind it may be the break."""
    found = way([silent(), hop(1, "10.10.1.1"), hop(2)], blamed("blackhole_route"))
    routers = [(one.title, one.detail, one.state) for one in found.stations if one.kind == "router"]
    assert routers == [("router", "10.10.1.1", "proved"), ("behind it", "", "broken")]


def test_many_routers_are_one_station():
    """More than three would push the rest out of sight."""
    hops = [hop(ttl, f"10.10.{ttl}.1") for ttl in range(1, 7)]
    [router] = [one for one in way([silent(), *hops]).stations if one.kind == "router"]
    assert (router.title, router.detail) == ("6 routers", "10.10.1.1 to 10.10.6.1")


def test_a_router_that_says_no_is_where_it_breaks():
    """Whoever answers with an ICMP error is named, and the way is red up to him."""
    refused = evolve(silent(), failure=Failure.NETWORK_UNREACHABLE)
    refused.facts["icmp_from"] = "10.10.1.1"
    found = way([refused], blamed("router_no_route"))
    assert [(one.detail, one.state) for one in found.stations if one.kind == "router"] == [("10.10.1.1", "broken")]


def test_a_name_without_an_address_breaks_before_anything_is_sent():
    """Behind the name servers nothing is known."""
    target = evolve(METASTORE, host="emr-header-1")
    asked = seen(
        "dns", "query", None, "10.10.1.2:53", failure=Failure.DNS_NXDOMAIN, name="emr-header-1", server="10.10.1.2"
    )
    found = way([asked], blamed("dns_nxdomain"), target=target, targets=(target,))
    assert states(found)["names"] == "broken"
    assert {one.state for one in found.stations[2:]} == {"unknown"}


def test_candidates_are_suspected_where_they_would_break_it():
    """What could not be told apart stands where it would be, with its share; what is unlikely is left out."""
    found = way([silent()], blamed("host_firewall_drop", 0.6, sg_drop=0.3, blackhole_route=0.02))
    assert states(found) | {"way": ""} == {
        "job": "proved",
        "way": "",
        "router": "unknown",
        "filter": "suspected",
        "host": "broken",
        "service": "unknown",
    }
    assert next(one.note for one in found.stations if one.kind == "filter") == "or sg_drop 30 %"


def test_a_missing_interface_is_shown_as_missing():
    """The job's traffic does not come from the vSwitch: there is no ENI to be named."""
    found = way([silent(source="172.16.0.9")], blamed("eni_missing"))
    assert [(one.title, one.detail, one.state) for one in found.stations if one.kind == "way"] == [
        ("ENI", "none seen", "broken")
    ]


def test_somebody_who_accepts_in_its_place_proves_nothing_of_the_target():
    """A SYN that expires at the first hop was accepted all the same: group, host and service stay unknown."""
    accepted = connected("metastore", "10.10.2.30", 9083)
    found = way([accepted, hop(1, "10.10.2.30", reached=True)])
    assert {kind: states(found)[kind] for kind in ("filter", "host", "service")} == dict.fromkeys(
        ("filter", "host", "service"), "unknown"
    )


def test_a_warning_impairs_a_station_and_breaks_none():
    """A name server that is slow: everything behind it was seen to work, and stays proved."""
    exchanged = seen("service", "exchange", "metastore", "10.10.2.30:9083", service="hive-metastore", bytes_in=9)
    found = way([connected("metastore", "10.10.2.30", 9083), exchanged], blamed("packet_loss"))
    assert states(found) == {
        "job": "proved",
        "way": "proved",
        "router": "impaired",
        "filter": "proved",
        "host": "proved",
        "service": "proved",
    }
    assert set(found.links) == {"proved"}


def test_what_impairs_the_path_does_not_cut_it():
    """Large packets vanish, small ones pass: the handshake that came about counts, though the finding is critical."""
    hangs = seen("service", "exchange", "metastore", "10.10.2.30:9083", failure=Failure.TIMED_OUT)
    found = way([connected("metastore", "10.10.2.30", 9083), hangs], blamed("pmtu_black_hole"))
    assert (states(found)["router"], states(found)["host"], states(found)["service"]) == ("broken", "proved", "unknown")


def test_this_machine_has_no_security_group_before_itself():
    """A target on loopback has neither routers nor a group on its way."""
    here = Target(name="metastore", host="127.0.0.1", port=9083, service="hive-metastore")
    found = way(
        [connected("metastore", "127.0.0.1", 9083, source="127.0.0.1")], target=here, targets=(here,), runtime="host"
    )
    assert [one.kind for one in found.stations] == ["job", "host", "service"]


def test_the_way_out_is_named_by_the_address_that_the_outside_sees():
    """Of the Internet the outbound proxy is a station, with the address that the echo named."""
    echo = seen("egress", "address", None, "198.51.100.9:80", seen="203.0.113.8", via="direct")
    found = way([connected("partner", "198.51.100.20", 443), echo], target=PARTNER)
    assert [(one.title, one.detail, one.state) for one in found.stations if one.kind == "way"] == [
        ("outbound proxy", "203.0.113.8", "proved")
    ]


def test_through_an_http_proxy_there_is_the_proxy_and_the_target():
    """What lies behind the proxy is not this machine's to see."""
    proxy = evolve(connected("partner", "10.0.0.1", 3128), step="connect_proxy")
    denied = seen("http", "proxy", "partner", "10.0.0.1:3128", failure=Failure.PROXY_DENIED, status=403)
    found = way([proxy, denied], blamed("proxy_denied"), target=PARTNER)
    assert [(one.kind, one.state) for one in found.stations] == [
        ("job", "proved"),
        ("way", "broken"),
        ("host", "unknown"),
        ("tls", "unknown"),
        ("service", "unknown"),
    ]


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_its_place(cause):
    """Whatever the catalogue names is marked at one station, also where the way has none of the right kind."""
    named = evolve(METASTORE, host="emr-header-1")
    asked = seen("dns", "query", None, "10.10.1.2:53", name=named.host, server="10.10.1.2", addresses="10.10.2.30")
    for target, observations in ((METASTORE, []), (PARTNER, []), (named, [asked])):
        targets = () if target == PARTNER else (target,)
        for runtime in ("udf", "host"):
            found = way([silent(target), *observations], blamed(cause), target, targets, runtime)
            marked = [one.kind for one in found.stations if one.state in ("broken", "impaired")]
            assert len(marked) == 1
            if path.place_of(cause) in {one.kind for one in found.stations}:
                assert marked == [path.place_of(cause)]


def test_the_sentence_says_what_the_picture_shows():
    """For who does not see it: each station once, under what is known of it."""
    assert way([silent()], blamed("sg_drop", host_down=0.1)).told == (
        "proved: UDF 10.10.1.10, ENI, vswitch-a 10.10.1.10; breaks at: security group (sg_drop 90 %); "
        "or at: host 10.10.2.30 (or host_down 10 %); not known: route, hive-metastore :9083"
    )


@settings(max_examples=150, deadline=None)
@given(strategies.reports, st.randoms())
def test_any_report_has_ways_and_drawings_whatever_the_order_of_its_observations(report, chance):
    """Nothing raises; links join stations; and observations in another order give the same."""
    mixed = list(report.observations)
    chance.shuffle(mixed)
    ways = []
    for observations in (report.observations, mixed):
        cases = Evidence(report.run.plan, report.vantage, observations).cases
        ways.append([path.way_of(case, finding) for case in cases.values() for finding in (None, *report.findings)])
    assert ways[0] == ways[1]
    for one in ways[0]:
        assert len(one.links) == len(one.stations) - 1
        for drawn in (picture.wide(one), picture.tall(one)):
            assert all(0 <= stop.x <= drawn.width and 0 <= stop.y <= drawn.height for stop in drawn.stops)


def test_words_of_a_picture_fit_their_station():
    """What is long keeps its beginning and its end; the whole of it is in the station itself."""
    target = Target(name="metastore", host="2001:db8:1234:5678:9abc:def0:1234:5678", port=9083, via="vpc")
    drawn = picture.wide(way([silent(target)], target=target, targets=(target,)))
    [host] = [stop for stop in drawn.stops if stop.station.kind == "host"]
    assert host.detail.startswith("2001:db8:")
    assert host.detail.endswith("5678")
    assert len(host.detail) < len(host.station.detail) == len(target.host)


def test_the_designs_example():
    """The report of the design: metastore breaks at the security group, or at the firewall of its host."""
    report = samples.nightly()
    case = Evidence(report.run.plan, report.vantage, report.observations).cases["metastore"]
    found = path.way_of(case, report.findings[0])
    assert (states(found)["filter"], states(found)["host"]) == ("broken", "suspected")
