"""This machine's own packet filter, as the real nft tells it of real rules."""

import json
import subprocess
import sys

import pytest

from probes import nftables
from probes.contract import Ask, Notes
from probes.nftables import Packet, Ruleset
from reports.model import Target

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]

_RULES = """
table inet filter {
    set partners {
        type ipv4_addr
        flags interval
        elements = { 10.1.0.0/16, 10.2.0.1 }
    }
    set pairs {
        type ipv4_addr . inet_service
        elements = { 10.1.0.1 . 81 }
    }
    chain databases {
        tcp dport { 3306, 5000-5432 } counter drop
    }
    chain output {
        type filter hook output priority 0; policy accept
        ct state established,related accept
        oifname "lo" accept
        udp dport 53 drop
        ip6 daddr 2001:db8::/32 reject
        ip daddr . tcp dport @pairs reject
        ip daddr @partners jump databases
        ip daddr 10.2.0.1 return
        ip daddr 10.3.0.1 tcp dport != 22 log prefix "x" reject with tcp reset
        ip daddr 10.3.0.2-10.3.0.9 limit rate 1/second drop
        ip daddr 10.4.0.1 meta skuid 77777 accept
        ip daddr 10.4.0.0/24 drop
        ip saddr 10.9.0.1 ip daddr 10.5.0.1 drop
    }
    chain late {
        type filter hook postrouting priority 0; policy drop
        ip daddr != { 10.6.0.1, 10.2.0.1 } accept
        ip6 daddr ::/0 accept
    }
}
"""


@pytest.fixture(scope="module")
def entries():
    """The rules as nft gives them."""
    script = "nft -f - && exec nft --json list ruleset"
    try:
        done = subprocess.run([*UNSHARE, "sh", "-c", script], input=_RULES, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespaces, or no nft: {error}")
    return json.loads(done.stdout)["nftables"]


@pytest.mark.parametrize(
    ("destination", "port", "said"),
    [
        ("10.1.0.1", 3306, "databases: tcp dport { 3306, 5000-5432 } drop: drop"),
        ("10.1.0.1", 5100, "databases: tcp dport { 3306, 5000-5432 } drop: drop"),
        ("10.1.0.1", 81, "output: ip daddr . tcp dport @pairs reject with port-unreachable: reject"),
        ("10.1.0.1", 80, None),
        ("10.2.0.1", 53, "late: policy drop: drop"),
        ("10.3.0.1", 80, "output: ip daddr 10.3.0.1 tcp dport != 22 reject with tcp reset: reject"),
        ("10.3.0.1", 22, None),
        ("10.3.0.4", 80, "output: ip daddr 10.3.0.2-10.3.0.9 limit drop: drop?"),
        ("10.4.0.1", 80, "output: ip daddr 10.4.0.0/24 drop: drop?"),
        ("10.4.0.2", 80, "output: ip daddr 10.4.0.0/24 drop: drop"),
        ("10.5.0.1", 80, "output: ip saddr 10.9.0.1 ip daddr 10.5.0.1 drop: drop"),
        ("10.6.0.1", 80, "late: policy drop: drop"),
        ("2001:db8::1", 80, "output: ip6 daddr 2001:db8::/32 reject with port-unreachable: reject"),
        ("2001:db9::1", 80, None),
    ],
)
def test_what_keeps_a_packet_from_leaving(entries, destination, port, said):
    """The first rule that does for certain; with a question mark, one that may."""
    met = Ruleset(entries).refusal(Packet(destination=destination, port=port, source="10.9.0.1", interface="eth1"))

    if met is not None:
        met = f"{met.chain.split()[-1]}: {met.expression}: {met.verdict}{'' if met.certain else '?'}"
    assert met == said


def test_another_interface(entries):
    """What leaves by an interface that is admitted is not kept; where that is not known, it may be."""
    rules = Ruleset(entries)
    known = rules.refusal(Packet(destination="10.4.0.2", port=80, interface="lo"))
    unknown = rules.refusal(Packet(destination="10.4.0.2", port=80))

    assert known is None
    assert not unknown.certain


def test_refusals_are_counted(entries):
    """Rules that drop or reject, jumped to or not, and policies."""
    assert Ruleset(entries).refusals == 9


def test_a_loop_of_chains_ends():
    """The kernel admits none; what is read here may be anything."""
    chain = {"family": "inet", "table": "t", "name": "a", "type": "filter", "hook": "output", "prio": 0}
    rule = {"family": "inet", "table": "t", "chain": "a", "expr": [{"jump": {"target": "a"}}]}
    rules = Ruleset([{"chain": chain}, {"rule": rule}])

    assert (rules.refusal(Packet(destination="10.0.0.1", port=1)), rules.refusals) == (None, 0)


async def test_whoever_may_not_read_does_without(monkeypatch):
    """Nothing is started, and nothing is observed."""
    monkeypatch.setattr(nftables, "may_read", lambda: False)
    monkeypatch.setattr(nftables, "read", lambda: pytest.fail("it was started"))
    notes = Notes()
    await nftables.probe([], notes)

    assert notes.observations == []


async def test_no_nft(monkeypatch, tmp_path):
    """That it cannot be read is told."""
    monkeypatch.setattr(nftables, "may_read", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    notes = Notes()
    ask = Ask(target=Target(name="it", host="10.0.0.1", port=1), address="10.0.0.1")
    await nftables.probe([(ask, Packet(destination="10.0.0.1", port=1))], notes)
    (seen,) = notes.observations

    assert seen.facts["readable"] is False


_PROBE = """
import asyncio
from probes import nftables
from probes.contract import Ask, Notes
from reports.model import Target
notes = Notes()
packets = [
    (Ask(target=Target(name='it', host=ip, port=80), address=ip), nftables.Packet(destination=ip, port=80))
    for ip in ('10.6.0.1', '10.7.0.1')
]
asyncio.run(nftables.probe(packets, notes))
for seen in notes.observations:
    print(seen.step, seen.address, seen.facts.get('rules'), seen.facts.get('expression'), seen.facts.get('certain'))
"""


def test_what_is_observed():
    """How many rules refuse, and for each packet that one keeps, which one."""
    rules = "table ip t {\nchain c {\ntype filter hook output priority 0\nip daddr 10.6.0.1 drop\n}\n}\n"
    argv = [*UNSHARE, "sh", "-c", 'nft -f - && exec "$@"', "sh", sys.executable, "-c", _PROBE]
    done = subprocess.run(argv, input=rules, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no user namespaces, or no nft: {done.stderr}")

    assert done.stdout.splitlines() == [
        "filter None 1 None None",
        "filter_rule 10.6.0.1:80 None ip daddr 10.6.0.1 drop True",
    ]
