"""What the vantage points at which a target fails share, and the others do not.

Of every property that is known of a vantage point (host, vSwitch, ENI, name server, ...) the value is looked for that
parts those that fail from those that work. How surprising such a parting is says Fisher's exact test: the probability
that it comes about by chance, multiplied by the number of different partings that were tried (Bonferroni).
"""

import math
from typing import Callable, Dict, FrozenSet, Iterable, List, Mapping, Sequence, Tuple

from attrs import Factory, frozen

from reports.comparison.board import Board, Look
from reports.rules.contract import CONNECT, EXCHANGE, RESOLVE, TLS

Values = Callable[[Board, Look], Iterable[str]]

# What comes about by chance more often proves nothing.
CHANCE = 0.05
# A parting that is not exact must hold for this share of both sides, and not be chance, to be worth a word.
_NEARLY = 0.8


@frozen
class Property:
    """A property of a vantage point. ``phrase``: the points that have the value, in words; no value: it is not known.

    ``causes``: what is likelier where the property parts those that fail from the others, by the stage that is broken.
    """

    name: str
    phrase: str
    values: Values
    causes: Mapping[str, Mapping[str, float]]


@frozen
class Parting:
    """A property that parts the points: those with the ``value`` fail (``blames``), or those without it.

    ``fail_with`` of ``having`` fail, and ``fail_without`` of ``lacking``. ``chance``: the probability of such a parting
    where the property means nothing.
    """

    trait: Property
    value: str
    alike: Tuple[str, ...]  # other properties that part them in the very same way
    blames: bool
    fail_with: int
    having: int
    fail_without: int
    lacking: int
    chance: float
    causes: Mapping[str, Mapping[str, float]] = Factory(dict)  # by stage

    @property
    def exact(self) -> bool:
        """Whether there is no exception."""
        with_, without = (self.fail_with, self.fail_without) if self.blames else (self.fail_without, self.fail_with)
        return without == 0 and with_ == (self.having if self.blames else self.lacking)

    @property
    def words(self) -> str:
        """The parting with its counts."""
        total, failing = self.having + self.lacking, self.fail_with + self.fail_without
        phrase = self.trait.phrase % self.value if "%s" in self.trait.phrase else self.trait.phrase
        also = " (they share %s as well)" % ", ".join(self.alike) if self.alike else ""
        if self.exact and self.blames:
            text = "the %d of %d that fail are exactly those %s" % (failing, total, phrase)
        elif self.exact:
            text = "the %d of %d that work are exactly those %s" % (total - failing, total, phrase)
        else:
            text = "%d of the %d %s fail, and %d of the %d others" % (
                self.fail_with,
                self.having,
                phrase,
                self.fail_without,
                self.lacking,
            )
        return "%s%s; %s" % (text, also, _chance_words(self.chance))


def partings(board: Board, fails: Sequence[Look], works: Sequence[Look]) -> Tuple[Parting, ...]:
    """The properties that part the two, the clearest first; empty where nothing does."""
    owners: Dict[FrozenSet[int], List[Tuple[Property, str]]] = {}
    failing = frozenset(look.point.index for look in fails)
    everyone = failing | frozenset(look.point.index for look in works)
    for factor in PROPERTIES:
        for value, points in _having(factor, board, [*fails, *works]).items():
            group = frozenset(points)
            if group != everyone:
                owners.setdefault(group, []).append((factor, value))
    tried = {_canonical(group, everyone) for group in owners}
    found = [_parting(group, named, failing, everyone, len(tried)) for group, named in owners.items()]
    # Of two that are each other's complement the one that speaks of fewer points.
    blaming = 2 * len(failing) <= len(everyone)
    kept = sorted(
        (one for one in found if _counts(one)),
        key=lambda one: (not one.exact, one.chance, one.blames != blaming, PROPERTIES.index(one.trait)),
    )
    exact = [one for one in kept if one.exact]
    return tuple(exact[:1] or kept)


def _having(factor: Property, board: Board, looks: Sequence[Look]) -> Dict[str, List[int]]:
    """The points that have each value; none where the property is not known of all of them."""
    having: Dict[str, List[int]] = {}
    for look in looks:
        values = [value for value in factor.values(board, look) if value]
        if not values:
            return {}
        for value in values:
            having.setdefault(value, []).append(look.point.index)
    return having


def bayes_factor(chance: float) -> float:
    """How much likelier a p-value makes it, at most, that something is there: -1 / (e p ln p) (Sellke et al., 2001)."""
    if chance >= 1 / math.e:
        return 1.0
    return -1 / (math.e * chance * math.log(chance))


def fisher(failing: int, total: int, failing_in_group: int, group: int) -> float:
    """The probability that a random group of this size holds at least so many of the failing (hypergeometric)."""
    everything = _log_choose(total, group)
    most = min(failing, group)
    return min(
        1.0,
        math.fsum(
            math.exp(_log_choose(failing, k) + _log_choose(total - failing, group - k) - everything)
            for k in range(max(failing_in_group, group - (total - failing)), most + 1)
        ),
    )


def _log_choose(n: int, k: int) -> float:
    """The logarithm of n over k, for 0 <= k <= n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _canonical(group: FrozenSet[int], everyone: FrozenSet[int]) -> FrozenSet[int]:
    """A group and its complement are one parting: the smaller one stands for both."""
    twice = 2 * len(group)
    if twice < len(everyone) or (twice == len(everyone) and min(everyone) in group):
        return group
    return everyone - group


def _parting(
    group: FrozenSet[int],
    named: Sequence[Tuple[Property, str]],
    failing: FrozenSet[int],
    everyone: FrozenSet[int],
    tried: int,
) -> Parting:
    inside = len(failing & group)
    rest = len(failing) - inside
    blames = inside * (len(everyone) - len(group)) >= rest * len(group)
    size, hits = (len(group), inside) if blames else (len(everyone) - len(group), rest)
    chance = fisher(len(failing), len(everyone), hits, size)
    (factor, value), *others = named
    return Parting(
        trait=factor,
        value=value,
        alike=tuple("%s %s" % (other.name, what) for other, what in others if other.name != factor.name),
        blames=blames,
        fail_with=inside,
        having=len(group),
        fail_without=rest,
        lacking=len(everyone) - len(group),
        chance=min(1.0, chance * tried),
        causes=_joined([one for one, _ in named]),
    )


def _joined(factors: Sequence[Property]) -> Mapping[str, Mapping[str, float]]:
    """What several properties explain that part alike: the first is believed most."""
    joined: Dict[str, Dict[str, float]] = {}
    for place, factor in enumerate(factors):
        for stage, causes in factor.causes.items():
            for cause, weight in causes.items():
                at_stage = joined.setdefault(stage, {})
                at_stage[cause] = max(at_stage.get(cause, 0.0), weight / (1 if place == 0 else 3))
    return joined


def _counts(one: Parting) -> bool:
    """Whether it is worth a word."""
    if one.exact:
        return True
    failing, working = one.fail_with + one.fail_without, one.having + one.lacking - one.fail_with - one.fail_without
    caught, spared = one.fail_with, one.lacking - one.fail_without
    if not one.blames:
        caught, spared = one.fail_without, one.having - one.fail_with
    return one.chance < CHANCE and caught >= _NEARLY * failing and spared >= _NEARLY * working


def _chance_words(chance: float) -> str:
    if chance > CHANCE:
        return "so few may part like that by chance (p = %.2g)" % chance
    return "by chance once in %s (p = %.1g)" % (format(round(1 / chance), ","), chance)


# --- the properties, in the order in which they are believed where several part alike -------------------------------


def _answers(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return look.answers


def _has_eni(board: Board, look: Look) -> Iterable[str]:
    if look.symptom.way == "internet" or not look.point.addresses:
        return ()
    return ("with",) if board.vpc_addresses(look.point) else ("without",)


def _vswitch(board: Board, look: Look) -> Iterable[str]:
    return (board.subnet_of(look.source),) if look.source and board.in_vpc(look.source) else ()


def _eni(board: Board, look: Look) -> Iterable[str]:
    return (look.source,) if look.source and board.in_vpc(look.source) else ()


def _outbound(board: Board, look: Look) -> Iterable[str]:
    return board.outbounds(look.point) if look.symptom.way == "internet" else ()


def _name_server(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return look.point.name_servers[:1]


def _issuer(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return (look.symptom.issuer,)


def _label(name: str) -> Values:
    def values(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
        return (look.point.named(name),)

    return values


def _host(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return (look.point.host,)


def _python(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return (look.point.python,)


def _platform(board: Board, look: Look) -> Iterable[str]:  # noqa: ARG001 - the shape of a callable
    return (look.point.platform,)


_OUTBOUND = {"outbound_ip_pool_partly_admitted": 1.0}
_OWN_NETWORK = {"local_firewall_drop": 0.4, "wrong_route": 0.3}

PROPERTIES: Tuple[Property, ...] = (
    Property("issuer", "that are shown a certificate of %s", _issuer, {TLS: {"tls_intercepted": 1.0}}),
    Property("answer", "whose name leads to %s", _answers, {CONNECT: {"dns_stale_answer": 1.0}}),
    Property("ENI", "%s an address in the VPC", _has_eni, {CONNECT: {"eni_missing": 2.0}}),
    Property("vSwitch", "that come from the vSwitch %s", _vswitch, {CONNECT: {"eni_wrong_vswitch": 1.0}}),
    Property("ENI address", "that come from %s", _eni, {CONNECT: {"ip_whitelist_mismatch": 1.0}}),
    Property(
        "outbound address", "that go out as %s", _outbound, {CONNECT: _OUTBOUND, TLS: _OUTBOUND, EXCHANGE: _OUTBOUND}
    ),
    Property(
        "name server",
        "that ask %s first",
        _name_server,
        {RESOLVE: {"dns_zone_not_attached": 1.0}, CONNECT: {"dns_stale_answer": 0.5}},
    ),
    Property("zone", "in zone %s", _label("zone"), {CONNECT: {"blackhole_route": 0.5}}),
    Property("host", "on host %s", _host, {CONNECT: _OWN_NETWORK}),
    Property("container", "in container %s", _label("container"), {CONNECT: _OWN_NETWORK}),
    Property("Python", "on Python %s", _python, {TLS: {"tls_handshake_failed": 1.0, "tls_untrusted": 1.0}}),
    Property("platform", "on %s", _platform, {TLS: {"tls_handshake_failed": 0.5, "tls_untrusted": 0.5}}),
)
