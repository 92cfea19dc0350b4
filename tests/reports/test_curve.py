"""A saturation as data: the points, the line, and the sentence."""

import io

import pytest
from attrs import evolve

from reports.curve import conclusion, curves, needed
from reports.model import DEGRADED, HEALTHY, Finding, Job, Plan, Saturate, Target, TargetResult, Vantage
from reports.redact import redact
from reports.render.text import open_console, render
from reports.saturation import Interval
from tests.reports import ramps
from tests.reports.building import connected, report_of


def curve(observations):
    """The one curve of them."""
    return curves(observations)[ramps.TARGET]


def test_points_and_limit():
    """A level is a point, in the order of time; the limit comes with its interval."""
    made = curve(ramps.capped(4, 10, answer_s=0.002))
    points = [(point.ascent, point.tried, point.held, point.refused, point.sign) for point in made.points]

    assert points == [
        (1, 1, 1, 0, ""),
        (1, 2, 2, 0, ""),
        (1, 3, 3, 0, ""),
        (1, 4, 4, 0, ""),
        (1, 5, 4, 1, "silent"),
        (2, 3, 3, 0, ""),
        (2, 4, 4, 0, ""),
        (2, 5, 4, 1, "silent"),
    ]
    assert made.limit == Interval(value=4, low=4, high=5)
    assert (made.held, made.tried, made.maximum) == (4, 5, 10)
    assert made.points[0].answer_s == 0.002


def test_the_line_falls_where_half_is_given_back():
    """It rises within a level, stays while nothing is opened, and ends with nothing held."""
    made = curve(ramps.capped(4, 10))
    line = [(round(at, 2), held) for at, held in made.line]

    assert line[:3] == [(0.0, 0), (0.05, 1), (0.05, 1)]
    fall = line.index((0.95, 2))
    assert line[fall - 1] == (0.95, 4)
    assert line[fall + 1] == (1.95, 2)
    assert line[-1] == (round(made.duration_s, 2), 0)
    assert [at for at, _ in line] == sorted(at for at, _ in line)


def test_any_order():
    """The order of the observations changes nothing."""
    observations = ramps.moving()

    assert curves(observations[::-1]) == curves(observations)


def test_what_was_never_measured_has_none():
    """No level, no curve; a level that was interrupted is none."""
    observations = ramps.harmless()
    broken = [evolve(one, facts={"ascent": 1, "rate": 20.0}) for one in observations if one.step == "level"]

    assert curves([]) == {}
    assert curves(broken) == {}
    assert curves([one for one in observations if one.step != "level"]) == {}


def test_it_is_bounded():
    """Of very many levels some are kept, the last one among them."""
    ramp = ramps.Ramp(1)
    for _ in range(2500):
        ramp.ascend()
    made = curve(ramp.conclude(unlimited_to=1))

    assert len(made.points) <= 1001
    assert made.points[-1].ascent == 2500
    assert len(made.line) <= 5 * len(made.points)


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        (ramps.capped(), "about 100 connections (100 to 101), then silence"),
        (ramps.capped(1000, 5000, sign="reset"), "about 1,000 connections, then a reset"),
        (ramps.limited_rate(), "about 24 new connections a second (22.8 to 25.2); up to 60 held"),
        (ramps.harmless(), "held 200 without a refusal, the most the plan allows"),
        (ramps.queueing(), "held 79 of the 200 that the plan allows, and stopped: its answers became slower"),
        (ramps.harmful(), "held 120 of the 200 that the plan allows, and stopped: 3 held connections died"),
        (ramps.moving(), "about 80 connections (80 to 120), then a reset"),
    ],
)
def test_conclusion(observations, expected):
    """One sentence says what came out."""
    assert conclusion(curve(observations)) == expected


def test_the_need_of_a_job():
    """Instances times connections; a job of which the plan says nothing needs nothing."""
    assert needed(Job()) is None
    assert needed(Job(instances=40, connections=8)) == 320


def page(observations, *, width=80, **report):
    """The page about the one target."""
    target = Target(name=ramps.TARGET, host="10.10.2.30", port=3306, saturate=Saturate(connections=200))
    result = TargetResult(name=target.name, address=target.address, verdict=report.pop("verdict", HEALTHY))
    seen = [connected(target.name, "10.10.2.30", 3306), *observations]
    made = report_of(Plan(name="job", targets=(target,)), Vantage(host="here"), [result], seen, verdict=result.verdict)
    out = io.StringIO()
    render(redact(made) if report.pop("redacted", False) else evolve(made, **report), open_console(out, width))
    return out.getvalue()


def test_under_the_healthy_target():
    """What was held stands below what works."""
    text = page(ramps.harmless())
    head, _, rest = text.partition("\u2713 orders\n")

    assert "HEALTHY: 1 target" in head
    assert rest.startswith("    Held        held 200 without a refusal, the most the plan allows\n")
    assert "allowed 200 \u2524" in rest


def test_under_its_finding():
    """A finding that rests on the measurement shows it, once."""
    observations = ramps.capped(sign="reset")
    finding = Finding(
        id="f-cap",
        cause="snat_connection_cap",
        layer="egress",
        severity="warning",
        confidence=0.9,
        targets=(ramps.TARGET,),
        evidence=(observations[-1].id,),
    )
    text = page(observations, verdict=DEGRADED, findings=(finding,))

    assert text.index("Cause ") < text.index("Held  ") < text.index("limit 100 ")
    assert text.count("limit 100 ") == 1


def test_redacted():
    """The picture names nobody, and stays."""
    text = page(ramps.capped(), redacted=True)

    assert "limit 100 " in text
    assert "10.10.2.30" not in text
