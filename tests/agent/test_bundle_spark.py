"""What a bundle for Spark holds, that it runs from what it holds alone, and that it says what the plan says."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from attrs import evolve

from agent import plan as plans
from agent.bundle import BundleError, kit, spark
from agent.bundle.archive import FOLDER
from reports.document import plan_loads
from reports.model import Setting
from tests.test_kit import _python37

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "spark"


@pytest.fixture(scope="module")
def plan():
    """The plan of the worked example."""
    return plans.load(DEPLOY / "plan.yaml")


def test_equal_plans_give_equal_bytes(plan):
    """Built twice, a bundle is the same to the byte; the plan comes back from it as it was."""
    assert spark.build(plan) == spark.build(plan)
    assert plan == plan_loads(spark.build(plan).files[spark.PLAN])


def test_nothing_but_the_kit(plan):
    """The archive holds the kit and its libraries under one private folder, and nothing of the host's side."""
    with zipfile.ZipFile(io.BytesIO(spark.build(plan).files[spark.KIT])) as archive:
        names = {name.partition("/")[2] for name in archive.namelist() if name.startswith(f"{FOLDER}/")}
        assert len(names) == len(archive.namelist())

    ours = {name for name in names if name.startswith(("agent/", "probes/", "reports/"))}
    assert set(kit.names()) == ours


@pytest.mark.parametrize("python", [sys.executable, _python37()], ids=["here", "cpython37"])
@pytest.mark.parametrize("place", ["beside", "unpacked", "in the path"])
def test_it_runs_from_the_archive_alone(plan, python, place, tmp_path):
    """The submitted file finds the kit wherever a platform puts it, and needs nothing else that is installed."""
    if python is None:
        pytest.skip("no CPython 3.7: name one with LINKDOCTOR_PYTHON37")
    folder, work = tmp_path / "bundle", tmp_path / "work"
    spark.write(spark.build(plan), folder)
    work.mkdir()
    path = ""
    if place == "unpacked":
        with zipfile.ZipFile(folder / spark.KIT) as archive:
            archive.extractall(work / f"project.{spark.KIT}")
        (folder / spark.KIT).unlink()
    elif place == "in the path":
        path = str((folder / spark.KIT).rename(tmp_path / spark.KIT))
    done = subprocess.run(
        [python, "-S", "-s", "-B", str(folder / spark.FILE), "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={"COLUMNS": "1000", **({"PYTHONPATH": path} if path else {})},
    )

    assert done.returncode == 0, done.stderr
    assert f"(default: {folder / spark.PLAN})" in done.stdout


def test_the_configuration(plan):
    """What the plan declares and the platform needs, where the resources of the project will be."""
    lines = spark.build(plan, project="etl").files[spark.CONFIGURATION].decode().splitlines()

    assert [
        "spark.hadoop.odps.cupid.eni.enable = true",
        "spark.hadoop.odps.cupid.eni.info = cn-hangzhou:vpc-bp1example",
        "spark.hadoop.odps.cupid.trusted.services.access.list = lake.oss-cn-hangzhou-internal.aliyuncs.com",
        "spark.hadoop.odps.spark.version = spark-3.4.2-odps0.48.0",
        "spark.pyspark.python = ./public.python-3.7.9-ucs4.tar.gz/python-3.7.9-ucs4/bin/python3",
        f"spark.hadoop.odps.cupid.resources = {spark._PYTHON},etl.linkdoctor_kit.zip,etl.linkdoctor_plan.json",
        "spark.executorEnv.PYTHONPATH = .",
        "spark.yarn.appMasterEnv.PYTHONPATH = .",
    ] == [line for line in lines if not line.startswith("#")]


def test_the_jobs_own_resources_stay(plan):
    """Resources that the job has already are kept, and with them its Python."""
    own = Setting(key="spark.hadoop.odps.cupid.resources", value="etl.python.tar.gz,etl.model.zip")
    text = spark.build(evolve(plan, settings=(*plan.settings, own))).files[spark.CONFIGURATION].decode()

    assert "resources = etl.python.tar.gz,etl.model.zip,PROJECT.linkdoctor_kit.zip,PROJECT.linkdoctor_plan.json" in text
    assert "spark.pyspark.python =" not in text


def test_no_python_is_named_for_a_spark_that_it_cannot_serve(plan):
    """PySpark 3.5 has left Python 3.7 behind: the job's own Python is used."""
    version = Setting(key="spark.hadoop.odps.spark.version", value="spark-3.5.2-odps0.48.0")
    text = spark.build(evolve(plan, settings=(version,))).files[spark.CONFIGURATION].decode()

    assert "python-3.7.9" not in text


def test_no_credentials(plan):
    """What is no known key of the network stays out, credentials above all."""
    secret = Setting(key="spark.hadoop.odps.access.key", value="made-up-secret")
    files = spark.build(evolve(plan, settings=(*plan.settings, secret))).files

    assert "made-up-secret" not in files[spark.CONFIGURATION].decode()


@pytest.mark.parametrize("value", ["true\nspark.master = local", "true\0"])
def test_a_value_that_would_be_another_line(plan, value):
    """What cannot stand in one line is refused."""
    setting = Setting(key="spark.hadoop.odps.cupid.eni.enable", value=value)

    with pytest.raises(BundleError, match=r"settings\.spark\.hadoop\.odps\.cupid\.eni\.enable"):
        spark.build(evolve(plan, settings=(setting,)))


def test_the_command(plan, tmp_path):
    """submit.sh gives spark-submit what stands before --, and linkdoctor what stands behind it."""
    spark.write(spark.build(plan), tmp_path / "bundle")
    home = tmp_path / "spark" / "bin"
    home.mkdir(parents=True)
    (home / "spark-submit").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (home / "spark-submit").chmod(0o755)

    def submitted(*arguments):
        command = [str(tmp_path / "bundle" / spark.COMMAND), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={"SPARK_HOME": str(home.parent)})
        return done.stdout.splitlines()

    ours = ["--py-files", spark.KIT, "--files", spark.PLAN]
    assert [*ours, "--conf", "a=b c", spark.FILE, "--each"] == submitted("--conf", "a=b c", "--", "--each")
    assert [*ours, "--master", "local", spark.FILE] == submitted("--master", "local")
    assert [*ours, spark.FILE] == submitted()


def test_nothing_foreign_is_replaced(plan, tmp_path):
    """Another file of that name is left alone, and nothing is written beside it; the same bundle may come again."""
    (tmp_path / spark.README).write_text("mine")
    with pytest.raises(BundleError, match=r"README\.md: is there already"):
        spark.write(spark.build(plan), tmp_path)
    assert [spark.README] == [path.name for path in tmp_path.iterdir()]

    (tmp_path / spark.README).unlink()
    spark.write(spark.build(plan), tmp_path)
    spark.write(spark.build(plan), tmp_path)
    assert json.loads((tmp_path / spark.PLAN).read_text())["name"] == "nightly-features"
