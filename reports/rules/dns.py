"""Layer dns: from the name to an address that works."""

from typing import Dict, Optional, Tuple

from reports.addresses import is_private
from reports.case import Case, names_of
from reports.failures import UNANSWERED, Failure
from reports.model import Observation, Scalar
from reports.rules import attempts, clues
from reports.rules.contract import CONNECT, NAME, RESOLVE, RUN, Clue, Proof, Rule, Test, Want
from reports.words import listed, seconds

# Set aside, or in use, for names that are none of the Internet's (RFC 6762, appendix G; RFC 8375; .internal by ICANN).
_PRIVATE_DOMAINS = (".internal", ".intranet", ".private", ".corp", ".home", ".home.arpa", ".lan", ".local")


def _said(*failures: Failure) -> Test:
    """A name server said so itself."""

    def test(case: Case) -> Optional[Proof]:
        """That is what the name servers answered."""
        said = tuple(seen for seen in case.queries if seen.failure in failures)
        return Proof("", said) if said else None

    return test


def _resolver_said(*failures: Failure) -> Test:
    """The job's own resolver said so."""

    def test(case: Case) -> Optional[Proof]:
        """That is what the system's resolver answered."""
        said = tuple(seen for seen in case.names if seen.step == "resolver" and seen.failure in failures)
        return Proof("", said) if said else None

    return test


def _either(*tests: Test) -> Test:
    def test(case: Case) -> Optional[Proof]:
        """The name servers, or the resolver of the system, say so."""
        return next((proof for proof in (one(case) for one in tests) if proof is not None), None)

    return test


def _address(case: Case) -> Optional[Proof]:
    """Some server has an address for the name."""
    with_answers = tuple(seen for seen in case.queries if seen.facts.get("addresses"))
    return Proof("%s has an address for it" % with_answers[0].address, with_answers[:1]) if with_answers else None


def _no_server_answers(case: Case) -> Optional[Proof]:
    """No query for the name was answered, by any server."""
    asked = case.queries
    if not asked or any(seen.failure not in UNANSWERED for seen in asked):
        return None
    return Proof("", tuple(asked))


def _answers_others(case: Case) -> Optional[Proof]:
    """The servers that are silent for this name answer for another one."""
    for address in dict.fromkeys(seen.address for seen in case.queries if seen.failure in UNANSWERED):
        for seen in case.run.of_server(address):
            if seen.facts.get("name") != case.target.host and seen.failure not in UNANSWERED:
                return Proof("%s answers for %s in %s" % (address, _asked(seen), seconds(seen.duration_s)), (seen,))
    return None


def _silent_for_all(case: Case) -> Optional[Proof]:
    """They answer nothing else either."""
    servers = dict.fromkeys(seen.address for seen in case.queries)
    if any(address not in case.run.dead_servers for address in servers):
        return None
    others = [
        seen
        for address in servers
        for seen in case.run.of_server(address)
        if seen.facts.get("name") != case.target.host
    ]
    if not others:
        return None
    asked = list(dict.fromkeys(_asked(seen) for seen in others))
    return Proof("nor do they answer for %s" % listed(asked), tuple(others[:3]))


def _asked(seen: Observation) -> str:
    name = str(seen.facts.get("name"))
    return "the root of the DNS" if name == "." else name


def _want_control(case: Case) -> Tuple[Want, ...]:
    servers = dict.fromkeys(str(seen.address) for seen in case.queries if seen.failure in UNANSWERED)
    return tuple(Want("dns", "control", None, server) for server in servers)


def _no_usable_server(case: Case) -> Optional[Proof]:
    """The configuration names no address that a query could be sent to."""
    said = tuple(seen for seen in case.run.of("local", "name_servers") if seen.failure is Failure.DNS_NO_SERVERS)
    return Proof("%s names no usable name server" % (said[0].facts.get("source") or "the plan"), said) if said else None


def _truncated_and_no_tcp(case: Case) -> Optional[Proof]:
    """The answer over UDP is truncated, and TCP to the same server fails."""
    blocked = tuple(seen for seen in case.queries if seen.facts.get("truncated") and seen.facts.get("tcp_failure"))
    if not blocked or _address(case) is not None:
        return None
    words = "%s truncates its answer over UDP; over TCP: %s"
    return Proof(words % (blocked[0].address, str(blocked[0].facts["tcp_failure"]).replace("_", " ")), blocked)


def _only_ipv6(case: Case) -> Optional[Proof]:
    """Every address of the name is IPv6, and this machine has no way for IPv6."""
    if not case.names or not case.ips or any(":" not in ip for ip in case.ips):
        return None
    refused = case.only_failed_with(Failure.LOCAL_NO_ROUTE, Failure.NOT_SUPPORTED, Failure.LOCAL_ROUTE_REJECTS)
    return (
        Proof("%s has only %s, and no IPv6 route is here" % (case.target.host, listed(case.ips)), refused)
        if refused
        else None
    )


def _public_name_private_address(case: Case) -> Optional[Proof]:
    """A name that should lead to the Internet leads into a private network that is not declared."""
    if not case.names or case.target.via == "vpc" or not case.broken or case.stage != CONNECT:
        return None
    tried = [str(seen.facts.get("ip", "")) for seen in case.broken]
    if not all(is_private(ip) and case.run.network_of(ip) is None for ip in tried):
        return None
    return Proof("%s leads to the private address %s" % (case.target.host, listed(tried)), case.broken)


def _domain_is_private(case: Case) -> Optional[Proof]:
    """Other names of the same domain lead to private addresses too, and those answer."""
    domain = case.target.host.partition(".")[2]
    for other in case.run.cases.values():
        related = other.names and other.target.host.partition(".")[2] == domain != ""
        if related and other.target.host != case.target.host and other.connected and all(map(is_private, other.ips)):
            words = "%s, of the same domain, leads to a private address that answers"
            return Proof(words % other.target.host, tuple(other.connected[:1]))
    return None


def _name_is_private(case: Case) -> Optional[Proof]:
    """No name of the Internet ends so."""
    return Proof() if case.target.host.lower().endswith(_PRIVATE_DOMAINS) else None


def _meant_for_the_internet(case: Case) -> Optional[Proof]:
    """The job declares it as a public target."""
    return Proof("the job treats it as a public address", case.coverage) if case.way == "internet" else None


def _other_answer_works(case: Case) -> Optional[Proof]:
    """Another name server gives an address that answers."""
    own = set(case.job_ips)
    better = tuple(seen for seen in case.connected if seen.facts.get("ip") not in own)
    if not better or not own:
        return None
    ip = str(better[0].facts["ip"])
    servers = [seen for seen in case.queries if ip in str(seen.facts.get("addresses", "")).split(",")]
    words = "%s gives %s instead, which answers in %s"
    giver = str(servers[0].address) if servers else "another name server"
    return Proof(words % (giver, ip, seconds(better[0].duration_s)), tuple(servers[:1]) + better[:1])


def _dead_by_name(case: Case) -> Optional[Proof]:
    """The address that the name leads to does not answer, or nothing listens there."""
    failed = case.only_failed_with(Failure.TIMED_OUT, Failure.HOST_UNREACHABLE, Failure.CONNECTION_REFUSED)
    return Proof("", failed) if case.names and failed and not clues.unsent(case) else None


def _stale_details(case: Case) -> Dict[str, Scalar]:
    better = [str(seen.facts["ip"]) for seen in case.connected if seen.facts.get("ip") not in set(case.job_ips)]
    return {"answers": listed(case.job_ips), "alternative": listed(better) or "another address"}


def _answers(case: Case) -> Tuple[Observation, ...]:
    return tuple(seen for seen in case.queries if seen.failure is None and seen.facts.get("addresses"))


def _late(case: Case) -> Optional[Proof]:
    """The fastest right answer took longer than the plan calls slow."""
    answers = _answers(case)
    if not answers or case.stage == RESOLVE:
        return None
    fastest = min(answers, key=lambda seen: seen.duration_s)
    limit = case.run.plan.slow.dns
    if fastest.duration_s <= limit or _first_is_dead(case) is not None:
        return None
    words = "%s answers for %s after %s; the plan calls more than %s slow"
    return Proof(words % (fastest.address, case.target.host, seconds(fastest.duration_s), seconds(limit)), (fastest,))


def _first_is_dead(case: Case) -> Optional[Proof]:
    """The first configured server answers nothing in the whole run, a later one answers."""
    first = [seen for seen in case.queries if seen.facts.get("index") == 0]
    later = [seen for seen in _answers(case) if seen.facts.get("index") != 0]
    if not first or not later:
        return None
    address = first[0].address
    if address not in case.run.dead_servers:
        return None
    waited = [seen.duration_s for seen in case.names if seen.step == "resolver" and seen.failure is None]
    words = "%s, the first name server, does not answer; %s does" % (address, later[0].address)
    if waited:
        words += "; the job's look-up takes %s" % seconds(max(waited))
    return Proof(words, (first[0], later[0]))


def _servers_of_late(case: Case) -> Dict[str, Scalar]:
    proof = _late(case)
    return {"servers": str(proof.observations[0].address)} if proof is not None else {}


def _dead_server(case: Case) -> Dict[str, Scalar]:
    proof = _first_is_dead(case)
    return {"servers": str(proof.observations[0].address)} if proof is not None else {}


def _loop_details(case: Case) -> Dict[str, Scalar]:
    return {"chain": listed([chain.replace(">", " -> ") for chain in names_of(case.queries, "cnames")], 1)}


RULES = (
    Rule(
        cause="dns_nxdomain",
        explains=(RESOLVE,),
        applies=_either(_said(Failure.DNS_NXDOMAIN), _resolver_said(Failure.DNS_NXDOMAIN)),
        prior=4.0,
        # A resolver that gives up on a loop says no more than that there is no such name.
        clues=(Clue(_said(Failure.DNS_CNAME_LOOP), 0.1),),
        scope=NAME,
    ),
    Rule(
        cause="dns_servfail",
        explains=(RESOLVE,),
        applies=_said(Failure.DNS_SERVFAIL),
        prior=3.0,
        clues=(Clue(_address, 0.1),),
        scope=NAME,
    ),
    Rule(
        cause="dns_refused",
        explains=(RESOLVE,),
        applies=_said(Failure.DNS_REFUSED),
        prior=3.0,
        clues=(Clue(_address, 0.1),),
        scope=RUN,
    ),
    Rule(
        cause="dns_unreachable",
        explains=(RESOLVE,),
        applies=_no_server_answers,
        prior=1.0,
        clues=(Clue(_answers_others, 0), Clue(_silent_for_all, 5)),
        wants=_want_control,
        scope=RUN,
    ),
    Rule(
        cause="dns_one_name_dropped",
        explains=(RESOLVE,),
        applies=_no_server_answers,
        prior=0.2,
        clues=(Clue(_answers_others, 20), Clue(_silent_for_all, 0.05), Clue(_truncated_and_no_tcp, 0)),
        wants=_want_control,
        scope=NAME,
    ),
    Rule(cause="dns_bad_resolv_conf", explains=(RESOLVE,), applies=_no_usable_server, prior=20.0, scope=RUN),
    Rule(cause="dns_tcp_blocked", explains=(RESOLVE,), applies=_truncated_and_no_tcp, prior=20.0, scope=NAME),
    Rule(
        cause="dns_cname_loop",
        explains=(RESOLVE,),
        applies=_said(Failure.DNS_CNAME_LOOP),
        prior=20.0,
        details=_loop_details,
        scope=NAME,
    ),
    Rule(
        cause="dns_no_address",
        explains=(RESOLVE,),
        applies=_either(_said(Failure.DNS_NO_ANSWER), _resolver_said(Failure.DNS_NO_ANSWER)),
        prior=2.0,
        clues=(Clue(_address, 0.1),),
        scope=NAME,
    ),
    Rule(cause="dns_aaaa_only", explains=(CONNECT,), applies=_only_ipv6, prior=20.0, scope=NAME),
    Rule(
        cause="dns_wrong_private_answer",
        explains=(CONNECT,),
        applies=_public_name_private_address,
        prior=0.3,
        clues=(
            Clue(_meant_for_the_internet, 20),
            Clue(_other_answer_works, 0.3),
            Clue(_domain_is_private, 0.02),
            Clue(_name_is_private, 0.1),
        ),
        scope=NAME,
    ),
    Rule(
        cause="dns_stale_answer",
        explains=(CONNECT,),
        applies=_dead_by_name,
        prior=0.03,
        clues=(Clue(_other_answer_works, 4000), Clue(clues.same_host_answers, 0.2), Clue(attempts.host_is_up, 0.3)),
        details=_stale_details,
        scope=NAME,
    ),
    Rule(cause="dns_slow", standalone=True, applies=_late, prior=0.98, details=_servers_of_late, scope=RUN),
    Rule(
        cause="dns_first_server_dead",
        standalone=True,
        applies=_first_is_dead,
        prior=0.98,
        details=_dead_server,
        scope=RUN,
    ),
)
