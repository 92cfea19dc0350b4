"""Commands that say why: check, diagnose, compare, lint, explain, demo."""

from __future__ import annotations

import click

from agent.cli import options


@click.command(epilog=options.EPILOG)
@click.argument("what", metavar="PLAN|TARGET...", nargs=-1)
@options.style
@options.output
@options.redact
@options.hand_over
@click.option("--again", metavar="REPORT", help="Check only what was broken in REPORT; show before and after.")
@click.option("--from", "of_job", is_flag=True, help="The names are a failed job's own files; no plan is needed.")
@click.option("--state", metavar="DIR", help="Keep the run in DIR, and say what changed since the last one there.")
@click.option(
    "--push",
    metavar="URL",
    envvar="LINKDOCTOR_PUSH",
    show_envvar=True,
    help="Push the run's metrics to the Prometheus Pushgateway there.",
)
@click.option("--textfile", metavar="FILE.prom", help="Write the run's metrics for node_exporter's textfile collector.")
def check(
    what: tuple[str, ...],
    style: str,
    output: str | None,
    redact: bool,
    hand_over: str | None,
    again: str | None,
    of_job: bool,
    state: str | None,
    push: str | None,
    textfile: str | None,
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
    asked = Check(what=what, of_job=of_job, again=again, state=state, push=push, textfile=textfile)
    printer = Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    report, interrupted = asked.run(printer, progress=style == "text" and not hand_over)
    return options.INTERRUPTED if interrupted else options.EXIT[report.verdict]


@click.command(epilog=options.EPILOG)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@options.style
@options.output
@options.redact
@options.hand_over
def diagnose(reports: tuple[str, ...], style: str, output: str | None, redact: bool, hand_over: str | None) -> int:
    """Apply the rules again to saved reports, offline.

    \b
      linkdoctor check nightly-etl.yaml --format json --output before.json
      linkdoctor diagnose before.json
    """
    from agent import commands

    concluded = [commands.read_again(name) for name in reports]
    printer = commands.Printer(style=style, output=output, redacted=redact, hand_over=hand_over)
    again = commands.command_line("check", ("--again", reports[0]))
    printer.print(*concluded, command=commands.command_line("diagnose", reports), verify=again)
    return options.worst(concluded)


@click.command(epilog=options.EPILOG)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@options.style_of_comparison
@options.output
@options.redact
def compare(reports: tuple[str, ...], style: str, output: str | None, redact: bool) -> int:
    """Say what several vantage points prove together.

    Takes saved reports on the same targets: of the job, of a host in the VPC, of a laptop, of many instances. A file
    may hold several, as a JSON array or one a line; - is standard input.

    \b
      linkdoctor compare udf.json vpc-host.json laptop.json
      linkdoctor compare executors.jsonl --format json --output comparison.json
    """
    from agent import compare as comparing

    return options.EXIT[comparing.run(reports, style=style, output=output, redacted=redact)]


@click.command(epilog=options.EPILOG)
@click.argument("files", metavar="PLAN|FILES...", nargs=-1, required=True)
@options.style
@options.output
@options.redact
@options.hand_over
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
    return options.EXIT[report.verdict]


@click.command(epilog=options.EPILOG)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@options.style_of_log
@options.output
@options.redact
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
    return options.INTERRUPTED if interrupted else options.EXIT[report.verdict] if report is not None else 0


@click.command(epilog=options.EPILOG)
@options.style
@options.output
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
        return options.INTERRUPTED
    surprises = demo.surprises(report)
    for surprise in surprises:
        click.echo(surprise, err=True)
    if style == "text" and not surprises:
        click.echo(demo.CONCLUSION, err=True)
    return options.COULD_NOT_RUN if surprises else 0
