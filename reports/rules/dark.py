"""Layer route: parts of a swept network in which nobody answers.

A vSwitch hands its addresses out in some order, so that most gaps are merely unused. A dark part is a warning only
where its edges, what was said to be in use there, or whoever answers in its place speaks against that.
"""

from functools import lru_cache
from typing import FrozenSet, List, Optional, Sequence, Tuple

from attrs import frozen

from reports.case import Case
from reports.causes import INFO, WARNING
from reports.evidence import Evidence
from reports.rules import attempts, clues, inventory, sweeps, trace
from reports.rules.contract import CONNECT, SUBNET, Clue, Proof, Rule, Test
from reports.subnet.dark import Dark
from reports.subnet.senders import NO_ROUTE, PROHIBITS
from reports.subnet.swept import Swept
from reports.sweep import FILTERED, SILENT
from reports.words import listed

# The odds that a silent part is kept apart, and not merely unused, before anything else is known of it.
_USUAL = 1 / 30
# By how much each address raises them that is said to be in use there.
_IN_USE = 8.0
# Of a part so many addresses have to be answered for.
_FEWEST_TOLD = 3
# How sure a part is said to be, and from which share on; the last is a remark, and no warning.
_SAID, _LIKELY, _EVEN, _REMARK = 0.9, 0.7, 0.55, 0.2
_FROM = ((0.85, _SAID), (0.6, _LIKELY), (0.5, _EVEN), (0.2, _REMARK))


@frozen
class _DarkPart:
    network: Swept
    dark: Dark
    sure: float
    proof: Proof


@lru_cache(maxsize=2)
def _dark_parts(run: Evidence) -> Tuple[_DarkPart, ...]:
    """The dark parts of all networks of which there is anything to say, the surest first."""
    reached = [ip for case in run.cases.values() if case.host_answers for ip in case.ips]
    silent = [ip for case in run.cases.values() if clues.silent(case) for ip in case.ips]
    found = []
    for network in sweeps.of_run(run):
        for dark in sweeps.dark_of(network):
            inside = frozenset(dark.asked)
            if any(network.index(ip) in inside for ip in reached):
                continue  # whatever the sweep heard
            sure, words = _judged(network, dark, _missing(network, inside, silent))
            if sure:
                told = "none of %d addresses in %s answers, %d of the other %d in %s do; %s" % (
                    *(len(inside), dark.cidr, len(network.live)),
                    *(len(network.told) - len(inside), network.name, words),
                )
                found.append(_DarkPart(network, dark, sure, Proof(told, network.shown(dark.asked[0]))))
    return tuple(sorted(found, key=lambda one: -one.sure))


def _judged(network: Swept, dark: Dark, missing: Sequence[str]) -> Tuple[float, str]:
    """How sure it is that the part is kept apart, and why; 0 where it may just as well be unused."""
    said = _said_of_it_alone(network, dark)
    if said:
        return _SAID, said
    odds, reasons = _USUAL * dark.sharpness, []
    if dark.slack is not None:
        beyond = "%d silent address%s" % (dark.slack, "es" * (dark.slack > 1)) if dark.slack else "no silent address"
        reasons.append("live ones stand on both sides of it, with %s between" % beyond)
    if missing:
        odds *= _IN_USE ** min(len(missing), 3)
        many = "are" if len(missing) > 1 else "is"
        reasons.append("%s, which %s said to be in use, %s among them" % (listed(missing), many, many))
    # The shape of a gap alone is never proof.
    share = odds / (1 + odds) if missing else min(odds / (1 + odds), _LIKELY)
    sure = next((sure for least, sure in _FROM if share >= least), 0.0)
    return sure, "; ".join([*reasons, *(["addresses that nobody uses may look so"] if sure == _REMARK else [])])


def _said_of_it_alone(network: Swept, dark: Dark) -> str:
    """Somebody answers for it, and for no other address, that he has no way or lets nothing through."""
    for asked in network.signs:
        told = _told(network, dark, asked)
        said = [one for one in network.filters if one.asked == asked and one.icmp in PROHIBITS | NO_ROUTE]
        if said and told:
            what = "prohibited" if said[0].icmp in PROHIBITS else "network unreachable"
            many = "these" if told == len(dark.asked) else "%d of these" % min(told, said[0].addresses)
            return '%s answers "%s" for %s alone (ICMP %s)' % (said[0].sender, what, many, said[0].icmp)
    return ""


def _told(network: Swept, dark: Dark, asked: str) -> int:
    """For how many addresses of the part, and of it alone, an ICMP error came; 0 where that says nothing.

    Routers limit how many they send. Who sends them for whatever is unused does so for what is asked first: a silent
    address before the part would have had one.
    """
    letters, inside = network.letters[asked], set(dark.asked)
    told = [index for index in network.told if letters[index] == FILTERED]
    if not inside.issuperset(told):
        return 0
    if len(told) == len(inside):
        return len(told)
    known = inside | network.live
    unused = (index for index in network.told if letters[index] == SILENT and index not in known)
    return len(told) if len(told) >= _FEWEST_TOLD and next(unused, dark.asked[0]) < dark.asked[0] else 0


def _missing(network: Swept, inside: FrozenSet[int], silent: Sequence[str]) -> List[str]:
    """Silent targets in it; and declared interfaces, which say something where others of the network do answer."""
    targets = {index for index in map(network.index, silent) if index in inside}
    enis = network.enis & inside if network.enis & network.live else frozenset()
    return network.texts(targets | enis)


def _darkest(case: Case) -> List[_DarkPart]:
    return [one for one in _dark_parts(case.run) if sweeps.concerns(one.network, case)]


def _warning(sure: float) -> Test:
    def test(case: Case) -> Optional[Proof]:
        """Nobody answers in a part that ends where routes do, or holds what is in use, or that somebody answers for."""
        found = [one for one in _darkest(case) if one.sure > _REMARK]
        return sweeps.together([one.proof for one in found]) if found and found[0].sure == sure else None

    return test


def _remark(case: Case) -> Optional[Proof]:
    """The same, where it is rather unused (no warning by itself)."""
    return sweeps.together([one.proof for one in _darkest(case) if one.sure == _REMARK])


def _rule(applies: Test, sure: float, severity: str) -> Rule:
    return Rule(
        cause="subnet_partly_dark",
        standalone=True,
        applies=applies,
        prior=sure,
        severity=sweeps.as_it_is(severity),
        details=lambda case: {"part": listed([one.dark.cidr for one in _darkest(case)])},
        scope=SUBNET,
    )


# Whatever of the target's own host answers has passed the list.
_OF_A_LIST = (
    Clue(inventory.acl_admits, 0.02),
    Clue(clues.on_link, 0),
    Clue(clues.same_host_answers, 0),
    Clue(sweeps.host_answers, 0),
    Clue(sweeps.host_echoes, 0),
    Clue(attempts.host_is_up, 0),
    Clue(attempts.other_source_answered, 0),
    Clue(attempts.other_port_answered, 0),
    Clue(trace.held_back, 0.1),
)

RULES: Tuple[Rule, ...] = (
    Rule(
        cause="acl_drop",
        explains=(CONNECT,),
        applies=sweeps.lies_in_the_dark,
        prior=0.5,
        clues=_OF_A_LIST,
        scope=SUBNET,
    ),
    *(_rule(_warning(sure), sure, WARNING) for sure in (_SAID, _LIKELY, _EVEN)),
    _rule(_remark, _REMARK, INFO),
)
