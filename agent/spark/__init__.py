"""Inside a Spark job: the driver checks, every executor checks, and one result comes out of it.

    spark-submit linkdoctor_spark.py --plan plan.json --output result.json

or, in a session that exists already:

    from agent.spark import check, rows
    result = check(spark, open("plan.json").read())
    print(result.text())

It travels in the carry-in kit: CPython 3.7. pyspark is what the session has; a driver needs nothing else.
"""

from agent.spark.check import check
from agent.spark.result import Result, rows

__all__ = ["Result", "check", "rows"]
