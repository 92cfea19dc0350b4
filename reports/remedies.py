"""What to change: the catalogue's text with what was seen put into it, or the rule's own remedy."""

from typing import Dict, List, Sequence

from attrs import evolve

from reports.case import Case, names_of
from reports.causes import CAUSES
from reports.maxcompute.checklists import for_cause
from reports.maxcompute.schemes import link_of
from reports.model import Remedy
from reports.rules.contract import Rule
from reports.words import listed

# Every field that a text of the catalogue may use, and the words that stand for it where it was not learnt.
FIELDS = {
    "acl": "the network ACL of either vSwitch",
    "admits": "others",
    "alternative": "another address",
    "answers": "the address",
    "chain": "they lead back to themselves",
    "dead": "the dead address",
    "destinations": "the destination",
    "filter_rule": "`nft list ruleset`, `iptables -S OUTPUT`",
    "fits": "let fewer tasks run at once, and let each keep few connections open and use them again",
    "host": "the destination",
    "idle": "30 s",
    "interface": "the interface",
    "ip": "the destination",
    "ips": "the destination",
    "issuer": "unknown",
    "lasting": "ask by a ticket for all that MaxCompute goes out by: they may change, and its documents advise against "
    "access control by address",
    "link": "the network link",
    "direction": "on the way to or from",
    "macs": "as the evidence names them",
    "message": "nothing readable",
    "more": "if it must be more, ask by a ticket",
    "mss": "the path's MTU less 40",
    "mtu": "the path's MTU",
    "names": "none that is readable",
    "not_after": "a past date",
    "not_before": "a future date",
    "outbound": "the address from which this job comes",
    "pace": "open each connection once, keep it and use it again",
    "part": "this part",
    "ports": "the port",
    "proxy": "the proxy",
    "rate": "this rate",
    "rejection": "the route or policy rule",
    "relief": "look for what is short",
    "right_interface": "the ENI",
    "route": "what sends it there",
    "router": "the router",
    "servers": "the name servers",
    "service": "the service",
    "source": "this machine",
    "split": "let fewer tasks run at once, or let each keep fewer connections open",
    "spoke": "something else",
    "status": "an error",
    "subnets": "the destination's subnet",
    "vantage": "this machine",
    "vswitch": "the job's vSwitch",
}


class _Fields(Dict[str, object]):
    """Fields for a text; one that was not learnt reads as words."""

    def __missing__(self, key: str) -> str:
        return FIELDS[key]


def remedy(rule: Rule, cases: Sequence[Case]) -> Remedy:
    """The remedy for one finding: text, statement to paste, reference, owner, and what no packet can show."""
    checks = for_cause(rule.cause, cases[0].run.runtime)
    if rule.remedy is not None:
        made = rule.remedy(cases)
        return made if made.checks else evolve(made, checks=checks)
    cause = CAUSES[rule.cause]
    return Remedy(
        text=cause.remedy.format_map(_fields(rule, cases)),
        snippet=rule.snippet(cases) if rule.snippet is not None else "",
        reference=cause.reference,
        owner=cause.owner,
        checks=checks,
    )


def decided_by(rule: Rule, cases: Sequence[Case]) -> str:
    """What would make surer of this cause, in words; empty where nothing would."""
    text = CAUSES[rule.cause].decided_by
    return text.format_map(_fields(rule, cases)) if text else ""


def vswitch(cases: Sequence[Case]) -> str:
    """The CIDR from which the job comes: the declared network of its source addresses; empty where unknown."""
    for source in _sources(cases):
        network = cases[0].run.network_of(source)
        if network is not None:
            return network.cidr
    return ""


def _sources(cases: Sequence[Case]) -> List[str]:
    return list(dict.fromkeys(case.source for case in cases if case.source))


def _fields(rule: Rule, cases: Sequence[Case]) -> _Fields:
    run = cases[0].run
    ips = list(dict.fromkeys(ip for case in cases for ip in case.ips))
    queries = [seen for case in cases for seen in case.queries]
    blamed = [seen for seen in queries if seen.failure is not None] or queries
    fields = {
        "targets": listed([case.target.name for case in cases]),
        "destinations": listed([case.target.address for case in cases]),
        "host": listed(list(dict.fromkeys(case.target.host for case in cases))),
        "ports": ", ".join(str(port) for port in sorted({case.target.port for case in cases})),
        "service": listed(sorted({case.target.service for case in cases})),
        "ips": listed(ips),
        "ip": ips[0] if ips else "",
        "subnets": listed(list(dict.fromkeys(subnet for case in cases for subnet in case.subnets))),
        "source": listed(_sources(cases)),
        "vswitch": vswitch(cases),
        "admits": listed(list(dict.fromkeys(entry for case in cases for entry in case.target.admits))),
        "servers": listed(list(dict.fromkeys(str(seen.address) for seen in blamed if seen.address))),
        "answers": listed(names_of(queries, "addresses")),
        "chain": listed(names_of(queries, "cnames")),
        "router": listed(
            sorted(
                {str(seen.facts["icmp_from"]) for case in cases for seen in case.broken if "icmp_from" in seen.facts}
            )
        ),
        "vantage": run.vantage.host,
        "link": link_of(run.runtime),
    }
    known = _Fields((key, value) for key, value in fields.items() if value)
    known.update(rule.details(cases[0]))
    return known
