"""The command line. Imports are lazy: what a command does not use, it does not load.

Exit codes, one table for every command: see EXIT. Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import errno
import gc
import sys
from typing import TYPE_CHECKING

import click

from reports import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.model import Report

EXIT = {"healthy": 0, "degraded": 1, "failing": 2, "undetermined": 3}
COULD_NOT_RUN = 3
INTERRUPTED = 130

# How many objects more before the garbage collector looks for cycles.
_ALLOCATIONS = 20_000

_EPILOG = """\b
Exit codes: 0 healthy, 1 degraded, 2 failing, 3 undetermined or could not run, 130 after Ctrl-C.
"""

# Those of reports/model.py, without the cost of loading it.
OWNERS = ("job author", "project administrator", "network", "DBA", "platform ticket")

_format = click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
_output = click.option("--output", metavar="FILE", help="Write to FILE, whole or not at all, instead of stdout.")
_redact = click.option("--redact", is_flag=True, help="Take host names and addresses out of what is printed.")
_hand_over = click.option(
    "--hand-over",
    metavar="OWNER",
    type=click.Choice(OWNERS, case_sensitive=False),
    help="Print the message for whoever must act (%s), ready to send." % ", ".join(OWNERS),
)
_MANY = click.IntRange(1, 1_000_000)
_folder = click.option(
    "--output", "folder", metavar="DIR", default="linkdoctor-bundle", show_default=True, help="Where to write it."
)
_wheels = click.option("--wheels", metavar="DIR", help="Where the kit's libraries are; else they are downloaded once.")


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="linkdoctor")
def cli() -> None:
    """Say why a data job cannot reach something, with proof, and what to change."""


@cli.command(epilog=_EPILOG)
@click.argument("what", metavar="PLAN|TARGET...", nargs=-1)
@_format
@_output
@_redact
@_hand_over
@click.option("--again", metavar="REPORT", help="Check only what was broken in REPORT; show before and after.")
@click.option("--from", "of_job", is_flag=True, help="The names are a failed job's own files; no plan is needed.")
@click.option("--state", metavar="DIR", help="Keep the run in DIR, and say what changed since the last one there.")
def check(
    what: tuple[str, ...],
    style: str,
    output: str | None,
    redact: bool,
    hand_over: str | None,
    again: str | None,
    of_job: bool,
    state: str | None,
) -> int:
    """Probe now, diagnose, print.

    A PLAN is a YAML or JSON file. A TARGET is HOST:PORT or SERVICE://HOST[:PORT][/PATH]. With --from the names are
    files of a failed job: settings (.sql, .conf, .properties, .json) and logs, plain or gzipped.

    \b
      linkdoctor check nightly-etl.yaml
      linkdoctor check emr-header-1:9083 https://www.aliyun.com/ mysql://rm-x.mysql.rds.aliyuncs.com
      linkdoctor check --from job.sql spark-defaults.conf job.log
      linkdoctor check nightly-etl.yaml --state /var/lib/linkdoctor
    """
    from agent.check import Check
    from agent.commands import Printer

    if not what and not again:
        raise click.UsageError("name a PLAN, or one TARGET or more, or --again REPORT, or --from FILES")
    if of_job and (again or not what):
        raise click.UsageError("--from takes a failed job's own files, and goes without --again")
    asked = Check(what=what, of_job=of_job, again=again, state=state)
    printer = Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    report, interrupted = asked.run(printer, progress=style == "text" and not hand_over)
    return INTERRUPTED if interrupted else EXIT[report.verdict]


@cli.command(epilog=_EPILOG)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@_format
@_output
@_redact
@_hand_over
def diagnose(reports: tuple[str, ...], style: str, output: str | None, redact: bool, hand_over: str | None) -> int:
    """Apply the rules again to saved reports, offline.

    \b
      linkdoctor check nightly-etl.yaml --format json --output before.json
      linkdoctor diagnose before.json
    """
    from agent import commands

    concluded = [commands.conclude_again(commands.read_report(name)) for name in reports]
    printer = commands.Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    again = commands.command_line("check", ("--again", reports[0]))
    printer.print(*concluded, command=commands.command_line("diagnose", reports), verify=again)
    return _worst(concluded)


@cli.command(epilog=_EPILOG)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@_format
@_output
@_redact
def compare(reports: tuple[str, ...], style: str, output: str | None, redact: bool) -> int:
    """Say what several vantage points prove together.

    Takes saved reports on the same targets: of the job, of a host in the VPC, of a laptop, of many instances. A file
    may hold several, as a JSON array or one a line; - is standard input.

    \b
      linkdoctor compare udf.json vpc-host.json laptop.json
      linkdoctor compare executors.jsonl --format json --output comparison.json
    """
    from agent import compare as comparing

    return EXIT[comparing.run(reports, style=style, output=output, redacted=redact)]


@cli.command(epilog=_EPILOG)
@click.argument("files", metavar="PLAN|FILES...", nargs=-1, required=True)
@_format
@_output
@_redact
@_hand_over
def lint(files: tuple[str, ...], style: str, output: str | None, redact: bool, hand_over: str | None) -> int:
    """Look at the settings only: no packet is sent.

    Takes a plan, or the job's own files (job.sql, spark-defaults.conf, settings.json).

    \b
      linkdoctor lint nightly-etl.yaml
      linkdoctor lint job.sql spark-defaults.conf
    """
    from agent import commands

    report = commands.lint(commands.plan_to_lint(files))
    printer = commands.Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    typed = commands.command_line("lint", files)
    printer.print(report, command=typed, verify=typed)
    return EXIT[report.verdict]


@cli.command(epilog=_EPILOG)
@click.argument("plan", metavar="PLAN")
@click.option(
    "--target", "targets", metavar="NAME", multiple=True, help="Only this target of the plan; may be repeated."
)
@click.option("--connections", metavar="N", type=_MANY, help="Hold at most N: fewer than the plan allows.")
@click.option("--rate", metavar="R", type=_MANY, help="Open at most R a second: fewer than the plan allows.")
@click.option("--tasks", metavar="N", type=_MANY, help="Compare with a job of N tasks; else the plan's `job`.")
@click.option("--connections-per-task", metavar="M", type=_MANY, help="Of which each holds M connections.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_format
@_output
@_redact
@_hand_over
def saturate(
    plan: str,
    targets: tuple[str, ...],
    connections: int | None,
    rate: int | None,
    tasks: int | None,
    connections_per_task: int | None,
    yes: bool,
    style: str,
    output: str | None,
    redact: bool,
    hand_over: str | None,
) -> int:
    """Measure how many connections the way out holds.

    Of targets for which the PLAN allows it (saturate: {connections: 200, rate: 50}), or of those that are named, with
    --connections. Their number rises step by step, half is given back at the first refusal, and all of it in the end.
    `linkdoctor check` does the same after everything else.

    \b
      linkdoctor saturate nightly-etl.yaml
      linkdoctor saturate nightly-etl.yaml --target orders --connections 200 --rate 50
      linkdoctor saturate nightly-etl.yaml --tasks 40 --connections-per-task 8
    """
    from agent.commands import Printer
    from agent.saturate import Saturation

    asked = Saturation(
        plan=plan,
        targets=targets,
        connections=connections,
        rate=rate,
        tasks=tasks,
        connections_per_task=connections_per_task,
    )
    printer = Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    verdict, interrupted = asked.run(printer, agreed=yes, progress=style == "text" and not hand_over)
    return INTERRUPTED if interrupted else EXIT[verdict]


@cli.command(epilog=_EPILOG)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@_format
@_output
@_redact
@click.option(
    "--plan",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write a plan of what was found to FILE (.yaml), or print it instead.",
)
@click.option("--check", "checks", is_flag=True, help="Check at once what was found.")
def explain(logs: tuple[str, ...], style: str, output: str | None, redact: bool, plan: str | None, checks: bool) -> int:
    """Say which endpoints a failed job's logs name, and their errors.

    LOG is a file, plain or gzipped, or - for standard input: of MaxCompute, Spark, Hadoop, JDBC, Python, curl.
    Nothing is sent and no name is looked up without --check.

    \b
      linkdoctor explain driver.log executor-1.log.gz
      linkdoctor explain driver.log --plan nightly-etl.yaml
      linkdoctor explain driver.log --check
    """
    from agent import commands
    from agent.logs.command import Explain

    asked = Explain(logs=logs, style=style, output=output, redacted=redact, plan=plan, checks=checks)
    report, interrupted = asked.run()
    if report is not None:
        printer = commands.Printer(style=style, output=output, redacted=redact)
        printer.print(report, command=commands.command_line("explain", (*logs, "--check")))
    return INTERRUPTED if interrupted else EXIT[report.verdict] if report is not None else 0


@cli.group()
def bundle() -> None:
    """Make what to upload so that the check runs inside the job."""


@bundle.command("udf")
@click.argument("plan", metavar="PLAN")
@_folder
@_wheels
@click.option("--instances", metavar="N", type=click.IntRange(1, 9999), default=1, help="In how many to check; 1.")
@click.option("--single", is_flag=True, help="One .py with everything inside, for who cannot upload archives.")
def bundle_udf(plan: str, folder: str, wheels: str | None, instances: int, single: bool) -> int:
    """For a SQL UDF: the resources, and the SQL that creates, runs and drops them.

    \b
      linkdoctor bundle udf nightly-etl.yaml --output nightly-etl
      linkdoctor bundle udf nightly-etl.yaml --single
    """
    from agent.bundle import command

    for path in command.udf(plan, folder, wheels=wheels, instances=instances, single=single):
        click.echo(path)
    return 0


@bundle.command("spark")
@click.argument("plan", metavar="PLAN")
@_folder
@_wheels
@click.option("--project", metavar="NAME", help="The project of MaxCompute where the resources will be.")
def bundle_spark(plan: str, folder: str, wheels: str | None, project: str | None) -> int:
    """For Spark, on MaxCompute or not: the program, the lines of its configuration, the command.

    \b
      linkdoctor bundle spark nightly-etl.yaml --output nightly-etl --project my_project
    """
    from agent.bundle import command

    for path in command.spark(plan, folder, wheels=wheels, project=project):
        click.echo(path)
    return 0


@cli.command(epilog=_EPILOG)
@click.argument("rows", metavar="ROWS...", nargs=-1, required=True)
@_format
@_output
@click.option("--output-dir", metavar="DIR", help="Write each report to DIR/RUN.json, whole or not at all.")
@_redact
@_hand_over
def ingest(
    rows: tuple[str, ...], style: str, output: str | None, output_dir: str | None, redact: bool, hand_over: str | None
) -> int:
    """Make reports of the rows that came back from a UDF or Spark.

    ROWS is a file, a folder, or - for standard input: CSV, tab-separated text, JSON, Parquet, saved reports, or the
    table that a console printed, gzipped or not. What cannot be read is counted and said, the rest is kept.

    \b
      linkdoctor ingest result.csv
      odpscmd -f linkdoctor.sql | linkdoctor ingest -
    """
    from agent.commands import command_line
    from agent.ingest.command import Ingest

    ingested = Ingest(
        names=rows,
        style=style,
        command=command_line("ingest", rows),
        output=output,
        output_dir=output_dir,
        redacted=redact,
        hand_over=hand_over,
    )
    return EXIT[ingested.run()]


@cli.command(epilog=_EPILOG)
@click.argument("plan", metavar="PLAN")
@click.option("--instances", metavar="N", type=click.IntRange(1, 9999), default=1, help="In how many to check; 1.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print every resource and statement; upload nothing.")
@click.option("--keep", is_flag=True, help="Leave what was created, to run the query again by hand.")
@_wheels
@_format
@_output
@_redact
@_hand_over
def submit(
    plan: str,
    instances: int,
    yes: bool,
    dry_run: bool,
    keep: bool,
    wheels: str | None,
    style: str,
    output: str | None,
    redact: bool,
    hand_over: str | None,
) -> int:
    """Run the check of a PLAN inside MaxCompute, and print it.

    Uploads linkdoctor's function under new names, runs one query, fetches its rows, and drops everything again, also
    after Ctrl-C. Where to, and as whom, is in the environment: ODPS_PROJECT_NAME, ODPS_ENDPOINT,
    ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (docs/submit.md has them all).

    \b
      linkdoctor submit nightly-etl.yaml --dry-run
      linkdoctor submit nightly-etl.yaml
    """
    from agent import commands
    from agent.submit import command

    declared = commands.plan_for([plan])
    bundle = command.prepare(declared, instances=instances, wheels=wheels)
    if dry_run:
        command.rehearse(bundle)
        return 0
    reports = command.run(bundle, declared, agreed=yes, keep=keep)
    printer = commands.Printer(style=style, output=output, redacted=redact, hand_over=hand_over, compared=True)
    typed = commands.command_line("submit", [plan])
    printer.print(*reports, command=typed, verify=typed)
    return _worst(reports)


@cli.command(epilog=_EPILOG)
@_format
@_output
def demo(style: str, output: str | None) -> int:
    """Check healthy and broken servers on loopback, without root.

    The demonstration has worked when it could say what is wrong with each: exit code 0.
    """
    from agent import commands, demo

    if style == "text":
        click.echo(demo.INTRODUCTION, err=True)
    report, interrupted = demo.run(progress=style == "text")
    commands.Printer(style=style, output=output).print(report, command="linkdoctor check PLAN")
    if interrupted:
        return INTERRUPTED
    surprises = demo.surprises(report)
    for surprise in surprises:
        click.echo(surprise, err=True)
    if style == "text" and not surprises:
        click.echo(demo.CONCLUSION, err=True)
    return COULD_NOT_RUN if surprises else 0


def _worst(reports: Sequence[Report]) -> int:
    from reports.model import worst

    return EXIT[worst(tuple(report.verdict for report in reports))]


def main(arguments: Sequence[str] | None = None) -> None:
    """The program: every error becomes a message and an exit code."""
    # What a run makes, it keeps to its end: looking for garbage in it finds none, often and at length.
    gc.set_threshold(_ALLOCATIONS)
    try:
        code = cli.main(arguments, prog_name="linkdoctor", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as wrong:
        wrong.show()
        code = COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has gone; the interpreter must not try to flush it.
        sys.stdout = None
        code = COULD_NOT_RUN
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        click.echo("Error: no file descriptors are left to run with: raise the limit (ulimit -n)", err=True)
        code = COULD_NOT_RUN
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
