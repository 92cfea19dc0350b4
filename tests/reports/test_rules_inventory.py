"""What an inventory adds to a diagnosis: the rule by its number, the rule to add, and what contradicts the measurement.

The observations of the inventory are those that its probe writes.
"""

import time

import pytest
from attrs import evolve

from probes import inventory as probe
from probes.contract import Notes
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.vpc.model import Eni, Inventory, NextHop, Route
from tests.reports.building import connected, seen
from tests.reports.vpc.building import JOB, JOBS, SERVICE, entry, rule, small, with_acl, with_routes, with_rules

IT = Target(name="it", host=SERVICE, port=3306, service="mysql", via="vpc")
BESIDE = Target(name="beside", host=SERVICE, port=22, via="vpc")
AWAY = Target(name="away", host="10.10.3.20", port=2181, via="vpc")
NETWORK = Network(name="vswitch-a", cidr=JOBS, enis=(JOB,))
ADMITTED = rule(1, "ingress", "accept", JOBS)
ALL = entry("accept", "0.0.0.0/0")


def silent(target=IT, source=JOB):
    """Nothing came back for two SYNs."""
    known = {"ip": target.host, "port": target.port, "source": source, "syns": 2}
    return seen("tcp", "connect", target.name, target.address, failure=Failure.TIMED_OUT, duration_s=1.5, **known)


def answered(target=IT, source=JOB):
    """The handshake and a first byte of the service."""
    return (
        connected(target.name, target.host, target.port, source=source),
        seen("service", "exchange", target.name, target.address, service=target.service, bytes_in=70),
    )


def diagnosed(held: Inventory, *observations, targets=(IT, BESIDE), kind="host", networks=(NETWORK,), days=0):
    """The diagnosis of these observations, and of what the probe says of the inventory, read so many days ago."""
    held = held and evolve(held, read=time.time() - days * 86400)
    notes = Notes()
    interface = seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=f"{JOB}/24")
    for one in (interface, *observations):
        notes.add(one)
    plan = Plan(name="p", targets=targets, networks=networks, inventory=held)
    vantage = Vantage(kind=kind)
    probe.observe(plan, vantage, notes)
    return diagnose(plan, vantage, notes.observations)


def of(diagnosis, cause):
    """The only finding of a cause."""
    (finding,) = [one for one in diagnosis.findings if one.cause == cause]
    return finding


def causes(diagnosis):
    """The causes found, most important first."""
    return [one.cause for one in diagnosis.findings]


def likely(diagnosis, target="it"):
    """The critical finding of a target."""
    (finding,) = [one for one in diagnosis.findings if one.severity == "critical" and target in one.targets]
    return finding


# --- configuration and measurement in one finding ---------------------------------------------------------------------


def test_the_rule_that_drops_is_named():
    """A silent port and the rule that drops it meet in one finding, with the rule to add."""
    held = with_rules("sg-db", rule(7, "ingress", "drop", JOBS, id="sgr-7", priority=50))
    finding = likely(diagnosed(held, silent(), *answered(BESIDE)))
    assert finding.cause == "sg_drop"
    assert finding.confidence > 0.98
    assert (
        "the inventory says of 10.10.1.10 to 10.10.2.30:3306: rule 7 of sg-db (sgr-7) drops it: drop TCP 3306/3306 "
        "from 10.10.1.0/24, priority 50"
    ) in finding.because
    assert any("no answer" in words or "SYN" in words for words in finding.because)
    assert finding.remedy.snippet == "inbound  allow  TCP  3306/3306  source 10.10.1.0/24  priority 49  in sg-db"


def test_the_inventory_decides_where_the_measurement_does_not():
    """A single silent target says little by itself; the rule that drops it says which of the causes it is."""
    without = diagnosed(None, silent(), targets=(IT,))
    finding = likely(diagnosed(small(), silent(), targets=(IT,)))
    assert finding.cause == "sg_drop"
    assert finding.confidence > 0.9 > likely(without).confidence


def test_an_old_inventory_is_called_old():
    """Whoever reads the proof sees on which day the rules were read, where that is long ago."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 40 * 86400))
    finding = likely(diagnosed(small(), silent(), targets=(IT,), days=40))
    assert any(words.startswith(f"the old inventory (read on {day}) says of ") for words in finding.because)
    finding = of(diagnosed(small(), *answered(), targets=(IT,), days=40), "config_disagrees")
    assert f"is reached although the old inventory (read on {day}) says of " in finding.because[0]
    finding = of(diagnosed(_with_room(3), *answered(), targets=(IT,), days=40), "vswitch_nearly_full")
    assert finding.because[0].startswith(f"by the old inventory (read on {day}) 3 of 252 addresses ")


def test_no_rule_is_proposed_that_would_not_help():
    """Nothing precedes a rule of priority 1: it is said that it must change, and no rule is proposed."""
    finding = likely(diagnosed(with_rules("sg-db", rule(1, "ingress", "drop", JOBS)), silent(), *answered(BESIDE)))
    assert finding.cause == "sg_drop"
    assert any("no rule can precede it" in words for words in finding.because)
    assert finding.remedy.snippet == ""


def test_a_group_that_admits_is_less_likely():
    """Where the group admits the source, something else drops: the host's own firewall."""
    before = likely(diagnosed(None, silent(), targets=(IT,)))
    after = likely(diagnosed(with_rules("sg-db", ADMITTED), silent(), targets=(IT,)))
    assert before.cause == "sg_drop"
    assert after.cause != "sg_drop"


def test_an_advanced_group_lets_nothing_out():
    """The interfaces' own group is an advanced one without an outbound rule: that is why, and what to change."""
    held = with_rules("sg-job", type="enterprise")
    finding = likely(diagnosed(held, silent(), silent(AWAY), targets=(IT, AWAY)))
    assert finding.cause == "eni_group_blocks_outbound"
    assert finding.targets == ("it", "away")
    assert "no outbound rule of sg-job matches, and an advanced group drops what none admits" in finding.because[1]
    assert "sg-job is one" in finding.remedy.text
    assert "outbound  allow  TCP  3306/3306  destination 10.10.2.30/32  priority 1  in sg-job" in finding.remedy.snippet


def test_a_rule_of_a_basic_group_keeps_one_target_in():
    """An outbound rule drops one destination while others answer by the same way: that rule is named."""
    held = with_rules("sg-job", rule(3, "egress", "drop", f"{SERVICE}/32", priority=9))
    diagnosis = diagnosed(held, silent(), *answered(AWAY), targets=(IT, AWAY))
    finding = likely(diagnosis)
    assert finding.cause == "eni_group_blocks_outbound"
    assert "in sg-job let out TCP to 10.10.2.30:3306" in finding.remedy.text
    assert not any("eni_group_blocks_outbound" in one.causes for one in diagnosis.cleared)


def test_a_group_that_lets_out_is_no_longer_suspected():
    """Everything is silent, and the interface's group lets everything out: it is not that group."""
    suspected = diagnosed(None, silent(), silent(AWAY), targets=(IT, AWAY), kind="udf")
    cleared = diagnosed(with_rules("sg-db", ADMITTED), silent(), silent(AWAY), targets=(IT, AWAY), kind="udf")

    def share(diagnosis):
        finding = likely(diagnosis)
        shares = {finding.cause: finding.confidence} | {one.cause: one.confidence for one in finding.candidates}
        return shares.get("eni_group_blocks_outbound", 0.0)

    assert share(suspected) > 0.9
    assert share(cleared) < 0.15


def test_a_vswitch_without_a_route():
    """No route of the job's vSwitch leads to the target: its table is named."""
    far = evolve(IT, host="192.168.7.7")
    finding = likely(diagnosed(small(), silent(far), targets=(far,)))
    assert finding.cause == "router_no_route"
    assert "vtb-a has no route for 192.168.7.7" in finding.because[1]
    assert "add a route to 192.168.7.7 to the route table vtb-a" in finding.remedy.text


def test_a_blackhole_route():
    """The longest route to the target discards what it matches."""
    lost = Route(
        destination="192.168.7.0/24", type="Custom", status="Available", next_hops=(NextHop(type="blackhole"),)
    )
    far = evolve(IT, host="192.168.7.7")
    finding = likely(diagnosed(with_routes(lost), silent(far), targets=(far,)))
    assert finding.cause == "blackhole_route"
    assert any("the route to 192.168.7.0/24 in vtb-a discards what it matches" in words for words in finding.because)


def test_an_acl_drops_the_request():
    """The entry that drops is named, with its ACL."""
    held = with_acl("vsw-job", (ALL,), (entry("drop", "10.10.2.0/24", "3306/3306", "tcp"), ALL))
    finding = likely(diagnosed(evolve(held, groups=with_rules("sg-db", ADMITTED).groups), silent(), targets=(IT,)))
    assert finding.cause == "acl_drop"
    assert "outbound entry 1 of nacl-a (drop TCP 3306/3306 10.10.2.0/24) drops the request" in finding.because[1]
    assert "in nacl-a let TCP 3306 from 10.10.1.0/24" in finding.remedy.text


def test_an_acl_drops_the_answer():
    """An ACL that knows no connections drops the way back."""
    held = with_acl("vsw-job", (), (ALL,))
    finding = likely(diagnosed(evolve(held, groups=with_rules("sg-db", ADMITTED).groups), silent(), targets=(IT,)))
    assert finding.cause == "return_path_drop"
    assert any("no inbound entry of nacl-a matches: it drops the answer" in words for words in finding.because)


# --- disagreement -----------------------------------------------------------------------------------------------------


def test_dropped_by_the_inventory_and_open():
    """What the inventory says is dropped answers: that contradiction is a finding, and no target fails by it."""
    diagnosis = diagnosed(small(), *answered(), *answered(BESIDE))
    finding = of(diagnosis, "config_disagrees")
    assert (finding.severity, finding.targets) == ("warning", ("it", "beside"))
    assert finding.because[0].startswith("10.10.2.30:3306 is reached although the inventory says of 10.10.1.10 to ")
    assert "read the inventory again" in finding.remedy.text
    assert causes(diagnosis) == ["config_disagrees"]


def test_admitted_by_the_inventory_and_silent():
    """What the inventory admits is silent while its host answers: beside the cause, that is a finding."""
    held = with_rules("sg-db", ADMITTED, rule(2, "ingress", "accept", JOBS, "22/22"))
    diagnosis = diagnosed(held, silent(), *answered(BESIDE))
    finding = of(diagnosis, "config_disagrees")
    assert finding.targets == ("it",)
    assert (
        "10.10.2.30:3306 is silent although the inventory says of 10.10.1.10 to 10.10.2.30:3306: rule 1"
        in (finding.because[0])
    )
    assert "10.10.2.30:22, the same host, answers" in finding.because[0]
    assert "the host's own firewall or whitelist" in finding.remedy.text
    assert len(causes(diagnosis)) == 2


@pytest.mark.parametrize(
    ("held", "observations"),
    [
        # Nothing shows that the host is up: silence may be anything.
        (with_rules("sg-db", ADMITTED), (silent(),)),
        # It says the same.
        (with_rules("sg-db", ADMITTED), answered()),
        (with_rules("sg-db", rule(1, "ingress", "drop", JOBS)), (silent(),)),
        # It does not know.
        (small(groups=()), (silent(), *answered(BESIDE))),
        (small(groups=()), answered()),
        (small(enis=()), answered()),
        # An ACL explains the silence.
        (
            evolve(with_acl("vsw-db", (), (ALL,)), groups=with_rules("sg-db", ADMITTED).groups),
            (silent(), *answered(BESIDE)),
        ),
    ],
    ids=["unproven", "both-open", "both-dropped", "unknown-silent", "unknown-open", "no-interfaces", "acl"],
)
def test_no_disagreement(held, observations):
    """Nothing contradicts where both say the same, or one of them does not know."""
    diagnosis = diagnosed(held, *observations)
    told = [one for one in diagnosis.findings if one.cause == "config_disagrees" and "it" in one.targets]
    assert told == []


def test_the_job_would_be_dropped_where_this_host_is_not():
    """From a host of the VPC it works; of the job's own interfaces the inventory says otherwise, and how to mend it."""
    held = with_rules("sg-db", rule(1, "ingress", "accept", "10.10.1.50/32"))
    own = Eni(id="eni-host", addresses=("10.10.1.50",), vpc="vpc-a", vswitch="vsw-job", groups=("sg-job",))
    held = evolve(held, enis=(*held.enis, own))
    diagnosis = diagnosed(held, *answered(source="10.10.1.50"), targets=(IT,))
    finding = of(diagnosis, "sg_drop")
    assert (finding.severity, finding.targets) == ("warning", ("it",))
    assert finding.because[0].endswith("; from here it works")
    assert finding.remedy.snippet == "inbound  allow  TCP  3306/3306  source 10.10.1.0/24  priority 1  in sg-db"
    assert causes(diagnosis) == ["sg_drop"]


def test_inside_the_platform_every_interface_of_the_job_may_be_the_source():
    """A job sees an address of its sandbox: what holds of all its interfaces holds of it."""
    diagnosis = diagnosed(small(), *answered(source="100.64.3.7"), targets=(IT,), kind="udf")
    assert causes(diagnosis) == ["config_disagrees"]
    accepted, _ = answered(source="100.64.3.7")
    assert causes(diagnosed(small(), accepted, targets=(IT,), kind="udf")) == []


def test_a_healthy_plan_stays_healthy():
    """Where the inventory admits what works there is nothing to say."""
    diagnosis = diagnosed(with_rules("sg-db", ADMITTED), *answered(), targets=(IT,))
    assert (diagnosis.verdict, diagnosis.findings) == ("healthy", ())


# --- room for interfaces ----------------------------------------------------------------------------------------------


def _with_room(free):
    held = with_rules("sg-db", ADMITTED)
    return evolve(held, vswitches=(evolve(held.vswitches[0], free=free), *held.vswitches[1:]))


def test_few_addresses_are_free():
    """A link needs room for its interfaces: few free addresses are a warning, with the count."""
    finding = of(diagnosed(_with_room(3), *answered(), targets=(IT,)), "vswitch_nearly_full")
    assert finding.severity == "warning"
    assert finding.because == ("by the inventory 3 of 252 addresses in vswitch-a (10.10.1.0/24) are free",)
    assert "a larger vSwitch than vswitch-a" in finding.remedy.text


def test_few_addresses_are_free_elsewhere():
    """In a vSwitch in which the job has no interface it needs no room."""
    elsewhere = Network(name="vswitch-a", cidr=JOBS)
    job = Network(name="job", cidr="10.10.77.0/24", enis=("10.10.77.5",))
    plans = [
        diagnosed(_with_room(3), *answered(), targets=(IT,), networks=some) for some in ((elsewhere,), (job, elsewhere))
    ]

    assert [causes(one) for one in plans] == [["vswitch_nearly_full"], []]


@pytest.mark.parametrize("free", [13, 200, None])
def test_enough_addresses_are_free(free):
    """More than a twentieth, or a number that nobody knows, is no warning."""
    assert diagnosed(_with_room(free), *answered(), targets=(IT,)).findings == ()
