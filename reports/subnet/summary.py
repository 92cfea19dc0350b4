"""What a sweep found in a network, in a sentence, and what must be known to read it.

This module travels in the carry-in kit: CPython 3.7.
"""

import collections
from collections import defaultdict
from typing import Counter, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from reports.model import Observation
from reports.subnet import PROBE
from reports.subnet.senders import NO_ROUTE, PROHIBITS, Filter
from reports.subnet.swept import Swept, cidr_of
from reports.sweep import ANSWERED, REFUSED, UNKNOWN, WORDS
from reports.words import count, listed

# Who sent ICMP errors is named so often.
_MOST_SENDERS = 3
_MOST_QUESTIONS = 6
# One host at an address that the platform keeps is the gateway.
_FEWEST_RESERVED = 2

_SAYING = {**dict.fromkeys(PROHIBITS, "prohibited"), **dict.fromkeys(NO_ROUTE, "network unreachable")}


def summary(network: Swept) -> str:
    """``23 of 252 answer, 21 on 9083 (2 refuse), 20 by echo``, or ``none of 252 answers on 9083, by echo``."""
    if not network.told:
        no_other = network.signs and not network.left_open
        return "there is no other host to ask" if no_other else "nothing is known of its hosts"
    known = [
        asked for asked in network.signs if any(network.letters[asked][index] != UNKNOWN for index in network.told)
    ]
    live, more = len(network.live), len(known) - _MOST_QUESTIONS
    each = [_answering(network, asked) if live else _how(network, asked) for asked in known[:_MOST_QUESTIONS]]
    some = how_many(live, len(network.told), network.meant)
    rest = " and %s more" % count(more, "question") if more > 0 else ""
    return some + (", " if live else " ") + ", ".join(each) + rest


def how_many(live: int, told: int, meant: int) -> str:
    """``23 of 252 answer``, ``none of 252 answers``, or ``at least 23 of 252 answer`` where not all were ``told``."""
    if not live:
        return "none of %s answers" % _number(told)
    least = "at least " if told < meant else ""
    return "%s%s of %s answer%s" % (least, _number(live), _number(meant), "s" * (live == 1))


def _answering(network: Swept, asked: str) -> str:
    answering = network.answering(asked)
    refusing = sum(network.letters[asked][index] == REFUSED for index in answering)
    some = "%s %s" % (_number(len(answering)) if answering else "none", _how(network, asked))
    return some + (" (%s refuse%s)" % (_number(refusing), "s" * (refusing == 1)) if refusing else "")


def without_addresses(observations: Iterable[Observation]) -> List[Tuple[str, str]]:
    """The same of networks whose addresses were taken out of a report: name and sentence, as far as counts tell."""
    counts: Dict[str, Dict[str, Counter[str]]] = {}
    for seen in observations:
        if seen.probe == PROBE and seen.step == "states" and cidr_of(seen) is None:
            asked = counts.setdefault(str(seen.facts.get("network", "")), {})
            letters = str(seen.facts.get("states", ""))
            asked.setdefault(str(seen.facts.get("asked", "")), collections.Counter()).update(letters)
    return [
        (name, "; ".join("%s: %s" % (question, _counted(letters)) for question, letters in asked.items()))
        for name, asked in counts.items()
    ]


def _counted(letters: "Counter[str]") -> str:
    return ", ".join("%s %s" % (_number(letters[letter]), word) for letter, word in WORDS.items() if letters[letter])


def remarks(network: Swept) -> List[str]:
    """What must be known to read it: answers that say nothing, filters that spoke, what is silent or not known."""
    return [*_hollow(network), *_reserved(network), *_filters(network), *_silent(network), *_left_open(network)]


def _hollow(network: Swept) -> Iterator[str]:
    for asked, letters in network.hollow.items():
        if asked == "arp":
            mac, many = network.busiest_mac
            alive = sum(letter in ANSWERED for letter in network.letters[asked])
            one = "one hardware address (%s) answers for %s of %s" % (mac, _number(many), _number(alive))
            yield "ARP says nothing of the hosts: %s" % (one if mac else "it is not known who answers")
            continue
        every = "every other address" if asked in network.signs else "every address"
        states = " or ".join(WORDS[letter] for letter in sorted(letters))
        yield "%s is %s %s: that says nothing of the hosts" % (every, states, _how(network, asked))


def _reserved(network: Swept) -> Iterator[str]:
    """Hosts where a vSwitch has none: what was swept is a part of one, or something else."""
    answering = {index for index in network.reserved if network.best_drawn[index] in ANSWERED}
    hosts = network.texts(answering - network.own - network.gateways)
    if len(hosts) >= _FEWEST_RESERVED:
        words = "%s answer too and are not counted: of a vSwitch %s the platform would keep them for itself"
        yield words % (listed(hosts), network.cidr)


# --- ICMP errors ------------------------------------------------------------------------------------------------------


def _filters(network: Swept) -> Iterator[str]:
    """Who says "prohibited" or "network unreachable": a sentence each, and one for hosts that speak for themselves."""
    others: Dict[Tuple[str, str], List[Filter]] = defaultdict(list)
    themselves: Dict[str, List[Filter]] = defaultdict(list)
    for one in network.filters:
        if one.icmp not in _SAYING:
            continue
        if one.addresses == 1 and network.index(one.sender) is not None:
            themselves[_SAYING[one.icmp]].append(one)
        else:
            others[one.sender, _SAYING[one.icmp]].append(one)
    for (sender, what), some in list(others.items())[:_MOST_SENDERS]:
        counts: Counter[str] = collections.Counter()
        for one in some:
            counts[one.asked] += one.addresses
        many = _addresses(network, dict(counts.most_common()))
        yield '%s answers "%s" for %s %s' % (sender, what, many, _codes(some))
    more = len(others) - _MOST_SENDERS
    if more > 0:
        yield "%s more answer so" % _number(more) if more > 1 else "one more answers so"
    for what, some in themselves.items():
        hosts = {one.sender for one in some}
        who = "%s hosts answer" % _number(len(hosts)) if len(hosts) > 1 else "%s answers" % min(hosts)
        whom = "themselves" if len(hosts) > 1 else "itself"
        asked = ", ".join(dict.fromkeys(_how(network, one.asked) for one in some))
        yield '%s "%s" for %s, %s %s' % (who, what, whom, asked, _codes(some))


def _addresses(network: Swept, counts: Mapping[str, int]) -> str:
    """``48 addresses on 8020, 16 by echo``."""
    said = ["%s %s" % (_number(number), _how(network, asked)) for asked, number in counts.items()]
    number, _, rest = said[0].partition(" ")
    return ", ".join(["%s address%s %s" % (number, "" if number == "1" else "es", rest), *said[1:]])


def _codes(some: Sequence[Filter]) -> str:
    codes = sorted({one.icmp for one in some}, key=lambda icmp: [int(part) for part in icmp.split("/")])
    return "(ICMP %s)" % listed(codes)


# --- what is silent, or not known -------------------------------------------------------------------------------------


def _silent(network: Swept) -> Iterator[str]:
    if network.told and not network.live and not network.filters:
        yield "silence is a filter, a missing route, or that nobody is there"


def _left_open(network: Swept) -> Iterator[str]:
    """Why it did not come to its end, or what was lacking, and of how many addresses nothing is known."""
    why = "the sweep was cut short" if network.is_partial else ""
    if network.pushed_back:
        ours = network.pushed_back.startswith("this machine")
        why = "the sweep stopped%s (%s)" % ("" if ours else ", for the network pushed back", network.pushed_back)
    counts, unknown = network.left_open, ""
    if counts:
        alike = len(counts) == len(network.questions) and len(set(counts.values())) == 1
        some = "%s of its addresses" % _number(max(counts.values())) if alike else _addresses(network, counts)
        unknown = "nothing is known of %s" % some
    said = ": ".join(filter(None, (why, unknown, network.lacked if counts else "")))
    if said:
        yield said


# --- how it was asked -------------------------------------------------------------------------------------------------


def ways_of_asking(networks: Iterable[Swept]) -> List[str]:
    """``syn, icmp: this process may open raw sockets; 908 packets, at most 1,000 a second``: a line a way."""
    sent: Dict[Tuple[str, str], int] = defaultdict(int)
    # What was swept together has one count of packets, which stands with each of its networks.
    together = {(one.started, one.facts.get("method")): one for network in networks for one in network.last_sweeps}
    for one in together.values():
        packets, rate = one.facts.get("sent"), one.facts.get("rate")
        limit = "at most %s a second" % _number(rate) if isinstance(rate, int) and rate else "without a limit"
        sent[_engines(str(one.facts.get("why", ""))), limit] += packets if isinstance(packets, int) else 0
    return ["%s; %s, %s" % (how, count(packets, "packet"), limit) for (how, limit), packets in sent.items()]


def _engines(why: str) -> str:
    """``syn: because; icmp: because`` in fewer words: ``syn, icmp: because``."""
    engines: Dict[str, List[str]] = defaultdict(list)
    for part in why.split("; "):
        engine, colon, reason = part.rpartition(": ")
        engines[reason].extend([engine] if colon else [])
    return "; ".join(", ".join(some) + ": " * bool(some) + reason for reason, some in engines.items())


def _how(network: Swept, asked: str) -> str:
    if asked == "arp":
        return "by ARP" if network.addresses.version == 4 else "by neighbour discovery"
    return "by echo" if asked == "echo" else "on %s" % asked


def _number(value: int) -> str:
    return format(value, ",")
