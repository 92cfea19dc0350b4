"""Swept networks in the report that people read, and between two of them."""

import io

import pytest
from attrs import evolve

from reports.comparison import Merge, NothingInCommon, dumps, loads
from reports.comparison.crossings import told
from reports.comparison.model import Crossing
from reports.diagnose import conclude
from reports.model import Network, Plan, Run, Target, Vantage
from reports.redact import redact
from reports.render import comparison
from reports.render.text import open_console, render
from reports.sweep import ALIVE, OPEN, UNKNOWN
from tests.reports import samples
from tests.reports.building import STARTED, connected, seen
from tests.reports.sweeps import VSWITCH_A, VSWITCH_B, lively, observed

NETWORKS = (VSWITCH_A, VSWITCH_B)
IT = Target(name="it", host="10.10.2.3", port=8020, via="vpc")


def report(*observations, targets=(), host="jump-1", own="10.10.1.50", run="r-1", networks=NETWORKS):
    """A run that swept, as it would be told."""
    plan = Plan(name="nightly-etl", networks=networks, targets=targets)
    made = Run(id=run, started=STARTED, duration_s=0.4, linkdoctor="0.1.0", plan=plan)
    vantage = Vantage(host=host, addresses=(f"{own}/24%eth0",))
    return conclude(made, vantage, [one for some in observations for one in some])


def printed(made, width=100, **options):
    """What stands in the terminal."""
    out = io.StringIO()
    render(made, open_console(out, width), **options)
    return out.getvalue()


def swept(network=VSWITCH_B, hosts=range(1, 24), own="10.10.1.50", **how):
    """A sweep that heard these hosts."""
    return observed(network, lively(*hosts), own=own, **how)


def test_a_sweep_alone():
    """The networks in place of targets: a line each, then the grid."""
    text = printed(report(swept()))

    assert "HEALTHY: 1 network, 400 ms" in text.splitlines()[0]
    assert "vswitch-b 10.10.2.0/24   23 of 252 answer, 23 on 8020, 23 by echo" in text
    assert "    10.10.2.16       o o o o  o o o o" in text
    assert "    Asked       raw; 1 packet, at most 1,000 a second" in text


def test_where_it_was_swept_from():
    """The address that it was sent from, and not all that this machine has."""
    made = report(swept())
    addresses = ("10.10.1.50/24%eth0", "fd00::50/64%eth0", "fe80::1/64%eth0")
    made = evolve(made, vantage=evolve(made.vantage, addresses=addresses))
    nowhere = evolve(made, observations=())

    assert printed(made).startswith("nightly-etl   from jump-1, 10.10.1.50 (vswitch-a) ")
    assert printed(nowhere).startswith("nightly-etl   from jump-1, 10.10.1.50 (vswitch-a), fd00::50 ")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"partial": True}, id="cut short"),
        pytest.param({"pushed_back": "two that had answered do not answer any more"}, id="pushed back"),
    ],
)
def test_what_was_not_to_be_known(how):
    """A sweep that did not come to its end is not healthy: which network that is of, and why, is told."""
    other = Network(name="vswitch-c", cidr="10.10.3.0/24")
    made = report(swept(**how), swept(other, hosts=[3]), networks=(*NETWORKS, other))
    alone = report(swept(**how))

    assert (made.verdict, alone.verdict) == ("undetermined", "undetermined")
    assert "UNDETERMINED: 1 of 2 networks, 400 ms" in printed(made).splitlines()[0]
    assert "UNDETERMINED: 1 network, 400 ms" in printed(alone).splitlines()[0]
    assert any(reason in printed(made) for reason in ("the sweep was cut short", how.get("pushed_back", "-")))


def test_a_warning_is_no_certainty():
    """What was found is told, and what is open stays open; a check of targets is settled by these alone."""
    dark = swept(hosts=[*range(1, 64), *range(128, 253)], partial=True)
    works = [connected("it", "10.10.2.3", 8020), seen("service", "exchange", "it", IT.address, answers=False)]

    assert report(dark).verdict == "undetermined"
    assert "subnet_partly_dark" in printed(report(dark))
    assert report(works, swept(partial=True), targets=(IT,)).verdict == "healthy"


def test_a_machine_that_fell_short():
    """What it could not ask is unknown, says why, and leaves it open."""
    why = "this machine's own packet filter does not let it out (tcp dport 9083 drop, in the chain inet own out)"
    states = {**lively(*range(1, 24)), "9083": {UNKNOWN: range(1, 253)}}
    text = printed(report(observed(VSWITCH_B, states, lacked=why)))

    assert "UNDETERMINED" in text.splitlines()[0]
    assert f"nothing is known of 252 addresses on 9083: {why}" in " ".join(text.split())
    assert ":9083" not in text


def test_somebody_answers_for_everybody():
    """No picture of hosts that nobody has seen, and no health."""
    macs = {index: ["00:16:3e:00:00:01"] for index in range(256)}
    text = printed(report(observed(VSWITCH_B, {"arp": {ALIVE: range(256)}}, macs=macs)))

    assert "UNDETERMINED: 1 network" in text.splitlines()[0]
    assert "vswitch-b 10.10.2.0/24   nothing is known of its hosts" in text
    assert "one hardware address (00:16:3e:00:00:01) answers for 256 of 256" in text
    assert "    = 256 not known: one hardware address answers for all" in text
    assert " alive" not in text


def test_networks_stand_apart():
    """Each with its picture; in a line each they stand together."""
    networks = [Network(name=f"n{number}", cidr=f"10.9.{number}.0/28") for number in range(2)]
    made = report(*(swept(one, hosts=[3]) for one in networks), networks=())
    drawn, told = printed(made).splitlines(), printed(made, grids=False).splitlines()

    assert drawn[drawn.index(next(line for line in drawn if line.startswith("n1 "))) - 1] == ""
    assert told[told.index(next(line for line in told if line.startswith("n1 "))) - 1].startswith("n0 ")


def test_beside_targets():
    """A check says one line a network, and draws none; unless it is asked to."""
    works = [connected("it", "10.10.2.3", 8020), seen("service", "exchange", "it", IT.address, answers=False)]
    made = report(works, swept(), targets=(IT,))

    assert "vswitch-b 10.10.2.0/24   23 of 252 answer" in printed(made)
    assert "10.10.2.16 " not in printed(made)
    assert "10.10.2.16 " in printed(made, grids=True)


def test_a_network_without_a_name():
    """Its CIDR is said once; what must be known to read the line stands under it."""
    bare = Network(name="10.10.7.0/24", cidr="10.10.7.0/24")
    text = printed(report(observed(bare, {"443": {OPEN: range(256)}, "22": {OPEN: [9]}}), networks=()), grids=False)

    assert text.count("10.10.7.0/24") == 1
    assert "10.10.7.0/24   1 of 252 answers, 1 on 22" in text
    assert "    every address is open on 443: that says nothing of the hosts" in text


def test_a_single_address():
    """It is said as it was typed."""
    one = Network(name="10.10.7.9", cidr="10.10.7.9/32")
    text = printed(report(observed(one, {"22": {OPEN: [0]}}), networks=(one,)))

    assert "10.10.7.9   1 of 1 answers, 1 on 22" in text
    assert "    10.10.7.9  o  :22 open" in text
    assert "/32" not in text


def test_findings_are_about_the_network():
    """Where there is no target, the network is what is wrong; a remark says of what it speaks."""
    text = printed(report(swept(hosts=[*range(1, 64), *range(128, 253)])))
    noted = printed(report(observed(VSWITCH_B, {**lively(*range(1, 30)), "9083": {}})))

    assert "! vswitch-b" in text.splitlines()
    assert "subnet_partly_dark, 70 %" in text
    assert "(sg_drop): none of 29 hosts in vswitch-b that are alive" in " ".join(noted.split())


def test_findings_of_a_network_beside_targets():
    """The network is what they are about, and not the targets that it concerns; these are told once."""
    other = Target(name="other", host="10.10.2.4", port=8020, via="vpc")
    works = [connected(one.name, one.host, 8020) for one in (IT, other)]
    works += [seen("service", "exchange", one.name, one.address, answers=False) for one in (IT, other)]
    dark = swept(hosts=[*range(1, 64), *range(128, 253)])
    text = printed(report(works, dark, targets=(IT, other)))
    full = swept(hosts=range(1, 250))
    noted = " ".join(printed(report(works, full, targets=(IT, other))).split())

    assert "DEGRADED: 2 of 2 targets" in text.splitlines()[0]
    assert "! vswitch-b   with it, other" in text.splitlines()
    assert "the same of" not in text
    assert "Ruled out" not in text
    assert "(vswitch_nearly_full): at most 3 of 252 addresses in vswitch-b (10.10.2.0/24) are free" in noted


def test_many_networks_are_bounded():
    """The first ones in a line each, and fewer pictures."""
    networks = [Network(name=f"n{number}", cidr=f"10.9.{number}.0/28") for number in range(20)]
    text = printed(report(*(swept(one, hosts=[3]) for one in networks), networks=()))

    assert sum(line.startswith("n") and " answer" in line for line in text.splitlines()) == 15
    assert text.count("+12") == 8
    assert "and 5 more networks" in text


def test_redacted():
    """Without addresses: how many answered what."""
    text = printed(redact(report(swept())))
    warned = printed(redact(report(swept(hosts=[*range(1, 64), *range(128, 253)]))))

    assert "from host-1, private-1 " in text.splitlines()[0]
    assert "HEALTHY: 1 network, 400 ms" in text.splitlines()[0]
    assert "DEGRADED: 1 network, 400 ms" in warned.splitlines()[0]
    assert "! vswitch-b" in warned.splitlines()
    assert "vswitch-b   8020: 23 open, 233 silent; echo: 23 alive, 233 silent" in text
    assert "10.10." not in text


def test_hostile_text():
    """Whatever a report says of names and questions: no control character reaches the terminal."""
    wrong = samples.HOSTILE
    facts = {"network": wrong, "cidr": "10.10.2.0/28", "states": "." * 8 + "o" * 8, "method": wrong}
    states = [seen("subnet", "states", None, "10.10.2.0/28", asked=asked, **facts) for asked in (wrong, "80")]
    more = [
        seen("subnet", "filter", None, wrong, network=wrong, asked=wrong, icmp="3/13", count=2),
        seen("subnet", "twice", None, wrong, network=wrong, macs="a, b"),
        seen("subnet", "sweep", None, "10.10.2.0/28", network=wrong, pushed_back=wrong, partial=True),
    ]
    text = printed(report(states, more, networks=()))

    assert "owned" in text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("width", [40, 60, 80])
def test_narrow(width):
    """The lines are wrapped."""
    lines = printed(report(swept()), width, grids=False).splitlines()

    assert all(len(line) <= width for line in lines)


# --- two vantage points -----------------------------------------------------------------------------------------------


def there(hosts, run="r-1", **how):
    """A sweep of vswitch-b from vswitch-a."""
    return report(swept(hosts=hosts), run=run, **how)


def back(hosts, run="r-2"):
    """A sweep of vswitch-a from vswitch-b."""
    return report(swept(VSWITCH_A, hosts, own="10.10.2.9"), host="emr-1", own="10.10.2.9", run=run)


def compared(*reports):
    """What they say together."""
    merge = Merge()
    for one in reports:
        merge.add(one)
    return merge.conclude()


def test_both_ways():
    """Two sweeps without any target: who hears whom, in one sentence."""
    found = compared(there(range(1, 24)), back([]))

    assert told(found.sweeps) == ("from vswitch-a 23 of 252 in vswitch-b answer, from vswitch-b none in vswitch-a",)
    assert loads(dumps(found)) == found
    out = io.StringIO()
    comparison.render(found, open_console(out, 100))
    assert out.getvalue().splitlines()[0].endswith("HEALTHY: 2 networks")
    assert "From vswitch-a 23 of 252 in vswitch-b answer, from vswitch-b none in vswitch-a" in out.getvalue()


def test_one_sweep_is_nothing_to_compare():
    """Of two reports without a target in common both must have swept."""
    nothing = evolve(back([]), observations=(seen("tcp", "connect", "it", "10.10.2.3:8020"),))

    with pytest.raises(NothingInCommon):
        compared(there([3]), nothing)


def crossing(whence, network, answered, asked=252, label="host a"):
    """A sweep as a comparison holds it."""
    return Crossing(
        label=label, source="", whence=whence, network=network, cidr=network, asked=asked, answered=answered
    )


@pytest.mark.parametrize(
    ("crossings", "expected"),
    [
        ([crossing("a", "a", 12)], "from a 12 of 252 itself answer"),
        ([crossing("a", "b", 1)], "from a 1 of 252 in b answers"),
        ([crossing("", "b", 0)], "from host a none in b answers"),
        ([crossing("a", "b", 1), crossing("a", "b", 9)], "from a 9 of 252 in b answer"),
    ],
    ids=["its own", "one", "from somewhere", "twice"],
)
def test_in_words(crossings, expected):
    """A sentence a pair; of several sweeps of it the one that heard most."""
    assert told(crossings) == (expected,)


def test_many_pairs_are_bounded():
    """Ten of them, and how many more."""
    sentences = told([crossing(f"n{number}", "b", 1) for number in range(30)])

    assert len(sentences) == 11
    assert sentences[-1] == "and 20 more"
