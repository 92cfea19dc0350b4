"""The score is strict: each way in which a report can be wrong is seen."""

import pytest
from attrs import evolve

from tests.lab.harness import Outcome
from tests.lab.scenario import Scenario, udf
from tests.lab.score import Score, judge, majority
from tests.lab.tally import Tally
from tests.lab.variants import Variant

BROKEN = Scenario(
    name="broken", title="", plan=udf("mysql"), expected="sg_drop", targets=("mysql",), also=("host_down",)
)
SOUND = Scenario(name="sound", title="", plan=udf("mysql"))


DARK = Variant(
    name="dark", title="", floor=0.5, indistinguishable={"sg_drop": {"host_down": "nobody says which of them it is"}}
)


BOTH = Scenario(
    name="both",
    title="",
    plan=udf("mysql", "redis", "amap", "oss"),
    expected="eni_down",
    targets=("mysql", "redis"),
    others={"sg_drop": ("amap",), "tls_expired": ("oss",)},
)
CHANGED = Scenario(
    name="changed", title="", plan=udf("mysql"), expected="sg_drop", targets=("mysql",), surest=0.5, said="later"
)


def finding(cause, *targets, severity="critical", confidence=0.8, beside=()):
    """A finding as a report has it."""
    candidates = [{"cause": other, "confidence": 0.1} for other in beside]
    return {
        "cause": cause,
        "severity": severity,
        "confidence": confidence,
        "targets": list(targets),
        "candidates": candidates,
    }


def outcome(code, verdict, *findings):
    """A run that ended so."""
    return Outcome(code, {"verdict": verdict, "findings": list(findings)}, "", "", 0.1)


TRUE = finding("sg_drop", "mysql")
SLOW = finding("dns_slow", "x", severity="warning")


@pytest.mark.parametrize(
    ("scenario", "seen", "wrong"),
    [
        (BROKEN, outcome(2, "failing", TRUE), []),
        (BROKEN, outcome(2, "failing", TRUE, finding("host_down", "mysql")), []),
        (BROKEN, outcome(2, "failing", TRUE, SLOW), []),
        (BROKEN, outcome(1, "failing", TRUE), ["exit code 1, not 2"]),
        (BROKEN, outcome(2, "degraded", TRUE), ["verdict degraded, not failing"]),
        (BROKEN, outcome(2, "failing"), ["nothing was found"]),
        (BROKEN, outcome(2, "failing", finding("host_down", "mysql"), TRUE), ["first: host_down 80% of mysql"]),
        (BROKEN, outcome(2, "failing", finding("sg_drop", "x")), ["it is said of ['x'], not of ['mysql']"]),
        (BROKEN, outcome(2, "failing", TRUE, finding("eni_down", "x")), ["beside it: eni_down 80% of x"]),
        (SOUND, outcome(0, "healthy"), []),
        (SOUND, outcome(0, "healthy", finding("approval_needed", severity="info")), []),
        (
            SOUND,
            outcome(0, "healthy", finding("dns_slow", "x", severity="warning")),
            ["false alarm: dns_slow 80% of x"],
        ),
        (SOUND, Outcome(1, None, "", "boom", 0.1), ["exit code 1: boom"]),
    ],
)
def test_a_report_is_judged_by_the_truth(scenario, seen, wrong):
    """Verdict, exit code, first cause, its targets, and no other accusation."""
    assert wrong == list(judge(scenario, seen).wrong)


DOWN, DROPPED, EXPIRED = (
    finding("eni_down", "mysql", "redis"),
    finding("sg_drop", "amap"),
    finding("tls_expired", "oss"),
)


@pytest.mark.parametrize(
    ("findings", "wrong"),
    [
        ((DOWN, DROPPED, EXPIRED), []),
        ((DOWN, EXPIRED, DROPPED), []),
        ((DROPPED, DOWN, EXPIRED), ["first: sg_drop 80% of amap", "in the order sg_drop, eni_down, tls_expired"]),
        ((DOWN, DROPPED), ["tls_expired is said of [], not of ['oss']"]),
        ((DOWN, DROPPED, finding("tls_expired", "mysql")), ["tls_expired is said of ['mysql'], not of ['oss']"]),
        ((DOWN, DROPPED, EXPIRED, finding("host_down", "x")), ["beside it: host_down 80% of x"]),
    ],
)
def test_several_faults_are_all_named(findings, wrong):
    """Each of its targets, what concerns more of them first, and nothing beside them."""
    assert wrong == list(judge(BOTH, outcome(2, "failing", *findings)).wrong)


@pytest.mark.parametrize(
    ("because", "confidence", "wrong"),
    [
        ("it works later", 0.4, []),
        ("it works later", 0.8, ["too sure of what has changed: sg_drop 80% of mysql"]),
        ("it is silent", 0.4, ['"later" is not said: sg_drop 40% of mysql']),
    ],
)
def test_what_has_changed_is_said_with_care(because, confidence, wrong):
    """The reasons say that it has changed, and nobody is sure."""
    seen = {**finding("sg_drop", "mysql", confidence=confidence), "because": [because]}

    assert wrong == list(judge(CHANGED, outcome(2, "failing", seen)).wrong)


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (TRUE, []),
        (finding("host_down", "mysql", confidence=0.7, beside=["sg_drop"]), []),
        (
            finding("host_down", "mysql", beside=["sg_drop"]),
            ["too sure: host_down 80% of mysql (or sg_drop 10%)"],
        ),
        (
            finding("host_down", "mysql", confidence=0.7),
            ["the true one is no candidate: host_down 70% of mysql"],
        ),
        (
            finding("host_down", "x", confidence=0.7, beside=["sg_drop"]),
            ["it is said of ['x'], not of ['mysql']"],
        ),
        (
            finding("eni_down", "mysql", confidence=0.7, beside=["sg_drop"]),
            ["first: eni_down 70% of mysql (or sg_drop 10%)"],
        ),
    ],
)
def test_what_cannot_be_told_apart_may_stand_for_the_true_cause(seen, wrong):
    """Only what the variant's table names, with the true cause beside it, and not surer than the evidence."""
    assert wrong == list(judge(BROKEN, outcome(2, "failing", seen), DARK).wrong)


@pytest.mark.parametrize(
    ("findings", "accusations"),
    [
        ((TRUE,), 0),
        ((TRUE, finding("host_down", "mysql")), 0),
        ((TRUE, SLOW), 0),
        ((finding("eni_down", "x"), TRUE, finding("eni_missing", "x")), 2),
    ],
)
def test_accusations_are_counted(findings, accusations):
    """Critical findings that are neither the true cause nor allowed beside it."""
    assert accusations == judge(BROKEN, outcome(2, "failing", *findings)).accusations


@pytest.mark.parametrize(("rights", "right"), [("rrw", True), ("wrw", False), ("rw", False)])
def test_the_majority_of_runs_counts(rights, right):
    """A run of the kind that came out more often stands for all; the rate is that of all."""
    runs = [(Score(BROKEN, "sg_drop", 0.8, 1.0, () if kind == "r" else ("no",)), kind) for kind in rights]
    score, kind = majority(runs)

    assert right == score.right == (kind == "r")
    assert score.rate == rights.count("r") / len(rights)


def scored(scenario=BROKEN, found="sg_drop", seconds=1.5, wrong=(), accusations=0):
    """The score of a run; the plan's time-out is 1.5 s."""
    return Score(scenario, found, 0.8, seconds, wrong, accusations)


WRONG = scored(found="eni_down", wrong=("no",))


@pytest.mark.parametrize(
    ("scores", "shortfalls"),
    [
        ([scored(), WRONG], []),
        ([WRONG], ["dark: 0.0% right, less than 50%"]),
        ([scored(seconds=3.0)], ["dark: 2.00 time-outs in the median, more than 1.5"]),
        ([scored(), scored(), scored(seconds=16.5)], ["dark: broken took 11.0 time-outs, more than 10"]),
        ([scored(), scored(accusations=1)], []),
        ([scored(), scored(accusations=2)], ["dark: broken has 2 wrong critical findings"]),
        (
            [scored(), scored(SOUND, "dns_slow", wrong=("no",))],
            ["dark: sound is healthy, and has a finding: dns_slow"],
        ),
    ],
)
def test_a_tally_falls_short_of_its_floors(scores, shortfalls):
    """The share that is right, the time in time-outs, wrong accusations, and healthy networks that are accused."""
    tally = Tally(DARK, scores)

    assert shortfalls == [*tally.late(), *tally.shortfalls()]


def test_a_tally_may_hold_what_is_between_apart():
    """Healthy scenarios do not make up for broken ones there."""
    tally = Tally(evolve(DARK, apart=True), [scored(), WRONG, WRONG, *[scored(SOUND, "healthy")] * 5])

    assert "  the path, route and filter scenarios alone, none as healthy: 33.3% of 3 right, at least 50%" in str(tally)
    assert next(tally.shortfalls()).startswith("dark: 33.3% of the path, route and filter scenarios alone")


def test_a_tally_prints_what_was_taken_for_what():
    """The diagonal by layer, each other cell in a line, and what may stand there."""
    scores = [scored(), scored(), WRONG, scored(found="host_down"), scored(SOUND, "healthy", 6.0)]

    assert str(Tally(DARK, scores)).splitlines() == [
        "dark: ",
        "  4 of 5 right: 80.0%, at least 50%",
        "  the true cause first, by layer: filter 2/4  healthy 1/1",
        "    true cause                   first finding                scenarios",
        "    sg_drop                      eni_down                       1  WRONG",
        "    sg_drop                      host_down                      1  cannot be told apart",
        "  time to diagnosis, in connect time-outs: median 1.00, most 4.0 (sound)",
    ]
