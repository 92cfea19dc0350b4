"""Policy rules: what the kernel says of them, and which of them decides."""

import errno
import json
import subprocess
import sys

import pytest

from probes import netlink
from probes.contract import Notes
from probes.local import Machine
from probes.policy import PolicyRule, deciding, telling

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]
ADDRESS, SOURCE = "10.5.0.1", "10.9.0.1"

USUAL = (
    PolicyRule(priority=0, table=255),
    PolicyRule(priority=32766, table=254),
    PolicyRule(priority=32767, table=253),
)

_MACHINE = """
ip link set lo up
ip link add eni type veth peer name peer
ip address add 10.9.0.1/24 dev eni
ip address add 10.9.0.2/24 dev eni
ip link add other type veth peer name far
ip address add 10.8.0.1/24 dev other
for link in eni peer other far; do ip link set $link up; done
ip route add default via 10.9.0.254 dev eni
ip route add 10.7.0.0/16 via 10.9.0.254 src 10.9.0.2
ip route add blackhole 10.4.0.0/16
ip route add default via 10.8.0.9 dev other table 100
ip route add unreachable 10.6.7.0/24 table 100
ip rule add priority 100 to 10.6.0.0/16 lookup 100
ip rule add priority 101 from 10.9.0.2 lookup 100
ip rule add priority 102 to 10.5.0.1 prohibit
ip rule add priority 103 to 10.5.0.2 blackhole
ip rule add priority 104 to 10.5.0.3 unreachable
ip rule add priority 105 to 10.5.0.4 fwmark 0x1 blackhole
ip rule add priority 106 not to 10.0.0.0/8 lookup 100
ip rule add priority 107 to 10.5.0.5 ipproto tcp dport 22-23 prohibit
exec {python} -c "
import json
from probes.contract import Notes
from probes.local import Machine
notes = Notes()
machine = Machine(notes)
machine.observe(None, {{}})
for last in '6.1.1 6.7.1 7.1.1 5.0.1 5.0.2 5.0.3 5.0.4 5.0.5 4.1.1 9.0.7'.split():
    machine.way('10.' + last)
machine.way('192.0.2.1')
wanted = [seen for seen in notes.observations if seen.step in ('way', 'rules')]
print(json.dumps([[seen.failure and seen.failure.value, seen.facts] for seen in wanted]))
"
"""


def way(ip, failure=None, **facts):
    """What is observed of a way."""
    return [failure, {"ip": ip, **facts}]


def test_ways_by_policy():
    """In a network of its own: which table decides for each address, which rule led there, which source is taken."""
    if subprocess.run([*UNSHARE, "ip", "rule"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces, or no ip command")
    program = _MACHINE.format(python=sys.executable)
    done = subprocess.run([*UNSHARE, "sh", "-ec", program], capture_output=True, text=True, check=True)
    (rules, *ways) = json.loads(done.stdout)
    other = {"interface": "other", "gateway": "10.8.0.9", "route": "default", "table": "100"}
    eni = {"interface": "eni", "gateway": "10.9.0.254", "route": "default", "table": "main"}

    assert rules[1]["count"] == 13
    assert rules[1]["policy"].startswith("100: from all to 10.6.0.0/16 lookup 100,101: from 10.9.0.2 lookup 100,102:")
    assert ways == [
        way("10.6.1.1", **other, source="10.8.0.1", rule="100: from all to 10.6.0.0/16 lookup 100"),
        way(
            *("10.6.7.1", "local_route_rejects"),
            route="10.6.7.0/24",
            table="100",
            rule="100: from all to 10.6.0.0/16 lookup 100",
        ),
        way("10.7.1.1", **other, source="10.9.0.2", rule="101: from 10.9.0.2 lookup 100"),
        way("10.5.0.1", "local_route_rejects", rule="102: from all to 10.5.0.1 prohibit"),
        way("10.5.0.2", "local_route_rejects", rule="103: from all to 10.5.0.2 blackhole"),
        way("10.5.0.3", "local_no_route", rule="104: from all to 10.5.0.3 unreachable"),
        way("10.5.0.4", **eni, source="10.9.0.1"),
        way("10.5.0.5", **eni, source="10.9.0.1"),
        way("10.4.1.1", "local_route_rejects", route="10.4.0.0/16", table="main"),
        way("10.9.0.7", interface="eni", source="10.9.0.1", route="10.9.0.0/24", table="main"),
        way("192.0.2.1", **other, source="10.8.0.1", rule="106: not from all to 10.0.0.0/8 lookup 100"),
    ]


@pytest.mark.parametrize(
    ("rule", "table", "refusal", "decides"),
    [
        (PolicyRule(priority=9, destination="10.5.0.0/16", table=100), 100, 0, True),
        (PolicyRule(priority=9, destination="10.5.0.0/16", table=100), 200, 0, False),
        (PolicyRule(priority=9, destination="10.6.0.0/16", table=100), 100, 0, False),
        (PolicyRule(priority=9, destination="10.6.0.0/16", inverted=True, table=100), 100, 0, True),
        (PolicyRule(priority=9, source="10.9.0.2/32", table=100), 100, 0, False),
        (PolicyRule(priority=9, source="10.9.0.1/32", table=100), 100, 0, True),
        (PolicyRule(priority=9, selectors="fwmark 0x1/0x1", foreign=True, table=100), 100, 0, False),
        (PolicyRule(priority=9, version=6, table=100), 100, 0, False),
        (PolicyRule(priority=9, table=254), 254, 0, False),
        (PolicyRule(priority=9, action="prohibit"), 0, errno.EACCES, True),
        (PolicyRule(priority=9, action="prohibit"), 0, errno.EINVAL, False),
        (PolicyRule(priority=9, action="prohibit"), 254, errno.EACCES, False),
        (PolicyRule(priority=9, action="unreachable"), 0, errno.ENETUNREACH, True),
        (PolicyRule(priority=9, action="goto"), 0, 0, False),
    ],
)
def test_deciding(rule, table, refusal, decides):
    """A rule decides where it selects the packet and leads to the table, or refuses with the errno, that it met."""
    found = deciding((*USUAL, rule), ADDRESS, SOURCE, table, refusal)

    assert found == (rule if decides else None)


def test_the_first_one_decides():
    """Of two that lead there, it is the one with the lower number."""
    late, early = (PolicyRule(priority=number, table=100) for number in (200, 100))

    assert deciding((late, early), ADDRESS, SOURCE, 100, 0) == early


def test_what_every_machine_has_is_not_told():
    """The three usual rules are left out; one with the same table and another number is not."""
    other = PolicyRule(priority=5, table=254)

    assert telling((*USUAL, other)) == (other,)


def test_scoped_addresses():
    """A link-local address with its interface is an address like any other."""
    rule = PolicyRule(priority=9, version=6, table=100)

    assert deciding((rule,), "fe80::1%eth0", "", 100, 0) == rule


def test_rules_are_read_when_a_way_is_asked_for(monkeypatch):
    """A run in which everything answers asks for no way, and so not for rules; two ways ask once."""
    asked = []
    monkeypatch.setattr(netlink, "rules", lambda: asked.append(1) or USUAL)
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    before = len(asked)
    machine.way("127.0.0.1")
    machine.way("127.0.0.2")

    assert (before, len(asked)) == (0, 1)


def test_rules_may_be_forbidden(monkeypatch):
    """Then the way is told all the same."""

    def forbidden():
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(netlink, "rules", forbidden)
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    machine.way("127.0.0.1")
    (way_here,) = [seen for seen in notes.observations if seen.step == "way"]

    assert way_here.facts["interface"] == "lo"
