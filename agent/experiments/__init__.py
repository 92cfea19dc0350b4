"""The experiments: what the rules may ask for (reports/rules/contract.py, Want), and how it is done.

One function a probe's step, in the table here; each does its own part of the budget's work and judges nothing. What
cannot be done in this place is left undone: the rules see that nothing came. A module is loaded when its first
experiment is made: a healthy plan needs none of them, nor the probes that they use.
"""

import importlib
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from agent.experiments.contract import Ground
from reports.rules.contract import Want

__all__ = ["EXPERIMENTS", "Ground", "in_turn", "load", "look_beside", "make", "quickest"]

# The module here, and its function.
EXPERIMENTS: Dict[Tuple[str, str], str] = {
    ("again", "look"): "again.look",
    ("again", "lookup"): "again.lookup",
    ("answer", "from"): "answers.exchange_from",
    ("answer", "round_trips"): "answers.round_trips",
    ("answer", "series"): "answers.exchanges",
    ("dns", "control"): "names.ask_control",
    ("egress", "address"): "egress.ask_again",
    ("egress", "repeat"): "egress.repeat",
    ("local", "filter"): "machine.own_filter",
    ("local", "ports"): "machine.ports",
    ("local", "way"): "machine.way",
    ("loss", "handshakes"): "loss.handshakes",
    ("loss", "round_trips"): "loss.round_trips",
    ("mtu", "clamped"): "sizes.clamp",
    ("mtu", "padded"): "sizes.pad",
    ("mtu", "sized"): "sizes.size",
    ("path", "first_hop"): "ways.first_hop",
    ("path", "echo"): "ways.ask_host",
    ("path", "hop"): "ways.trace",
    ("tcp", "connect_direct"): "ways.connect_past_proxy",
    ("tcp", "connect_from"): "ways.connect_from",
    ("tcp", "connect_neighbour"): "neighbours.connect",
    ("tcp", "connect_port"): "ways.connect_port",
    ("tcp", "explore"): "ways.explore",
    ("throughput", "transfer"): "sizes.transfer",
}


# What fills a way would show in whatever else is measured there.
_ALONE = frozenset({("throughput", "transfer")})
# One packet each, answered within a round trip or not at all: the answer may spare what others would wait for.
_QUICK = frozenset({("path", "first_hop")})


def quickest(wants: Sequence[Want]) -> List[Want]:
    """What is done before the rules are asked again: where something is answered at once, that alone."""
    return [want for want in wants if (want.probe, want.step) in _QUICK] or list(wants)


def in_turn(wants: Sequence[Want]) -> Iterator[List[Want]]:
    """What may be done at the same time; then, one by one, what has to be done alone."""
    yield [want for want in wants if (want.probe, want.step) not in _ALONE]
    for want in wants:
        if (want.probe, want.step) in _ALONE:
            yield [want]


async def make(want: Want, ground: Ground) -> None:
    """Do what the rules ask for, if it is known here."""
    name = EXPERIMENTS.get((want.probe, want.step))
    if name is not None:
        await _named(name)(want, ground)


async def look_beside(ground: Ground) -> None:
    """What the first look asks beside the targets: the plan's echo, if it has one."""
    if ground.plan.egress.echo is not None:
        await _named("egress.look")(ground)


def load() -> None:
    """Load all of them now."""
    for name in EXPERIMENTS.values():
        _named(name)


def _named(name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(importlib.import_module("%s.%s" % (__name__, module)), function)
