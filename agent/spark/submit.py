"""The command line of the file that ``spark-submit`` runs: what `linkdoctor bundle spark` writes calls ``main``."""

import argparse
import sys
from pathlib import Path
from typing import Any, List, Optional

from agent.spark.check import EACH, SPREAD, check
from agent.spark.result import Result, rows
from reports.document import DocumentError
from reports.model import Report
from reports.rows import label

_COULD_NOT_RUN = 3


def main(arguments: Optional[List[str]] = None, plan: str = "linkdoctor_plan.json") -> int:
    """Check, and write what was found; the exit code. ``plan`` is the file where none is named.

    What is said beside the result goes to stderr, and only where the result goes to a file: spark-submit joins both.
    0 as soon as there is an answer, whatever it says: Spark would run a driver again that ends with anything else.
    """
    options = _parser(plan).parse_args(arguments)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - there is no pyspark outside Spark

    try:
        text = Path(options.plan).read_bytes()
        spark = SparkSession.builder.appName("linkdoctor").getOrCreate()
        try:
            result = check(spark, text, options.mode, options.within, heard=_say if options.output else None)
            if options.output:
                result.write(options.output)
                _tell(*result.summary())
            else:
                sys.stdout.write(result.text())
            if options.rows:
                _write_rows(spark, result, options.rows, options.rows_format)
        finally:
            spark.stop()
    except (OSError, DocumentError) as error:
        _tell("linkdoctor: %s" % error)
        return _COULD_NOT_RUN
    return 0


def _parser(plan: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linkdoctor_spark.py", description="Why this job cannot reach something.")
    parser.add_argument("--plan", default=plan, help="the plan as canonical JSON (default: %(default)s)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--each", dest="mode", action="store_const", const=EACH, help="every executor measures every target"
    )
    modes.add_argument(
        "--spread", dest="mode", action="store_const", const=SPREAD, help="each target is measured once, by one of them"
    )
    parser.add_argument("--within", type=float, default=900.0, metavar="SECONDS", help="for everything (%(default)s)")
    parser.add_argument("--output", metavar="FILE", help="a file of the driver's, instead of standard output")
    parser.add_argument("--rows", metavar="PATH", help="a folder for the reports as rows, written by Spark")
    parser.add_argument("--rows-format", choices=("parquet", "json"), default="parquet", help="(%(default)s)")
    return parser


def _say(report: Report) -> None:
    broken = sum(target.verdict != "healthy" for target in report.targets)
    place = report.vantage.labels.get("executor")
    where = "executor %s" % place if place else "driver"
    _tell(
        "%s: %s, %d of %d targets not healthy (%s)"
        % (where, report.verdict, broken, len(report.targets), label(report))
    )


def _write_rows(spark: Any, result: Result, path: str, form: str) -> None:
    """Spark writes them, with its executors: where none has come, it would wait for ever."""
    if not result.executors and not spark.sparkContext.master.startswith("local"):
        _tell("note: no rows are written: there is no executor to do it")
        return
    rows(spark, result).coalesce(1).write.format(form).save(path)


def _tell(*lines: str) -> None:
    sys.stderr.writelines(line + "\n" for line in lines)
    sys.stderr.flush()
