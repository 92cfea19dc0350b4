"""What has changed while the run looked: a target that was silent and then answers, or the reverse."""

from typing import Optional

from reports.evidence import Case
from reports.failures import Failure
from reports.rules import clues
from reports.rules.contract import WORKS, Proof
from reports.words import count, seconds


def changed(case: Case) -> Optional[Proof]:
    """What was seen first does not hold any more."""
    return _answers_now(case) or _silent_now(case)


def _silent_now(case: Case) -> Optional[Proof]:
    """The first look was answered, and then no handshake of a series."""
    if case.stage != WORKS or any(seen.failure is not Failure.TIMED_OUT for seen in case.series):
        return None
    syns = sum(int(seen.facts.get("syns", 0)) for seen in case.series)
    words = (
        "the first look was answered, and then none of %s: it has changed meanwhile, or only so many are let through"
    )
    return Proof(words % count(syns, "SYN"), tuple(case.series)) if syns else None


def _answers_now(case: Case) -> Optional[Proof]:
    """An attempt like the first one, made after that had met silence, was answered by the target.

    Attempts that are not like it (from another address or port) and series of them (packet loss) say something else.
    """
    silent = clues.silent(case)
    if silent is None or case.behind or case.series:
        return None
    ended = max(seen.started + seen.duration_s for seen in silent.observations)
    again = tuple(
        seen
        for seen in case.seen
        if seen.failure is None
        and seen.started >= ended
        and (
            (seen.probe == "tcp" and seen.step == "connect_port" and "source_port" not in seen.facts)
            or (seen.probe == "path" and seen.step == "hop" and seen.facts.get("reached"))
        )
    )
    if not again:
        return None
    first = min(again, key=lambda seen: seen.started)
    words = "%s later the target answers: what was wrong has changed meanwhile, or does not hold for every connection"
    return Proof(words % seconds(first.started - ended), (first,))
