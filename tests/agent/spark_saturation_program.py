"""Executors of a real Spark session hold connections together; what came of it, as JSON.

spark_saturation_program.py LIMITED OPEN WORK: ports of this machine, one that has room for so many connections and one
that takes all; WORK is a folder.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from attrs import evolve
from pyspark.sql import SparkSession

from agent.spark import check
from reports.model import Limits, Plan, Saturate, Target

LIMITED, OPEN = int(sys.argv[1]), int(sys.argv[2])
WORK = Path(sys.argv[3])

CONFIGURATION = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "512m",
    "spark.executor.instances": "3",
}


def plan(port, saturate):
    """One target on this machine."""
    target = Target(name="target", host="127.0.0.1", port=port, service="http", saturate=saturate)
    return Plan(name="session", targets=(target,), limits=Limits(per_target=4))


def told(result):
    """What a test looks at."""
    return {
        "notes": list(result.notes),
        "reports": [
            {
                "role": report.vantage.labels["role"],
                "verdict": report.verdict,
                "seen": [{"step": one.step, **one.facts} for one in report.observations if one.probe == "saturation"],
                "broken": [one.cause for one in report.findings],
            }
            for report in result.reports
        ],
    }


def main():
    """One check after the other."""
    builder = SparkSession.builder.master("local-cluster[3,1,600]")
    for key, value in CONFIGURATION.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    context = spark.sparkContext
    found = {}
    limited = plan(LIMITED, Saturate(connections=60, rate=60))
    found["each"] = told(check(spark, limited))
    found["spread"] = told(check(spark, limited, mode="spread"))
    unlimited = plan(OPEN, Saturate(connections=20, rate=20))
    with busy(context, 1):
        found["fewer"] = told(check(spark, unlimited, within=40.0))
    with killing(context):
        found["lost"] = told(check(spark, evolve(unlimited, targets=plan(OPEN, Saturate(connections=900)).targets)))
    spark.stop()
    print(json.dumps(found))


@contextlib.contextmanager
def busy(context, count):
    """The job itself holds so many places meanwhile."""
    flag = WORK / "enough"

    def hold(number):
        import time  # noqa: PLC0415 - it travels

        (WORK / f"holds-{number}").touch()
        while not flag.exists():
            time.sleep(0.05)

    thread = threading.Thread(target=lambda: context.parallelize(range(count), count).foreach(hold))
    thread.start()
    moment = threading.Event()
    while len(list(WORK.glob("holds-*"))) < count:
        moment.wait(0.05)
    try:
        yield
    finally:
        flag.touch()
        thread.join()


@contextlib.contextmanager
def killing(context):
    """One executor is killed at once when all of them hold something: the test says when."""
    ids = context.parallelize(range(3), 3).mapPartitions(lambda _: [os.getppid()]).collect()
    over = threading.Event()

    def kill():
        while not (WORK / "kill").exists():
            if over.wait(0.05):
                return
        # The Python worker's parent is the daemon of it, and that one's is the executor.
        executor = int(Path(f"/proc/{ids[0]}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(executor, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


main()
