"""The experiments: what the rules may ask for (reports/rules/contract.py, Want), and how it is done.

One function a probe's step, in the table here; each does its own part of the budget's work and judges nothing. What
cannot be done in this place is left undone: the rules see that nothing came.
"""

from typing import Dict, Tuple

from agent.experiments import names, ways
from agent.experiments.contract import Experiment, Ground
from reports.rules.contract import Want

__all__ = ["EXPERIMENTS", "Ground", "make"]

EXPERIMENTS: Dict[Tuple[str, str], Experiment] = {
    ("dns", "control"): names.ask_control,
    ("path", "first_hop"): ways.first_hop,
    ("path", "hop"): ways.trace,
    ("tcp", "connect_direct"): ways.connect_past_proxy,
}


async def make(want: Want, ground: Ground) -> None:
    """Do what the rules ask for, if it is known here."""
    experiment = EXPERIMENTS.get((want.probe, want.step))
    if experiment is not None:
        await experiment(want, ground)
