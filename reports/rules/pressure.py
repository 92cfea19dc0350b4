"""Layer local: signs of strain on this machine, seen without any load: before connections fail, and where they wait.

Each sign is read from what the kernel says anyway. Ordinary work gives none above ``info``: a warning needs a limit
that is all but reached, or connections that this machine has turned away while the run looked.
"""

from functools import lru_cache, wraps
from typing import Callable, Dict, Iterator, Optional, Tuple

from attrs import frozen

from reports.case import Case
from reports.causes import INFO, WARNING
from reports.evidence import Evidence
from reports.model import Observation, Scalar
from reports.rules.contract import RUN, Clue, Proof, Rule, Test, Want
from reports.words import count, seconds, share

# Of the local ports, taken for one destination.
_SHARE_TO_TELL, _SHARE_TO_WARN = 0.5, 0.8
# net.ipv4.tcp_tw_reuse: a port in TIME_WAIT serves the same destination again after a second.
_REUSED = 1
# Fewer may be one client that asks a dead host again and again (RFC 6298: after 1, 3, 7 s, ...); in a second, and in a
# run that is shorter.
_FEWEST_SYNS = 10
_SYNS_AGAIN = 0.05
# Sound networks send far less than 1 % again; from here on whoever transfers data feels it.
_FEWEST_SEGMENTS = 50
_SEGMENTS_AGAIN = 0.05
# A listener that is full for a moment is no news.
_FEWEST_OVERFLOWS = 10
_OVERFLOWS = 0.01


@frozen
class _Sign:
    """A sign of strain: what shows it, what relieves it, and whether it is a warning."""

    proof: Proof
    relief: str
    warns: bool = False


# --- local ports ------------------------------------------------------------------------------------------------------


def _few_ports_left(case: Case) -> Optional[_Sign]:
    """One destination takes most of the local ports: the next connections to it find none."""
    for seen in case.run.of("local", "ports"):
        busiest = str(seen.facts.get("busiest", ""))
        ip = busiest.rpartition(":")[0].strip("[]")
        # Another destination may use the same ports.
        if _taken(case, seen) < _SHARE_TO_TELL or (case.run.is_targets(ip) and ip not in case.ips):
            return None
        words = "connections to %s take %s of the %d local ports, %s of them in TIME_WAIT" % (
            busiest,
            seen.facts["busiest_taken"],
            _port_range(case.run),
            seen.facts["busiest_time_wait"],
        )
        again = tuple(seen for seen in case.connects if int(seen.facts.get("syns", 1)) > 1)
        if again:
            words += "; the SYN to %s had to be sent again" % again[0].address
        relief = "widen `net.ipv4.ip_local_port_range` for the time being"
        held = _taken(case, seen, waiting=not _is_reused(case))
        return _Sign(Proof(words, (seen, *again)), relief, warns=held >= _SHARE_TO_WARN or bool(again))
    return None


def _ask_who_takes_ports(case: Case) -> Tuple[Want, ...]:
    """Where there are many connections at all; most machines serve others as well, which takes no local port."""
    return (Want("local", "ports"),) if _takes_many_ports(case.run) else ()


@lru_cache(maxsize=2)
def _takes_many_ports(run: Evidence) -> bool:
    sockets = sum(
        int(seen.facts.get(key, 0)) for seen in run.of("local", "pressure") for key in ("tcp_in_use", "tcp_time_wait")
    )
    ports = _port_range(run)
    return ports > 0 and sockets >= ports * _SHARE_TO_TELL


def _taken(case: Case, seen: Observation, *, waiting: bool = True) -> float:
    """The share of the local ports that the busiest destination takes, with those in TIME_WAIT or without."""
    ports = _port_range(case.run)
    taken = int(seen.facts.get("busiest_taken", 0)) - (0 if waiting else int(seen.facts.get("busiest_time_wait", 0)))
    return taken / ports if ports else 0.0


def _port_range(run: Evidence) -> int:
    """How many ports this machine takes for its connections; 0 where that is not known."""
    for seen in run.of("local", "limits"):
        if "ports_low" in seen.facts:
            return int(seen.facts["ports_high"]) - int(seen.facts["ports_low"]) + 1
    return 0


def _is_reused(case: Case) -> bool:
    return any(seen.facts.get("time_wait_reuse") == _REUSED for seen in case.run.of("local", "limits"))


# --- limits -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class _Limit:
    """What is used up: facts of a step, shares of the limit from which on it is told and is a warning.

    ``drops``: counters that say that it was full while the run looked.
    """

    step: str
    used: str
    limit: str
    told: float
    warns: float = 0.95
    drops: Tuple[str, ...] = ()
    words: str
    relief: str


_LIMITS = (
    # At 95 % the kernel itself begins to throw entries out (gc_worker of nf_conntrack_core.c).
    _Limit(
        step="pressure",
        used="conntrack_entries",
        limit="conntrack_limit",
        told=0.75,
        drops=("conntrack_drops", "conntrack_early_drops"),
        words="this machine's connection table (conntrack) holds %s of %s: when it is full, new connections are dropped"
        " without a word",
        relief="raise `net.netfilter.nf_conntrack_max` (`nf_conntrack_buckets` with it); `conntrack -L` shows what "
        "fills the table",
    ),
    # Of tcp_mem's three numbers the second, from which on the kernel holds back, is two thirds of the last by default.
    _Limit(
        step="pressure",
        used="tcp_pages",
        limit="tcp_pages_limit",
        told=2 / 3,
        words="the buffers of this machine's connections take %s of %s pages: from two thirds on the kernel holds them "
        "back, and at the end it breaks connections off",
        relief="see in `ss -tm` whose buffers are full (a program that does not read what it receives), or raise "
        "`net.ipv4.tcp_mem`",
    ),
    # Up to four times over the kernel counts those that make no progress (tcp_out_of_resources of tcp_timer.c).
    _Limit(
        step="pressure",
        used="tcp_orphans",
        limit="tcp_orphans_limit",
        told=0.5,
        words="%s of %s connections that may be closed and not yet delivered are taken: then what they still have to "
        "say is thrown away",
        relief="look at what leaves them (`ss -tn state fin-wait-1`), or raise `net.ipv4.tcp_max_orphans`",
    ),
    _Limit(
        step="limits",
        used="descriptors_used",
        limit="descriptors",
        told=0.8,
        words="this process has %s of its %s descriptors open: with none left it opens neither connections nor files",
        relief="close what is not used any more, or raise the limit (`ulimit -n`)",
    ),
)


@lru_cache(maxsize=2)
def _near_a_limit(run: Evidence) -> Optional[_Sign]:
    """Its connection table, the memory for connections, orphaned ones or descriptors are nearly used up."""
    signs = tuple(
        sign for limit in _LIMITS for seen in run.of("local", limit.step) for sign in _used_up(limit, seen, run)
    )
    if not signs:
        return None
    return _Sign(
        Proof(
            "; ".join(sign.proof.words for sign in signs),
            tuple(seen for sign in signs for seen in sign.proof.observations),
        ),
        "; ".join(sign.relief for sign in signs),
        any(sign.warns for sign in signs),
    )


def _used_up(limit: _Limit, seen: Observation, run: Evidence) -> Iterator[_Sign]:
    used, most = int(seen.facts.get(limit.used, 0)), int(seen.facts.get(limit.limit, 0))
    if most > 0 and used >= limit.told * most:
        dropped = sum(_counted(run, fact) for fact in limit.drops)
        words = limit.words % (format(used, ","), format(most, ","))
        if dropped:
            words += "; it was full while this run looked, and %s had to go" % count(dropped, "connection")
        shown = (seen, *(run.of("local", "counters") if dropped else ()))
        yield _Sign(Proof(words, shown), limit.relief, bool(dropped) or used >= limit.warns * most)


# --- what the kernel counted while the run looked ---------------------------------------------------------------------


def _counted(run: Evidence, fact: str) -> int:
    return sum(int(seen.facts.get(fact, 0)) for seen in run.of("local", "counters"))


def _lasted(run: Evidence) -> float:
    """For how many seconds it looked."""
    return sum(float(seen.facts.get("seconds", 0)) for seen in run.of("local", "counters"))


def _while_looking(run: Evidence, words: str, relief: str, *, warns: bool = False) -> _Sign:
    seen = tuple(run.of("local", "counters"))
    return _Sign(Proof("while this run looked (%s), %s" % (seconds(_lasted(run)), words), seen), relief, warns)


@lru_cache(maxsize=2)
def _broken_off(run: Evidence) -> Optional[_Sign]:
    """It breaks connections off for want of memory, or because too many are orphaned."""
    broken = _counted(run, "aborts_on_memory")
    if not broken:
        return None
    words = "the kernel of this machine broke off %s for want of memory (TCPAbortOnMemory)" % count(
        broken, "connection"
    )
    return _while_looking(run, words, "raise `net.ipv4.tcp_mem` or `net.ipv4.tcp_max_orphans`", warns=True)


@lru_cache(maxsize=2)
def _others_wait(run: Evidence) -> Optional[_Sign]:
    """Other programs on it have to send SYNs again: theirs wait for seconds too."""
    again = _counted(run, "syns_again") - _counted(run, "own_syns_again")
    opened = _counted(run, "opened") - _counted(run, "own_opened") + _counted(run, "accepted")
    part = again / (max(opened, 0) + again) if again > 0 else 0.0
    if again < _FEWEST_SYNS * max(1, _lasted(run)) or part < _SYNS_AGAIN:
        return None
    words = "other programs on this machine had to send %s again (%s of theirs): they too wait for connections" % (
        count(again, "SYN"),
        share(part),
    )
    relief = (
        "see in `ss -tno state syn-sent` whom they cannot reach: one dead destination is a matter of its own, many at "
        "once are a limit that this machine or its way out has reached"
    )
    return _while_looking(run, words, relief)


@lru_cache(maxsize=2)
def _sends_again(run: Evidence) -> Optional[_Sign]:
    """A share of all that its connections send is sent again."""
    again = _counted(run, "segments_again") - _counted(run, "syns_again")
    sent = _counted(run, "segments_out")
    part = again / (sent + again) if again > 0 else 0.0
    if again < _FEWEST_SEGMENTS or part < _SEGMENTS_AGAIN:
        return None
    words = "the connections of this machine sent %s again, %s of all" % (count(again, "segment"), share(part))
    return _while_looking(
        run, words, "see in `ss -tin` which connections retransmit, and what their destinations share"
    )


@lru_cache(maxsize=2)
def _listener_full(run: Evidence) -> Optional[_Sign]:
    """A program on it that listens does not accept fast enough, so that its queue is full."""
    dropped = _counted(run, "listen_overflows")
    if dropped < _FEWEST_OVERFLOWS or dropped < _OVERFLOWS * (dropped + _counted(run, "accepted")):
        return None
    words = "a program on this machine did not accept fast enough, so that %s found its queue full (ListenOverflows)"
    relief = (
        "see in `ss -ltn` whose Recv-Q is above its Send-Q: let that program accept faster, or raise its backlog and "
        "`net.core.somaxconn`"
    )
    return _while_looking(run, words % count(dropped, "connection"), relief)


# --- the rule ---------------------------------------------------------------------------------------------------------


# The same for every target of a run.
_OF_MACHINE = (_near_a_limit, _broken_off, _others_wait, _sends_again, _listener_full)


def _of_machine(sign: Callable[[Evidence], Optional[_Sign]]) -> Callable[[Case], Optional[_Sign]]:
    @wraps(sign)
    def of_case(case: Case) -> Optional[_Sign]:
        return sign(case.run)

    return of_case


_SIGNS: Tuple[Callable[[Case], Optional[_Sign]], ...] = (_few_ports_left, *map(_of_machine, _OF_MACHINE))


def _shown(sign: Callable[[Case], Optional[_Sign]]) -> Test:
    @wraps(sign)
    def test(case: Case) -> Optional[Proof]:
        found = sign(case)
        return found.proof if found is not None else None

    return test


def _signs(case: Case) -> Tuple[_Sign, ...]:
    own = _few_ports_left(case)
    return (*((own,) if own is not None else ()), *_signs_of_machine(case.run))


@lru_cache(maxsize=2)
def _signs_of_machine(run: Evidence) -> Tuple[_Sign, ...]:
    return tuple(found for found in (sign(run) for sign in _OF_MACHINE) if found is not None)


def _strained(case: Case) -> Optional[Proof]:
    """One of the signs of strain is there."""
    return Proof() if _signs(case) else None


def _severity(case: Case) -> str:
    return WARNING if any(sign.warns for sign in _signs(case)) else INFO


def _details(case: Case) -> Dict[str, Scalar]:
    return {"relief": "; ".join(sign.relief for sign in _signs(case))}


RULES = (
    Rule(
        cause="local_pressure",
        standalone=True,
        applies=_strained,
        prior=0.9,
        # They do not compete: each adds what it shows.
        clues=tuple(Clue(_shown(sign), 2) for sign in _SIGNS),
        suspects=_ask_who_takes_ports,
        severity=_severity,
        details=_details,
        scope=RUN,
    ),
)
