"""Checks in a real Spark session with two executors, as a job would make them; what came of it, as JSON.

spark_program.py PORT WORK: at PORT a server that never says anything; WORK is a folder.
"""

import json
import sys
import threading
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession

from agent.spark import check, rows
from reports.model import Limits, Plan, Setting, Slow, Target

HANGING = int(sys.argv[1])
WORK = Path(sys.argv[2])

CONFIGURATION = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "512m",
    "spark.executor.instances": "2",
    "spark.hadoop.odps.access.key": "TOP-SECRET-KEY",
    "spark.hadoop.odps.cupid.eni.enable": "true",
    "spark.hadoop.odps.cupid.eni.inof": "cn-hangzhou:vpc-a",
}


def session(master):
    """A session of its own."""
    builder = SparkSession.builder.master(master)
    for key, value in CONFIGURATION.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def plan(port, **changes):
    """One target on this machine."""
    target = Target(name="target", host="127.0.0.1", port=port, service="redis")
    return Plan(name="session", **{"targets": (target,), "limits": Limits(deadline=20.0), **changes})


def told(result):
    """What a test looks at."""
    document = json.loads(result.text())
    return {
        "mode": result.mode,
        "executors": result.executors,
        "notes": list(result.notes),
        "schema": document["schema"],
        "text": result.text(),
        "labels": [report.vantage.labels for report in result.reports],
        "settings": {one.key: [one.value, one.source] for one in result.reports[0].run.plan.settings},
        "wrong": [seen.facts["key"] for seen in result.reports[0].observations if seen.step == "setting"],
    }


def of_the_job(_):
    """What the job's own code finds on an executor: a module with a name that the kit has as well."""
    import reports  # noqa: PLC0415 - the one that is on the executor

    ours = [name for name in sys.modules if name.partition(".")[0] in ("agent", "probes", "attr", "h11")]
    return [(reports.WHOSE, ours, [entry for entry in sys.path if "linkdoctor_kit" in entry], len(sys.meta_path))]


def main():
    """One session after the other."""
    found = {}
    # One that the session has with another value, one that it does not have, one that is no session's.
    declared = (
        Setting(key="spark.hadoop.odps.cupid.eni.enable", value="false"),
        Setting(key="spark.hadoop.odps.cupid.eni.info", value="cn-hangzhou:vpc-b"),
        Setting(key="odps.security.outbound.internetlist", value="example.com:80"),
    )
    spark = session("local[1]")
    found["local"] = told(check(spark, plan(1, settings=declared)))
    spark.stop()

    spark = session("local-cluster[2,1,600]")
    context = spark.sparkContext
    with zipfile.ZipFile(WORK / "job.zip", "w") as archive:
        archive.writestr("reports.py", "WHOSE = 'the job'\n")
    context.addPyFile(str(WORK / "job.zip"))
    found["before"] = context.parallelize(range(2), 2).mapPartitions(of_the_job).collect()

    result = check(spark, plan(HANGING, limits=Limits(deadline=20.0, connect_timeout=1.0), slow=Slow(service=0.1)))
    found["each"] = told(result)
    found["after"] = context.parallelize(range(2), 2).mapPartitions(of_the_job).collect()
    found["columns"] = rows(spark, result).dtypes

    context.setJobGroup("mine", "my own job")
    found["spread"] = told(check(spark, plan(1), mode="spread"))
    found["group"] = context.getLocalProperty("spark.jobGroup.id")

    found["busy"] = told(busy(context))
    spark.stop()
    print(json.dumps(found))


def busy(context):
    """A check while the job itself holds every place."""
    flag = WORK / "enough"

    def hold(number):
        import time  # noqa: PLC0415 - it travels

        (WORK / f"holds-{number}").touch()
        while not flag.exists():
            time.sleep(0.05)

    def job():
        context.parallelize(range(2), 2).foreach(hold)

    thread = threading.Thread(target=job)
    thread.start()
    moment = threading.Event()
    while len(list(WORK.glob("holds-*"))) < 2:
        moment.wait(0.05)
    try:
        return check(context, plan(1), within=4.0)
    finally:
        flag.touch()
        thread.join()


main()
