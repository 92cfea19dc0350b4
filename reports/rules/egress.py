"""Layer egress: the outbound addresses, beside what the destinations admit of them."""

from functools import lru_cache
from typing import Callable, Dict, Optional, Sequence, Tuple

from reports.case import Case
from reports.causes import AUTHOR, CAUSES, INFO, WARNING
from reports.evidence import Evidence
from reports.failures import Failure
from reports.maxcompute.admission import admit_in_whitelist
from reports.maxcompute.schemes import GOVERNED
from reports.model import Observation, Remedy, Scalar
from reports.rules import clues, outbound, trace
from reports.rules.contract import CONNECT, EXCHANGE, RUN, TLS, WORKS, Clue, Proof, Rule, Want
from reports.words import count, listed

# How somebody who does not admit a client ends what it begins: on the way to the port, or behind it.
_TURNED_AWAY = (
    Failure.TIMED_OUT,
    Failure.CONNECTION_REFUSED,
    Failure.CONNECTION_RESET,
    Failure.ADMIN_PROHIBITED,
    Failure.PORT_UNREACHABLE,
)
_TURNED_AWAY_INSIDE = (Failure.TIMED_OUT, Failure.EOF, Failure.CONNECTION_RESET, Failure.CLIENT_DENIED)
_FORBIDDEN = 403


def _turned_away(case: Case) -> Tuple[Observation, ...]:
    """The failures of the broken stage, where all of them may come of a client that is not admitted."""
    if case.stage == CONNECT or case.behind:
        failed = case.only_failed_with(*_TURNED_AWAY)
        kept_here = any(seen.facts.get(key) for seen in failed for key in ("immediate", "icmp_local", "unsent"))
        return () if kept_here else failed
    if case.stage not in (TLS, EXCHANGE) or not all(_is_turned_away(seen) for seen in case.broken):
        return ()
    return case.broken


def _is_turned_away(seen: Observation) -> bool:
    return seen.failure in _TURNED_AWAY_INSIDE or seen.facts.get("status") == _FORBIDDEN


# --- what explains a target that fails ------------------------------------------------------------------------------


def _not_admitted(case: Case) -> Optional[Proof]:
    """It goes out under addresses of which none is admitted, or under others than before."""
    now = outbound.of(case)
    if now is None or not _turned_away(case):
        return None
    if not now.admitted:
        return outbound.changed(case)
    return _strange(now) if not now.wanted else None


def _strange(now: outbound.Outbound) -> Proof:
    words = "this job goes out as %s; only %s is said to be admitted" % (listed(now.strange), listed(now.admitted))
    return Proof(words, now.observations[:3])


def _partly_admitted(case: Case) -> Optional[Proof]:
    """It goes out under several addresses; some are admitted. Or under one that is, and others are possible."""
    now = outbound.of(case)
    if now is None:
        return None
    at_times = outbound.now_and_then(case)
    if not (_turned_away(case) if case.stage else at_times):
        return None
    if now.wanted and (now.strange or case.stage):
        return _mixed(now)
    return _rotates(now) if not now.admitted and len(now.seen) > 1 and at_times is not None else None


def _mixed(now: outbound.Outbound) -> Proof:
    if not now.strange:
        return Proof("", now.observations[:1])
    words = "this job goes out as %s, of which %s is not admitted" % (listed(now.seen), listed(now.strange))
    return Proof(words, _one_each(now))


def _rotates(now: outbound.Outbound) -> Proof:
    return Proof("this job goes out as %s in turn" % listed(now.seen), _one_each(now))


def _one_each(now: outbound.Outbound) -> Tuple[Observation, ...]:
    """The first observation of each address."""
    first: Dict[Scalar, Observation] = {}
    for seen in now.observations:
        first.setdefault(seen.facts.get("seen") or seen.facts.get("sees_client", ""), seen)
    return tuple(first.values())


# --- clues ----------------------------------------------------------------------------------------------------------


def _is_declared(case: Case) -> Optional[Proof]:
    """What the partner admits is declared."""
    return Proof() if outbound.admitted(case) else None


def _was_admitted_before(case: Case) -> Optional[Proof]:
    """The address of the run before was an admitted one."""
    return outbound.changed(case) if _is_declared(case) else None


def _told_by_the_target(case: Case) -> Optional[Proof]:
    """The target itself turns this client away, in so many words."""
    denied = tuple(
        seen for seen in case.broken if seen.failure is Failure.CLIENT_DENIED or seen.facts.get("status") == _FORBIDDEN
    )
    return Proof("", denied) if denied else None


def _all_are_expected(case: Case) -> Optional[Proof]:
    """Every connection went out under an address that is admitted."""
    now = outbound.of(case)
    if now is None or now.strange or not now.enough:
        return None
    words = "%s go out as %s, which is admitted" % (count(len(now.observations), "connection"), listed(now.seen))
    return Proof(words, now.observations[-3:])


def _none_is_strange_yet(case: Case) -> Optional[Proof]:
    """No address that is not admitted was seen yet."""
    now = outbound.of(case)
    return Proof() if now is not None and not now.strange else None


def _never_answers(case: Case) -> Optional[Proof]:
    """None of the further tries was answered."""
    worked, tries = outbound.answered(case)
    if not tries or worked:
        return None
    return Proof("none of %d further tries was answered" % tries, tuple(case.of("egress", "repeat")[:1]))


_WAY: Tuple[Clue, ...] = (
    Clue(clues.way_answers, 1.5),
    Clue(clues.way_silent, 0.1),
    Clue(trace.passed_on, 1.3),
    Clue(trace.held_back, 0.1),
    Clue(_told_by_the_target, 3),
)


def _wants(case: Case) -> Tuple[Want, ...]:
    """A trace of a silent target, the rest of the pool, and the target itself again where the pool is mixed."""
    now = outbound.of(case)
    mixed = now is not None and (bool(now.wanted and now.strange) or (not now.admitted and len(now.seen) > 1))
    return trace.wants(case) + outbound.want_more(case) + (outbound.want_repeats(case) if mixed else ())


# --- where nothing fails --------------------------------------------------------------------------------------------


def _fails_by_it(case: Case) -> bool:
    """Whether an address that is not admitted may be why this target fails, always or at times."""
    return bool(_turned_away(case)) or outbound.now_and_then(case) is not None


@lru_cache(maxsize=2)
def _is_felt(run: Evidence) -> bool:
    """Whether any target of the run may fail by it: then that is told, and no warning."""
    return any(_fails_by_it(case) and outbound.of(case) is not None for case in run.cases.values())


def _strange_and_fine(case: Case) -> Optional[Proof]:
    """A warning before anything fails: no partner is said to admit the address; or it is another than before."""
    now = outbound.of(case)
    if now is None or case.stage or not case.settled or _is_felt(case.run):
        return None
    if not now.admitted:
        return outbound.changed(case)
    return _strange(now) if not now.wanted and not _says_itself(case) else None


def _strange_severity(case: Case) -> Optional[str]:
    return WARNING if outbound.admitted(case) else INFO


def _mixed_and_fine(case: Case) -> Optional[Proof]:
    """A warning before it is seen to fail: the pool is admitted in part."""
    now = outbound.of(case)
    if now is None or case.stage or not case.settled or _is_felt(case.run):
        return None
    return _mixed(now) if now.strange and now.wanted else None


def _suspects_a_pool(case: Case) -> Tuple[Want, ...]:
    suspicious = _strange_and_fine(case) or _reached_all_the_same(case)
    return outbound.want_more(case) if suspicious is not None else ()


def _suspects_failures(case: Case) -> Tuple[Want, ...]:
    return outbound.want_repeats(case) if _mixed_and_fine(case) is not None else ()


def _says_itself(case: Case) -> bool:
    """Whether what is admitted is said of this very target."""
    return outbound.admitted(case) != case.run.plan.egress.expected


def _reached_all_the_same(case: Case) -> Optional[Proof]:
    """What the target is said to admit does not hold this job's address, and it is reached."""
    now = outbound.of(case)
    if now is None or case.stage or not case.reached or now.wanted or not now.strange or not _says_itself(case):
        return None
    words = "%s is reached from %s although only %s is said to be admitted" % (
        case.target.address,
        listed(now.seen),
        listed(now.admitted),
    )
    return Proof(words, (*now.observations[:1], *case.exchanges[:1]))


# --- the rules ------------------------------------------------------------------------------------------------------


def _details(case: Case) -> Dict[str, Scalar]:
    now = outbound.of(case)
    details: Dict[str, Scalar] = {} if now is None else {"outbound": listed(now.strange or now.seen)}
    if case.run.runtime not in GOVERNED:
        details["lasting"] = "and give the NAT gateway, or whatever leads out from here, addresses that stay"
    return details


def _before_it_fails(code: str) -> Callable[[Sequence[Case]], Remedy]:
    """Nobody is known to mind the address yet: the plan may as well be what is out of date."""

    def made(cases: Sequence[Case]) -> Remedy:
        now, cause = outbound.of(cases[0]), CAUSES[code]
        addresses = listed(now.strange or now.seen) if now is not None else ""
        text = "whoever admits this job by its address must admit %s before it fails there; put it into egress.expected"
        return Remedy(text=text % addresses, snippet=_entries(cases[0]), reference=cause.reference, owner=cause.owner)

    return made


def _correct_the_plan(cases: Sequence[Case]) -> Remedy:
    names = listed([case.target.name for case in cases])
    return Remedy(text="correct what the plan says that %s admits (admits)" % names, owner=AUTHOR)


def _entries(case: Case) -> str:
    """A whitelist's entries for all addresses that were seen and are not admitted."""
    now = outbound.of(case)
    return "" if now is None else "\n".join(admit_in_whitelist(ip) for ip in now.strange or now.seen)


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="outbound_ip_changed",
        explains=(CONNECT, TLS, EXCHANGE),
        applies=_not_admitted,
        prior=0.8,
        clues=(
            Clue(outbound.now_and_then, 0.05),
            Clue(_is_declared, 2),
            Clue(_was_admitted_before, 1.5),
            *_WAY,
        ),
        wants=_wants,
        details=_details,
        snippet=lambda cases: _entries(cases[0]),
        scope=RUN,
    ),
    Rule(
        cause="outbound_ip_pool_partly_admitted",
        explains=(CONNECT, TLS, EXCHANGE, WORKS),
        applies=_partly_admitted,
        prior=1.6,
        clues=(
            Clue(_all_are_expected, 0),
            Clue(_none_is_strange_yet, 0.06),
            Clue(outbound.now_and_then, 10),
            Clue(_never_answers, 0.2),
            *_WAY,
        ),
        wants=_wants,
        details=_details,
        snippet=lambda cases: _entries(cases[0]),
        scope=RUN,
    ),
    Rule(
        cause="outbound_ip_changed",
        standalone=True,
        applies=_strange_and_fine,
        prior=0.9,
        suspects=_suspects_a_pool,
        severity=_strange_severity,
        remedy=_before_it_fails("outbound_ip_changed"),
        scope=RUN,
    ),
    Rule(
        cause="outbound_ip_pool_partly_admitted",
        standalone=True,
        applies=_mixed_and_fine,
        prior=0.9,
        suspects=_suspects_failures,
        severity=lambda _: WARNING,
        remedy=_before_it_fails("outbound_ip_pool_partly_admitted"),
        scope=RUN,
    ),
    Rule(
        cause="config_disagrees",
        standalone=True,
        applies=_reached_all_the_same,
        prior=0.9,
        remedy=_correct_the_plan,
        scope=RUN,
    ),
)
