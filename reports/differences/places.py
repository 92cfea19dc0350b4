"""Where the two runs were made: the machine, its interfaces, routes and name servers, and how it goes out."""

from typing import Dict, List, Optional

from reports.addresses import parse_address
from reports.case import Case
from reports.differences.view import Seen, Things, View, facts_of, listing
from reports.model import Observation

# An address of this prefix is a link's own and says nothing of any way.
_OWN_LINK = "fe80:"
_UNSPECIFIED = frozenset({"", "0.0.0.0", "::"})


def vantage(view: View) -> Things:
    """What ran there, and under which names."""
    place, everyone = view.report.vantage, view.names
    found = {"kind": place.kind, "host": place.host, "platform": place.platform, "Python": place.python}
    found.update(("label " + name, value) for name, value in place.labels.items())
    found["runtime"] = view.evidence.runtime
    found["linkdoctor"] = view.report.run.linkdoctor
    found.update((name, "possible" if works else "impossible") for name, works in place.capabilities.items())
    return {name: Seen(value, value, everyone) for name, value in found.items() if value}


def interfaces(view: View) -> Things:
    """Each with its state, its addresses and its largest packet; those that leave by it are concerned."""
    return {str(seen.facts["name"]): _interface(view, seen) for seen in view.of("local", "interface")}


def _interface(view: View, seen: Observation) -> Seen:
    addresses = [one for one in listing([seen], "addresses") if not one.startswith(_OWN_LINK)]
    own = {one.partition("/")[0] for one in addresses}
    state = "up" if seen.facts.get("up") else "down"
    if seen.facts.get("carrier") is False:
        state += ", no carrier"
    leaving = tuple(case.target.name for case in view.cases() if case.source in own)
    said = ", ".join([state, *addresses, "mtu %s" % seen.facts.get("mtu", "?")])
    return Seen(said, said, leaving)


def routes(view: View) -> Things:
    """The default routes, and the policy rules."""
    found: Things = {}
    for seen in view.of("local", "routes"):
        for key, name in (("default4", "default route"), ("default6", "default route of IPv6")):
            if key in seen.facts:
                said = "there" if seen.facts[key] else "none"
                found[name] = Seen(said, said, view.by_way("internet"))
    for seen in view.of("local", "rules"):
        policy = str(seen.facts.get("policy", "")) or "none of its own"
        found["policy rules"] = Seen(policy, policy, view.names)
    return found


def ways(view: View) -> Things:
    """How this machine sends to the addresses that it was asked about."""
    found: Things = {}
    for seen in view.of("local", "way"):
        ip = str(seen.facts.get("ip", ""))
        facts = facts_of(seen, "route", "table", "rule", "interface", "gateway", "source")
        said = "no route" if seen.failure else "%s by %s" % (facts.get("route", "?"), facts.get("interface", "?"))
        if "gateway" in facts:
            said += " via %s" % facts["gateway"]
        if "source" in facts:
            said += " from %s" % facts["source"]
        found[ip] = Seen((said, facts.get("table"), facts.get("rule")), said, _at(view, ip))
    return found


def _at(view: View, ip: str) -> "tuple[str, ...]":
    return tuple(case.target.name for case in view.cases() if ip in case.ips)


def sources(view: View) -> Things:
    """The address from which this machine speaks to each target."""
    found: Things = {}
    for case in view.cases():
        address = _source(case)
        if address is not None:
            found[case.target.name] = Seen(address, address, (case.target.name,))
    return found


def _source(case: Case) -> Optional[str]:
    return None if case.source in _UNSPECIFIED or parse_address(case.source) is None else case.source


def outbound(view: View) -> Things:
    """The addresses under which the outside saw the run, by the way out."""
    by_way: Dict[str, List[Observation]] = {}
    for seen in view.of("egress", "address"):
        if seen.facts.get("seen"):
            by_way.setdefault(str(seen.facts.get("via")), []).append(seen)
    concerned = view.by_way("internet")
    return {
        way: Seen(listing(found, "seen"), ", ".join(listing(found, "seen")), concerned) for way, found in by_way.items()
    }


def name_servers(view: View) -> Things:
    """Which are configured, and which of them answer."""
    named = tuple(case.target.name for case in view.cases() if case.names)
    found: Things = {}
    for seen in view.of("local", "name_servers"):
        for key in ("servers", "search"):
            if key in seen.facts:
                found[key] = Seen(seen.facts[key], str(seen.facts[key]).replace(",", ", "), named)
    asked = {str(seen.address) for case in view.cases() for seen in case.queries if seen.address}
    for server in asked:
        said = "silent" if server in view.evidence.dead_servers else "answers"
        found[server] = Seen(said, said, named)
    return found


def proxies(view: View) -> Things:
    """The proxy variables that are set."""
    return {
        str(seen.facts.get("variable")): Seen(
            (seen.facts.get("proxy"), seen.facts.get("no_proxy")),
            " ".join(str(value) for value in facts_of(seen, "proxy", "no_proxy").values()),
            tuple(case.target.name for case in view.cases() if case.target.service in ("http", "https")),
        )
        for seen in view.of("local", "proxy")
    }


def limits(view: View) -> Things:
    """What this machine may hold at most."""
    found: Things = {}
    for step, keys in (
        ("limits", ("descriptors", "ports_low", "ports_high", "time_wait_reuse")),
        ("pressure", ("conntrack_limit", "tcp_time_wait_limit", "tcp_orphans_limit")),
    ):
        for seen in view.of("local", step):
            for key, value in facts_of(seen, *keys).items():
                found[key] = Seen(value, str(value), view.names)
    return found
