"""What the two runs met: the addresses of names, certificates, what answers, how the path is, what it holds."""

from typing import Dict, List

from reports.case import Case
from reports.codec import rfc3339
from reports.curve import curves
from reports.differences.view import Seen, Things, View, facts_of
from reports.model import Observation, Scalar
from reports.words import listed


def addresses(view: View) -> Things:
    """The addresses that the job gets for each name, or why it gets none."""
    found: Things = {}
    for host, cases in _by_host(view).items():
        case = cases[0]
        names = tuple(one.target.name for one in cases)
        ips = tuple(sorted(case.job_ips))
        if ips:
            found[host] = Seen(ips, listed(list(ips), 6), names)
        elif case.names:
            failed = [seen for seen in case.names if seen.failure is not None and seen.step in ("query", "resolver")]
            said = ", ".join(sorted({seen.failure.value for seen in failed if seen.failure})) or "no address"
            found[host] = Seen(said, said, names)
    return found


def aliases(view: View) -> Things:
    """The chain of CNAME records that leads to them."""
    found: Things = {}
    for host, cases in _by_host(view).items():
        chain = next((str(seen.facts["cnames"]) for seen in cases[0].queries if seen.facts.get("cnames")), "")
        if cases[0].job_ips:
            found[host] = Seen(chain, chain.replace(">", " > ") or "none", tuple(one.target.name for one in cases))
    return found


def _by_host(view: View) -> Dict[str, List[Case]]:
    hosts: Dict[str, List[Case]] = {}
    for case in view.cases():
        hosts.setdefault(case.target.host, []).append(case)
    return hosts


def certificates(view: View) -> Things:
    """What each target shows of itself by TLS, accepted or not, and whether its time is over."""
    now = rfc3339(view.report.run.started)
    found: Things = {}
    for case in view.cases():
        shown = next((seen for seen in case.handshakes if seen.facts.get("not_after")), None)
        if shown is not None:
            facts = facts_of(shown, "subject", "issuer", "not_before", "not_after", "names")
            said = "%s of %s, until %s" % (
                facts.get("subject", "?"),
                facts.get("issuer", "?"),
                str(facts["not_after"])[:10],
            )
            # Both are RFC 3339 in UTC: they compare as texts.
            over = str(facts["not_after"])[:19] < now[:19]
            found[case.target.name] = Seen(
                (tuple(facts.values()), over), said + (", which is over" if over else ""), (case.target.name,)
            )
    return found


def protocols(view: View) -> Things:
    """By which version of TLS."""
    found: Things = {}
    for case in view.cases():
        shaken = view.worked(case, "tls", "handshake")
        if shaken is not None and shaken.facts.get("version"):
            said = str(shaken.facts["version"])
            found[case.target.name] = Seen(said, said, (case.target.name,))
    return found


def servers(view: View) -> Things:
    """What answers there: the program and its version, as far as it says."""
    found: Things = {}
    for case in view.cases():
        for seen in case.exchanges:
            said = " ".join(str(value) for value in _of_server(seen).values())
            if said:
                found[case.target.name] = Seen(said, said, (case.target.name,))
                break
    return found


def _of_server(seen: Observation) -> Dict[str, Scalar]:
    return facts_of(seen, "spoke", "version", "server", "location", "advertised")


def sizes(view: View) -> Things:
    """The largest segment and packet, as the handshake agreed on them."""
    found: Things = {}
    for case in view.cases():
        for seen in case.connected[:1]:
            facts = facts_of(seen, "mss", "path_mtu")
            if len(facts) == 2:
                said = "segments of %s in packets of %s" % (facts["mss"], facts["path_mtu"])
                found[case.target.name] = Seen(said, said, (case.target.name,))
    return found


def hops(view: View) -> Things:
    """The routers on the way, where it was traced."""
    found: Things = {}
    for case in view.cases():
        told: Dict[int, str] = {}
        for seen in case.of("path", "hop"):
            if seen.ok and seen.facts.get("from"):
                told.setdefault(int(seen.facts.get("ttl", 0)), str(seen.facts["from"]))
        if told:
            chain = tuple(told[ttl] for ttl in sorted(told))
            found[case.target.name] = Seen(chain, " > ".join(chain), (case.target.name,))
    return found


def capacities(view: View) -> Things:
    """How many connections the way to a target holds, where that was measured; numbers that overlap are the same."""
    found: Things = {}
    for name, curve in curves(view.report.observations).items():
        if curve.limit is not None and name in view.results:
            low, high = curve.limit.low, curve.limit.high
            found[name] = Seen(Between(low, high), "%d to %d connections" % (low, high), (name,))
    return found


class Between:
    """An interval; it equals each that it overlaps."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Between) and self.low <= other.high and other.low <= self.high

    __hash__ = None  # type: ignore[assignment]
