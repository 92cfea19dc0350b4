"""The parts of a page that are drawn of numbers: time line, history strip, saturation curve, map of a network."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports.curve import curves
from reports.failures import Failure
from reports.history import BIT, LETTERS, Strip
from reports.model import DEGRADED, FAILING, HEALTHY, Job, Network, Plan, Report, Run, Target, Vantage
from reports.render.html.chart import chart
from reports.render.html.map import map_of, maps
from reports.render.html.strip import HEIGHTS, marks
from reports.render.html.waterfall import waterfall
from tests.reports import ramps
from tests.reports.building import seen
from tests.reports.sweeps import lively, network_of

TARGET = Target(name="oss", host="oss.example", port=443, service="https")
AT = "203.0.113.80:443"


def steps(**failures):
    """A look at the target: a look-up, a handshake, TLS, an exchange, one after the other."""
    made = (("tcp", "connect", 0.01), ("tls", "handshake", 0.02), ("http", "exchange", 0.04))
    after, found = 0.01, []
    for probe, step, took in made:
        found.append(seen(probe, step, "oss", AT, after=after, duration_s=took, failure=failures.get(probe)))
        after += took
    return found


def looked_up(server="10.10.1.2:53", **facts):
    """An answer of a name server."""
    return seen("dns", "query", None, server, duration_s=0.01, name="oss.example", **facts)


# --- the time line --------------------------------------------------------------------------------------------------


def test_a_time_line_has_a_lane_for_each_address_and_a_span_for_each_step():
    """Name server first, then the target's address; starts and widths are shares of the whole."""
    drawn = waterfall(TARGET, steps(), [looked_up(type="A")])
    assert drawn.seconds == pytest.approx(0.08)
    assert [lane.address for lane in drawn.lanes] == ["10.10.1.2:53", AT]
    assert [(span.phase, round(span.start, 3), round(span.width, 3)) for span in drawn.lanes[1].spans] == [
        ("connect", 0.125, 0.125),
        ("tls", 0.25, 0.25),
        ("exchange", 0.5, 0.5),
    ]


def test_a_failed_step_says_how_and_after_what_time():
    """In words, for who does not see the bar."""
    drawn = waterfall(TARGET, steps(tls=Failure.TLS_EXPIRED), [])
    assert drawn.lanes[0].told == "connect 10 ms, tls: tls expired after 20 ms, exchange 40 ms"


def test_only_look_ups_of_its_own_name_and_types_that_it_has_are_its_own():
    """Another name, and an address family that the name lacks, are no part of the wait."""
    other = seen("dns", "query", None, "10.10.1.9:53", name="else.example")
    none = evolve(looked_up("10.10.1.3:53", type="AAAA"), failure=Failure.DNS_NO_ANSWER)
    assert [lane.address for lane in waterfall(TARGET, steps(), [other, none]).lanes] == [AT]


def test_a_target_that_was_not_asked_has_no_time_line():
    """Nothing is drawn of nothing."""
    assert waterfall(TARGET, [], [seen("local", "routes", None, None)]) is None


def test_of_many_addresses_the_first_few_are_drawn_and_the_others_counted():
    """A name of a hundred addresses stays readable."""
    many = [seen("tcp", "connect", "oss", f"203.0.113.{n}:443", after=n / 100) for n in range(20)]
    drawn = waterfall(TARGET, many, [])
    assert len(drawn.lanes) + drawn.more == 20
    assert drawn.more > 0


# --- history --------------------------------------------------------------------------------------------------------


def test_a_strip_is_a_path_for_each_verdict_of_a_height_of_its_own():
    """The worst of each cell counts; a cell in which nobody looked stays empty."""
    cells = bytes([BIT[HEALTHY], BIT[HEALTHY], 0, BIT[HEALTHY] | BIT[FAILING], BIT[DEGRADED]])
    drawn = marks(Strip(target="t", cells=cells), 43200)
    assert dict(drawn.paths) == {
        FAILING: "M3 0h1v10h-1z",
        DEGRADED: "M4 4h1v6h-1z",
        HEALTHY: "M0 6h2v4h-2z",
    }
    assert drawn.told == "2 days in 5 parts: failing in 1, degraded in 1, healthy in 2"
    assert len(set(HEIGHTS.values())) == len(HEIGHTS)


@given(st.binary(min_size=1, max_size=80).map(lambda cells: bytes(cell % len(LETTERS) for cell in cells)))
def test_any_strip_covers_what_was_seen_and_nothing_else(cells):
    """The lengths of all paths are the cells in which somebody looked."""
    drawn = marks(Strip(target="t", cells=cells), 60)
    covered = sum(int(part.split("h")[1].split("v")[0]) for _, path in drawn.paths for part in path.split("M") if part)
    assert covered == len(cells) - cells.count(0)


# --- saturation -----------------------------------------------------------------------------------------------------

MEASURED = {
    "capped": ramps.capped,
    "moving": ramps.moving,
    "rate": ramps.limited_rate,
    "queueing": ramps.queueing,
    "harmless": ramps.harmless,
    "harmful": ramps.harmful,
}


@pytest.mark.parametrize("kind", MEASURED)
def test_every_measurement_lies_within_its_plot(kind):
    """Points, lines, marks and axes are per cent of the plot; time goes from left to right."""
    drawn = chart(curves(MEASURED[kind]())[ramps.TARGET], Job(instances=20, connections=4))
    points = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    ys = [y for _, y in points] + [one.y for one in (*drawn.guides, *drawn.marks)] + [one.at for one in drawn.values]
    assert all(0 <= value <= 100 for value in ys + [x for x, _ in points] + [one.at for one in drawn.moments])
    assert drawn.values[0].name == "0"


def test_a_limit_is_a_line_with_its_interval_and_what_was_refused_a_mark():
    """The job's own need stands beside it."""
    drawn = chart(curves(ramps.capped())[ramps.TARGET], Job(instances=20, connections=4))
    assert [(one.kind, one.name) for one in drawn.guides] == [("limit", "limit 100"), ("needs", "the job needs 80")]
    assert {one.kind for one in drawn.marks} == {"refused"}
    assert drawn.band is not None
    assert drawn.conclusion == "about 100 connections (100 to 101), then silence"


def test_a_stop_for_another_reason_says_which():
    """Held connections that died end a measurement: that is no limit."""
    drawn = chart(curves(ramps.harmful())[ramps.TARGET], Job())
    assert [(one.kind, one.told.split(" at ")[0]) for one in drawn.marks] == [
        ("stopped", "stopped, held connections died")
    ]


# --- networks -------------------------------------------------------------------------------------------------------


def test_a_vswitch_is_drawn_address_by_address_with_what_each_answers():
    """Sixteen in a row; a letter, a filling and words for each; the legend counts them."""
    drawn = map_of(network_of(lively(30, 31), own="10.10.2.5", gateway="10.10.2.253"))
    [picture] = drawn.pictures[:1]
    assert [len(line.squares) for line in picture.lines] == [16] * 16
    square = picture.lines[1].squares[14]
    assert (square.letter, square.kind) == ("o", "open")
    assert square.told == "10.10.2.30: :8020 open, echo alive"
    assert ("o", "open", "2 open") in picture.legend


def test_a_question_that_gives_another_picture_has_one_of_its_own():
    """A port that only one host answers is not hidden by the best sign of each address."""
    states = {**lively(30, 31, 32, 40, 41, 42), "9083": {"o": [30]}}
    titles = [picture.title for picture in map_of(network_of(states)).pictures]
    assert titles == ["", ":9083"]


def test_a_large_network_is_seen_from_afar_and_its_lively_parts_from_near():
    """A cell for many addresses; whoever has none that answers says so."""
    network = Network(name="wide", cidr="10.20.0.0/20")
    drawn = map_of(network_of(lively(5, 6, 300), network))
    assert drawn.pictures[0].title == "from afar: a cell is a /28"
    assert [picture.title for picture in drawn.pictures[1:]] == [
        "10.20.0.0/24: 2 of 255 answer",
        "10.20.1.0/24: 1 of 256 answers",
    ]


def test_few_addresses_are_a_list():
    """A picture of four cells says less than four lines."""
    network = Network(name="tiny", cidr="10.10.2.0/30")
    drawn = map_of(network_of({"8020": {"o": [1]}}, network))
    assert drawn.pictures == ()
    assert drawn.listed[0].startswith("10.10.2.1: ")


def test_a_report_without_addresses_still_counts():
    """Redacted: the letters are there, the addresses are not."""
    hidden = seen("subnet", "states", None, "net-1", network="net-1", cidr="net-1", asked="8020", states="oo..")
    run = Run(id="r-1", started=0.0, duration_s=0.0, linkdoctor="0", plan=Plan(name="p"))
    report = Report(run=run, vantage=Vantage(), verdict=HEALTHY, observations=(hidden,))
    [told] = maps(report, ())
    assert (told.name, told.pictures) == ("net-1", ())
    assert "2 open" in told.summary
