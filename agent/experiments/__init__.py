"""The experiments: what the rules may ask for (reports/rules/contract.py, Want), and how it is done.

One function a probe's step, in the table here; each does its own part of the budget's work and judges nothing. What
cannot be done in this place is left undone: the rules see that nothing came.
"""

from typing import Dict, Iterator, List, Sequence, Tuple

from agent.experiments import again, answers, egress, loss, machine, names, neighbours, sizes, ways
from agent.experiments.contract import Experiment, Ground
from reports.rules.contract import Want

__all__ = ["EXPERIMENTS", "Ground", "egress", "in_turn", "make"]

EXPERIMENTS: Dict[Tuple[str, str], Experiment] = {
    ("again", "look"): again.look,
    ("again", "lookup"): again.lookup,
    ("answer", "from"): answers.exchange_from,
    ("answer", "round_trips"): answers.round_trips,
    ("answer", "series"): answers.exchanges,
    ("dns", "control"): names.ask_control,
    ("egress", "address"): egress.ask_again,
    ("egress", "repeat"): egress.repeat,
    ("local", "filter"): machine.own_filter,
    ("local", "ports"): machine.ports,
    ("local", "way"): machine.way,
    ("loss", "handshakes"): loss.handshakes,
    ("loss", "round_trips"): loss.round_trips,
    ("mtu", "clamped"): sizes.clamp,
    ("mtu", "padded"): sizes.pad,
    ("mtu", "sized"): sizes.size,
    ("path", "first_hop"): ways.first_hop,
    ("path", "echo"): ways.ask_host,
    ("path", "hop"): ways.trace,
    ("tcp", "connect_direct"): ways.connect_past_proxy,
    ("tcp", "connect_from"): ways.connect_from,
    ("tcp", "connect_neighbour"): neighbours.connect,
    ("tcp", "connect_port"): ways.connect_port,
    ("tcp", "explore"): ways.explore,
    ("throughput", "transfer"): sizes.transfer,
}


# What fills a way would show in whatever else is measured there.
_ALONE = frozenset({("throughput", "transfer")})


def in_turn(wants: Sequence[Want]) -> Iterator[List[Want]]:
    """What may be done at the same time; then, one by one, what has to be done alone."""
    yield [want for want in wants if (want.probe, want.step) not in _ALONE]
    for want in wants:
        if (want.probe, want.step) in _ALONE:
            yield [want]


async def make(want: Want, ground: Ground) -> None:
    """Do what the rules ask for, if it is known here."""
    experiment = EXPERIMENTS.get((want.probe, want.step))
    if experiment is not None:
        await experiment(want, ground)
