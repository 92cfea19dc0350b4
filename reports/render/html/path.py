"""The way from the job to a target as stations in a row: how far it is proved, where it breaks, what is not known.

What was observed proves a station; a finding says at which one the way breaks, and its candidates where else it may. A
finding never makes anything proved: what lies before the break and was not seen to work stays unknown.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from attrs import evolve, frozen

from reports import words
from reports.addresses import parse_address
from reports.case import Case, names_of
from reports.causes import CAUSES, UNDETERMINED_CAUSES
from reports.groups import shows_host
from reports.maxcompute.schemes import AUTO, BY_VPC, INTERNET, SERVICE, UNGOVERNED
from reports.model import Finding, Observation
from reports.services import is_tls

# Kinds of stations, in the order of the way.
JOB, NAMES, WAY, ROUTER, FILTER, HOST, TLS, ANSWER = (
    "job",
    "names",
    "way",
    "router",
    "filter",
    "host",
    "tls",
    "service",
)

_ORDER = (JOB, NAMES, WAY, ROUTER, FILTER, HOST, TLS, ANSWER)

# What is known of a station.
PROVED, BROKEN, IMPAIRED, SUSPECTED, UNKNOWN = "proved", "broken", "impaired", "suspected", "unknown"

# Where the causes of a layer break the way, and those of its causes that break it elsewhere.
_OF_LAYER = {
    "config": WAY,
    "dns": NAMES,
    "local": JOB,
    "eni": WAY,
    "route": ROUTER,
    "filter": FILTER,
    "egress": WAY,
    "service": ANSWER,
    "http": ANSWER,
    "tls": TLS,
    "path": ROUTER,
}
_OF_CAUSE = {
    "whitelist_lacks_vswitch": FILTER,
    "destination_other_vpc": ROUTER,
    "eni_wrong_vswitch": FILTER,
    "no_internet_egress": WAY,
    "host_down": HOST,
    "duplicate_address": HOST,
    "host_firewall_drop": HOST,
    "outbound_ip_changed": FILTER,
    "outbound_ip_pool_partly_admitted": FILTER,
    "datanode_unreachable": FILTER,
    "one_address_dead": HOST,
    "reset_on_first_data": FILTER,
    "tls_intercepted": FILTER,
    "proxy_auth_required": WAY,
    "proxy_denied": WAY,
    "proxy_unavailable": WAY,
    "proxy_not_listening": WAY,
}

# A candidate below is not drawn.
_SUSPICIOUS = 0.05
# More routers become one station.
_MOST_ROUTERS = 3

# What the layer of a cause impairs without cutting it: what was seen beyond it counts.
_IMPAIRING = "path"
# What other targets, and other protocols, show of a way that is broken.
_SEEN_OTHERWISE = frozenset({NAMES, HOST})

_JOBS = {
    "host": "this host",
    "udf": "UDF",
    "spark-driver": "Spark driver",
    "spark-executor": "Spark executor",
    "pyodps": "PyODPS node",
}
_FILTERS = {
    "acl_drop": "network ACL",
    "admin_prohibited": "filter",
    "ip_whitelist_mismatch": "whitelist",
    "outbound_ip_changed": "whitelist",
    "outbound_ip_pool_partly_admitted": "whitelist",
    "return_path_drop": "the way back",
    "tls_intercepted": "middlebox",
    "whitelist_lacks_vswitch": "whitelist",
}


@frozen(kw_only=True)
class Station:
    """One place on the way. ``title``: what it is; ``detail``: which one; ``note``: what is wrong there."""

    kind: str
    title: str
    detail: str = ""
    state: str = UNKNOWN
    note: str = ""


@frozen(kw_only=True)
class Way:
    """``links``: the state of what lies between neighbours, one fewer than stations."""

    stations: tuple[Station, ...]
    links: tuple[str, ...]

    @property
    def told(self) -> str:
        """The picture in a sentence, for who does not see it."""
        parts = []
        for state, words_before in _SAID.items():
            some = [_named(one) for one in self.stations if one.state == state]
            if some:
                parts.append(f"{words_before} {', '.join(some)}")
        return "; ".join(parts)


_SAID = {PROVED: "proved:", BROKEN: "breaks at:", IMPAIRED: "impaired at:", SUSPECTED: "or at:", UNKNOWN: "not known:"}


def way_of(case: Case, finding: Finding | None = None) -> Way:
    """The way to a target, and what the finding says of it."""
    stations = list(_stations(case, finding))
    cut = False
    if finding is not None:
        stations = _judged(stations, finding)
        cut = finding.layer != _IMPAIRING
    links = (_link(before, after, cut=cut) for before, after in pairwise(stations))
    return Way(stations=tuple(stations), links=tuple(links))


def place_of(cause: str) -> str:
    """The kind of station at which a cause of the catalogue breaks the way; "" for one that is not in it."""
    entry = CAUSES.get(cause)
    return _OF_CAUSE.get(cause) or (_OF_LAYER[entry.layer] if entry else "")


# --- what was observed ----------------------------------------------------------------------------------------------


def _stations(case: Case, finding: Finding | None) -> Iterator[Station]:
    yield Station(
        kind=JOB,
        title=_JOBS.get(case.run.vantage.kind, case.run.vantage.kind) or "the job",
        detail=case.source or case.run.vantage.host,
        state=PROVED,
    )
    if case.names and not case.proxied:
        yield _names(case)
    yield from _way(case)
    if not case.proxied:
        yield from _routers(case, finding)
    if not case.proxied or _is_at(finding, FILTER):
        yield from _filter(case, finding)
    yield _host(case)
    if case.handshakes or is_tls(case.target.service, case.target.port) or _is_at(finding, TLS):
        yield Station(kind=TLS, title="TLS", detail=_first(case.handshakes, "version"), state=_seen(case.handshakes))
    yield Station(
        kind=ANSWER,
        title=case.target.service if case.target.service != "tcp" else "service",
        detail=f":{case.target.port}" if case.target.port else "",
        state=_answered(case),
    )


def _names(case: Case) -> Station:
    answered = [seen for seen in case.queries if seen.facts.get("addresses")]
    servers = dict.fromkeys(str(seen.facts.get("server", seen.address)) for seen in answered or case.queries)
    known = bool(case.job_ips or answered)
    return Station(
        kind=NAMES,
        title="name server" if len(servers) < 2 else words.count(len(servers), "name server"),
        detail=next(iter(servers), ""),
        state=PROVED if known else UNKNOWN,
    )


def _way(case: Case) -> Iterator[Station]:
    """What leads out of where the job is: its HTTP proxy, its ENI, MaxCompute's proxy, a NAT gateway."""
    proxies = case.of("tcp", "connect_proxy")
    if proxies:
        passed = _seen(case.of("http", "proxy") or proxies)
        yield Station(kind=WAY, title="HTTP proxy", detail=str(proxies[0].address or ""), state=passed)
        return
    job = case.run.runtime not in UNGOVERNED
    network = case.run.network_of(case.source)
    if case.way == BY_VPC and (job or (network is not None and case.source in network.enis)):
        title = f"ENI, {network.name}" if network is not None else "ENI"
        detail = case.source if network is not None else "none seen"
        yield Station(kind=WAY, title=title, detail=detail, state=PROVED if network is not None else UNKNOWN)
    elif case.way in (INTERNET, SERVICE):
        seen = names_of([one for one in case.run.of("egress", "address") if one.failure is None], "seen")
        title = ("outbound proxy" if job else "way out") if case.way == INTERNET else "services' network"
        out = case.run.way_of(case).answers
        detail = words.listed(seen, 1) if case.way == INTERNET else ""
        yield Station(kind=WAY, title=title, detail=detail, state=PROVED if out else UNKNOWN)


def _routers(case: Case, finding: Finding | None) -> Iterator[Station]:
    """Those that were heard by this target's traces, or by those of its subnet; else that there may be some."""
    if case.ips and all(map(case.run.is_on_link, case.ips)) and not _is_at(finding, ROUTER):
        return
    heard = _heard(case)
    refusing = _refusing(case)
    heard += [router for router in refusing if router not in heard and router not in case.ips]
    passed = PROVED if _host_state(case) == PROVED or _came_through(case) else UNKNOWN
    if len(heard) > _MOST_ROUTERS:
        title = words.count(len(heard), "router")
        yield Station(kind=ROUTER, title=title, detail=f"{heard[0]} to {heard[-1]}", state=PROVED)
    else:
        yield from (Station(kind=ROUTER, title="router", detail=router, state=PROVED) for router in heard)
    if not heard or (_is_at(finding, ROUTER) and not refusing):
        yield Station(kind=ROUTER, title="behind it" if heard else "route", state=passed)


def _filter(case: Case, finding: Finding | None) -> Iterator[Station]:
    blamed = _FILTERS.get(finding.cause, "") if finding is not None else ""
    if case.way in (BY_VPC, AUTO) and not _is_here(case):
        title = blamed or "security group"
    elif _is_at(finding, FILTER) or any(_is_at_cause(one, FILTER) for one in _suspects(finding)):
        title = blamed or "firewall"
    else:
        return
    answered = _refusing(case) if _is_at(finding, FILTER) else []
    yield Station(
        kind=FILTER, title=title, detail=words.listed(answered, 1), state=PROVED if _reached(case) else UNKNOWN
    )


def _host(case: Case) -> Station:
    ips = words.listed(case.ips, 1)
    return Station(kind=HOST, title="host", detail=ips or case.target.host, state=_host_state(case))


def _host_state(case: Case) -> str:
    """Whether the host is there: by this target, or by another one at the same address."""
    answers = any(case.host_answers) or any(group.answers for group in case.run.hosts_of(case))
    return PROVED if answers or _reached(case) else UNKNOWN


def _came_through(case: Case) -> bool:
    """Whether another host of the same subnet answers."""
    return any(group.answers for group in case.run.subnets_of(case))


def _reached(case: Case) -> bool:
    """Whether this very target was reached, and not somebody who accepts in its place."""
    if case.proxied:
        return any(seen.failure is None for seen in case.handshakes + case.exchanges)
    if case.accepted_for:
        return case.reached
    return any(shows_host(seen) for seen in case.connects)


def _answered(case: Case) -> str:
    if case.exchanges:
        return _seen(case.exchanges)
    return PROVED if case.connected and not case.handshakes and not case.accepted_for else UNKNOWN


def _heard(case: Case) -> list[str]:
    """The routers of the target's own trace, or of one into its subnet, from the first hop on."""
    own = [hops for group in case.run.hosts_of(case) for hops in group.traces if hops[0].target == case.target.name]
    near = [hops for group in case.run.subnets_of(case) for hops in group.traces]
    for hops in own or near[:1]:
        senders = [str(seen.facts["from"]) for seen in hops if "from" in seen.facts and not seen.facts.get("reached")]
        return [router for router in dict.fromkeys(senders) if router not in case.ips]
    return []


def _is_here(case: Case) -> bool:
    """Whether the target is this very machine."""
    addresses = [parse_address(ip) for ip in case.ips]
    return bool(addresses) and all(address is not None and address.is_loopback for address in addresses)


def _refusing(case: Case) -> list[str]:
    """Who answered the SYN by an ICMP error, and is not this machine."""
    said = (seen.facts for seen in case.failed_connects if "icmp_from" in seen.facts)
    return list(dict.fromkeys(str(facts["icmp_from"]) for facts in said if not facts.get("icmp_local")))


def _seen(steps: Sequence[Observation]) -> str:
    """Proved where one of the steps did what it set out to do."""
    return PROVED if any(seen.failure is None for seen in steps) else UNKNOWN


def _first(steps: Sequence[Observation], fact: str) -> str:
    return next((str(seen.facts[fact]) for seen in steps if fact in seen.facts), "")


# --- what the finding says ------------------------------------------------------------------------------------------


def _judged(stations: list[Station], finding: Finding) -> list[Station]:
    """The stations with the break in them, and nothing proved beyond it but what was seen by another way."""
    broken = _place(stations, finding.cause)
    state = BROKEN if finding.severity == "critical" and finding.cause not in UNDETERMINED_CAUSES else IMPAIRED
    note = f"{finding.cause} {words.share(finding.confidence)}"
    judged = list(stations)
    judged[broken] = evolve(judged[broken], state=state, note=note)
    for cause, share in _suspected(finding):
        place = _place(stations, cause)
        if place != broken and judged[place].state != SUSPECTED:
            judged[place] = evolve(judged[place], state=SUSPECTED, note=f"or {cause} {words.share(share)}")
    if state == BROKEN and finding.layer != _IMPAIRING:
        judged[broken + 1 :] = [
            evolve(one, state=UNKNOWN) if one.state == PROVED and one.kind not in _SEEN_OTHERWISE else one
            for one in judged[broken + 1 :]
        ]
    return judged


def _link(before: Station, after: Station, *, cut: bool) -> str:
    """A link is as its two ends are: proved up to whatever is proved, red into the break, unknown behind it."""
    if after.state == BROKEN:
        return BROKEN
    passed = (PROVED, IMPAIRED) if cut else (PROVED, IMPAIRED, BROKEN)
    return PROVED if before.state in passed and after.state in passed else UNKNOWN


def _place(stations: Sequence[Station], cause: str) -> int:
    """Where a cause breaks the way: at the last station of its kind, or at what takes its part."""
    rank = _ORDER.index(place_of(cause) or ANSWER)
    before = [place for place, station in enumerate(stations) if _ORDER.index(station.kind) <= rank]
    return before[-1]


def _suspects(finding: Finding | None) -> list[str]:
    return [cause for cause, _ in _suspected(finding)] if finding is not None else []


def _suspected(finding: Finding) -> list[tuple[str, float]]:
    likely = [(one.cause, one.confidence) for one in finding.candidates if one.confidence >= _SUSPICIOUS]
    return sorted(likely, key=lambda one: -one[1])


def _is_at(finding: Finding | None, kind: str) -> bool:
    return finding is not None and _is_at_cause(finding.cause, kind)


def _is_at_cause(cause: str, kind: str) -> bool:
    return place_of(cause) == kind


def _named(station: Station) -> str:
    note = f"({station.note})" if station.note else ""
    return " ".join(part for part in (station.title, station.detail, note) if part)
