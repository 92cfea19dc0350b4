"""Clues of a sweep of a target's network: whoever answers there clears the way into it, and may clear the port.

Where many hosts are alive, one port that is silent at all of them is the matter of a group, and at one of them of that
host. What answers for everybody says nothing, and nobody's silence says little: groups admit nobody by themselves.
"""

from functools import lru_cache
from typing import AbstractSet, Callable, Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from reports.case import Case
from reports.evidence import Evidence
from reports.maxcompute.schemes import INTERNET
from reports.model import Observation, Scalar
from reports.rules import attempts, clues, neighbours
from reports.rules.contract import Proof
from reports.subnet.dark import Dark, dark_parts
from reports.subnet.senders import NO_ROUTE, PROHIBITS, Filter
from reports.subnet.swept import Swept, swept
from reports.sweep import FILTERED, SILENT
from reports.words import listed

# So many hosts beside the target say something of a port; a share of them that is nearly all.
_FEWEST_HOSTS, _NEARLY_ALL = 3, 0.8
# The silence of so many addresses says something of the way.
_FEWEST_ADDRESSES = 8
# From here on the edges of a silent part say something of it (reports/subnet/dark.py).
_SHARP = 8.0


@lru_cache(maxsize=2)
def of_run(run: Evidence) -> Tuple[Swept, ...]:
    """The networks that the run swept."""
    return swept(run.plan, run.vantage, run.of("subnet"))


@lru_cache(maxsize=1024)
def dark_of(network: Swept) -> Tuple[Dark, ...]:
    """The network's dark parts, worked out once."""
    return dark_parts(network)


def leave_anything_open(run: Evidence) -> bool:
    """Whether a sweep did not come to its end, or tells nothing of some whom it asked, or of all: nobody answered."""
    return not all(network.is_settled and network.live for network in of_run(run))


def network_of(case: Case) -> Optional[Swept]:
    """The smallest swept network that holds the case's addresses; what answers in a target's place is no part of it."""
    if case.way == INTERNET or case.accepted_for:
        return None
    holding = [one for one in of_run(case.run) if case.ips and all(one.index(ip) is not None for ip in case.ips)]
    return min(holding, key=lambda one: one.size, default=None)


def sources(run: Evidence) -> Tuple[str, ...]:
    """The addresses from which this machine swept."""
    return tuple(dict.fromkeys(network.source for network in of_run(run) if network.source))


def indexes(case: Case, network: Swept) -> Tuple[int, ...]:
    """The places of the case's addresses in the network."""
    return tuple(index for index in map(network.index, case.ips) if index is not None)


def dark_part(case: Case) -> Optional[Dark]:
    """The dark part of its network in which the target lies, all of its addresses."""
    network = network_of(case)
    if network is None or not clues.silent(case):
        return None
    own = set(indexes(case, network))
    return next((dark for dark in dark_of(network) if own.issubset(dark.asked)), None)


def dark_subnet(case: Case) -> Mapping[str, Scalar]:
    """In a remedy that part stands for the whole subnet, the rest of which answers."""
    dark = dark_part(case)
    return {"subnets": dark.cidr} if dark is not None else {}


# --- whom a network concerns ------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def concerned(run: Evidence) -> Dict[str, FrozenSet[str]]:
    """The targets that lie in each swept network, by its CIDR; where none does, the first target speaks for it."""
    found = {}
    for network in of_run(run):
        inside = [name for name, case in run.cases.items() if any(network.index(ip) is not None for ip in case.ips)]
        found[network.cidr] = frozenset(inside or [next(iter(run.cases))])
    return found


def concerns(network: Swept, case: Case) -> bool:
    """Whether what is said of the network is said with this target."""
    return case.target.name in concerned(case.run)[network.cidr]


def together(proofs: Sequence[Proof]) -> Optional[Proof]:
    """What holds of several networks or addresses, as one."""
    if not proofs:
        return None
    shown = {seen.id: seen for proof in proofs for seen in proof.observations}
    return Proof("; ".join(proof.words for proof in proofs), tuple(shown.values()))


def as_it_is(severity: str) -> Callable[[Case], str]:
    """The severity of a rule, whatever the catalogue says of its cause."""
    return lambda case: severity  # noqa: ARG005 - the shape of a callable


# --- the way into the network -----------------------------------------------------------------------------------------


def subnet_answers(case: Case) -> Optional[Proof]:
    """Another host of the same subnet answers, and the target lies in no part of it that nobody answers in."""
    return None if dark_part(case) is not None else clues.subnet_answers(case)


def network_answers(case: Case) -> Optional[Proof]:
    """In a sweep, other addresses of the target's network answer, and it lies in no part that nobody answers in."""
    network = network_of(case)
    if network is None or not clues.silent(case) or dark_part(case) is not None:
        return None
    if clues.subnet_answers(case) or neighbours.answer(case):
        return None  # it is said already
    others = network.behind.difference(indexes(case, network))
    if not others:
        return None
    return Proof(_way_is_fine(len(others), network), network.shown(*sorted(others)[:1]))


def network_silent(case: Case) -> Optional[Proof]:
    """In a sweep, no address of the target's network answers anything, but for one that may be its router's."""
    network = network_of(case)
    if network is None or not clues.silent(case) or network.behind or len(network.told) < _FEWEST_ADDRESSES:
        return None
    silent = len(network.told) - len(network.live)
    words = "none of %d addresses in %s answers, whatever it is asked (%s)"
    router = "; %s may be its router's" % listed(network.texts(network.live)) if network.live else ""
    return Proof(words % (silent, network.name, listed(network.signs, most=5)) + router, network.shown())


def lies_in_the_dark(case: Case) -> Optional[Proof]:
    """It lies in an aligned part of its network in which nobody answers, and that ends where live addresses begin."""
    return _dark(case, "", sharp=True)


def lies_in_the_unused(case: Case) -> Optional[Proof]:
    """It lies in a part of its network in which nobody answers, as where addresses are merely unused."""
    return _dark(case, ", as where addresses are not in use", sharp=False)


def _dark(case: Case, reason: str, *, sharp: bool) -> Optional[Proof]:
    dark, network = dark_part(case), network_of(case)
    if dark is None or network is None or _is_kept_apart(network, dark) is not sharp:
        return None
    words = "it lies in %s, where nobody answers (%d were asked)%s; elsewhere in %s %d of %d do"
    rest = len(network.told) - len(dark.asked)
    told = words % (dark.cidr, len(dark.asked), reason, network.name, len(network.live), rest)
    return Proof(told, network.shown(*dark.asked[:1]))


def _is_kept_apart(network: Swept, dark: Dark) -> bool:
    """By its edges, or because declared interfaces are silent in it while others of the network answer."""
    return dark.sharpness >= _SHARP or bool(network.enis & network.live and network.enis.intersection(dark.asked))


def way_answers(case: Case) -> Optional[Proof]:
    """In a sweep, addresses of another vSwitch than this machine's own answer: what leaves here comes there."""
    if case.way == INTERNET or case.accepted_for:
        return None
    for network in of_run(case.run):
        if network.live and not network.own and not any(place.facts.get("on_link") for place in network.places):
            return Proof(_way_is_fine(len(network.live), network), network.shown())
    return None


# --- the host itself --------------------------------------------------------------------------------------------------


def host_answers(case: Case) -> Optional[Proof]:
    """In a sweep, another port of the target's host answers."""
    network = network_of(case)
    if network is None or not clues.silent(case) or clues.same_host_answers(case):
        return None
    own = str(case.target.port)
    others = (asked for asked in network.ports if asked != own)
    found = [asked for asked in others if network.answering(asked).intersection(indexes(case, network))]
    if not found:
        return None
    words = "%s answers on %s in the sweep of %s: host, route and ENI are fine"
    shown = network.shown(*indexes(case, network), asked=found[0])
    return Proof(words % (listed(case.ips), listed(found), network.name), shown)


def host_echoes(case: Case) -> Optional[Proof]:
    """In a sweep, the target's host answers an echo."""
    network = network_of(case)
    if network is None or not clues.silent(case) or attempts.host_is_up(case):
        return None
    if not network.answering("echo").intersection(indexes(case, network)):
        return None
    words = "%s answers an echo in the sweep of %s: the host is up"
    return Proof(words % (listed(case.ips), network.name), network.shown(*indexes(case, network), asked="echo"))


# --- the port ---------------------------------------------------------------------------------------------------------


def port_silent_throughout(case: Case) -> Optional[Proof]:
    """In a sweep, no other host of the network answers on this port, and all are alive by another sign."""
    network, others = _others_alive(case)
    if network is None or any(state not in (SILENT, FILTERED) for state in _states(network, others, case)):
        return None
    return Proof(words_of_port(network, others, str(case.target.port)), _shown_of_port(network, case))


def port_answers_elsewhere(case: Case) -> Optional[Proof]:
    """In a sweep, nearly all other hosts of the network that are alive answer on this port; this one does not."""
    network, others = _others_alive(case)
    if network is None:
        return None
    answering = others & network.answering(str(case.target.port))
    if len(answering) < _NEARLY_ALL * len(others):
        return None
    words = "%d of %d other hosts in %s that are alive answer on %d; this one does not"
    return Proof(words % (len(answering), len(others), network.name, case.target.port), _shown_of_port(network, case))


def words_of_port(network: Swept, hosts: AbstractSet[int], port: str) -> str:
    """``none of 23 hosts in vswitch-b that are alive answers on 9083, all of them on 8020``."""
    said = []
    for asked in network.signs:
        answering = len(network.answering(asked) & hosts)
        if asked == port or not answering:
            continue
        many = "all of them" if answering == len(hosts) else "%d of them" % answering
        said.append("%s %s" % (many, "on %s" % asked if asked.isdecimal() else "by %s" % asked))
    words = "none of %d hosts in %s that are alive answers on %s" % (len(hosts), network.name, port)
    return ", ".join([words, *said[:3]])


def prohibited(case: Case) -> Optional[Proof]:
    """In a sweep, somebody answered for other addresses of the network that this port is prohibited."""
    said = _said(case, PROHIBITS, str(case.target.port))
    if said is None:
        return None
    words = "%s answers so for %s on %s in the sweep (ICMP %s)"
    return Proof(words % (said.sender, _addresses(said), said.asked, said.icmp), (said.seen,))


def prohibited_for_others(case: Case) -> Optional[Proof]:
    """Nothing came back, and in a sweep somebody says of other addresses of the network that it is prohibited."""
    return prohibited(case) if clues.silent(case) else None


def no_route_for_others(case: Case) -> Optional[Proof]:
    """In a sweep, a router answers for addresses of the network that it has no route."""
    said = _said(case, NO_ROUTE)
    if said is None or not clues.silent(case):
        return None
    words = 'the router %s answers "network unreachable" for %s in the sweep'
    return Proof(words % (said.sender, _addresses(said)), (said.seen,))


def filtered_itself(case: Case) -> Optional[Proof]:
    """In a sweep, somebody answered so for the target's own address on this port."""
    network, port = network_of(case), str(case.target.port)
    if network is None or any(network.state(index, port) != FILTERED for index in indexes(case, network)):
        return None
    return Proof("", _shown_of_port(network, case))


def _addresses(said: Filter) -> str:
    return "one address" if said.addresses == 1 else "%d addresses" % said.addresses


def _said(case: Case, errors: FrozenSet[str], asked: Optional[str] = None) -> Optional[Filter]:
    """Who sent one of these ICMP errors most often (``asked``: for this port); no host for itself, nor this machine."""
    network = network_of(case)
    if network is None:
        return None
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    for one in network.filters:
        speaks_for_others = one.addresses > 1 or network.index(one.sender) is None
        if asked in (None, one.asked) and one.icmp in errors and one.sender not in own and speaks_for_others:
            return one
    return None


def _others_alive(case: Case) -> Tuple[Optional[Swept], AbstractSet[int]]:
    """The other hosts of the case's network that are alive by a sign other than its port; no network where few are."""
    network = network_of(case)
    port = str(case.target.port)
    if network is None or port not in network.signs or not clues.silent(case):
        return None, frozenset()
    others = network.live_by_other(port).difference(indexes(case, network))
    return (network, others) if len(others) >= _FEWEST_HOSTS else (None, frozenset())


def _states(network: Swept, hosts: AbstractSet[int], case: Case) -> Sequence[str]:
    return [network.state(index, str(case.target.port)) for index in hosts]


def _shown_of_port(network: Swept, case: Case) -> Tuple[Observation, ...]:
    return network.shown(*indexes(case, network), asked=str(case.target.port))


def _way_is_fine(live: int, network: Swept) -> str:
    words = "%d of %d addresses in %s answer%s: the way there and back is fine"
    return words % (live, len(network.told), network.name, "s" if live == 1 else "")
