"""Rows that came back, in any state, become reports again, and every row is counted."""

import random
from collections import Counter

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.document import dumps, loads
from reports.gather import Gatherer
from reports.model import FAILING, Share
from reports.rows import NAMES, label, to_rows
from tests.reports import samples, strategies

PART = 1024
FOREIGN = ({"id": 7, "name": "x"}, {"run": "r-1", "kind": "batch"}, {"_c0": None}, {})


def numbered(report, number, of=4):
    """The report as one of several instances of a job."""
    share = Share(index=number, of=of)
    return evolve(report, run=evolve(report.run, id=f"r-{number:012x}", share=share))


FLEET = [numbered(make(), n) for n, make in enumerate((samples.nightly, samples.healthy, samples.hostile))]
FLEET.append(numbered(samples.no_eni(8), 3))


def consistent(report):
    """With a run id, and targets that refer to findings which are there: what to_rows may rely on."""
    known = {finding.id for finding in report.findings}
    targets = [evolve(one, findings=tuple(id_ for id_ in one.findings if id_ in known)) for one in report.targets]
    return evolve(report, run=evolve(report.run, id="r-" + report.run.id), targets=tuple(targets))


def rows_of(report, part=PART):
    """The report's rows by their columns."""
    return [dict(zip(NAMES, row, strict=True)) for row in to_rows(report, part=part)]


def gathered(rows):
    """The whole reports, the partial ones, and the outcome."""
    gatherer = Gatherer()
    whole = [report for n, row in enumerate(rows) if (report := gatherer.add(row, f"rows:{n}")) is not None]
    return whole, list(gatherer.finish()), gatherer.outcome


def total(outcome):
    """Every row has one of these counts."""
    return outcome.used + outcome.duplicates + outcome.contradictory + outcome.foreign + outcome.unreadable


def damaged(chance):
    """The rows of a fleet: shuffled, some twice, some lost, some with a cell cut short, some not ours."""
    rows = [row for report in FLEET for row in rows_of(report)]
    rows = chance.sample(rows, len(rows) - chance.choice((0, 0, 1, 5)))
    rows += chance.choices(rows, k=chance.randrange(8))
    for row in chance.choices(rows, k=chance.randrange(6)):
        name = chance.choice([name for name in NAMES if isinstance(row[name], str) and row[name]])
        rows.append({**row, name: row[name][: chance.randrange(len(row[name]))]})
    rows += chance.choices(FOREIGN, k=chance.randrange(4))
    chance.shuffle(rows)
    return rows


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_whatever_became_of_the_rows(seed):
    """Nothing raises, what is complete is kept exactly, and every row is counted once."""
    rows = damaged(random.Random(seed))
    whole, partial, outcome = gathered(rows)
    there = {(row["run"], row["part"], row["report"]) for row in rows if row.get("kind") == "report"}
    complete = [
        report
        for report in FLEET
        if all((row["run"], row["part"], row["report"]) in there for row in rows_of(report) if row["kind"] == "report")
    ]

    assert {report.run.id: report for report in complete} == {report.run.id: report for report in whole}
    assert (len(whole), len(partial)) == (outcome.whole, outcome.partial)
    assert len(rows) == outcome.rows == total(outcome)
    assert all(report.run.partial and not report.observations for report in partial)
    assert [loads(dumps(report)) for report in partial] == partial


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=40)
@given(st.lists(strategies.reports, max_size=3, unique_by=lambda report: report.run.id), st.randoms())
def test_any_reports_survive(reports, order):
    """Any reports, as rows in any order, are the same reports."""
    reports = [consistent(report) for report in reports]
    rows = [row for report in reports for row in rows_of(report, part=512)]
    order.shuffle(rows)
    whole, partial, outcome = gathered(rows)

    assert {report.run.id: report for report in reports} == {report.run.id: report for report in whole}
    assert (partial, len(rows)) == ([], outcome.rows)


def test_a_report_is_given_as_soon_as_its_last_part_is_there():
    """Rows of other kinds that come later are used, and nothing is given twice."""
    rows = rows_of(FLEET[0])
    gatherer = Gatherer()
    given_ = [gatherer.add(row) for row in reversed(rows)]
    parts = sum(row["kind"] == "report" for row in rows)

    assert [n for n, report in enumerate(given_) if report is not None] == [parts - 1]
    assert (list(gatherer.finish()), gatherer.outcome.used) == ([], len(rows))


def test_a_task_that_ran_twice():
    """The same rows again are duplicates, before and after the report was given."""
    rows = rows_of(FLEET[0])
    whole, partial, outcome = gathered([rows[0], *rows, *rows])

    assert (whole, partial) == ([FLEET[0]], [])
    assert (outcome.used, outcome.duplicates) == (len(rows), len(rows) + 1)


def test_lost_parts_leave_what_the_other_rows_say():
    """Verdicts, causes, evidence and remedies of the rows stand in the partial report, and it says what is lost."""
    report = FLEET[0]
    rows = [row for row in rows_of(report) if row["kind"] != "report"]
    whole, (partial,), outcome = gathered(rows)
    (finding,) = report.findings
    (rebuilt,) = partial.findings

    assert (whole, partial.run.partial, partial.verdict, label(partial)) == ([], True, FAILING, label(report))
    assert report.targets == partial.targets
    assert {target.address for target in report.run.plan.targets} == {t.address for t in partial.run.plan.targets}
    for name in ("id", "cause", "layer", "severity", "confidence", "targets", "summary", "because"):
        assert getattr(finding, name) == getattr(rebuilt, name), name
    assert (finding.remedy.text, finding.remedy.owner) == (rebuilt.remedy.text, rebuilt.remedy.owner)
    assert "is lost: rebuilt" in outcome.troubles[0].reason


def test_a_text_cut_short_keeps_what_stands_before_the_cut():
    """The plan and the vantage of a part that was cut are known, although no other part is."""
    report = FLEET[0]
    *others, part = rows_of(report, part=1 << 20)
    cut = {**part, "report": part["report"][: part["report"].index('"observations"') + 200]}
    _, (partial,), outcome = gathered([cut, *others])

    assert (report.run.plan, report.vantage, report.cleared) == (partial.run.plan, partial.vantage, partial.cleared)
    assert (report.targets, report.findings, ()) == (partial.targets, partial.findings, partial.observations)
    assert outcome.used == len(others) + 1


def test_a_cell_cut_short():
    """The scalar function's cell that a console cut: what is whole is kept, and the report says that it is partial."""
    text = dumps(FLEET[0])
    gatherer = Gatherer()
    at_once = gatherer.add_text(text[: text.index('"cleared"') + 40], "cell")
    (partial,) = gatherer.finish()

    assert (at_once, partial.run.partial, partial.targets) == (None, True, FLEET[0].targets)
    assert ("cell", 1, 1) == (gatherer.outcome.troubles[0].place, gatherer.outcome.partial, gatherer.outcome.used)


def test_a_targets_row_stands_for_a_finding_that_is_lost():
    """The cause is kept although the row of the finding is not there."""
    rows = [row for row in rows_of(FLEET[3]) if row["kind"] == "target"]
    _, (partial,), _ = gathered(rows)

    assert Counter(finding.cause for finding in partial.findings) == {"eni_missing": 1, "dns_first_server_dead": 1}
    assert [len(finding.targets) for finding in partial.findings] == [8, 1]


def test_a_findings_row_stands_for_targets_that_are_lost():
    """Their names are known, and what a critical finding makes of them."""
    rows = [row for row in rows_of(FLEET[0]) if row["kind"] == "finding"]
    _, (partial,), _ = gathered(rows)

    assert [("metastore", FAILING)] == [(result.name, result.verdict) for result in partial.targets]


def test_two_texts_of_one_part():
    """The one that makes a report counts; the other is said to contradict it, in either order."""
    rows = rows_of(FLEET[0])
    first = next(row for row in rows if row["kind"] == "report")
    cut = {**first, "report": first["report"][:-7]}
    found = [gathered(order) for order in ([cut, *rows], [rows[0], first, cut, *rows[1:]])]

    assert [[FLEET[0]], [FLEET[0]]] == [whole for whole, _, _ in found]
    assert [1, 1] == [outcome.contradictory for _, _, outcome in found]


def test_parts_of_different_lengths_are_not_put_together():
    """A cut inside a text could be bridged by the next part: what was left out would be missed by nobody."""
    report = FLEET[1]
    rows = rows_of(report, part=1000)
    middle = next(n for n, row in enumerate(rows) if row["part"] == 1)
    rows[middle] = {**rows[middle], "report": rows[middle]["report"][:-1]}
    whole, (partial,), _ = gathered(rows)

    assert (whole, partial.run.partial) == ([], True)


def test_only_a_part_in_the_middle():
    """It says nothing on its own: it is counted as unreadable, with the reason."""
    part = [row for row in rows_of(FLEET[0]) if row["kind"] == "report"][1]
    whole, partial, outcome = gathered([part])

    assert (whole, partial, outcome.used, outcome.unreadable) == ([], [], 0, 1)
    assert "parts are lost" in outcome.troubles[0].reason


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("target", {"verdict": "fine"}, "verdict"),
        ("target", {"latency_s": "fast"}, "latency_s"),
        ("target", {"name": 7}, "name"),
        ("finding", {"owner": "nobody"}, "owner"),
        ("finding", {"confidence": 1.5}, "confidence"),
        ("finding", {"targets": '["a'}, "targets"),
        ("finding", {"evidence": "[1]"}, "evidence"),
        ("report", {"part": 99}, "part"),
        ("report", {"part": 1.5}, "part"),
        ("report", {"part": True}, "part"),
        ("report", {"parts": None}, "parts"),
        ("report", {"report": ""}, "report"),
    ],
)
def test_nothing_is_coerced(kind, change, said):
    """A value that a column cannot hold makes the row unreadable, and the column is named with the place."""
    row = next(row for row in rows_of(FLEET[0]) if row["kind"] == kind)
    gatherer = Gatherer()
    gatherer.add({**row, **change}, "rows.csv:3")
    (trouble,) = gatherer.outcome.troubles

    assert (1, "rows.csv:3") == (gatherer.outcome.unreadable, trouble.place)
    assert trouble.reason.startswith(said + ":")


def test_numbers_as_other_tools_write_them():
    """As text (CSV), as floats with NaN for what is missing (a data frame): the same rows."""
    rows = rows_of(FLEET[0])
    as_text = [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
    numbers = ("latency_s", "confidence", "part", "parts")
    as_frame = [
        {**row, **{key: float("nan") if row[key] is None else float(row[key]) for key in numbers}} for row in rows
    ]
    found = [gathered(given_) for given_ in (rows, as_text, as_frame, rows + as_text + as_frame)]

    assert [[FLEET[0]]] * 4 == [whole for whole, _, _ in found]
    assert [0, 0, 0, 2 * len(rows)] == [outcome.duplicates for _, _, outcome in found]


def test_one_run_with_two_reports():
    """The second is not the first: it is said. The same one, spaced otherwise, is a duplicate."""
    report = FLEET[0]
    gatherer = Gatherer()
    first = gatherer.add_text(dumps(report, lines=True))
    again = gatherer.add_text(dumps(report))
    other = gatherer.add_text(dumps(evolve(report, findings=())))

    assert (report, None, None) == (first, again, other)
    assert (1, 1) == (gatherer.outcome.duplicates, gatherer.outcome.contradictory)


def test_a_cell_in_a_foreign_row():
    """A table with other columns may hold a report in one of them."""
    gatherer = Gatherer()
    found = gatherer.add({"dt": "20261124", "answer": dumps(FLEET[0])})

    assert FLEET[0] == found
    assert (1, 0) == (gatherer.outcome.used, gatherer.outcome.foreign)


def test_a_later_linkdoctors_report_is_refused():
    """Another schema is not guessed at."""
    gatherer = Gatherer()
    gatherer.add_text(dumps(FLEET[0]).replace("linkdoctor/report/1", "linkdoctor/report/9"), "a.json")

    assert gatherer.outcome.unreadable == 1
    assert "another linkdoctor" in gatherer.outcome.troubles[0].reason


def test_what_is_told_is_bounded():
    """A million bad rows are counted, the first ones told."""
    gatherer = Gatherer()
    for _ in range(200):
        gatherer.unreadable("torn")

    assert (200, 200) == (gatherer.outcome.unreadable, len(gatherer.outcome.troubles) + gatherer.outcome.untold)
    assert len(gatherer.outcome.troubles) <= 50


def test_memory_holds_the_unfinished_alone():
    """Of a report that was given, a mark is kept and not its text."""
    gatherer = Gatherer()
    order = random.Random(7)
    for number in range(50):
        rows = rows_of(numbered(samples.nightly(), number, of=50))
        order.shuffle(rows)
        for row in rows:
            gatherer.add(row)

    assert (50, 0) == (gatherer.outcome.whole, len(gatherer._pending))
