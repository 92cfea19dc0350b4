"""Whether the job fits into what a way holds, how bad that is, and what would fit: in words with numbers."""

from typing import Dict, Optional

from reports.capacity import Capacity, of
from reports.case import Case
from reports.causes import CRITICAL, INFO, WARNING
from reports.failures import Failure
from reports.maxcompute.schemes import GOVERNED
from reports.model import Scalar
from reports.rules.contract import Proof
from reports.saturation import Interval
from reports.words import count, seconds

# A rate below is told to a tenth.
_TENTHS_BELOW = 10
# Opened within so many seconds, connections do not wait for one another.
_AT_ONCE = 1.0


def number(value: float) -> str:
    """``2.5``, ``20``, ``1,200``."""
    return format(value, ".1f") if value < _TENTHS_BELOW and value != int(value) else format(round(value), ",")


def about(interval: Interval) -> str:
    """``about 800 (760 to 810)``, or ``800`` where that is certain."""
    low, value, high = number(interval.low), number(interval.value), number(interval.high)
    return value if low == high else "about %s (%s to %s)" % (value, low, high)


def needs(capacity: Capacity) -> str:
    """``1,200 connections (40 tasks x 30)``; "" where the plan does not say."""
    if capacity.need is None:
        return ""
    job = capacity.job
    return "%s (%s x %s)" % (
        count(capacity.need, "connection"),
        count(job.instances, "task"),
        format(job.connections, ","),
    )


def advice(capacity: Capacity) -> str:
    """What would fit, with a part left free: connections a task, or tasks."""
    if capacity.fits:
        return "the job's %s fit: keep them open and use them again" % needs(capacity)
    if capacity.need is None and capacity.usable:
        return together(capacity) + (
            ", opened once and used again (`job: {instances, connections}` in the plan: then it is worked out per task)"
        )
    ways = []
    if capacity.job.instances > 1 and capacity.connections_per_task:
        ways.append("keep at most %s a task" % count(capacity.connections_per_task, "persistent connection"))
    if capacity.job.instances > 1 and capacity.most_tasks:
        ways.append("run at most %s at once" % count(capacity.most_tasks, "task"))
    return ", or ".join(ways) or together(capacity)


def together(capacity: Capacity) -> str:
    """The same for the job as a whole."""
    if not capacity.usable:
        return "let the job wait: at times not one connection was free"
    return "keep the whole job to at most %s at once" % count(capacity.usable, "connection")


def details(case: Case) -> Dict[str, Scalar]:
    """Fields of the remedies: ``fits``, ``pace``, ``more``, ``idle``. What fits where the job does not: ``split``."""
    capacity = of(case)
    if capacity is None:
        return {}
    said: Dict[str, Scalar] = {}
    if capacity.limit is not None or capacity.harmed_by == "slower":
        said["fits"] = together(capacity) if capacity.exceeds else advice(capacity)
        said["split"] = advice(capacity)
    pace = _pace(capacity)
    if pace:
        said["pace"] = pace
    if case.run.runtime not in GOVERNED:
        said["more"] = "whoever runs the NAT gateway, or what else leads out from here, may raise its limit"
    idle = [float(seen.facts["idle_s"]) for seen in case.of("saturation", "idle") if "idle_s" in seen.facts]
    if idle:
        said["idle"] = seconds(min(idle) / 2)
    return said


def _pace(capacity: Capacity) -> Optional[str]:
    if capacity.rate is None:
        return None
    passes = "%s new connections a second pass" % about(capacity.rate)
    if capacity.seconds_to_open is None:
        return passes + ": open each connection once, keep it and use it again"
    return "%s: open the job's %s once, spread over at least %s, keep them and use them again" % (
        passes,
        needs(capacity),
        seconds(capacity.seconds_to_open),
    )


def surely_exceeds(case: Case) -> Optional[Proof]:
    """The job needs more connections at once than could be held at any time."""
    capacity = of(case)
    return _exceeding(capacity) if capacity is not None and capacity.surely_exceeds else None


def may_exceed(case: Case) -> Optional[Proof]:
    """The job needs more connections at once than could be held at times, or than one ascent reached."""
    capacity = of(case)
    if capacity is None or not capacity.exceeds or capacity.surely_exceeds:
        return None
    return _exceeding(capacity)


def _exceeding(capacity: Capacity) -> Proof:
    held = about(capacity.limit) if capacity.limit is not None else ""
    words = "the job needs %s at once; %s could be held"
    return Proof(words % (needs(capacity), held), capacity.met[-1:] + capacity.concluded)


def exceeds_severity(case: Case) -> str:
    """Where it nearly fits, nothing fails for certain."""
    capacity = of(case)
    fits = capacity is None or capacity.limit is None or (capacity.need or 0) <= capacity.limit.value
    return WARNING if fits else CRITICAL


def severity(case: Case) -> str:
    """That the job does not fit is a finding of its own: this one names the limit."""
    capacity = of(case)
    if capacity is None:
        return WARNING
    if capacity.rate is not None:
        took = capacity.seconds_to_open
        return INFO if took is not None and took <= _AT_ONCE else WARNING
    return INFO if capacity.fits and capacity.harmed_by != "lost" else WARNING


def short_here(case: Case) -> Optional[Proof]:
    """This machine could not open as many connections as it was to hold."""
    capacity = of(case)
    if capacity is None or capacity.ended_by != "shortage" or capacity.limit is not None or capacity.rate is not None:
        return None
    if capacity.fits:
        return None
    failure = capacity.ascents[-1].failure or Failure.UNKNOWN
    words = "this machine could hold no more than %s to %s (%s): how many the way holds is not known"
    held = count(capacity.held, "connection")
    return Proof(words % (held, capacity.address, failure.value.replace("_", " ")), capacity.ascents[-1:])
