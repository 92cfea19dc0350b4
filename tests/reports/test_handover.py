import pytest
from attrs import evolve

from reports.model import OWNERS
from reports.redact import redact
from reports.render.handover import message
from tests.reports import samples
from tests.reports.test_sweep_text import report as swept_report
from tests.reports.test_sweep_text import swept

NETWORK = """\
Subject: nightly-etl: metastore: the destination's security group drops this source silently

The job nightly-etl was checked by linkdoctor 0.1.0 on 2026-11-24 08:00:00 UTC within 3.2 s, run
r-6d0f5b1c9a3e.
From: a UDF in cn-hangzhou, ENI 10.10.1.10 (vswitch-a)
vSwitch: vswitch-a 10.10.1.0/24

the destination's security group drops this source silently (sg_drop, 78 % sure)
   To:         metastore: emr-header-1:9083 = 10.10.2.30, over the VPC
   Seen:       2026-11-24 08:00:00 UTC
   Evidence:   3 SYNs to 10.10.2.30:9083 in 3.0 s, no answer of any kind
               10.10.2.30:8020, the same host, answers in 0.4 ms: host, route and ENI are fine
               the trace passes 10.10.1.1 and ends behind it
   Ruled out:  host_down, blackhole_route, eni_missing: 10.10.2.30:8020 answers
               dns_stale_answer: both name servers give 10.10.2.30
   Or:         host_firewall_drop 15 %, ip_whitelist_mismatch 7 %: a check from a host in
               vswitch-a would tell
   Request:    in the security group of emr-header-1 allow inbound TCP 9083 from 10.10.1.0/24,
               the vSwitch and not the ENI addresses, which may change

    protocol TCP, port 9083/9083, source 10.10.1.0/24, policy accept, direction ingress

   See:        MaxCompute, network connection process: access over a VPC, step 4
   Check:      whether the network link was made with a basic security group (network connection
               page, step 2)
   Surer:      check once more from a host in the destination's own security group

To verify afterwards, from the same place:

    linkdoctor check nightly-etl.yaml --again 'last run.json'
"""


def test_the_whole_message():
    """Who was not there learns what fails since when, from where to where, the evidence, the request, how to verify."""
    text = message(samples.nightly(), "network", command="linkdoctor check nightly-etl.yaml", saved_as="last run.json")

    assert text == NETWORK


def test_what_is_to_be_pasted_is_whole():
    """Statements stand on lines of their own, however long."""
    statement = "set odps.internet.access.list=" + ",".join(f"host{n}.example:443" for n in range(30)) + ";"
    report = samples.nightly()
    finding = report.findings[0]
    report = evolve(report, findings=(evolve(finding, remedy=evolve(finding.remedy, snippet=statement)),))
    lines = message(report, "network").splitlines()

    assert f"    {statement}" in lines


def test_several_findings_are_numbered():
    """One message for one owner, whatever it holds."""
    text = message(samples.no_eni(), "job author")

    assert "\n1. there is no ENI in the VPC" in text
    assert "\n2. this machine is out of descriptors" in text
    assert text.startswith("Subject: wide-job: worker-0001-0060: there is no ENI in the VPC")


def test_many_targets_are_bounded():
    """A ticket names the first ones with their addresses, then ranges."""
    text = message(samples.no_eni(300), "job author")

    assert "               worker-0020: 10.20.0.20:16020\n               and 280 more: worker-0021-0300\n" in text


def test_many_findings_are_bounded():
    """Of a thousand findings alike three are told in full; the targets of the others are named."""
    text = message(samples.scattered(3000), "DBA")

    assert text.count("Evidence:") == 3
    assert "The same, service_not_listening, at 997 more targets: 10.30.0.11:7000, " in text
    assert "The run was cut short" in text
    assert len(text) < 10_000


def test_nothing_for_this_owner():
    """Then the message says so, and who has something to do."""
    assert message(samples.no_eni(), "DBA") == (
        "Nothing in this report is for DBA: there is something for job author (2 findings), network (1 finding).\n"
    )
    assert message(samples.healthy(), "DBA") == "Nothing in this report is for DBA.\n"


@pytest.mark.parametrize("redacted", [False, True])
def test_a_sweep(redacted):
    """It is about networks, and says which; nobody's job was checked."""
    made = swept_report(swept(hosts=[*range(1, 64), *range(128, 253)]))
    text = message(redact(made) if redacted else made, "network", verify="linkdoctor sweep x")

    assert text.startswith("Subject: nightly-etl: vswitch-b: a part of the CIDR is silent while the rest answers\n")
    assert "linkdoctor 0.1.0 asked who answers in vswitch-b on 2026-" in " ".join(text.split())
    assert "   To:         vswitch-b\n" in text


def test_an_owner_that_does_not_exist():
    """The error names those who have something to do."""
    with pytest.raises(ValueError, match=r"no owner 'boss'; there is something for network \(1 finding\)$"):
        message(samples.nightly(), "boss")
    with pytest.raises(ValueError, match="no owner 'boss'; the owners are job author, project administrator, network"):
        message(samples.healthy(), "boss")


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("name", samples.ALL)
def test_text_from_outside_is_only_text(name, owner):
    """What servers and plans say is escaped: no control, no forged line."""
    text = message(samples.ALL[name](), owner)

    assert not [char for char in text if not char.isprintable() and char != "\n"]
