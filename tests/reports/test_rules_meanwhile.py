"""What was silent and answers when it is asked again is called broken with half the certainty, and that is said."""

import pytest

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

TARGET = Target(name="it", host="10.10.3.20", port=2181, via="vpc")
PLAN = Plan(name="p", targets=(TARGET,), networks=(Network(name="vswitch-c", cidr="10.10.3.0/24"),))
USUAL = {"ip": TARGET.host, "port": TARGET.port, "source": "10.10.1.10"}
FIRST = seen("tcp", "connect", "it", TARGET.address, failure=Failure.TIMED_OUT, duration_s=1.5, syns=2, **USUAL)
SAID = "200 ms later the target answers"


def later(probe, step, after=1.7, **facts):
    """An attempt that was answered; the first one ended 1.5 s into the run."""
    return seen(probe, step, "it", TARGET.address, after=after, **{**USUAL, **facts})


def first_finding(*observations):
    """The first finding of a run with these."""
    return diagnose(PLAN, Vantage(), (FIRST, *observations)).findings[0]


def says_so(finding):
    """Whether it tells that the target answers now."""
    return any(reason.startswith(SAID) for reason in finding.because)


@pytest.mark.parametrize("again", [later("tcp", "connect_port", syns=1), later("path", "hop", ttl=2, reached=True)])
def test_an_answer_that_came_later(again):
    """No cause is more than half sure, and the finding tells when the target answered."""
    finding = first_finding(again)

    assert (True, True) == (says_so(finding), finding.confidence <= 0.5)


@pytest.mark.parametrize(
    "again",
    [
        later("tcp", "connect_port", syns=1, source_port=1025),
        later("path", "hop", ttl=1, reached=False),
        later("tcp", "connect_port", after=1.0, syns=1),
    ],
)
def test_what_is_no_answer_to_the_same_question(again):
    """From another port, from a router, or while the first attempt still waited: nothing has changed by that."""
    assert not says_so(first_finding(again))


ONE_SYN = seen("tcp", "connect", "it", TARGET.address, failure=Failure.TIMED_OUT, duration_s=1.0, syns=1, **USUAL)


@pytest.mark.parametrize(
    ("others", "asked"),
    [((), True), ((later("path", "hop", ttl=1, reached=False),), False)],
)
def test_one_syn_is_little(others, asked):
    """It may have been lost: the target is looked at once more in the end, where no other SYN went there meanwhile."""
    wanted = diagnose(PLAN, Vantage(), (ONE_SYN, *others)).wanted_last

    assert asked is (Want("again", "look", "it", TARGET.host) in wanted)


def test_one_syn_that_was_lost():
    """The second look is answered: nobody is sure of a cause."""
    finding = diagnose(PLAN, Vantage(), (ONE_SYN, later("again", "look", last="tcp connect"))).findings[0]

    assert "later the target answers" in " ".join(finding.because)
    assert finding.confidence <= 0.5


def test_silence_that_came_later():
    """A target that answers once and then no more is not healthy, and nobody is sure why."""
    answered = connected("it", TARGET.host, TARGET.port)
    facts = {"ip": TARGET.host, "port": TARGET.port, "tried": 6, "answered": 0, "syns": 6, "syns_lost": 6}
    series = seen("loss", "handshakes", "it", TARGET.address, failure=Failure.TIMED_OUT, after=0.1, **facts)
    diagnosis = diagnose(PLAN, Vantage(), (answered, series))

    assert diagnosis.verdict == "failing"
    assert diagnosis.findings[0].confidence <= 0.5
    assert "the first look was answered, and then none of 6 SYNs" in diagnosis.findings[0].because[-1]
