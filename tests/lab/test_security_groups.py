"""Rulings on security groups against packets: the same rules as a packet filter, and real connections through it.

IPv4 and TCP alone; what is open (UNKNOWN) has no packet that could decide it.
"""

import json
import random
import sys

import pytest
from attrs import evolve, frozen

from reports.vpc.cloud import Cloud
from reports.vpc.matching import Packet
from reports.vpc.model import ACCEPT, EGRESS, INGRESS, Eni, Inventory, PrefixList, Rule, SecurityGroup
from reports.vpc.security import judge
from tests.lab.groupfilter import Connect, Trial, script
from tests.lab.harness import ROOT
from tests.lab.network import SANDBOX
from tests.reports.vpc.cases import CASES, VPC

_MEETS = {ACCEPT: "open", "drop": "ECONNREFUSED"}

_SEED = 20261130
_DRAWN = 60


@frozen
class Question:
    """One packet in one setting."""

    name: str
    inventory: Inventory
    packet: Packet
    direction: str


def _tried(lab, questions: list[Question]) -> list[str]:
    """What the connections meet, one a question; settings that follow each other are loaded once."""
    trials: list[Trial] = []
    for question in questions:
        packet = question.packet
        judged = packet.dest if question.direction == INGRESS else packet.source
        eni = Cloud(question.inventory).eni_of(judged)
        assert eni is not None, question.name
        filtering = script(question.inventory, evolve(eni, addresses=(judged,)), question.direction)
        connect = Connect(packet.source, packet.source_port or 0, packet.dest, packet.port or 0)
        if trials and trials[-1].script == filtering:
            trials[-1] = evolve(trials[-1], connects=(*trials[-1].connects, connect))
        else:
            trials.append(Trial(filtering, (connect,)))
    done = lab.run(
        [sys.executable, "-m", "tests.lab.groupfilter", "trials.json"],
        SANDBOX,
        files={"trials.json": json.dumps([trial.as_json() for trial in trials])},
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done["code"] == 0, done["stderr"]
    return [met for trial in json.loads(done["stdout"]) for met in trial]


def _disagreements(lab, questions: list[Question]) -> list[str]:
    met = _tried(lab, questions)
    assert len(met) == len(questions)
    found = []
    for question, seen in zip(questions, met, strict=True):
        ruling = judge(Cloud(question.inventory), question.packet, question.direction, VPC.id)
        if _MEETS.get(ruling.verdict) != seen:
            found.append(f"{question.name}: {question.packet} {question.direction}: met {seen}; {ruling.why}")
    return found


def _decided() -> list[Question]:
    return [
        Question(case.id, case.inventory, case.packet, case.direction)
        for case in CASES
        if case.packet.protocol == "tcp" and ":" not in case.packet.source and case.verdict in _MEETS
    ]


def test_the_documented_cases_as_packets(lab):
    """Every documented case of TCP over IPv4: a connection meets what the ruling says."""
    questions = _decided()
    assert len(questions) > 120
    assert len({question.inventory for question in questions}) >= 30
    assert _disagreements(lab, questions) == []


def test_drawn_rules_as_packets(lab):
    """Rules that nobody thought of: groups, priorities, ranges, CIDRs, lists and members drawn with a fixed seed."""
    questions = [question for seed in range(_DRAWN) for question in _drawn(random.Random(_SEED + seed), seed)]
    verdicts = [judge(Cloud(one.inventory), one.packet, one.direction, VPC.id).verdict for one in questions]
    assert set(verdicts) == set(_MEETS)
    assert min(verdicts.count(verdict) for verdict in _MEETS) > len(questions) // 10
    assert _disagreements(lab, questions) == []


def test_a_filter_that_differs_is_noticed(lab):
    """The comparison can fail: with the priorities of two rules exchanged, packets meet the opposite."""
    case = next(case for case in CASES if case.name == "priority 1 precedes priority 2")
    question = Question(case.id, case.inventory, case.packet, case.direction)
    groups = tuple(
        evolve(group, rules=tuple(evolve(rule, priority=3 - rule.priority) for rule in group.rules))
        for group in case.inventory.groups
    )
    turned = evolve(question, inventory=evolve(case.inventory, groups=groups))
    assert _tried(lab, [question, turned]) == ["open", "ECONNREFUSED"]


# --- drawn settings -------------------------------------------------------------------------------------------------

_HOSTS = tuple(f"10.10.{subnet}.{host}" for subnet in (1, 2, 3) for host in (10, 20, 130))
_BEYOND = ("192.168.7.7", "203.0.113.9")
_CIDRS = ("10.10.1.0/24", "10.10.1.0/25", "10.10.0.0/16", "10.10.2.0/23", "0.0.0.0/0", "192.168.0.0/16", "10.10.1.10")
_PORTS = (22, 80, 443, 3306, 8080)
_RANGES = ("22/22", "80/443", "1/65535", "-1/-1", "3306/3306", "443/8080")


def _drawn(dice: random.Random, seed: int) -> list[Question]:
    """One setting, and packets to and from its interfaces."""
    kinds = {f"sg-{number}": dice.choice(("normal", "normal", "enterprise")) for number in range(4)}
    lists = tuple(
        PrefixList(id=f"pl-{number}", cidrs=tuple(dice.sample(_CIDRS, dice.randint(1, 3)))) for number in range(2)
    )
    enis = tuple(_interface(dice, kinds, address) for address in _HOSTS)
    groups = tuple(
        SecurityGroup(
            id=name,
            type=kind,
            vpc=VPC.id,
            inner_access=dice.choice(("accept", "drop")) if kind == "normal" else "drop",
            rules=tuple(_rule(dice, kinds, name, place) for place in range(1, dice.randint(1, 9))),
        )
        for name, kind in kinds.items()
    )
    inventory = Inventory(region="cn-lab", read=0.0, vpcs=(VPC,), enis=enis, groups=groups, prefix_lists=lists)
    direction, judged = dice.choice((INGRESS, EGRESS)), dice.choice(_HOSTS)
    others = dice.sample([one for one in (*_HOSTS, *_BEYOND) if one != judged], 4)
    ends = [(other, judged) if direction == INGRESS else (judged, other) for other in others]
    return [
        Question(
            f"seed {seed}",
            inventory,
            Packet(source=source, dest=dest, port=port, source_port=dice.choice((40001, 50001))),
            direction,
        )
        for source, dest in ends
        for port in dice.sample(_PORTS, 3)
    ]


def _interface(dice: random.Random, kinds: dict[str, str], address: str) -> Eni:
    kind = dice.choice(sorted(set(kinds.values())))
    possible = [name for name, one in kinds.items() if one == kind]
    groups = tuple(dice.sample(possible, dice.randint(1, min(2, len(possible)))))
    return Eni(id=f"eni-{address}", vpc=VPC.id, addresses=(address,), groups=groups)


def _rule(dice: random.Random, kinds: dict[str, str], group: str, place: int) -> Rule:
    direction = dice.choice((INGRESS, EGRESS))
    side, own = ("source", "dest") if direction == INGRESS else ("dest", "source")
    basic = [name for name, kind in kinds.items() if kind == "normal"]
    given = {}
    whom = dice.choice(("cidr", "cidr", "prefix_list", "group"))
    if whom == "group" and kinds[group] == "normal":
        given[f"{side}_group"] = dice.choice(basic)
    elif whom == "prefix_list":
        given[f"{side}_prefix_list"] = dice.choice(("pl-0", "pl-1"))
    else:
        given[f"{side}_cidr"] = dice.choice(_CIDRS)
    if dice.random() < 0.2:
        given["source_ports"] = dice.choice(("40000/41000", "1/65535", "50001/50001"))
    if dice.random() < 0.1:
        given[f"{own}_cidr"] = dice.choice(_CIDRS)
    protocol = dice.choice(("tcp", "tcp", "tcp", "all", "udp", "icmp"))
    return Rule(
        place=place,
        direction=direction,
        policy=dice.choice(("accept", "drop")),
        protocol=protocol,
        priority=dice.choice((1, 2, 2, 50, 100)),
        ports=dice.choice(_RANGES) if protocol in ("tcp", "udp") else "-1/-1",
        **given,
    )


@pytest.mark.parametrize("direction", [INGRESS, EGRESS])
def test_answers_pass_by_their_connection(lab, direction):
    """Groups know connections: an answer passes though no rule of its own direction would let it."""
    policy = {direction: "accept", (EGRESS if direction == INGRESS else INGRESS): "drop"}
    rules = tuple(
        Rule(
            place=place,
            direction=one,
            policy=policy[one],
            protocol="all",
            ports="-1/-1",
            **{"source_cidr" if one == INGRESS else "dest_cidr": "0.0.0.0/0"},
        )
        for place, one in enumerate((INGRESS, EGRESS), 1)
    )
    case = CASES[0]
    groups = tuple(
        evolve(group, rules=rules) if group.id in ("sg-own", "sg-job") else group for group in case.inventory.groups
    )
    inventory = evolve(case.inventory, groups=groups)
    packet = Packet(source="10.10.1.10", dest="10.10.2.30", port=3306)
    assert _disagreements(lab, [Question("answers", inventory, packet, direction)]) == []
    assert _tried(lab, [Question("answers", inventory, packet, direction)]) == ["open"]
