"""The command line of the file that ``spark-submit`` runs: what `linkdoctor bundle spark` writes calls ``main``."""

import argparse
import contextlib
import math
import sys
from pathlib import Path
from typing import Any, List, NoReturn, Optional

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


class _Parser(argparse.ArgumentParser):
    """Of argparse, whose own exit code for what it cannot take would say that something is broken."""

    def error(self, message: str) -> NoReturn:
        """See argparse."""
        self.exit(_COULD_NOT_RUN, "%s%s: error: %s\n" % (self.format_usage(), self.prog, message))


def _seconds(text: str) -> float:
    """A number of seconds. Raises ArgumentTypeError for what is none: NaN, zero, less, and what has no end."""
    with contextlib.suppress(ValueError):
        seconds = float(text)
        if 0 < seconds < math.inf:
            return seconds
    raise argparse.ArgumentTypeError("%r is no number of seconds above 0, such as 900" % text)


def _parser(plan: str) -> argparse.ArgumentParser:
    parser = _Parser(prog="linkdoctor_spark.py", description="Why this job cannot reach something.")
    parser.add_argument("--plan", default=plan, help="the plan as canonical JSON (default: %(default)s)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--each", dest="mode", action="store_const", const=EACH, help="every executor measures every target"
    )
    modes.add_argument(
        "--spread", dest="mode", action="store_const", const=SPREAD, help="each target is measured once, by one of them"
    )
    parser.add_argument(
        "--within", type=_seconds, default=900.0, metavar="SECONDS", help="for everything (%(default)s)"
    )
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
