"""What is shown: of each plan its newest report, and what a server knows beside it."""

from attrs import frozen

from reports.again import Change
from reports.comparison.model import Comparison
from reports.history import Event, Standing, Strips
from reports.model import Report


@frozen(kw_only=True)
class Shown:
    """One plan, or one report of several.

    ``standing``: the verdict in force on each target, where it is not simply the report's. ``next_run``: Unix seconds.
    ``overruns``: runs that were left out because the one before still went on. ``trouble``: what is wrong with the
    watching itself, in sentences. ``changes``: what became of what was broken, where it is checked again.
    """

    name: str
    report: Report | None = None
    standing: tuple[Standing, ...] = ()
    strips: Strips | None = None
    events: tuple[Event, ...] = ()
    interval_s: float | None = None
    next_run: float | None = None
    overruns: int = 0
    trouble: tuple[str, ...] = ()
    changes: tuple[Change, ...] | None = None


@frozen(kw_only=True)
class State:
    """Everything that a page shows. ``trouble``: what is wrong with whoever watches, in sentences."""

    plans: tuple[Shown, ...]
    trouble: tuple[str, ...] = ()
    comparison: Comparison | None = None
