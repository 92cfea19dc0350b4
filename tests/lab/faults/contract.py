"""What a fault is."""

from attrs import frozen

from tests.lab.changes import Change, chain
from tests.lab.network import ROUTER


@frozen
class Fault:
    """``truth``: why it *is* the cause that a scenario expects; ``change``: what is done."""

    truth: str
    change: Change


def forward(*filters: str) -> Change:
    """Filters for what the VPC's router forwards: they play the security groups."""
    return chain(ROUTER, "forward", *filters)
