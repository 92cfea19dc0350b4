"""Layer egress: which limit was met when more and more connections were held, and whether the job fits.

Only what else was asked at the limit tells one limit from another: without a control they stay each other's candidates.
"""

from typing import Callable, Sequence, Tuple

from attrs import evolve

from reports.capacity import of
from reports.case import Case
from reports.causes import CAUSES
from reports.model import Remedy
from reports.rules import fitting, ramp
from reports.rules.contract import LOAD, RUN, TARGET, WAY, Clue, Rule, Test
from reports.words import listed


def _of_the_service(code: str, words: str) -> Callable[[Sequence[Case]], Remedy]:
    """Whoever runs the service acts, and until then the job keeps to what fits."""

    def made(cases: Sequence[Case]) -> Remedy:
        text = words % listed([case.target.address for case in cases])
        fields, capacity = fitting.details(cases[0]), of(cases[0])
        if capacity is not None and capacity.fits and "fits" in fields:
            text = "%s; if it must be more, %s" % (fields["fits"], text)
        elif "fits" in fields or "pace" in fields:
            text = "%s; until then, %s" % (text, fields.get("fits") or fields["pace"])
        return Remedy(text=text, owner=CAUSES[code].owner)

    return made


_raise_it = _of_the_service(
    "destination_connection_limit",
    "raise the limit of the service at %s (`max_connections`, `limit_conn`, `maxconn`, or a rule of its firewall that "
    "counts a client's connections), or close those there that nobody uses",
)
_accept_faster = _of_the_service(
    "accept_queue_full",
    "find out why the service at %s takes up connections more slowly than they come, or raise its backlog (and "
    "net.core.somaxconn, which bounds it)",
)


def _load(cause: str, applies: Test, prior: float, *clues: Clue, scope: str = TARGET) -> Rule:
    return Rule(
        cause=cause,
        explains=(LOAD,),
        applies=applies,
        prior=prior,
        clues=clues,
        severity=fitting.severity,
        details=fitting.details,
        scope=scope,
    )


_NOT_THE_WAY = Clue(ramp.way_refused, 0)

_LIMITS: Tuple[Rule, ...] = (
    _load(
        "snat_connection_cap",
        ramp.limited(ramp.SILENT, ramp.RESET, ramp.ICMP, ramp.CLOSED, ramp.NONE),
        0.5,
        Clue(ramp.way_refused, 10),
        Clue(ramp.way_passes, 0.05),
        Clue(ramp.port_refused, 1.5),
        Clue(ramp.port_passes, 0.1),
        Clue(ramp.is_closed, 0.2),
        Clue(ramp.same_beside, 2),
        Clue(ramp.other_beside, 0.5),
        Clue(ramp.inside, 0.5),
        scope=WAY,
    ),
    _load(
        "snat_ports_exhausted",
        ramp.limited(ramp.SILENT),
        0.3,
        _NOT_THE_WAY,
        Clue(ramp.way_passes, 3),
        Clue(ramp.port_passes, 3),
        Clue(ramp.port_refused, 0.05),
        Clue(ramp.same_beside, 2),
        Clue(ramp.few, 0.2),
        Clue(ramp.inside, 0.5),
        Clue(ramp.never_freed, 0.5),
    ),
    evolve(
        _load(
            "destination_connection_limit",
            ramp.limited(ramp.SILENT, ramp.RESET, ramp.ICMP, ramp.CLOSED, ramp.ANSWER, ramp.UNANSWERED),
            0.2,
            _NOT_THE_WAY,
            Clue(ramp.says_full, 50),
            Clue(ramp.is_closed, 3),
            Clue(ramp.is_reset, 1.5),
            Clue(ramp.is_unanswered, 0.7),
            Clue(ramp.way_passes, 3),
            Clue(ramp.only_this_host, 5),
            Clue(ramp.port_passes, 0.8),
            Clue(ramp.same_beside, 0.3),
            Clue(ramp.other_beside, 1.5),
            Clue(ramp.inside, 1.5),
        ),
        remedy=_raise_it,
    ),
    evolve(
        _load(
            "accept_queue_full",
            ramp.limited(ramp.SILENT, ramp.UNANSWERED),
            0.1,
            _NOT_THE_WAY,
            Clue(ramp.is_unanswered, 2),
            Clue(ramp.were_served, 0.1),
            Clue(ramp.were_not_served, 2),
            Clue(ramp.never_freed, 8),
            Clue(ramp.way_passes, 3),
            Clue(ramp.port_passes, 2),
            Clue(ramp.port_refused, 0.3),
        ),
        remedy=_accept_faster,
    ),
    _load("connections_queued", ramp.limited(ramp.UNANSWERED), 0.6, Clue(ramp.accepted_in_place, 5)),
    _load(
        "snat_rate_limit",
        ramp.not_proved_by_number,
        0.15,
        Clue(ramp.way_refused, 10),
        Clue(ramp.way_passes, 0.3),
        scope=WAY,
    ),
)

_RATES: Tuple[Rule, ...] = (
    _load("snat_rate_limit", ramp.rate_limited, 1.0, Clue(ramp.way_refused, 3), scope=WAY),
    evolve(_load("destination_connection_limit", ramp.rate_limited, 0.2, _NOT_THE_WAY), remedy=_raise_it),
    evolve(
        _load("accept_queue_full", ramp.rate_limited_silently, 0.1, _NOT_THE_WAY, Clue(ramp.were_served, 0.1)),
        remedy=_accept_faster,
    ),
    _load("snat_rate_limit", ramp.scattered, 0.3, scope=WAY),
    _load("packet_loss", ramp.scattered, 0.5),
    evolve(_load("destination_connection_limit", ramp.turned_away, 0.6), remedy=_raise_it),
    _load("connections_queued", ramp.turned_away, 0.1, Clue(ramp.is_unanswered, 5)),
)

_HARM: Tuple[Rule, ...] = (
    _load("connections_queued", ramp.slower, 0.5, Clue(ramp.accepted_in_place, 3)),
    _load("service_slow", ramp.answers_slower, 0.35),
    _load("accept_queue_full", ramp.opens_slower, 0.2),
    _load("snat_rate_limit", ramp.opens_slower, 0.15),
    _load("idle_drop", ramp.died, 0.5),
    evolve(_load("destination_connection_limit", ramp.died, 0.2), remedy=_raise_it),
    _load("snat_connection_cap", ramp.died, 0.15, scope=WAY),
)

_BESIDE: Tuple[Rule, ...] = (
    Rule(
        cause="connections_exceed_capacity",
        standalone=True,
        applies=fitting.surely_exceeds,
        prior=0.95,
        details=fitting.details,
    ),
    Rule(
        cause="connections_exceed_capacity",
        standalone=True,
        applies=fitting.may_exceed,
        prior=0.6,
        severity=fitting.exceeds_severity,
        details=fitting.details,
    ),
    Rule(cause="idle_drop", standalone=True, applies=ramp.all_idle_dropped, prior=0.9, details=fitting.details),
    Rule(cause="idle_drop", standalone=True, applies=ramp.some_idle_dropped, prior=0.6, details=fitting.details),
    Rule(cause="local_resources", standalone=True, applies=fitting.short_here, prior=0.95, scope=RUN),
)

RULES: Tuple[Rule, ...] = _LIMITS + _RATES + _HARM + _BESIDE
