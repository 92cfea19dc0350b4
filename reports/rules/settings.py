"""Layer config, and what the settings decide of layer egress: what the job declares against what was measured.

Settings alone accuse (reports/rules/declared.py). Here an accusation competes to explain a target that is broken, is
refuted where something that lacks the same was reached, and stands by itself only where nothing was measured.
"""

import ipaddress
from typing import Callable, Optional, Sequence, Tuple, Union

from reports.addresses import admits, is_private
from reports.case import Case
from reports.causes import CRITICAL, INFO, WARNING
from reports.evidence import NOBODY
from reports.failures import Failure
from reports.maxcompute.endpoints import LEGACY_SPARK_SOURCE
from reports.maxcompute.schemes import BY_VPC, GOVERNED, INTERNET
from reports.maxcompute.settings import ENI_ENABLE, VPC_DOMAINS
from reports.model import Network
from reports.rules import changes, trace
from reports.rules.contract import CONNECT, EXCHANGE, RESOLVE, RUN, TLS, Clue, Proof, Rule, Want, wants_nothing
from reports.rules.declared import (
    accusation,
    endpoint_outside,
    is_through,
    is_unmeasured,
    of_run,
    said,
    way_of,
)
from reports.words import listed

# Said against a target that is reached all the same, these show settings that are not those of the job.
_CONTRADICTABLE = (
    "access_not_enabled",
    "access_way_unsupported",
    "networklink_name_invalid",
    "eni_info_malformed",
    "access_list_missing_host",
    "access_list_missing_port",
)
# What the documents only make likely is no contradiction, and no error before it was measured.
_ONLY_LIKELY = ("vpc_region_udf",)

_BY_THIS_MACHINE = frozenset({Failure.LOCAL_FILTER_DENIES, Failure.LOCAL_NO_ROUTE, Failure.LOCAL_ROUTE_REJECTS})


def _accused(cause: str) -> Callable[[Case], Optional[Proof]]:
    def test(case: Case) -> Optional[Proof]:
        """The job's settings say so of this target."""
        found = accusation(case, cause)
        return Proof(found.words, case.coverage) if found is not None else None

    return test


# --- clues ----------------------------------------------------------------------------------------------------------


def _never_left(case: Case) -> Optional[Proof]:
    """This machine's own rules or routes kept the packets: what lies behind them was not tried."""
    kept = tuple(seen for seen in case.connects if seen.failure in _BY_THIS_MACHINE or seen.facts.get("unsent"))
    return Proof("no packet left this machine", kept) if kept else None


def _answered_on_the_way(case: Case) -> Optional[Proof]:
    """A router beyond this machine answered, so that the packets do get somewhere.

    Without a way into the VPC they go out towards the Internet: then only a router of the VPC's own networks counts.
    """
    inside = case.run.plan.networks if case.way == BY_VPC else ()
    answers = tuple(
        seen
        for seen in case.broken
        if seen.facts.get("icmp_from")
        and not seen.facts.get("icmp_local")
        and (not inside or case.run.network_of(str(seen.facts["icmp_from"])) is not None)
    )
    return Proof("%s on the way answered" % answers[0].facts["icmp_from"], answers) if answers else None


def _was_accepted(case: Case) -> Optional[Proof]:
    """A handshake was completed where nobody does that in place of the target."""
    return _accepted(case) if case.run.vantage.kind not in GOVERNED else None


def _was_accepted_inside(case: Case) -> Optional[Proof]:
    """A handshake was completed inside MaxCompute, where a forwarder may have done it."""
    return _accepted(case) if case.run.vantage.kind in GOVERNED else None


def _accepted(case: Case) -> Optional[Proof]:
    if case.stage in (TLS, EXCHANGE) and case.connected and not case.behind:
        return Proof("the connection was accepted", tuple(case.connected))
    return None


def _reached_without(cause: str) -> Callable[[Case], Optional[Proof]]:
    def test(case: Case) -> Optional[Proof]:
        """Another target of which the settings say the same is reached."""
        found = accusation(case, cause)
        other = of_run(case.run).reached.get((cause, found.token)) if found is not None else None
        if other is None:
            return None
        shown = tuple(other.exchanges or other.connected)
        return Proof("%s lacks the same in the settings and is reached" % other.target.address, shown)

    return test


def _name_server_failed(case: Case) -> Optional[Proof]:
    """The look-up failed for another reason than that the name is not known here."""
    if case.stage != RESOLVE:
        return None
    unknown = (Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER)
    failed = tuple(seen for seen in case.broken if seen.failure not in unknown)
    return Proof("the look-up itself failed", failed) if failed else None


def _only_likely(case: Case) -> Optional[Proof]:
    """The documents do not say for certain that the way is not supported."""
    return Proof() if said(case, "unsupported") in _ONLY_LIKELY else None


def _held_by_the_job(case: Case) -> Optional[Proof]:
    """The job's own list holds it; whether the project's does is not known."""
    return Proof() if said(case, "listed") == "yes" and said(case, "project_listed") is None else None


def _list_works(case: Case) -> Optional[Proof]:
    """Another target by the same way, which is listed, is reached."""
    other = of_run(case.run).ways_that_work.get(case.way)
    if other is None or said(other, "listed") != "yes":
        return None
    return Proof("%s, which the list holds, is reached" % other.target.address, tuple(other.connected))


def _stale_instead(case: Case) -> Optional[Proof]:
    """The list holds addresses in place of the name, and not today's."""
    return Proof() if accusation(case, "access_list_stale_ip") is not None else None


def _was_once_its_address(case: Case) -> Optional[Proof]:
    """A name server still gives an address that the list holds and that the job's resolver does not."""
    held = str(said(case, "listed_ips") or "").split(",")
    seen = tuple(one for one in case.names if set(str(one.facts.get("addresses", "")).split(",")) & set(held) - {""})
    return Proof("%s still gives an address that the list holds" % seen[0].address, seen) if seen else None


# --- the causes -----------------------------------------------------------------------------------------------------


def _missing_or_pending(case: Case) -> Optional[Proof]:
    """Not in the list; or in the job's, where the project's may lack it or its application may be pending."""
    found = accusation(case, "access_list_missing_host")
    if found is not None:
        return Proof(found.words, case.coverage)
    if case.way != INTERNET or said(case, "listed") != "yes" or said(case, "project_listed") == "yes":
        return None
    if any(is_private(ip) for ip in case.ips) or not (case.silent or case.run.vantage.kind in GOVERNED):
        return None
    return Proof("the job's list holds it; the project's own list must hold it too", case.coverage)


def _wrong_endpoint(case: Case) -> Optional[Proof]:
    """The endpoint is of a kind that this runtime has no way to."""
    found = accusation(case, "endpoint_wrong_network")
    if found is not None:
        return Proof(found.words, case.coverage)
    if not endpoint_outside(case):
        return None
    network = case.fact("endpoint_network")
    return Proof("%s is the %s endpoint, which answers only inside" % (case.target.host, network), case.coverage)


def _asked_from_outside(case: Case) -> Optional[Proof]:
    """The name is known inside the platform's network alone."""
    return Proof() if endpoint_outside(case) else None


def _contradicted(case: Case) -> Optional[Proof]:
    """The settings say that it cannot be reached, and it is."""
    if not case.coverage or not is_through(case):
        return None
    for cause in _CONTRADICTABLE:
        found = accusation(case, cause)
        if found is not None and found.token[0] not in _ONLY_LIKELY:
            reached = tuple(case.exchanges or case.connected)
            return Proof("%s is reached although %s" % (case.target.address, found.words), case.coverage + reached)
    return None


def _needs_approval(case: Case) -> Optional[Proof]:
    """A public address that does not verify by itself, and nothing says that it was approved."""
    if case.run.runtime not in GOVERNED or way_of(case) != INTERNET or said(case, "unsupported"):
        return None
    if case.fact("self_verifying") or said(case, "project_listed") == "yes" or case.connected or case.proxied:
        return None
    if case.stage != CONNECT and not is_unmeasured(case):
        return None
    return Proof("%s is not under a domain that verifies by itself" % case.target.host, case.coverage)


def _whitelist_lacks_vswitch(case: Case) -> Optional[Proof]:
    """What the target is said to admit holds not all of the vSwitch from which the job comes."""
    if not case.target.admits or case.way == INTERNET:
        return None
    if _by_legacy_spark(case) and not _covers(case.target.admits, LEGACY_SPARK_SOURCE):
        words = "it is said to admit %s; with %s the job comes from %s" % (
            listed(case.target.admits),
            VPC_DOMAINS,
            LEGACY_SPARK_SOURCE,
        )
        return Proof(words, case.coverage)
    from reports.rules import sweeps  # noqa: PLC0415 - start-up: few plans say what a target admits

    for network in _networks(case):
        ours = dict.fromkeys((case.source, *sweeps.sources(case.run), *network.enis))
        today = [ip for ip in ours if ip and admits([network.cidr], ip)]
        admitted = [ip for ip in today if admits(case.target.admits, ip)]
        if admitted and not _covers(case.target.admits, network.cidr):
            words = "it is said to admit %s, which covers %s of today but not the vSwitch %s" % (
                listed(case.target.admits),
                listed(admitted),
                network.cidr,
            )
            return Proof(words, case.coverage)
    return None


def _by_legacy_spark(case: Case) -> bool:
    declared = of_run(case.run).declared
    return of_run(case.run).runtime == "spark" and bool(declared.domains.vpcs) and not declared.is_on(ENI_ENABLE)


def _networks(case: Case) -> Sequence[Network]:
    own = case.run.network_of(case.source) if case.source else None
    return (own,) if own is not None else case.run.plan.networks


def _covers(entries: Sequence[str], cidr: str) -> bool:
    """Whether the entries together hold the whole CIDR."""
    network = ipaddress.ip_network(cidr)
    parts = [part for part in map(_network, entries) if part is not None and part.version == network.version]
    merged = ipaddress.collapse_addresses(parts)  # type: ignore[type-var] # all are of one version
    return any(network.subnet_of(part) for part in merged)  # type: ignore[arg-type] # as above


def _network(entry: str) -> Union[ipaddress.IPv4Network, ipaddress.IPv6Network, None]:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


# --- settings that are wrong, where they explain no target ----------------------------------------------------------


def _beside(cause: str) -> Callable[[Case], Optional[Proof]]:
    """A setting is wrong and this target does not fail by it; it is told with the targets that take its way."""

    def test(case: Case) -> Optional[Proof]:
        """A setting of the job that concerns this way is written wrongly, and this target needs it."""
        wrong = tuple(of_run(case.run).unexplained.get(cause, ())) if case.run.of("settings", "setting") else ()
        if not wrong or accusation(case, cause) is not None or not _carries(case, cause):
            return None
        return Proof("; ".join(dict.fromkeys(changes.described(seen) for seen in wrong[:3])), wrong)

    return test


def _carries(case: Case, cause: str) -> bool:
    run = of_run(case.run)
    way = _way_of_setting(cause)
    carriers = run.ways.get(way)
    return case.target.name in carriers if carriers else case.target.name == next(iter(case.run.cases))


def _way_of_setting(cause: str) -> str:
    return INTERNET if cause == "access_list_malformed" else BY_VPC


def _beside_severity(cause: str) -> Callable[[Case], Optional[str]]:
    """A warning, unless none of the targets takes that way, or it was seen to work all the same."""

    def severity(case: Case) -> Optional[str]:
        run, way = of_run(case.run), _way_of_setting(cause)
        works = way in run.ways_that_work or (way not in run.ways and case.target is not NOBODY)
        return INFO if works or (way == BY_VPC and said(case, "enabled") is True) else WARNING

    return severity


# --- the rules ------------------------------------------------------------------------------------------------------

_SHARED: Tuple[Clue, ...] = (
    Clue(_never_left, 0.0001),
    Clue(_answered_on_the_way, 0.005),
    Clue(_was_accepted, 0.005),
    Clue(_was_accepted_inside, 0.1),
)
_TRACED: Tuple[Clue, ...] = (Clue(trace.left, 0.02), Clue(trace.held_back, 3))


def _explaining(
    cause: str,
    prior: float,
    clues: Tuple[Clue, ...] = (),
    applies: Optional[Callable[[Case], Optional[Proof]]] = None,
    stages: Tuple[str, ...] = (CONNECT, TLS, EXCHANGE),
    scope: str = RUN,
    wants: Callable[[Case], Tuple[Want, ...]] = wants_nothing,
) -> Rule:
    return Rule(
        cause=cause,
        explains=stages,
        applies=applies or _accused(cause),
        prior=prior,
        clues=(Clue(_reached_without(cause), 0), *clues),
        remedy=changes.REMEDIES[cause],
        scope=scope,
        wants=wants,
    )


def _unmeasured(cause: str) -> Rule:
    """The same where nothing was sent: the settings alone say it, and nothing that was reached says otherwise."""

    def test(case: Case) -> Optional[Proof]:
        """The job's settings say so, and nothing was measured."""
        if not is_unmeasured(case) or _reached_without(cause)(case) is not None:
            return None
        return _accused(cause)(case)

    def severity(case: Case) -> Optional[str]:
        likely = cause == "destination_other_vpc" or said(case, "unsupported") in _ONLY_LIKELY
        return WARNING if likely else CRITICAL

    return Rule(
        cause=cause,
        standalone=True,
        applies=test,
        prior=0.9,
        severity=severity,
        remedy=changes.REMEDIES[cause],
        scope=RUN,
    )


_MALFORMED = (
    "access_list_malformed",
    "networklink_name_invalid",
    "eni_info_malformed",
    "vpc_domain_list_malformed",
)

_EXPLAINING: Tuple[Rule, ...] = (
    # What the settings lack is also why there is no ENI: these outweigh eni_missing.
    *(_explaining(cause, 40, _SHARED) for cause in _MALFORMED),
    _explaining("access_not_enabled", 40, _SHARED),
    _explaining("access_way_unsupported", 40, (*_SHARED, Clue(_only_likely, 0.01))),
    _explaining(
        "endpoint_wrong_network",
        6,
        (
            Clue(_never_left, 0.001),
            Clue(_answered_on_the_way, 0.1),
            Clue(_name_server_failed, 0.02),
            Clue(_was_accepted, 0.5),
            Clue(_asked_from_outside, 0.08),
        ),
        applies=_wrong_endpoint,
        stages=(RESOLVE, CONNECT, EXCHANGE),
    ),
    _explaining("destination_other_vpc", 4, _SHARED),
    _explaining(
        "access_list_missing_host",
        5,
        (*_SHARED, *_TRACED, Clue(_held_by_the_job, 0.1), Clue(_stale_instead, 0.3), Clue(_list_works, 2)),
        applies=_missing_or_pending,
        wants=trace.wants,
    ),
    _explaining("access_list_missing_port", 6, (*_SHARED, *_TRACED, Clue(_list_works, 2)), wants=trace.wants),
    _explaining("access_list_stale_ip", 8, (*_SHARED, Clue(_was_once_its_address, 5)), scope="host"),
)

_STANDALONE: Tuple[Rule, ...] = (
    *(_unmeasured(rule.cause) for rule in _EXPLAINING),
    *(
        Rule(
            cause=cause,
            standalone=True,
            applies=_beside(cause),
            prior=0.9,
            severity=_beside_severity(cause),
            remedy=changes.REMEDIES[cause],
            scope=RUN,
        )
        for cause in _MALFORMED
    ),
    Rule(
        cause="config_disagrees",
        standalone=True,
        applies=_contradicted,
        prior=0.97,
        remedy=changes.REMEDIES["config_disagrees"],
        scope=RUN,
    ),
    Rule(
        cause="whitelist_lacks_vswitch",
        standalone=True,
        applies=_whitelist_lacks_vswitch,
        prior=0.97,
        remedy=changes.REMEDIES["whitelist_lacks_vswitch"],
    ),
    Rule(cause="approval_needed", standalone=True, applies=_needs_approval, prior=0.6, scope=RUN),
)

RULES: Tuple[Rule, ...] = _EXPLAINING + _STANDALONE
