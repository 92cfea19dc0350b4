"""What is asked of which addresses, from what was typed; and what is refused, before anything is sent."""

import ipaddress

import click
import pytest

from agent.sweep.asked import Asked
from reports.sweep import ARP, ECHO, tcp

NETWORK = "10.10.1.0/24"


def sweep(*what, **said):
    """What is to be done."""
    return Asked(what=what, **said).sweep()


def refusal(*what, **said):
    """What is said in place of it."""
    with pytest.raises(click.ClickException) as caught:
        sweep(*what, **said)
    return caught.value.message


def orders(*what, **said):
    """For each part: its addresses as text, and its questions."""
    return [
        ([part.order.addresses.text(index) for index in range(len(part.order.addresses))], part.order.questions)
        for part in sweep(*what, **said).parts
    ]


def test_ports_and_manner():
    """Each address is asked at each port, in the manner that was typed."""
    (part,) = sweep(NETWORK, ports="8020,9083-9085,8020", rate=50, timeout=0.5, tries=3, method="syn").parts

    assert part.order.questions == tuple(map(tcp, (8020, 9083, 9084, 9085)))
    assert [str(ipaddress.ip_address(number)) for number in part.order.addresses][:2] == ["10.10.1.0", "10.10.1.1"]
    assert len(part.order.addresses) == 256
    assert (part.order.rate, part.order.timeout, part.order.tries, part.method) == (50, 0.5, 3, "syn")


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ({}, [ECHO]),
        ({"ports": "22"}, [tcp(22)]),
        ({"ports": "22", "echo": True}, [tcp(22), ECHO]),
        ({"ports": "22", "echo": False}, [tcp(22)]),
        ({"method": "icmp"}, [ECHO]),
        ({"method": "arp"}, [ARP]),
        ({"method": "arp", "echo": True}, [ARP, ECHO]),
    ],
)
def test_questions(said, kinds):
    """An echo is asked where it is asked for, and where nothing else is; and all is one part."""
    ((_, questions),) = orders(NETWORK, **said)

    assert list(questions) == kinds


def test_mysql_is_known(tmp_path):
    """By its port, and by what a plan's target says of another one."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"targets: ['mysql://db:13306']\nnetworks: [{{cidr: {NETWORK}, ports: [3306, 13306, 22]}}]\n")
    ((_, questions),) = orders(str(plan))

    assert [(one.port, one.service) for one in questions] == [(3306, "mysql"), (13306, "mysql"), (22, "tcp")]


def test_a_plan_s_networks(tmp_path):
    """At their own ports, where none are typed; alike ones together; without its targets."""
    plan = tmp_path / "nightly.yaml"
    plan.write_text(
        "region: cn-hangzhou\ntargets: ['h:1']\nnetworks:\n"
        "- {name: a, cidr: 10.10.1.0/30, ports: [22], enis: [10.10.1.1]}\n"
        "- {name: b, cidr: 10.10.2.0/30}\n"
        "- {name: c, cidr: 10.10.3.0/30, ports: [22]}\n"
    )
    found = sweep(str(plan))

    assert [([one.name for one in part.networks], part.order.questions) for part in found.parts] == [
        (["a", "c"], (tcp(22),)),
        (["b"], (ECHO,)),
    ]
    assert (found.plan.name, found.plan.region, found.plan.targets) == ("nightly", "cn-hangzhou", ())
    assert found.plan.networks[0].enis == ("10.10.1.1",)
    assert {question.port for _, questions in orders(str(plan), ports="80") for question in questions} == {80}


def test_a_network_is_swept_once(tmp_path):
    """However often it is named; what the plan says of it stays."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("networks: [{name: a, cidr: 10.10.1.0/30, ports: [22]}]\n")
    (part,) = sweep("10.10.1.0/30", str(plan), "10.10.1.2", ports="22").parts

    assert [network.name for network in part.networks] == ["a"]
    assert len(part.order.addresses) == 4


def plans(folder, *networks):
    """A plan for each of these networks, which all are called n."""
    for number, network in enumerate(networks):
        name = folder / f"{number}.yaml"
        name.write_text(f"networks: [{{name: n, {network}}}]\n")
        yield str(name)


def test_of_several_plans_all_ports_are_asked(tmp_path):
    """A network that two plans name is asked at the ports of both, each once."""
    ((_, questions),) = orders(
        *plans(tmp_path, f"cidr: {NETWORK}, ports: [22, 23]", f"cidr: {NETWORK}, ports: [24, 22]")
    )

    assert questions == tuple(map(tcp, (22, 23, 24)))


def test_of_several_plans_each_network_has_a_name(tmp_path):
    """What is found goes by name: two networks that are called the same are told apart by their CIDRs."""
    found = sweep(*plans(tmp_path, "cidr: 10.10.1.0/30, ports: [22]", "cidr: 10.10.2.0/30, ports: [22]"))

    assert [network.name for network in found.plan.networks] == ["n", "10.10.2.0/30"]
    assert found.plan.networks == tuple(network for part in found.parts for network in part.networks)


def test_the_plan_is_what_is_declared(tmp_path):
    """What is merely typed is swept, and nobody says that it is a vSwitch."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("networks: [{cidr: 10.10.1.0/30, ports: [22]}]\n")
    found = sweep("10.10.1.0/30", "10.10.2.0/30", "10.10.3.9", str(plan), ports="22")

    assert [network.cidr for network in found.plan.networks] == ["10.10.1.0/30"]
    assert [network.cidr for part in found.parts for network in part.networks] == [
        *("10.10.1.0/30", "10.10.2.0/30", "10.10.3.9/32"),
    ]


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ({}, ""),
        ({"ports": "8020-8025,9083", "echo": True}, " --ports 8020-8025,9083 --echo"),
        ({"echo": False, "method": "syn", "rate": 0}, " --no-echo --method syn --rate 0"),
        ({"timeout": 0.2, "tries": 3, "owned": True}, " --timeout 0.2 --tries 3 --i-own-this"),
        ({"metadata": True}, " --metadata"),
    ],
)
def test_the_same_command(said, options):
    """What was typed, to be typed again."""
    asked = Asked(what=("my plan.yaml", NETWORK), **said)

    assert asked.command() == f"linkdoctor sweep 'my plan.yaml' {NETWORK}{options}"


def test_single_addresses():
    """They are told together where they are neighbours, and alone where they are not; nobody else is asked."""
    (part,) = sweep("10.10.1.7", "10.10.1.9", "10.20.0.1", ports="22").parts

    assert [(network.name, network.cidr) for network in part.networks] == [
        ("10.10.1.0/24", "10.10.1.0/24"),
        ("10.20.0.1", "10.20.0.1/32"),
    ]
    assert len(part.order.addresses) == 3


def test_an_ipv6_vswitch_of_a_plan(tmp_path):
    """It is not enumerated: its interfaces are asked; without any it is refused."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("networks: [{name: six, cidr: 'fd00::/64', ports: [22], enis: ['fd00::7', 'fd00::9']}]\n")
    ((addresses, _),) = orders(str(plan))

    assert addresses == ["fd00::7", "fd00::9"]


def test_both_versions():
    """Each is a part by itself."""
    found = orders("10.10.1.4/31", "fd00::1", "fd00::ff", ports="22")

    assert [addresses for addresses, _ in found] == [["10.10.1.4", "10.10.1.5"], ["fd00::1", "fd00::ff"]]


@pytest.mark.parametrize(
    ("what", "said", "message"),
    [
        ([], {}, "name a network"),
        (["10.10.1.5/24"], {}, "10.10.1.5/24 has host bits set; allowed: a CIDR without host bits; the network is"),
        (["10.10.1.0/33"], {}, "10.10.1.0/33"),
        (["vswitch"], {}, "vswitch"),
        (["missing.yaml"], {}, "missing.yaml"),
        ([NETWORK], {"ports": "99999"}, "--ports: '99999' is no port"),
        ([NETWORK], {"ports": "80-20"}, "'80-20'"),
        ([NETWORK], {"ports": ""}, "''"),
        ([NETWORK], {"ports": "http"}, "'http'"),
        ([NETWORK], {"ports": "1-65535"}, "65,535 are too many"),
        ([NETWORK], {"echo": False}, "nothing is asked"),
        ([NETWORK], {"method": "syn"}, "--method syn asks ports"),
        ([NETWORK], {"method": "connect", "echo": True}, "--method connect asks ports"),
        ([NETWORK], {"method": "icmp", "ports": "22"}, "--method icmp asks no ports"),
        ([NETWORK], {"method": "arp", "ports": "22"}, "--method arp asks no ports"),
        ([NETWORK], {"method": "icmp", "echo": False}, "--method icmp asks for an echo, --no-echo for none"),
        (["fd00::/64"], {}, "fd00::/64 is not swept: an IPv6 network is not enumerated beyond a /120"),
        (["8.8.8.0/28"], {}, "8.8.8.0/28 is not swept: public addresses; if it is yours, say so with --i-own-this"),
        (["203.0.113.7"], {}, "203.0.113.7 is not swept: public addresses"),
        (["100.64.1.0/24"], {}, "RFC 6598"),
        (["10.0.0.0/19"], {}, "8,192 addresses are not swept: more than a /20 (4,096)"),
        (["10.0.0.0/20", "10.0.16.0/31"], {}, "4,098 addresses"),
        (["192.0.0.0/20"], {}, "public addresses"),
    ],
)
def test_is_refused(what, said, message):
    """With what is wrong, and what would allow it."""
    assert message in refusal(*what, **said)


@pytest.mark.parametrize(
    "what",
    [
        *("224.0.0.0/28", "255.255.255.255", "0.0.0.0", "100.100.100.200", "100.100.100.0/24", "169.254.169.254"),
        *("ff02::1", "fe80::1", "::", "::ffff:10.0.0.1", "10.0.0.0/8"),
    ],
)
def test_nobody_owns(what):
    """What no network of anybody's is made of is refused to its owner too."""
    assert "is not swept" in refusal(what, owned=True, ports="22")


@pytest.mark.parametrize("what", ["8.8.8.0/28", "10.0.0.0/14", "100.64.1.0/24", "127.0.0.0/24", "2001:db8::/124"])
def test_its_owner_may(what):
    """Whoever says that it is his."""
    assert len(sweep(what, owned=True, ports="22").parts) == 1


def test_so_many_questions_at_most():
    """Each of them is remembered."""
    assert "questions are too many" in refusal("10.0.0.0/12", ports="1-100", owned=True)
