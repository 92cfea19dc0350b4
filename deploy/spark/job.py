"""A Spark job that says why it cannot reach something, from inside its own session.

    spark-submit --py-files linkdoctor_kit.zip --files linkdoctor_plan.json job.py

The kit and the plan are those of `linkdoctor bundle spark plan.yaml`, beside this file.
"""

import socket
import sys
from pathlib import Path

from pyspark.sql import SparkSession

HERE = Path(__file__).resolve().parent


def work(spark: SparkSession) -> None:
    """What the job is for: here, one connection from each task."""

    def load(_: int) -> None:
        socket.create_connection(("emr-header-1.emr.internal", 9083), timeout=5).close()

    spark.sparkContext.parallelize(range(2), 2).foreach(load)


def diagnose(spark: SparkSession) -> None:
    """Why it failed: the answer to the log, the whole result to a file."""
    sys.path.insert(0, str(HERE / "linkdoctor_kit.zip" / "linkdoctor_kit"))
    from agent.spark import check

    result = check(spark, (HERE / "linkdoctor_plan.json").read_text())
    result.write("why.json")
    print(*result.summary(), sep="\n", file=sys.stderr)


def main() -> None:
    """The job."""
    spark = SparkSession.builder.appName("nightly-features").getOrCreate()
    try:
        work(spark)
    except Exception:
        diagnose(spark)
        raise
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
