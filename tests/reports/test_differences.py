"""What changed between two runs: each kind of change, whom it concerns, and what explains a break best."""

import io
import json

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from reports.differences import compare, dumps
from reports.differences.kinds import KINDS
from reports.differences.model import BESIDE, BROKE, FATES, LIKELIHOODS, LIKELY, MENDED, OPEN, OTHER, POSSIBLE, STAYED
from reports.failures import Failure
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    UNDETERMINED,
    Egress,
    Finding,
    Limits,
    Network,
    Plan,
    Setting,
    Target,
    TargetResult,
    Vantage,
    worst,
)
from reports.render.changes import render
from reports.render.text import open_console
from reports.vpc.model import Inventory, Rule, SecurityGroup
from tests.reports import samples
from tests.reports.building import STARTED, connected, report_of, seen
from tests.reports.strategies import reports

ENI = "10.10.1.10"


def looked(
    *names, causes=None, verdicts=None, plan=None, vantage=None, more=(), host="10.10.2.{}", rtt_s=0.0004, **run
):
    """A run over targets of the VPC, ``db-1`` at 10.10.2.1 and so on; what has a cause fails, silent."""
    causes = causes or {}
    targets = tuple(Target(name=name, host=host.format(place), port=3306) for place, name in enumerate(names, 1))
    observations, findings, results = list(more), [], []
    for target in targets:
        failing = target.name in causes
        verdict = (verdicts or {}).get(target.name, FAILING if failing else HEALTHY)
        if failing:
            found = seen(
                "tcp", "connect", target.name, target.address, failure=Failure.TIMED_OUT, ip=target.host, source=ENI
            )
            findings.append(
                Finding(
                    id=f"f-{target.name}",
                    cause=causes[target.name],
                    layer="filter",
                    severity="critical",
                    confidence=0.9,
                    targets=(target.name,),
                    because=(f"{target.address} is silent",),
                )
            )
        else:
            time = rtt_s[target.name] if isinstance(rtt_s, dict) else rtt_s
            found = connected(target.name, target.host, 3306, rtt_s=time)
        observations.append(found)
        results.append(
            TargetResult(
                name=target.name,
                address=target.address,
                verdict=verdict,
                findings=(f"f-{target.name}",) if failing else (),
            )
        )
    made = report_of(
        evolve(plan or Plan(name="nightly-etl"), targets=targets),
        vantage or Vantage(kind="udf", host="worker"),
        results,
        observations,
        findings=tuple(findings),
        verdict=worst(tuple(result.verdict for result in results)),
    )
    return evolve(made, run=evolve(made.run, **run))


def told(changes):
    """The differences in short, best first."""
    return [(one.kind, one.subject, one.before, one.after, one.likelihood) for one in changes.differences]


def printed(changes, width=100):
    """What is printed at this width, without colour."""
    file = io.StringIO()
    render(changes, open_console(file, width))
    return file.getvalue()


# --- what became of the targets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "fate"),
    [
        (HEALTHY, HEALTHY, None),
        (HEALTHY, DEGRADED, BROKE),
        (HEALTHY, FAILING, BROKE),
        (DEGRADED, FAILING, BROKE),
        (None, FAILING, BROKE),
        (None, HEALTHY, None),
        (FAILING, HEALTHY, MENDED),
        (FAILING, DEGRADED, MENDED),
        (UNDETERMINED, HEALTHY, MENDED),
        (FAILING, FAILING, STAYED),
        (UNDETERMINED, UNDETERMINED, STAYED),
        (UNDETERMINED, FAILING, OTHER),
        (HEALTHY, UNDETERMINED, OPEN),
        (FAILING, UNDETERMINED, OPEN),
        (FAILING, None, OPEN),
        (HEALTHY, None, None),
    ],
)
def test_what_becomes_of_a_target(before, after, fate):
    """By its two verdicts; what was and is healthy, or has left a plan in health, is not told of."""

    def run(verdict):
        names = ["other"] if verdict is None else ["other", "db"]
        ill = {"db": "sg_drop"} if verdict not in (None, HEALTHY, UNDETERMINED) else {}
        return looked(*names, causes=ill, verdicts={"db": verdict})

    changes = compare(run(before), run(after))
    assert [(one.target, one.fate) for one in changes.targets] == ([("db", fate)] if fate else [])
    assert changes.healthy == (2 if before == after == HEALTHY else 1)


def test_another_cause():
    """As bad as before, and for another reason."""
    changes = compare(looked("db", causes={"db": "sg_drop"}), looked("db", causes={"db": "host_down"}))
    (one,) = changes.targets

    assert (one.fate, one.before.cause, one.after.cause) == (OTHER, "sg_drop", "host_down")
    assert (one.after.stage, one.after.failure, one.after.words) == ("connect", "timed_out", "10.10.2.1:3306 is silent")


# --- kinds of changes -------------------------------------------------------------------------------------------------


def machine(step, address=None, **facts):
    """An observation of this machine."""
    return seen("local", step, None, address, **facts)


def asked(server="10.10.1.2", ips="10.10.2.1", failure=None, **facts):
    """What a name server said of db.example."""
    found = {"name": "db.example", "server": server, "index": 0, "type": "A"} | ({"addresses": ips} if ips else {})
    return seen("dns", "query", None, f"{server}:53", failure=failure, **found, **facts)


def shaken(issuer="CN=Lab CA", until="2027-11-24T00:00:00Z", **facts):
    """What db showed by TLS."""
    return seen(
        "tls", "handshake", "db", "10.10.2.1:3306", subject="CN=db", issuer=issuer, not_after=until, names="db", **facts
    )


def eni(address=ENI, up=True):
    """The interface into the VPC."""
    return machine("interface", name="eth1", up=up, mtu=1500, addresses=f"{address}/24,fe80::1/64")


def echo(*addresses):
    """What the echo saw."""
    return [seen("egress", "address", None, None, seen=one, via="direct", n=n) for n, one in enumerate(addresses)]


def access(*entries):
    """A plan with this access list."""
    return Plan(name="p", settings=(Setting(key="odps.internet.access.list", value=",".join(entries)),))


def groups(*ports):
    """A plan with an inventory of a security group that admits these ports."""
    rules = tuple(
        Rule(
            place=place,
            direction="ingress",
            policy="accept",
            protocol="tcp",
            ports=f"{port}/{port}",
            source_cidr="10.0.0.0/8",
        )
        for place, port in enumerate(ports, 1)
    )
    inventory = Inventory(region="cn-hangzhou", read=0.0, groups=(SecurityGroup(id="sg-1", rules=rules),))
    return Plan(name="p", inventory=inventory)


SERVED = {"service": "mysql", "bytes_in": 80}
# kind and subject, what is before and what after: keywords of looked(), and how it is told.
CASES = {
    "setting": (
        {"plan": access("a.example:80", "10.10.2.1:3306")},
        {"plan": access("a.example:80", "b.example:80")},
        ("setting", "odps.internet.access.list", "with 10.10.2.1:3306", "with b.example:80"),
    ),
    "setting gone": (
        {"plan": Plan(name="p", settings=(Setting(key="odps.session.networklink", value="one"),))},
        {},
        ("setting", "odps.session.networklink", "one", ""),
    ),
    "setting changed": (
        {"plan": Plan(name="p", settings=(Setting(key="spark.hadoop.odps.session.networklink", value="one"),))},
        {"plan": Plan(name="p", settings=(Setting(key="odps.session.networklink", value="two"),))},
        ("setting", "odps.session.networklink", "one", "two"),
    ),
    "limits": (
        {},
        {"plan": Plan(name="p", limits=Limits(connect_timeout=1.0))},
        ("plan", "limits.connect_timeout", "3.0", "1.0"),
    ),
    "network": (
        {},
        {"plan": Plan(name="p", networks=(Network(name="a", cidr="10.10.1.0/24", enis=(ENI,)),))},
        ("plan", "networks", "none", "a 10.10.1.0/24 10.10.1.10"),
    ),
    "expected": (
        {},
        {"plan": Plan(name="p", egress=Egress(expected=("192.0.2.1",)))},
        ("plan", "egress.expected", "none", "192.0.2.1"),
    ),
    "security group": (
        {"plan": groups(3306, 8020)},
        {"plan": groups(8020)},
        ("cloud", "security group sg-1", "with rule ingress accept tcp 3306/3306 10.0.0.0/8", "without"),
    ),
    "certificate": (
        {"more": [shaken()]},
        {"more": [shaken(issuer="CN=Inspection")]},
        ("certificate", "db", "CN=db of CN=Lab CA, until 2027-11-24", "CN=db of CN=Inspection, until 2027-11-24"),
    ),
    "TLS": (
        {"more": [shaken(version="TLSv1.3")]},
        {"more": [shaken(version="TLSv1.2")]},
        ("protocol", "db", "TLSv1.3", "TLSv1.2"),
    ),
    "version": (
        {"more": [seen("service", "exchange", "db", "10.10.2.1:3306", spoke="mysql", version="8.0.36", **SERVED)]},
        {"more": [seen("service", "exchange", "db", "10.10.2.1:3306", spoke="mysql", version="8.4.0", **SERVED)]},
        ("server", "db", "mysql 8.0.36", "mysql 8.4.0"),
    ),
    "outbound": (
        {"more": echo("203.0.113.7", "203.0.113.8")},
        {"more": echo("203.0.113.8", "203.0.113.9")},
        ("outbound", "direct", "203.0.113.7, 203.0.113.8", "203.0.113.8, 203.0.113.9"),
    ),
    "interface": (
        {"more": [eni()]},
        {"more": [eni(up=False)]},
        ("interface", "eth1", "up, 10.10.1.10/24, mtu 1500", "down, 10.10.1.10/24, mtu 1500"),
    ),
    "interface gone": (
        {"more": [eni()]},
        {},
        ("interface", "eth1", "up, 10.10.1.10/24, mtu 1500", ""),
    ),
    "default route": (
        {"more": [machine("routes", default4=True)]},
        {"more": [machine("routes", default4=False)]},
        ("route", "default route", "there", "none"),
    ),
    "way": (
        {
            "more": [
                machine("way", "10.10.2.1", ip="10.10.2.1", route="10.10.0.0/16", interface="eth1", gateway="10.10.1.1")
            ]
        },
        {"more": [machine("way", "10.10.2.1", ip="10.10.2.1", route="default", interface="eth0", source="10.0.0.2")]},
        ("way", "10.10.2.1", "10.10.0.0/16 by eth1 via 10.10.1.1", "default by eth0 from 10.0.0.2"),
    ),
    "name servers": (
        {"more": [machine("name_servers", servers="10.0.0.1,10.0.0.2")]},
        {"more": [machine("name_servers", servers="10.0.0.2")]},
        ("name server", "servers", "10.0.0.1, 10.0.0.2", "10.0.0.2"),
    ),
    "proxy": (
        {},
        {"more": [machine("proxy", variable="HTTPS_PROXY", proxy="proxy.example:3128")]},
        ("proxy", "HTTPS_PROXY", "", "proxy.example:3128"),
    ),
    "machine": (
        {"more": [machine("limits", descriptors=1024)]},
        {"more": [machine("limits", descriptors=64)]},
        ("machine", "descriptors", "1024", "64"),
    ),
    "hops": (
        {"more": [seen("path", "hop", "db", "10.10.2.1:3306", ttl=ttl, **{"from": f"10.9.0.{ttl}"}) for ttl in (1, 2)]},
        {"more": [seen("path", "hop", "db", "10.10.2.1:3306", ttl=ttl, **{"from": f"10.8.0.{ttl}"}) for ttl in (1, 2)]},
        ("path", "db", "10.9.0.1 > 10.9.0.2", "10.8.0.1 > 10.8.0.2"),
    ),
    "place": (
        {},
        {"vantage": Vantage(kind="host", host="worker")},
        ("vantage", "kind, runtime", "udf", "host"),
    ),
    "version of ours": (
        {},
        {"linkdoctor": "9.9"},
        ("vantage", "linkdoctor", "0.1.0", "9.9"),
    ),
    "round trip": (
        {},
        {"rtt_s": 0.03},
        ("round trip", "db", "0.4 ms", "30 ms"),
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES)
def test_a_change_is_told(before, after, expected):
    """In words from both runs, alone; and backwards the other way round."""
    one, other = looked("db", **before), looked("db", **after)

    assert [row[:4] for row in told(compare(one, other))] == [expected]
    assert compare(one, one).differences == ()
    kind, subject, old, new = expected
    assert told(compare(other, one))[0][:4] == (kind, subject, new, old)


def test_names():
    """Another address, another chain, no address at all, a server that fell silent: each is told by the name."""
    db = {"host": "db.example", "more": [asked(cnames="a.example")]}

    def against(**after):
        return [row[:4] for row in told(compare(looked("db", **db), looked("db", **{**db, **after})))]

    def with_address(ip, **facts):
        return [asked(ips=ip, **facts), connected("db", ip, 3306)]

    assert ("address", "db.example", "10.10.2.1", "10.10.2.99") in against(
        more=with_address("10.10.2.99", cnames="a.example")
    )
    assert against(more=[asked(cnames="b.example")]) == [("alias", "db.example", "a.example", "b.example")]
    assert against(more=[asked(ips="", failure=Failure.DNS_NXDOMAIN)])[0] == (
        "address",
        "db.example",
        "10.10.2.1",
        "dns_nxdomain",
    )
    assert ("name server", "10.10.1.2:53", "answers", "silent") in against(
        more=[asked(ips="", failure=Failure.TIMED_OUT), asked(server="10.10.1.3", cnames="a.example")]
    )


def test_a_certificate_whose_time_is_over():
    """The same certificate is another one when its time has passed between the runs."""
    until = "2026-11-24T12:00:00Z"
    before = looked("db", more=[shaken(until=until)])
    after = looked("db", more=[shaken(until=until)], started=STARTED + 86_400)

    assert told(compare(before, after))[0][3] == "CN=db of CN=Lab CA, until 2026-11-24, which is over"


def test_what_only_one_run_saw():
    """Is no change, but for what each run sees whole; it is counted."""
    changes = compare(looked("db", more=[shaken(version="TLSv1.3")]), looked("db"))

    assert changes.differences == ()
    assert {one.kind: one.count for one in changes.unseen} == {"certificate": 1, "protocol": 1}
    assert {one.kind for one in changes.same} >= {"target", "source", "packet size", "round trip", "vantage"}


def test_another_target_of_the_same_name():
    """It is another place that is looked at."""
    changes = compare(looked("db"), looked("db", host="10.10.9.{}", causes={"db": "sg_drop"}))

    assert told(changes)[0] == ("target", "db", "tcp 10.10.2.1:3306", "tcp 10.10.9.1:3306", LIKELY)


# --- round trips ------------------------------------------------------------------------------------------------------

MANY = tuple(f"db-{number}" for number in range(1, 9))


def times(factor, **apart):
    """Round trips around a millisecond, each a little other than its neighbour's, times a factor."""
    return {name: factor * (0.001 + place / 10_000) for place, name in enumerate(MANY)} | {
        name.replace("_", "-"): value for name, value in apart.items()
    }


def round_trips(before, after):
    """What is told of them."""
    changes = compare(looked(*MANY, rtt_s=before), looked(*MANY, rtt_s=after))
    return [row[1:4] for row in told(changes) if row[0] == "round trip"]


def test_round_trips_together():
    """Where nearly all rose, that is one change; what rose with them is not told again, what stands out is."""
    assert round_trips(times(1), times(4)) == [("8 targets by the VPC", "median 1.4 ms", "median 5.4 ms")]
    assert round_trips(times(4), times(1)) == [("8 targets by the VPC", "median 5.4 ms", "median 1.4 ms")]
    assert round_trips(times(1), times(4, db_3=0.5)) == [
        ("8 targets by the VPC", "median 1.4 ms", "median 5.8 ms"),
        ("db-3", "1.2 ms", "500 ms"),
    ]


def test_noise_is_no_change():
    """Twice as long for some, half for others; a hundred times what nobody can feel."""
    jitter = times(1) | {"db-1": 0.002, "db-2": 0.0005, "db-3": 0.0025}

    assert round_trips(times(1), jitter) == []
    assert round_trips(times(0.01), times(1)) == []
    assert round_trips(times(1), times(1, db_5=0.003)) == []
    assert round_trips(times(1), times(1, db_5=0.05, db_6=0.06)) == [("db-5-6", "1.4 to 1.5 ms", "50 to 60 ms")]


def test_another_address_has_another_round_trip():
    """That is no change of the path."""
    changes = compare(looked("db"), looked("db", host="10.10.9.{}", rtt_s=0.5))

    assert "round trip" not in [one.kind for one in changes.differences]


# --- what explains it -------------------------------------------------------------------------------------------------


def test_what_concerns_exactly_what_broke_comes_first():
    """Before what concerns others too, and what its cause does not come from."""
    names = ("db-1", "db-2", "db-3", "db-4")
    before = looked(*names, more=[machine("limits", descriptors=1024), *echo("203.0.113.7")])
    after = looked(
        *names,
        causes={"db-1": "ip_whitelist_mismatch"},
        more=[machine("limits", descriptors=2048), *echo("203.0.113.8")],
    )
    moved = evolve(
        after,
        observations=tuple(
            evolve(one, facts={**one.facts, "source": "10.10.1.99"}) if one.target == "db-1" else one
            for one in after.observations
        ),
    )
    changes = compare(before, moved)

    assert [(one.kind, one.subject, one.likelihood) for one in changes.differences] == [
        ("source", "db-1", LIKELY),
        ("machine", "descriptors", BESIDE),
        ("outbound", "direct", BESIDE),
    ]
    assert changes.differences[0].because.startswith(
        "it concerns the one target that broke and no other; packets leave"
    )


def test_whom_a_change_of_an_access_list_concerns():
    """The targets whose host came or went; not one whose name only begins alike."""
    before = looked("db-1", "db-2", plan=access("10.10.2.1:3306", "10.10.2.2:3306", "10.10.2.10:3306"))
    after = looked("db-1", "db-2", plan=access("10.10.2.2:3306"), causes={"db-1": "access_list_missing_host"})
    (one,) = compare(before, after).differences

    assert (one.targets, one.likelihood) == (("db-1",), LIKELY)


def test_changes_that_are_alike_are_one():
    """All targets are spoken to from another address: that is one change, and concerns them all."""
    after = looked(*MANY, causes=dict.fromkeys(MANY, "sg_drop"))
    after = evolve(
        after,
        observations=tuple(evolve(one, facts={**one.facts, "source": "10.10.1.99"}) for one in after.observations),
    )
    (one,) = compare(looked(*MANY), after).differences

    assert (one.kind, one.subject, one.before, one.after) == ("source", "db-1-8", ENI, "10.10.1.99")
    assert one.targets == MANY
    assert "it concerns all 8 targets that broke and no other" in one.because


def test_what_mended_it():
    """Where nothing broke, the same is asked of what is mended, by the causes that it had."""
    before = looked("db", "web", causes={"db": "eni_down"}, more=[eni(up=False)])
    changes = compare(before, looked("db", "web", more=[eni()]))

    assert changes.differences[0].kind == "interface"
    assert changes.differences[0].likelihood in (LIKELY, POSSIBLE)
    assert "it concerns the one target that came back, and 1 healthy target beside" in changes.differences[0].because


def test_every_kind_is_complete():
    """Its code is its own, it says why, and it explains nothing for more than certain."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert kind.things
        assert kind.why
        assert all(0 <= share <= 1 for share in kind.explains.values())


# --- any two reports --------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports, reports)
def test_any_two_reports(before, after):
    """Nothing in them makes it raise; every word is of a closed list; the text is printable, and JSON is JSON."""
    changes = compare(before, after)

    assert {one.fate for one in changes.targets} <= set(FATES)
    assert {one.likelihood for one in changes.differences} <= set(LIKELIHOODS)
    assert [one.score for one in changes.differences] == sorted(
        (one.score for one in changes.differences), reverse=True
    )
    assert json.loads(dumps(changes, lines=True)) == json.loads(dumps(changes))
    assert all(line.isprintable() for line in printed(changes).splitlines())


@pytest.mark.parametrize("make", samples.ALL.values(), ids=samples.ALL)
def test_a_report_and_itself(make):
    """Nothing changed, whatever is in it."""
    report = make()
    changes = compare(report, report)

    assert changes.differences == ()
    assert {one.fate for one in changes.targets} <= {STAYED, OPEN}
    assert len(changes.targets) + changes.healthy == len(report.targets)


# --- as a person reads it ---------------------------------------------------------------------------------------------


def test_the_page():
    """What broke, with its cause and how it failed; what explains it; what is the same."""
    text = printed(compare(samples.healthy(), samples.nightly()))

    assert text.splitlines()[0].startswith("nightly-etl")
    assert text.splitlines()[0].endswith("1 broke, of 6 targets")
    assert "✗ metastore   healthy, now failing   emr-header-1:9083" in text
    assert "sg_drop, 78 %; connect: timed out" in text
    assert "Nothing else is other than it was." in text
    assert "the reason lies where a run from here does not look" in text
    assert "source addresses (6)" in text


def test_healthy_and_healthy_is_short():
    """Two lines of the runs, and one that nothing changed, before what was compared."""
    lines = printed(compare(samples.healthy(), samples.healthy())).splitlines()

    assert lines[0].endswith("nothing broke, of 6 targets")
    assert lines[3:6] == ["", "Nothing changed.", ""]
    assert len(lines) < 12


def test_many_targets_are_one_block():
    """What broke alike is told once; more blocks than a page has room for are counted."""
    text = printed(compare(looked(*MANY), looked(*MANY, causes=dict.fromkeys(MANY, "sg_drop"))))
    scattered = compare(samples.healthy(), samples.scattered())

    assert text.count("healthy, now failing") == 1
    assert "db-1-8" in text
    assert "8 broke, of 8 targets" in text
    assert len(printed(scattered).splitlines()) < 60


def test_runs_in_the_wrong_order():
    """It is asked whether that was meant."""
    text = printed(compare(looked("db", started=STARTED + 60), looked("db")))

    assert "The second began before the first" in text
