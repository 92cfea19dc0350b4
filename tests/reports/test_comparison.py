"""Many reports become one comparison: what is kept, what is dropped, how it is written."""

import json
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports import model
from reports.comparison import Merge, NothingInCommon, dumps, loads
from reports.comparison.document import to_document
from reports.comparison.model import PLACES
from reports.comparison.redact import redact
from reports.document import DocumentError
from reports.failures import Failure
from reports.model import Share, Vantage
from reports.redact import Pseudonyms, learn
from tests.reports import samples
from tests.reports.building import report_of, seen

REPORTS = Path(__file__).resolve().parents[2] / "reports"
SCHEMA = json.loads((REPORTS / "comparison" / "comparison.schema.json").read_text())
OF_REPORT = json.loads((REPORTS / "report.schema.json").read_text())

VPC_HOST = Vantage(kind="host", host="jump-1", addresses=("10.10.1.50/24%eth0",), name_servers=("10.10.1.2",))


def nightly(number, **changes):
    """The design's example, as another run, maybe from elsewhere."""
    report = samples.nightly()
    return evolve(report, run=evolve(report.run, id=f"r-{number}"), **changes)


def fine(number, **changes):
    """The same plan, and nothing is wrong."""
    report = nightly(number)
    return evolve(
        report,
        verdict=model.HEALTHY,
        findings=(),
        cleared=(),
        targets=tuple(evolve(target, verdict=model.HEALTHY, findings=()) for target in report.targets),
        observations=tuple(
            evolve(one, failure=None, duration_s=0.0004) if one.target == "metastore" else one
            for one in report.observations
        ),
        **changes,
    )


def compared(*reports):
    """What they say together."""
    merge = Merge()
    for report in reports:
        merge.add(report)
    return merge.conclude()


@pytest.fixture
def comparison():
    """A UDF that fails, one that did so before, and a host of the VPC that does not."""
    return compared(nightly(1), nightly(2), fine(3, vantage=VPC_HOST))


def test_equal_symptoms_are_one_row(comparison):
    """Two UDFs to which everything looks alike are one row of two; the host is another."""
    assert [("job", "udf", 2), ("vpc", "host", 1)] == [(row.place, row.kind, row.count) for row in comparison.rows]
    assert ["r-1", "r-2"] == [member.run for member in comparison.rows[0].members]


def test_the_matrix_says_how_each_target_looks(comparison):
    """A cell a target and row: the stage and the failure where it is broken."""
    cells = {(cell.target, cell.row): cell for cell in comparison.matrix}
    failing, working = cells["metastore", "v-1"], cells["metastore", "v-2"]

    assert (model.FAILING, "connect", Failure.TIMED_OUT) == (failing.verdict, failing.stage, failing.failure)
    assert (model.HEALTHY, "", None) == (working.verdict, working.stage, working.failure)
    assert len(comparison.matrix) == 2 * len(comparison.targets)


def test_a_finding_is_one_like_others(comparison):
    """Cause, remedy with owner and statement, confidence, candidates, evidence of the reports."""
    [finding] = comparison.findings
    ids = {one.id for one in samples.nightly().observations} | {one.id for one in fine(3).observations}

    assert ("metastore",) == finding.targets
    assert finding.remedy.owner in model.OWNERS
    assert finding.remedy.text
    assert finding.evidence
    assert set(finding.evidence) <= ids
    assert comparison.targets[0].findings == (finding.id,)


def test_what_is_dropped_is_counted():
    """A run twice, an instance without a share, a linted plan, a run cut short."""
    without_share = nightly(4, observations=(seen("local", "share", None, None, index=3, of=9, probes=False),))
    without_share = evolve(without_share, run=evolve(without_share.run, share=Share(index=3, of=9)))
    linted = nightly(5, observations=(seen("settings", "job", None, None, runtime="udf"),))
    partial = nightly(6)
    partial = evolve(partial, run=evolve(partial.run, partial=True))

    counts = compared(nightly(1), nightly(1), fine(3, vantage=VPC_HOST), without_share, linted, partial).counts

    assert (6, 1, 2, 1) == (counts.reports, counts.duplicates, counts.did_not_probe, counts.partial)


def test_an_instance_that_did_not_probe_is_no_vantage_point():
    """It neither fails nor works."""
    silent = nightly(4, observations=(seen("local", "share", None, None, index=3, of=9, probes=False),))
    with_it, without = compared(nightly(1), nightly(2), silent), compared(nightly(1), nightly(2))

    assert without.rows == with_it.rows
    assert without.findings == with_it.findings


def test_nothing_in_common():
    """Reports on different targets cannot be compared, and one alone neither."""
    other = report_of(
        model.Plan(name="other", targets=(model.Target(name="x", host="10.1.1.1", port=1),)),
        VPC_HOST,
        (model.TargetResult(name="x", address="10.1.1.1:1", verdict=model.HEALTHY),),
        (seen("tcp", "connect", "x", "10.1.1.1:1", ip="10.1.1.1"),),
        verdict=model.HEALTHY,
    )
    for reports in ([nightly(1)], [nightly(1), other]):
        with pytest.raises(NothingInCommon):
            compared(*reports)


def test_targets_are_the_same_where_their_addresses_are():
    """Two plans may call one target differently, and two targets alike."""
    report = nightly(1)
    renamed = evolve(
        report,
        run=evolve(
            report.run,
            id="r-2",
            plan=evolve(
                report.run.plan, targets=tuple(evolve(one, name=f"my {one.name}") for one in report.run.plan.targets)
            ),
        ),
        targets=tuple(evolve(one, name=f"my {one.name}") for one in report.targets),
        observations=tuple(evolve(one, target=one.target and f"my {one.target}") for one in report.observations),
    )

    names = [target.name for target in compared(report, renamed).targets]

    assert [target.name for target in report.targets] == names


def test_what_fails_beside_a_job_that_works_degrades():
    """The job's own verdict is the target's: a host that fails beside it is a warning."""
    comparison = compared(fine(1), nightly(2, vantage=VPC_HOST))
    [finding] = comparison.findings

    assert comparison.verdict == model.DEGRADED
    assert finding.severity == "warning"


@given(st.permutations(range(5)))
def test_the_order_of_reports_changes_no_meaning(order):
    """Whoever is read first: verdicts, causes and confidences are the same."""
    reports = [nightly(1), nightly(2), fine(3), fine(4, vantage=VPC_HOST), nightly(5, vantage=VPC_HOST)]

    def meaning(comparison):
        return (
            {(target.name, target.verdict, target.failing, target.settled) for target in comparison.targets},
            {(one.cause, one.confidence, one.targets, one.candidates) for one in comparison.findings},
            {(row.label.partition(" and ")[0], row.place, row.count) for row in comparison.rows},
        )

    assert meaning(compared(*reports)) == meaning(compared(*(reports[index] for index in order)))


# --- as a document ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [False, True])
def test_round_trip(comparison, lines):
    """What is written is read as it was."""
    assert comparison == loads(dumps(comparison, lines))


def test_it_keeps_the_published_schema(comparison):
    """What is written validates, redacted or not."""
    names = Pseudonyms()
    learn(samples.nightly(), names)
    for one in (comparison, redact(comparison, names)):
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(dumps(one)))


def test_the_schema_describes_every_key(comparison):
    """Neither a class nor the schema can gain a key alone; findings are those of a report."""
    document = to_document(comparison)
    definitions = SCHEMA["$defs"]
    one_of_each = {
        "counts": document["counts"],
        "row": document["rows"][0],
        "member": document["rows"][0]["members"][0],
        "trait": document["rows"][0]["shared"][0],
        "target": document["targets"][0],
        "cell": document["matrix"][0],
    }

    assert list(SCHEMA["properties"]) == SCHEMA["required"] == list(document)
    for name, written in one_of_each.items():
        assert list(definitions[name]["properties"]) == definitions[name]["required"] == list(written)
    for name in ("verdict", "finding", "candidate", "remedy", "cleared"):
        assert OF_REPORT["$defs"][name] == definitions[name]
    assert list(PLACES) == definitions["row"]["properties"]["place"]["enum"]
    assert OF_REPORT["$defs"]["observation"]["properties"]["failure"] == definitions["cell"]["properties"]["failure"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": "linkdoctor/report/1"}, "schema: "),
        ({"verdict": "bad"}, 'verdict: "bad" is not allowed'),
        ({"counts": {}}, "counts.reports: this key is missing"),
        ({"rows": [1]}, "rows[0]: 1 is not allowed"),
    ],
)
def test_reading_is_strict(comparison, change, problem):
    """What is no comparison is refused, with its place."""
    document = {**json.loads(dumps(comparison)), **change}

    with pytest.raises(DocumentError) as refused:
        loads(json.dumps(document), "c.json")

    assert problem in str(refused.value)


def test_redacted_it_names_nobody(comparison):
    """No address, host name or run of the reports is left."""
    names = Pseudonyms()
    for report in (nightly(1), fine(3, vantage=VPC_HOST)):
        learn(report, names)

    text = dumps(redact(comparison, names))

    for secret in ("10.10.", "emr-header", "jump-1", "a1b2c3d4e5f6", '"r-1b', "oss-cn"):
        assert secret not in text
    assert "metastore" in text
