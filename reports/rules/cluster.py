"""Layer service: the nodes of a cluster that a client is sent to after it has spoken to the master."""

from typing import Dict, Optional, Tuple

from attrs import frozen

from reports.case import Case
from reports.groups import Group
from reports.rules import clues
from reports.rules.contract import CONNECT, GROUP, Clue, Proof, Rule
from reports.rules.filter import security_group_rule
from reports.words import count, listed, seconds


@frozen
class _Family:
    """``masters`` are asked first, and tell which node to go to; ``noun``: what such a node is called."""

    masters: Tuple[str, ...]
    noun: str


# By the service of the nodes (reports/services.py). Where the masters are the same, whichever works is the bootstrap.
_FAMILIES: Dict[str, _Family] = {
    "hdfs-datanode": _Family(("hdfs-namenode",), "DataNode"),
    "hbase": _Family(("hbase", "zookeeper"), "HBase server"),
    "kafka": _Family(("kafka",), "broker"),
}


def _master_works(case: Case) -> Optional[Proof]:
    """A node fails and its master does not."""
    family = _FAMILIES.get(case.target.service)
    if family is None or case.answers_again:
        return None
    for service in family.masters:
        for other in case.run.cluster(service, case.target.group).cases:
            if other.connected and not other.stage:
                answer = other.connected[0]
                words = "%s (%s) answers in %s" % (answer.address, service, seconds(answer.duration_s))
                return Proof(words, (answer,))
    return None


def _several_fail(case: Case) -> Optional[Proof]:
    """Two nodes or more: no matter of a single host."""
    return _failing(case) if len(_nodes(case).unconnected) > 1 else None


def _only_one_fails(case: Case) -> Optional[Proof]:
    """The only node that is known: it may be its own matter as well."""
    return _failing(case) if len(_nodes(case).cases) == 1 else None


def _nodes(case: Case) -> Group:
    return case.run.cluster(case.target.service, case.target.group)


def _failing(case: Case) -> Proof:
    nodes = _nodes(case)
    failing = nodes.unconnected
    total = count(len(nodes.cases), _FAMILIES[case.target.service].noun)
    return Proof(
        "%d of %s fail: %s" % (len(failing), total, listed([one.target.name for one in failing])),
        tuple(seen for one in failing[:3] for seen in one.broken[:1]),
    )


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="datanode_unreachable",
        explains=(CONNECT,),
        applies=_master_works,
        prior=0.15,
        clues=(Clue(_several_fail, 40), Clue(_only_one_fails, 6), Clue(clues.same_host_answers, 8)),
        snippet=security_group_rule,
        scope=GROUP,
    ),
)
