import ipaddress
import re

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.again import compare, subset
from reports.document import dumps, loads, to_document
from reports.model import (
    Cleared,
    Egress,
    Finding,
    Network,
    Plan,
    Remedy,
    Setting,
    Target,
    TargetResult,
    TlsExpectation,
    Vantage,
)
from reports.redact import Pseudonyms, redact
from tests.reports import samples
from tests.reports.vpc.building import small


def rewritten(text, *hosts):
    """The text with these hosts known."""
    names = Pseudonyms()
    for host in hosts:
        names.add_host(host)
    return names.rewrite(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1:80, 10.0.0.2 and 10.0.0.1", "private-1:80, private-2 and private-1"),
        ("203.0.113.9 is not 10.0.0.9", "public-1 is not private-1"),
        ("from 10.0.0.0/24 to 10.0.0.7/24%eth0", "from net-1 to private-1/24%eth0"),
        ("100.100.2.136", "private-1"),
        ("[2001:db8::1]:443 = 2001:DB8:0:0::1", "public-1:443 = public-1"),
        ("fe80::1%eth0, 2001:db8::/32, ::ffff:10.0.0.1, 10.0.0.1", "private-1%eth0, net-1, private-2, private-2"),
        ("x=:2001:db8::1:", "x=:public-1:"),
        ("a256.10.0.0.1b", "a256.private-1b"),
        (
            "10.0.0.1/10.0.0.1:80, a/2001:db8::1 is down: 10.0.0.0/24.",
            "private-1/private-1:80, a/public-1 is down: net-1.",
        ),
        ("010.000.000.001", "private-1"),
        ("127.0.0.1 ::1 0.0.0.0/0 ::", "127.0.0.1 ::1 0.0.0.0/0 ::"),
        ("08:00:00 of 2026-11-24T08:00:00.123456Z", "08:00:00 of 2026-11-24T08:00:00.123456Z"),
        ("1.22.1 and 300.1.1.1", "1.22.1 and 300.1.1.1"),
        ("cn-hangzhou:vpc-bp1a2b3c4d, sg-bp1a2b3c4d", "cn-hangzhou:vpc-1, sg-1"),
        (
            "00:16:3e:00:00:01 and 00:16:3e:00:00:02 answer ARP for 10.0.0.1, not 00:16:3E:00:00:01",
            "mac-1 and mac-2 answer ARP for private-1, not mac-1",
        ),
        (
            "mac:00:16:3e:00:00:01: (ee:ff:ff:ff:ff:ff, FF:FF:FF:FF:FF:FF)",
            "mac:mac-1: (ee:ff:ff:ff:ff:ff, FF:FF:FF:FF:FF:FF)",
        ),
        ("seven bytes 0a:1b:2c:3d:4e:5f:6a", "seven bytes 0a:1b:2c:3d:4e:5f:6a"),
    ],
)
def test_addresses(text, expected):
    """Every address is replaced wherever it stands, in whatever spelling; what only looks like one stays."""
    assert expected == rewritten(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://db1.corp.example:443/x?y=DB1.Corp.Example.", "https://host-1:443/x?y=host-1."),
        ("Host 'db1' of corp", "Host 'host-1' of corp"),
        ("220-db1.corp.example_ready", "220-host-1_ready"),
        ("emr-header-1, emr-header-10", "host-2, emr-header-10"),
        ("www.host.example is not host.example", "www.host-3 is not host-3"),
        ("mysql, hive-metastore, dns_nxdomain", "mysql, hive-metastore, dns_nxdomain"),
        ("set odps.internet.access.list=db1.corp.example:443;", "set odps.internet.access.list=host-1:443;"),
    ],
)
def test_names(text, expected):
    """A name is replaced whole or by its first label, in any case; words of the trade stay."""
    assert expected == rewritten(text, "db1.corp.example", "emr-header-1", "host.example", "mysql", "localhost")


def test_a_pseudonym_is_nobody_s_name():
    """A host that is called like a pseudonym does not lend its name to another."""
    assert rewritten("host-1 and a.example", "host-1", "a.example") == "host-2 and host-3"


def test_a_report_still_reads_well():
    """The same thing has the same pseudonym in the plan, in what was seen and in the words."""
    report = redact(samples.nightly())
    [finding] = report.findings
    [metastore, *_] = report.run.plan.targets
    [setting] = report.run.plan.settings

    assert (metastore.name, metastore.address, report.targets[0].address) == ("metastore", "host-1:9083", "host-1:9083")
    assert finding.because[0] == "3 SYNs to private-9:9083 in 3.0 s, no answer of any kind"
    assert "of host-1 allow inbound TCP 9083 from net-1," in finding.remedy.text
    assert report.run.plan.networks[0] == Network(
        name="vswitch-a", cidr="net-1", enis=("private-4", "private-5"), ports=(9083, 8020)
    )
    assert setting == Setting(key="odps.session.networklink", value="link-1")
    assert report.vantage.addresses == ("private-4/24%eth1", "private-6/32%eth0")
    assert report.run.plan.region == "cn-hangzhou"


@pytest.mark.parametrize("name", samples.ALL)
def test_only_text_changes(name):
    """Verdicts, causes, numbers and the links between findings and observations stay; the result is a report."""
    report = samples.ALL[name]()
    bare = redact(report)
    seen = {one.id: index for index, one in enumerate(report.observations)}
    seen_now = {one.id: index for index, one in enumerate(bare.observations)}

    assert loads(dumps(bare)) == bare
    assert [result.verdict for result in bare.targets] == [result.verdict for result in report.targets]
    assert [finding.cause for finding in bare.findings] == [finding.cause for finding in report.findings]
    assert [one.duration_s for one in bare.observations] == [one.duration_s for one in report.observations]
    for finding, finding_now in zip(report.findings, bare.findings, strict=True):
        assert [seen[id_] for id_ in finding.evidence] == [seen_now[id_] for id_ in finding_now.evidence]


def test_reports_can_be_compared():
    """Two reports redacted with the same names call the same target the same."""
    names = Pseudonyms()
    before, after = samples.scattered(6), samples.scattered(6)
    after = evolve(after, run=evolve(after.run, plan=subset(after)), targets=after.targets[1:3], observations=())
    rows = compare(redact(before, names), redact(after, names))
    expected = [(row.change, names.rewrite(row.target)) for row in compare(before, after)]

    assert expected == [(row.change, row.target) for row in rows]


def test_ids_say_nothing():
    """An id derives from what was taken out, and could be guessed back: it is numbered anew."""
    report = samples.nightly()
    ids = {report.run.id, *(one.id for one in report.observations), *(finding.id for finding in report.findings)}
    text = dumps(redact(report))

    assert not [id_ for id_ in ids if id_ in text]


def test_an_inventory_is_left_out():
    """What the cloud is made of is nobody else's matter; what was concluded from it reads as before."""
    report = samples.nightly()
    plan = evolve(report.run.plan, inventory=small())

    assert redact(evolve(report, run=evolve(report.run, plan=plan))).run.plan.inventory is None
    assert "rule 7 of sg-1 (sgr-1) in vtb-1, nacl-1 and pl-1" == rewritten(
        "rule 7 of sg-bp1x9d2kf0 (sgr-bp1x9d2kf1) in vtb-bp1x9d2kf2, nacl-bp1x9d2kf3 and pl-bp1x9d2kf4"
    )


def test_a_certificate_of_one_s_own_authority_is_left_out():
    """PEM holds names that no text search finds."""
    report = samples.nightly()
    tls = TlsExpectation(ca="-----BEGIN CERTIFICATE-----", issuer="Corp")
    target = evolve(report.run.plan.targets[0], tls=tls)
    plan = redact(
        evolve(report, run=evolve(report.run, plan=evolve(report.run.plan, tls=tls, targets=(target,))))
    ).run.plan
    expected = TlsExpectation(issuer="Corp")

    assert (expected, expected) == (plan.tls, plan.targets[0].tls)


LABEL = st.from_regex(r"[a-z][a-z0-9]{3,8}(-[a-z0-9]{1,4})?", fullmatch=True)
HOST = st.builds("{}.{}.example".format, LABEL, LABEL)
IPV4 = st.ip_addresses(v=4).filter(lambda ip: not (ip.is_loopback or ip.is_unspecified)).map(str)
IPV6 = st.ip_addresses(v=6).filter(lambda ip: not (ip.is_loopback or ip.is_unspecified)).map(str)
SEPARATOR = st.sampled_from([" ", "'", '"', ", ", "=", "//", "/", "(", "]", "\x1b[31m", "\u4e2d", "\n", "_", "@"])


@st.composite
def sentences(draw, things):
    """Things between separators, as banners and messages hold them."""
    parts = [draw(SEPARATOR) + draw(st.sampled_from(things)) for _ in range(draw(st.integers(1, 3)))]
    return "".join(parts) + draw(SEPARATOR)


@st.composite
def leaky(draw):
    """A report with its hosts and addresses in every corner, and those hosts and addresses."""
    hosts = draw(st.lists(HOST, min_size=3, max_size=4, unique=True))
    ips = draw(st.lists(IPV4 | IPV6, min_size=3, max_size=4, unique=True))
    said = sentences(hosts + ips)
    network = ipaddress.ip_network(f"{ips[0]}/{'24' if '.' in ips[0] else '64'}", strict=False)
    target = Target(name=draw(said), host=hosts[0], port=443, path=draw(said), group=draw(said), admits=(ips[1],))
    plan = Plan(
        name=draw(said),
        settings=(Setting(key="odps.internet.access.list", value=f"{hosts[1]}:443", source=draw(said)),),
        targets=(target, Target(name=ips[2], host=ips[2], port=1)),
        networks=(Network(name="vswitch", cidr=str(network), enis=(ips[0],)),),
        name_servers=(f"[{ips[1]}]:53",),
        egress=Egress(echo=f"http://{hosts[2]}/ip", expected=(ips[0],)),
    )
    seen = samples.seen("service", "exchange", target.name, f"{ips[0]}:443", message=draw(said), cnames=">".join(hosts))
    finding = Finding(
        cause="client_denied",
        layer="service",
        severity="critical",
        confidence=1.0,
        targets=(target.name,),
        summary=draw(said),
        because=(draw(said),),
        remedy=Remedy(text=draw(said), snippet=draw(said), checks=(draw(said),)),
        surer=draw(said),
        id="f",
    )
    vantage = Vantage(host=hosts[1], addresses=(f"{ips[0]}/24%eth0",), name_servers=(ips[1],))
    result = TargetResult(name=target.name, address=f"{hosts[0]}:443", verdict="failing", findings=("f",))
    cleared = Cleared(targets=(target.name,), causes=("sg_drop",), because=draw(said))
    report = samples.report_of(
        plan, vantage, [result], [seen], findings=(finding,), cleared=(cleared,), verdict="failing"
    )
    return report, hosts, ips


def _strings(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


@given(leaky())
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_host_and_no_address_is_left(case):
    """Whatever a report holds, wherever it stands: nothing of it can be found in what is shared."""
    report, hosts, ips = case
    text = "\n".join(_strings(to_document(redact(report)))).lower()

    assert not [host for host in hosts if host in text]
    assert not [ip for ip in ips if re.search(rf"(?<![0-9a-f.:]){re.escape(ip)}(?![0-9a-f.:])", text)]
