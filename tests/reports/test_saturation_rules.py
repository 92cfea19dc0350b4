"""Which limit was met when more and more connections were held, and whether the job fits."""

import io
import itertools
from pathlib import Path

import pytest
from attrs import evolve

from probes.contract import identified
from reports import capacity
from reports.diagnose import conclude, diagnose
from reports.evidence import Evidence
from reports.failures import Failure
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    UNDETERMINED,
    Job,
    Observation,
    Plan,
    Run,
    Saturate,
    Target,
    Vantage,
)
from reports.render.text import open_console, render

PAGE = Path(__file__).parents[2] / "docs" / "saturation.md"
IT, CONTROL, PORT = "198.51.100.20:443", "198.51.100.10:443", "198.51.100.20:8443"
TARGETS = (
    Target(name="it", host="198.51.100.20", port=443, service="https", saturate=Saturate(connections=1000)),
    Target(name="other", host="198.51.100.10", port=443, service="https"),
    Target(name="port", host="198.51.100.20", port=8443, service="https"),
)
BIG, SMALL = Job(instances=40, connections=30), Job(instances=10, connections=10)
FAILURES = {
    "silent": Failure.TIMED_OUT,
    "reset": Failure.CONNECTION_REFUSED,
    "closed": Failure.EOF,
    "answer": Failure.TOO_MANY_CONNECTIONS,
    "unanswered": Failure.TIMED_OUT,
    "icmp": Failure.ADMIN_PROHIBITED,
}

# A number for each observation: equal ones are told apart.
_started = itertools.count()


def saw(probe, step, target="it", address=IT, failure=None, **facts):
    """One observation."""
    return identified(
        Observation(
            probe=probe,
            step=step,
            target=target,
            address=address,
            failure=failure,
            started=float(next(_started)),
            duration_s=0.01,
            facts=facts,
        )
    )


def works(target, address):
    """A target that answers."""
    return [
        saw("tcp", "connect", target, address, ip=address.rpartition(":")[0]),
        saw("http", "exchange", target, address, status=200, bytes_in=100),
    ]


FINE = [*works("it", IT), *works("other", CONTROL), *works("port", PORT)]


def level(held, **facts):
    """A step of an ascent."""
    return saw("saturation", "level", ascent=1, held=held, tried=held, **facts)


def ascent(number, held, ended_by="refused", sign="", target="it", address=IT, **facts):
    """The end of an ascent."""
    signed = {"sign": sign} if sign else {}
    rate = 50 / number
    return saw(
        *("saturation", "ascent", target, address, FAILURES.get(sign)),
        ascent=number,
        held=held,
        ended_by=ended_by,
        rate=rate,
        **signed,
        **facts,
    )


def control(kind, failure=None):
    """Who else was asked at the limit."""
    address = CONTROL if kind == "way" else PORT
    name = "other" if kind == "way" else "port"
    return saw("saturation", "control", address=address, failure=failure, control=name, kind=kind, held=800)


def numbers(limit=None, low=None, high=None, target="it", address=IT, **facts):
    """The conclusion."""
    found = {} if limit is None else {"limit": limit, "limit_low": low or limit, "limit_high": high or limit}
    return saw("saturation", "limit", target, address, maximum=1000, **found, **facts)


def limited(sign, *controls, held=(800, 798), served=True, low=790, high=810):
    """A limit of connections that two ascents met."""
    return [
        level(held[0], **({"answer_s": 0.01} if served else {})),
        *(ascent(number, most, sign=sign) for number, most in enumerate(held, 1)),
        *controls,
        numbers(held[-1], low, high, held=max(held)),
    ]


def paced(sign="silent", *controls, passes=20.0):
    """A limit of new connections per second."""
    return [
        level(1000, answer_s=0.01),
        ascent(1, 150, sign=sign),
        ascent(2, 1000, ended_by="maximum"),
        *controls,
        saw("saturation", "rate", failure=FAILURES[sign], offered=40.0, passed=20, refused=20, seconds=1.0, sign=sign),
        numbers(rate_limit=passes, rate_low=passes - 2, rate_high=passes + 2, held=1000, unlimited_to=1000),
    ]


def diagnosed(observations, job=None, targets=TARGETS, vantage="udf", first=FINE):
    """What they mean, after a first look that found all well."""
    plan = Plan(name="p", targets=targets, job=job or Job())
    return diagnose(plan, Vantage(kind=vantage), [*first, *observations])


def measured(observations, job=None):
    """The view of it."""
    evidence = Evidence(Plan(name="p", targets=TARGETS, job=job or Job()), Vantage(), [*FINE, *observations])
    return capacity.of(evidence.cases["it"])


WAY_FINE, WAY_REFUSED = control("way"), control("way", Failure.TIMED_OUT)
PORT_FINE, PORT_REFUSED = control("port"), control("port", Failure.TIMED_OUT)

# What was seen, the cause that comes first, how sure at least and at most, and what stays possible.
_KINDS = {
    "cap by drop, another target refused": (
        limited("silent", WAY_REFUSED, PORT_REFUSED),
        ("snat_connection_cap", 0.9, 1.0, set()),
    ),
    "cap by reset, another target refused": (
        limited("reset", control("way", Failure.CONNECTION_REFUSED)),
        ("snat_connection_cap", 0.9, 1.0, set()),
    ),
    "another target suffers, and no connection is refused": (
        [ascent(1, 500, ended_by="control"), WAY_REFUSED, numbers(500, held=500)],
        ("snat_connection_cap", 0.9, 1.0, set()),
    ),
    "drop, without any control": (
        limited("silent"),
        ("snat_connection_cap", 0.4, 0.6, {"snat_ports_exhausted", "destination_connection_limit"}),
    ),
    "reset, without any control": (
        limited("reset"),
        ("snat_connection_cap", 0.4, 0.7, {"destination_connection_limit"}),
    ),
    "drop, and the other port is refused too": (
        limited("silent", PORT_REFUSED),
        ("snat_connection_cap", 0.6, 0.9, {"destination_connection_limit"}),
    ),
    "ports towards this destination": (
        limited("silent", WAY_FINE, PORT_FINE),
        ("snat_ports_exhausted", 0.6, 0.9, {"destination_connection_limit"}),
    ),
    "ports or the destination: no other port was asked": (
        limited("silent", WAY_FINE),
        ("snat_ports_exhausted", 0.4, 0.7, {"destination_connection_limit"}),
    ),
    "the other port alone tells": (
        limited("silent", PORT_FINE),
        ("snat_ports_exhausted", 0.6, 0.9, {"destination_connection_limit"}),
    ),
    "the whole host, and no other": (
        limited("silent", WAY_FINE, PORT_REFUSED),
        ("destination_connection_limit", 0.8, 1.0, set()),
    ),
    "the server says so": (
        limited("answer", WAY_FINE, held=(151, 151), low=151, high=151),
        ("destination_connection_limit", 0.95, 1.0, set()),
    ),
    "the server says so, without any control": (
        limited("answer"),
        ("destination_connection_limit", 0.95, 1.0, set()),
    ),
    "accepted and closed, the control fine": (
        limited("closed", WAY_FINE),
        ("destination_connection_limit", 0.9, 1.0, set()),
    ),
    "accepted and closed, without any control": (
        limited("closed"),
        ("destination_connection_limit", 0.7, 0.9, {"snat_connection_cap"}),
    ),
    "reset, the control fine": (
        limited("reset", WAY_FINE),
        ("destination_connection_limit", 0.9, 1.0, set()),
    ),
    "rejected by ICMP, the control refused": (
        limited("icmp", control("way", Failure.ADMIN_PROHIBITED)),
        ("snat_connection_cap", 0.9, 1.0, set()),
    ),
    "a short queue that nobody empties": (
        limited("silent", WAY_FINE, PORT_FINE, held=(17, 17), served=False, low=17, high=17),
        ("accept_queue_full", 0.4, 0.7, {"snat_ports_exhausted", "destination_connection_limit"}),
    ),
    "what was given back stays taken": (
        [
            level(130),
            ascent(1, 130, sign="silent", start=0),
            ascent(2, 65, sign="silent", start=65),
            ascent(3, 33, sign="silent", start=32),
            WAY_FINE,
            numbers(33, 33, 65, held=130),
        ],
        ("accept_queue_full", 0.5, 0.9, {"destination_connection_limit"}),
    ),
    "accepted, and then nothing": (
        limited("unanswered", WAY_FINE),
        ("connections_queued", 0.5, 0.8, {"accept_queue_full", "destination_connection_limit"}),
    ),
    "the answers' knee": (
        [level(10, answer_s=0.002), level(520, answer_s=0.34), ascent(1, 520, ended_by="slower"), numbers(held=520)],
        ("connections_queued", 0.5, 0.7, {"service_slow"}),
    ),
    "the handshakes' knee": (
        [
            level(10, handshake_s=0.002),
            level(520, handshake_s=1.1),
            ascent(1, 520, ended_by="slower"),
            numbers(held=520),
        ],
        ("connections_queued", 0.4, 0.7, {"accept_queue_full", "snat_rate_limit"}),
    ),
    "new ones per second": (
        paced(),
        ("snat_rate_limit", 0.7, 0.9, {"destination_connection_limit"}),
    ),
    "new ones per second, the control came later and passed": (
        paced("silent", WAY_FINE, PORT_FINE),
        ("snat_rate_limit", 0.7, 0.9, {"destination_connection_limit"}),
    ),
    "new ones per second, and the control is refused": (
        paced("reset", WAY_REFUSED),
        ("snat_rate_limit", 0.9, 1.0, set()),
    ),
    "met once: the rate may be what is limited": (
        [level(800, answer_s=0.01), ascent(1, 800, sign="silent"), WAY_REFUSED, numbers(800, held=800)],
        ("snat_connection_cap", 0.6, 0.85, {"snat_rate_limit"}),
    ),
    "refused here and there, at no rate that was found": (
        [ascent(1, 300, sign="silent", spread=True), ascent(2, 250, sign="silent", spread=True), numbers(held=300)],
        ("packet_loss", 0.5, 0.7, {"snat_rate_limit"}),
    ),
    "held ones die": (
        [ascent(1, 400, ended_by="lost", closed_held=3), numbers(held=400, unlimited_to=400)],
        ("idle_drop", 0.4, 0.7, {"destination_connection_limit", "snat_connection_cap"}),
    ),
}


@pytest.mark.parametrize("seen", _KINDS.values(), ids=_KINDS)
def test_which_limit_it_is(seen):
    """The likeliest cause comes first, no surer than what was asked allows; without a control the others stay."""
    observations, (cause, least, most, others) = seen
    diagnosis = diagnosed(observations)
    finding = diagnosis.findings[0]

    assert cause == finding.cause
    assert least <= finding.confidence <= most
    assert others <= {candidate.cause for candidate in finding.candidates}
    assert cause not in {candidate.cause for candidate in finding.candidates}
    assert [finding.severity for finding in diagnosis.findings] == ["warning"]
    assert diagnosis.verdict == DEGRADED


def test_the_control_clears():
    """What a refused control rules out is told, with the control as its evidence."""
    diagnosis = diagnosed(limited("silent", WAY_REFUSED))

    cleared = {cause: one for one in diagnosis.cleared for cause in one.causes}
    assert {"snat_ports_exhausted", "destination_connection_limit", "accept_queue_full"} == set(cleared)
    assert (WAY_REFUSED.id,) == cleared["snat_ports_exhausted"].evidence
    assert "198.51.100.10:443, by the same way, was refused" in cleared["snat_ports_exhausted"].because


def test_controls_that_disagree_decide_nothing():
    """Refused once and let through once: all stays open, and nothing is ruled out."""
    diagnosis = diagnosed(limited("silent", WAY_REFUSED, WAY_FINE))

    assert {"snat_ports_exhausted", "destination_connection_limit"} <= {
        candidate.cause for candidate in diagnosis.findings[0].candidates
    }
    assert diagnosis.cleared == ()


def test_a_shortage_here_is_no_control():
    """A control that this machine could not ask says nothing."""
    short = control("way", Failure.NO_DESCRIPTORS)

    assert (
        diagnosed(limited("silent", short)).findings[0].confidence
        == diagnosed(limited("silent")).findings[0].confidence
    )


def test_evidence_in_words():
    """The numbers, the interval, why it is the number and not the rate, who else met it, and how places come back."""
    freed = saw("saturation", "freed", by="reset", after_s=0.003)
    finding = diagnosed([*limited("silent", WAY_REFUSED), freed]).findings[0]

    assert finding.because == (
        (
            "about 798 (790 to 810) connections to 198.51.100.20:443 could be held at once, then further ones got no "
            "answer; another ascent (25 a second, 50 before) ended there too: it is their number, not how fast they "
            "come; a place was free again 3.0 ms after a reset"
        ),
        "198.51.100.10:443, by the same way, was refused at that moment as well",
    )
    assert {freed.id, WAY_REFUSED.id} < set(finding.evidence)


def test_others_use_it_too():
    """Ascents that end at different numbers are less sure of the kind, and say that what is free changes."""
    moved = diagnosed(limited("silent", WAY_REFUSED, held=(950, 480), low=480, high=950)).findings[0]
    steady = diagnosed(limited("silent", WAY_REFUSED)).findings[0]

    assert moved.cause == steady.cause == "snat_connection_cap"
    assert moved.confidence < steady.confidence
    assert "one ascent ended at 950 and the next at 480: what is free changes" in moved.because[0]
    assert "snat_rate_limit" in {candidate.cause for candidate in moved.candidates}


def test_the_limit_became_another():
    """An earlier ascent held more: that is said, and a job that would have fitted then may fit again."""
    later = [
        *(ascent(1, 99, sign="silent"), ascent(2, 59, sign="silent"), ascent(3, 59, sign="silent"), WAY_REFUSED),
        numbers(59, held=99),
    ]
    exceeds, names = diagnosed(later, Job(instances=10, connections=8)).findings

    assert "an earlier one at 99: what is free changes" in names.because[0]
    assert ("connections_exceed_capacity", 0.6) == (exceeds.cause, exceeds.confidence)


def test_as_fast_again_proves_no_number():
    """An ascent at the same rate does not tell the number from the rate."""
    again = [ascent(1, 30, sign="answer"), ascent(1, 30, sign="answer"), numbers(30, held=30)]

    assert diagnosed(again).findings[0].because[0].endswith("; another ascent ended there too")


def test_places_that_do_not_come_back():
    """Neither after a close nor after a reset; of several looks the last ones count."""
    freed = [saw("saturation", "freed", by="close", after_s=0.05)]
    freed += [saw("saturation", "freed", failure=Failure.TIMED_OUT, by=by) for by in ("close", "reset")]
    finding = diagnosed([*limited("silent", WAY_FINE), *freed]).findings[0]

    assert finding.because[0].endswith("; no place was free soon after a close or a reset")


def test_the_same_limit_at_two_targets_is_one_finding():
    """Two targets by the same way that hold as many: the way's, and not the destinations'."""
    second = [
        ascent(1, 801, sign="silent", target="other", address=CONTROL),
        ascent(2, 800, sign="silent", target="other", address=CONTROL),
        numbers(800, 790, 810, target="other", address=CONTROL, held=801),
    ]
    alone, both = diagnosed(limited("silent", PORT_REFUSED)), diagnosed([*limited("silent", PORT_REFUSED), *second])

    assert ["snat_connection_cap"] == [finding.cause for finding in both.findings]
    assert both.findings[0].targets == ("it", "other")
    assert both.findings[0].because[1] == "198.51.100.20:8443, the same host, was refused at that moment as well"
    assert both.findings[0].because[2] == "198.51.100.10:443, by the same way, has its limit at 800 too"
    assert alone.findings[0].candidates


# --- the job ----------------------------------------------------------------------------------------------------------


def test_a_job_that_does_not_fit():
    """What the job needs and what would fit comes first; who limits it stands below, as a warning."""
    diagnosis = diagnosed(limited("silent", WAY_REFUSED, held=(800, 800), low=760), BIG)
    exceeds, names = diagnosis.findings

    assert ("connections_exceed_capacity", "critical") == (exceeds.cause, exceeds.severity)
    assert ("snat_connection_cap", "warning") == (names.cause, names.severity)
    assert diagnosis.verdict == FAILING
    assert exceeds.because == (
        "the job needs 1,200 connections (40 tasks x 30) at once; about 800 (760 to 810) could be held",
    )
    assert exceeds.remedy.text.startswith(
        "keep at most 16 persistent connections a task, or run at most 21 tasks at once; "
    )
    assert names.remedy.text.startswith("keep the whole job to at most 640 connections at once; ")


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (Job(instances=1, connections=2000), "keep the whole job to at most 640 connections at once; "),
        (Job(instances=1000, connections=1), "run at most 640 tasks at once; "),
        (Job(instances=2, connections=700), "keep at most 320 persistent connections a task; "),
    ],
)
def test_advice_that_is_none_is_not_given(job, expected):
    """Not "0 connections a task", nor "0 tasks"."""
    finding = diagnosed(limited("silent", held=(800, 800)), job).findings[0]

    assert finding.remedy.text.startswith(expected)


def test_nothing_is_free():
    """Not "at most 0 connections at once", whether or not the plan says what the job needs."""
    found = [diagnosed(limited("silent", held=(3, 0), low=0, high=3), job).findings[0] for job in (None, BIG)]

    assert all("let the job wait: at times not one connection was free; " in one.remedy.text for one in found)


@pytest.mark.parametrize(
    ("need", "severities", "verdict"),
    [
        (640, {"snat_connection_cap": "info"}, HEALTHY),
        (641, {"snat_connection_cap": "warning"}, DEGRADED),
        (790, {"snat_connection_cap": "warning"}, DEGRADED),
        (795, {"snat_connection_cap": "warning", "connections_exceed_capacity": "warning"}, DEGRADED),
        (805, {"snat_connection_cap": "warning", "connections_exceed_capacity": "critical"}, FAILING),
        (811, {"snat_connection_cap": "warning", "connections_exceed_capacity": "critical"}, FAILING),
    ],
)
def test_how_bad_it_is(need, severities, verdict):
    """A job that leaves a fifth free is healthy; one that takes nearly all is warned; one that needs more fails."""
    diagnosis = diagnosed(limited("silent", WAY_REFUSED, held=(800, 800)), Job(instances=1, connections=need))

    assert severities == {finding.cause: finding.severity for finding in diagnosis.findings}
    assert verdict == diagnosis.verdict


def test_less_sure_that_it_exceeds():
    """Where what is free changes, or the limit was met once, the job may fit at another time."""
    sure = diagnosed(limited("silent", WAY_REFUSED), BIG).findings[0]
    moved = diagnosed(limited("silent", WAY_REFUSED, held=(950, 480), low=480, high=950), BIG).findings[0]

    assert {sure.cause, moved.cause} == {"connections_exceed_capacity"}
    assert moved.confidence < sure.confidence
    assert "keep at most 9 persistent connections a task, or run at most 12 tasks at once" in moved.remedy.text


def test_the_destination_has_its_own_owner():
    """Its DBA raises its limit; until then the job keeps to what fits."""
    remedy = diagnosed(limited("answer", held=(100, 100), low=100, high=100), SMALL).findings[-1].remedy

    assert remedy.owner == "DBA"
    assert remedy.text.startswith("raise the limit of the service at 198.51.100.20:443 ")
    assert remedy.text.endswith(
        "; until then, keep at most 8 persistent connections a task, or run at most 8 tasks at once"
    )


def test_a_job_that_fits_is_told_so():
    """What fits is said, and stays information."""
    finding = diagnosed(limited("answer"), SMALL).findings[0]

    assert finding.severity == "info"
    assert finding.remedy.text.startswith("the job's 100 connections (10 tasks x 10) fit: ")


@pytest.mark.parametrize(
    ("vantage", "expected"), [("udf", "ask by a ticket"), ("host", "whoever runs the NAT gateway")]
)
def test_who_may_raise_it(vantage, expected):
    """The platform's own way is a ticket's matter; a host's NAT gateway belongs to somebody nearer."""
    text = diagnosed(limited("silent", WAY_REFUSED), vantage=vantage).findings[0].remedy.text

    assert expected in text


@pytest.mark.parametrize(("job", "severity"), [(None, "warning"), (BIG, "warning"), (Job(instances=20), "info")])
def test_a_limited_rate_is_a_matter_of_time(job, severity):
    """How long the job takes until all its connections are open; nothing to mind where that is a second."""
    finding = diagnosed(paced(), job).findings[0]

    assert severity == finding.severity
    assert finding.because[0] == (
        "about 20 (18 to 22) new connections a second to 198.51.100.20:443 passed of 40 that were tried, then further "
        "ones got no answer; opened slowly, 1,000 were held"
    )
    if job is BIG:
        assert finding.remedy.text.startswith(
            "about 20 (18 to 22) new connections a second pass: open the job's 1,200 connections (40 tasks x 30) once, "
            "spread over at least 1 min, "
        )


# --- what is no limit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended_by", ["maximum", "age", "budget", "deadline"])
def test_no_limit_is_no_finding(ended_by):
    """Held as many as the plan, the budget or the time allow: healthy, whatever the job needs."""
    observations = [level(1000), ascent(1, 1000, ended_by=ended_by), numbers(held=1000, unlimited_to=1000)]

    assert (HEALTHY, ()) == (diagnosed(observations).verdict, diagnosed(observations).findings)
    assert diagnosed(observations, BIG).findings == ()


@pytest.mark.parametrize(
    ("job", "causes", "verdict"),
    [(None, ["local_resources"], UNDETERMINED), (BIG, ["local_resources"], UNDETERMINED), (SMALL, [], HEALTHY)],
)
def test_a_shortage_here_is_not_the_ways(job, causes, verdict):
    """This machine's descriptors ended it: how much the way holds is open, unless the job fits already."""
    short = saw(
        "saturation", "ascent", failure=Failure.NO_DESCRIPTORS, ascent=1, held=400, ended_by="shortage", sign="local"
    )
    diagnosis = diagnosed([short, numbers(held=400, unlimited_to=400)], job)

    assert causes == [finding.cause for finding in diagnosis.findings]
    assert verdict == diagnosis.verdict


def test_a_limit_stands_where_harm_came_later():
    """What ended a later ascent early adds no second meaning."""
    later = ascent(3, 300, ended_by="lost", closed_held=2)
    diagnosis = diagnosed([*limited("silent", WAY_REFUSED), later])

    assert ["snat_connection_cap"] == [finding.cause for finding in diagnosis.findings]


def test_a_shortage_here_is_no_rate():
    """What was refused by this machine while a rate was counted is no limit of the way."""
    short = saw("saturation", "rate", failure=Failure.NO_LOCAL_PORT, offered=40.0, passed=20, refused=1, sign="local")

    assert diagnosed([short, numbers(rate_limit=20.0, held=1000)]).findings == ()


def test_loss_and_a_limit_are_two_matters():
    """What impairs the target does not compete with the limit that it has."""
    series = saw(
        *("loss", "handshakes"),
        tried=100, answered=90, syns=100, syns_lost=10, loss=0.1, loss_low=0.055, loss_high=0.174, patience_s=1.0,
        ip="198.51.100.20", port=443,
    )  # fmt: skip
    causes = [finding.cause for finding in diagnosed([series, *limited("silent", WAY_REFUSED)]).findings]

    assert {"packet_loss", "snat_connection_cap"} == set(causes)


# --- idle connections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dropped", "confidence"), [(3, 0.9), (1, 0.6)])
def test_idle_connections_that_are_gone(dropped, confidence):
    """How many of them, after how long, and how often something must be said."""
    idle = saw("saturation", "idle", idle_s=300.0, held=3, dropped=dropped)
    finding = diagnosed([ascent(1, 1000, ended_by="maximum"), numbers(held=1000), idle]).findings[0]

    assert ("idle_drop", "warning", confidence) == (finding.cause, finding.severity, finding.confidence)
    assert finding.because == (f"{dropped} of 3 connections to {IT} were gone after 5 min without a word",)
    assert "at least every 2 min 30 s" in finding.remedy.text


def test_idle_connections_that_stay():
    """No finding."""
    idle = saw("saturation", "idle", idle_s=300.0, held=3, dropped=0)

    assert diagnosed([ascent(1, 1000, ended_by="maximum"), numbers(held=1000), idle]).findings == ()


def test_dying_and_idling_is_one_finding():
    """Where idle ones were dropped, that held ones died says nothing more."""
    idle = saw("saturation", "idle", idle_s=60.0, held=3, dropped=3)
    died = ascent(1, 400, ended_by="lost", closed_held=3)

    assert ["idle_drop"] == [finding.cause for finding in diagnosed([died, numbers(held=400), idle]).findings]


# --- the view ---------------------------------------------------------------------------------------------------------


def test_view():
    """What could be held, what the job needs, and what would fit."""
    seen = measured(limited("silent", WAY_REFUSED, PORT_FINE), BIG)

    assert (seen.held, seen.maximum, seen.need, seen.free) == (800, 1000, 1200, 798)
    assert (seen.usable, seen.connections_per_task, seen.most_tasks) == (638, 15, 21)
    assert (seen.repeated, seen.moved, seen.exceeds, seen.surely_exceeds, seen.fits) == (True, False, True, True, False)
    assert (seen.way.suffer, seen.way.fine, seen.port.suffer, seen.port.fine) == (True, False, False, True)


def test_next_to_no_rate():
    """A rate that is all but nothing gives no time at all, and no error."""
    assert measured(paced(passes=1e-320), BIG).seconds_to_open is None


def test_view_of_what_was_not_measured():
    """There is none."""
    assert measured([]) is None


def test_one_place_is_left():
    """A limit of one leaves one, and no task may keep two."""
    seen = measured(limited("silent", held=(1, 1), low=1, high=1), Job(instances=4, connections=2))

    assert (seen.usable, seen.connections_per_task, seen.most_tasks) == (1, 0, 0)


# --- the page ---------------------------------------------------------------------------------------------------------


def told(report):
    """The printed page without its picture and what was ruled out: what a finding says of itself."""
    out = io.StringIO()
    render(report, open_console(out, 100))
    lines, kept = [], True
    for line in out.getvalue().splitlines():
        if not line:
            kept = True
        elif not line[:4].strip() and line[4] != " ":
            kept = not line.startswith(("    Held", "    Ruled out"))
        if kept:
            lines.append(line)
    return "\n".join(lines)


def test_the_page_shows_what_is_printed():
    """The example of docs/saturation.md is what its numbers give."""
    observations = [*FINE, *limited("silent", WAY_REFUSED, PORT_REFUSED, held=(800, 800), low=760)]
    renamed = [evolve(one, target="partner") if one.target == "it" else one for one in observations]
    plan = Plan(name="p", targets=(evolve(TARGETS[0], name="partner"), *TARGETS[1:]), job=BIG)
    run = Run(id="r", started=0.0, duration_s=40.0, linkdoctor="0", plan=plan)
    example = PAGE.read_text().partition("```text\n")[2].partition("```")[0]

    assert example.strip() in told(conclude(run, Vantage(kind="udf"), renamed))


def test_the_page_is_as_sure_as_the_rules():
    """The shares that docs/saturation.md names."""
    finding = diagnosed(limited("silent")).findings[0]
    shares = [finding.confidence, *(candidate.confidence for candidate in finding.candidates)]

    assert [f"{share:.0%}" for share in shares] == ["48%", "29%", "19%"]
