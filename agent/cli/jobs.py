"""Commands around a job that runs elsewhere: bundle, ingest, submit."""

from __future__ import annotations

import click

from agent.cli import options


@click.group()
def bundle() -> None:
    """Make what to upload so that the check runs inside the job."""


@bundle.command("udf")
@click.argument("plan", metavar="PLAN")
@options.folder
@options.wheels
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
@options.folder
@options.wheels
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


@click.command(epilog=options.EPILOG)
@click.argument("rows", metavar="ROWS...", nargs=-1, required=True)
@options.style
@options.output
@click.option("--output-dir", metavar="DIR", help="Write each report to DIR/RUN.json, whole or not at all.")
@options.redact
@options.hand_over
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
    return options.EXIT[ingested.run()]


@click.command(epilog=options.EPILOG)
@click.argument("plan", metavar="PLAN")
@click.option("--instances", metavar="N", type=click.IntRange(1, 9999), default=1, help="In how many to check; 1.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print every resource and statement; upload nothing.")
@click.option("--keep", is_flag=True, help="Leave what was created, to run the query again by hand.")
@options.wheels
@options.style
@options.output
@options.redact
@options.hand_over
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
    return options.worst(reports)
