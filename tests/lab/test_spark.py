"""Real Spark: PySpark's Standalone master and workers, each in a network of its own."""

import json
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from attrs import frozen

from agent import plan as plans
from agent.bundle import spark as bundle
from reports import comparison, document
from reports.rows import NAMES
from tests.lab.conftest import unavailable
from tests.lab.harness import Lab
from tests.lab.scenario import NETWORKS, SPARK_SETTINGS, spark
from tests.lab.sparkcluster import ADDRESSES, DRIVER, ENIS, FORGOTTEN, MASTER, WITH_ENI, WITHOUT_ENI

_CONFIGURATION = {
    "spark.master": MASTER,
    "spark.driver.host": ADDRESSES[DRIVER],
    "spark.driver.bindAddress": ADDRESSES[DRIVER],
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.executor.instances": "2",
    "spark.ui.enabled": "false",
}
# A task of more than a second is run a second time elsewhere: what a careful cluster does.
_SPECULATION = {"spark.speculation": "true", "spark.speculation.task.duration.threshold": "1s"}
_VPC = ("metastore", "namenode", "mysql", "redis", "zookeeper")
_TIMEOUT = 1.5


@frozen
class _Cluster:
    lab: Lab
    home: str

    def submit(self, folder, *arguments, settings=SPARK_SETTINGS):
        """Start the bundle in the folder as its README says."""
        conf = [flag for item in (_CONFIGURATION | settings).items() for flag in ("--conf", "=".join(item))]
        argv = [*conf, f"{folder}/linkdoctor_spark.py", *arguments]
        self.call("submit", home=self.home, arguments=argv)

    def call(self, action, **arguments):
        """See tests/lab/sparkcluster.py."""
        return self.lab.call("spark", action=action, **arguments)


@pytest.fixture(scope="module")
def cluster(lab):
    """Master and workers, started once."""
    if shutil.which("java") is None:
        unavailable("not installed: java (default-jre-headless)")
    found = find_spec("pyspark")
    if found is None:
        unavailable("not installed: pyspark")
    running = _Cluster(lab, str(Path(found.origin).parent))
    running.call("start", home=running.home)
    return running


def test_each_executor_measures(lab, cluster, tmp_path):
    """The merged result names which executor cannot reach what, and why; no two places measure a target at once."""
    networks = [{**NETWORKS[0], "enis": list(ENIS.values())}, *NETWORKS[1:]]
    # What the plan says of the ENI is not what the job was submitted with.
    settings = {"spark.hadoop.odps.cupid.eni.enable": "false"}
    folder = _bundle(tmp_path, spark(*_VPC, settings=settings, networks=networks))
    rows = tmp_path / "rows"
    with lab.record("router") as recording:
        cluster.submit(
            folder,
            "--output",
            f"{tmp_path}/result.json",
            "--rows",
            f"file://{rows}",
            "--rows-format",
            "json",
            settings=SPARK_SETTINGS | _SPECULATION,
        )
        done = cluster.call("finish")

    assert done["code"] == 0, done["stderr"]
    assert "as speculatable" in done["stderr"]
    text = (tmp_path / "result.json").read_text()
    result = comparison.loads(text)
    assert {
        **{(DRIVER, name): "" for name in _VPC},
        **{(WITHOUT_ENI, name): "eni_missing" for name in _VPC},
        **{(WITH_ENI, name): "" for name in _VPC},
        (WITH_ENI, "metastore"): "sg_drop",
    } == _causes(result)
    named = {finding.cause: set(finding.targets) for finding in result.findings}
    assert {"eni_missing", "sg_drop"} == set(named)
    assert "metastore" in named["sg_drop"]
    assert set(_VPC) - {"metastore"} <= named["eni_missing"]
    notes = " ".join(json.loads(text)["spark"]["notes"])
    assert "limits.per_target is 1" in notes
    assert "odps.cupid.eni.enable is declared (plan.json:1), and has another value" in notes
    written = [json.loads(line) for part in rows.glob("part-*") for line in part.read_text().splitlines()]
    assert {row["kind"] for row in written} == {"target", "finding", "report"}
    assert {name for row in written for name in row} == set(NAMES)
    assert len({row["run"] for row in written}) == 3
    assert recording.dropped == 0
    assert _most_open(recording, FORGOTTEN) == 1


def test_a_large_plan_is_spread(cluster, tmp_path):
    """3,000 targets are measured once each, by all executors together, and come back as one report."""
    targets = [f"127.{number % 50}.{number // 50}.1:9" for number in range(3000)]
    limits = {"connect_timeout": "2s", "concurrency": 400, "rate": 10000}
    folder = _bundle(tmp_path, {"name": "large", "runtime": "spark", "targets": targets, "limits": limits})
    cluster.submit(folder, settings={})
    done = cluster.call("finish")

    assert done["code"] == 0, done["stderr"]
    report = document.loads(done["stdout"])
    assert report.run.partial is False
    assert report.vantage.labels == {"role": "executors", "executors": "2"}
    assert Counter(targets) == Counter(seen.target for seen in report.observations if seen.probe == "tcp")
    assert Counter(service_not_listening=3000) == Counter(
        finding.cause for finding in report.findings for _ in finding.targets
    )
    assert {"failing"} == {target.verdict for target in report.targets}


def test_a_lost_worker_costs_nobody_else_anything(cluster, tmp_path):
    """A worker that is killed while it measures is missing, and said to be; the others' results are there."""
    limits = {"connect_timeout": f"{_TIMEOUT}s", "deadline": "30s", "per_target": 3, "concurrency": 3}
    folder = _bundle(tmp_path, spark(*_VPC, limits=limits))
    cluster.submit(folder, "--output", f"{tmp_path}/result.json")
    # One connection at a time: without an ENI it waits for each of the targets, the other for one.
    assert cluster.call("until", text=f"spark {WITH_ENI} ")
    cluster.call("kill", node=WITHOUT_ENI)
    done = cluster.call("finish")

    assert done["code"] == 0, done["stderr"]
    text = (tmp_path / "result.json").read_text()
    result = comparison.loads(text)
    assert {DRIVER, WITH_ENI} == {node for node, _ in _causes(result)}
    notes = json.loads(text)["spark"]["notes"]
    assert [note for note in notes if ADDRESSES[WITHOUT_ENI] in note and "was lost before it answered" in note]


def _bundle(folder, plan):
    """Built and written as `linkdoctor bundle spark` does it."""
    plan = {key: value for key, value in plan.items() if key != "tls"}
    bundle.write(bundle.build(plans.parse(json.dumps(plan), "plan.json")), folder / "bundle")
    return folder / "bundle"


def _causes(result):
    """Node, target -> the cause that was found there."""
    nodes = {row.id: node for row in result.rows for node in ADDRESSES if f"on {node} " in f"{row.label} "}
    return {(nodes[cell.row], cell.target): cell.cause for cell in result.matrix}


def _most_open(recording, destination):
    """The most connections to one place that the router forwarded and nobody had ended."""
    recording.packets = [
        packet
        for packet in recording.packets
        if packet.interface == "vswb"
        and {(packet.source, packet.source_port), (packet.destination, packet.port)} & {destination}
    ]
    return recording.most_open(timeout=_TIMEOUT)
