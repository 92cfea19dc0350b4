"""Under which addresses a run goes out, and what the destinations are said to admit of them."""

from functools import lru_cache
from typing import Dict, Iterator, List, Optional, Tuple

from attrs import frozen

from reports.addresses import admits, is_private, parse_address
from reports.case import Case, names_of
from reports.evidence import Evidence
from reports.model import Observation
from reports.rules.contract import Proof, Want
from reports.words import listed

DIRECT, PROXIED = "direct", "proxy"

# So many connections show a pool of two addresses but once in 128 times as one.
_ENOUGH = 8
# Targets of which nothing fails that are tried again all the same, where the pool is mixed.
_MOST_TRIED = 4


@frozen
class Outbound:
    """The addresses under which a target sees this job. ``admitted``: the entries of which nobody is said to lack one.

    ``wanted`` and ``strange`` are the seen addresses that these hold, and those that they do not.
    """

    observations: Tuple[Observation, ...]
    seen: Tuple[str, ...]
    admitted: Tuple[str, ...]

    @property
    def wanted(self) -> Tuple[str, ...]:
        """The seen addresses that are admitted."""
        return tuple(ip for ip in self.seen if admits(self.admitted, ip))

    @property
    def strange(self) -> Tuple[str, ...]:
        """The seen addresses that are not admitted; none where nothing is said of what is."""
        return tuple(ip for ip in self.seen if self.admitted and not admits(self.admitted, ip))

    @property
    def enough(self) -> bool:
        """Whether it was asked often enough to have seen a pool."""
        return len(self.observations) >= _ENOUGH


def of(case: Case) -> Optional[Outbound]:
    """How the target sees this job, by its own word or by the echo's; None where neither is known, or it is inside."""
    if case.way != "internet" and not case.proxied:
        return None
    told = tuple(_telling(case))
    echoed = _echoed(case.run).get(PROXIED if case.proxied else DIRECT, ())
    named = names_of(told, "sees_client") or names_of(echoed, "seen")
    # In a report whose addresses were taken out there are none to compare.
    seen = tuple(ip for ip in named if parse_address(ip) is not None)
    return Outbound(told or echoed, seen, admitted(case)) if seen else None


def admitted(case: Case) -> Tuple[str, ...]:
    """What the target is said to admit of the Internet: by itself, or else by the plan's expectation."""
    own = tuple(entry for entry in case.target.admits if not is_private(entry.partition("/")[0]))
    return own or case.run.plan.egress.expected


def remembered(case: Case) -> Optional[Observation]:
    """What an earlier run from the same place saw, by the same way out."""
    via, here = PROXIED if case.proxied else DIRECT, case.run.vantage
    for seen in case.run.of("egress", "remembered"):
        same_place = seen.facts.get("kind") == here.kind and (
            here.kind != "host" or seen.facts.get("host") == here.host
        )
        if same_place and seen.facts.get("via") == via:
            return seen
    return None


def changed(case: Case) -> Optional[Proof]:
    """None of the addresses is one that the earlier run saw."""
    before, now = remembered(case), of(case)
    if before is None or now is None:
        return None
    known = names_of([before], "seen")
    if not set(known).isdisjoint(now.seen):
        return None
    words = "this job now goes out as %s; at %s it was %s" % (listed(now.seen), date(before), listed(known))
    return Proof(words, (*now.observations[:3], before))


def date(before: Observation) -> str:
    """When the earlier run was: ``2026-11-23 08:00:00 UTC``."""
    return str(before.facts.get("at", ""))[:19].replace("T", " ") + " UTC"


def repeated(case: Case) -> Optional[Observation]:
    """How it went when the target was looked at several times more."""
    return next((seen for seen in case.of("egress", "repeat") if seen.facts.get("tries")), None)


def answered(case: Case) -> Tuple[int, int]:
    """How many of how many repeated looks were answered."""
    seen = repeated(case)
    return (0, 0) if seen is None else (int(seen.facts["answered"]), int(seen.facts["tries"]))


def now_and_then(case: Case) -> Optional[Proof]:
    """The same look at the target is answered at one time, and not at another."""
    seen, (worked, tries) = repeated(case), answered(case)
    if seen is None or not (worked if case.stage else tries - worked):
        return None
    failures = str(seen.facts.get("failures", "")).replace("_", " ").replace(",", ", ")
    words = "%s answers %d of %d further tries" % (seen.address, worked, tries)
    return Proof("%s (otherwise: %s)" % (words, failures) if failures else words, (seen,))


def want_more(case: Case) -> Tuple[Want, ...]:
    """The other addresses of a pool, where the echo was not asked often enough."""
    now = of(case)
    return (Want("egress", "address"),) if now is not None and _is_echo(now) and not now.enough else ()


def want_repeats(case: Case) -> Tuple[Want, ...]:
    """The same target again, where the pool is mixed or may be; of those that work, only some."""
    if case.proxied or repeated(case) is not None:
        return ()
    if not case.stage and case not in _spared(case.run):
        return ()
    return (Want("egress", "repeat", case.target.name),)


@lru_cache(maxsize=2)
def _spared(run: Evidence) -> Tuple[Case, ...]:
    """The working targets that are tried again: those that are said to admit something, else the first ones."""
    outside = [case for case in run.cases.values() if case.way == "internet" and not case.stage and not case.proxied]
    return tuple([case for case in outside if case.target.admits] or outside)[:_MOST_TRIED]


@lru_cache(maxsize=2)
def _echoed(run: Evidence) -> Dict[str, Tuple[Observation, ...]]:
    found: Dict[str, List[Observation]] = {}
    for seen in run.of("egress", "address"):
        if seen.facts.get("seen"):
            found.setdefault(str(seen.facts.get("via")), []).append(seen)
    return {via: tuple(some) for via, some in found.items()}


def _telling(case: Case) -> Iterator[Observation]:
    """What the target itself says of whom it sees, where that is an address of the Internet."""
    for seen in case.exchanges:
        address = str(seen.facts.get("sees_client", ""))
        if parse_address(address) is not None and not is_private(address):
            yield seen


def _is_echo(now: Outbound) -> bool:
    return all(seen.probe == "egress" for seen in now.observations)
