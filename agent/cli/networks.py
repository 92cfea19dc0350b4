"""Commands that ask a network itself, or the cloud that it is in: saturate, sweep, discover."""

from __future__ import annotations

import click

from agent.cli import options


@click.command(epilog=options.EPILOG)
@click.argument("plan", metavar="PLAN")
@click.option(
    "--target", "targets", metavar="NAME", multiple=True, help="Only this target of the plan; may be repeated."
)
@click.option("--connections", metavar="N", type=options.MANY, help="Hold at most N: fewer than the plan allows.")
@click.option("--rate", metavar="R", type=options.MANY, help="Open at most R a second: fewer than the plan allows.")
@click.option("--tasks", metavar="N", type=options.MANY, help="Compare with a job of N tasks; else the plan's `job`.")
@click.option("--connections-per-task", metavar="M", type=options.MANY, help="Of which each holds M connections.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.style
@options.output
@options.redact
@options.hand_over
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
    return options.INTERRUPTED if interrupted else options.EXIT[verdict]


@click.command(epilog=options.EPILOG)
@click.option("--region", metavar="R", help="The region's id; else ALIBABA_CLOUD_REGION_ID of the environment.")
@click.option("--vpc", "vpcs", metavar="ID", multiple=True, help="Only this VPC; may be repeated, like the next two.")
@click.option("--vswitch", "vswitches", metavar="ID", multiple=True, help="Only this vSwitch in the plan.")
@click.option("--security-group", "groups", metavar="ID", multiple=True, help="Also a group that nothing is in yet.")
@click.option(
    "--endpoint",
    "endpoints",
    metavar="SERVICE=HOST",
    multiple=True,
    help="Where a service (ecs, vpc) is asked; in a VPC without Internet ecs=ecs-vpc.cn-hangzhou.aliyuncs.com.",
)
@click.option("--output", metavar="PLAN.yaml", required=True, help="The plan; PLAN.inventory.json stands beside it.")
def discover(
    region: str | None,
    vpcs: tuple[str, ...],
    vswitches: tuple[str, ...],
    groups: tuple[str, ...],
    endpoints: tuple[str, ...],
    output: str,
) -> int:
    """Write a plan from the cloud's own inventory.

    Reads vSwitches, network interfaces, security groups, routes and network ACLs by calls that change nothing, with
    the usual credentials (environment, profile, RAM role). Overwrites nothing. docs/discover.md says which permissions
    that takes.

    \b
      linkdoctor discover --region cn-hangzhou --vpc vpc-bp1 --output nightly-etl.yaml
      linkdoctor discover --region cn-hangzhou --vswitch vsw-bp1a --security-group sg-bp1 --output nightly-etl.yaml
    """
    from agent.cloud.discover import Discover

    asked = Discover(region=region, vpcs=vpcs, vswitches=vswitches, groups=groups, endpoints=endpoints, output=output)
    asked.run()
    return 0


@click.command(epilog=options.EPILOG)
@click.argument("what", metavar="CIDR|ADDRESS|PLAN...", nargs=-1)
@click.option("--ports", metavar="PORTS", help="8020,9083 or 8020-8025; else those that a PLAN names for its networks.")
@click.option("--echo/--no-echo", default=None, help="Ask for an ICMP echo; by default where no port is asked.")
@click.option(
    "--method",
    type=click.Choice(["auto", "connect", "syn", "icmp", "arp"]),
    default="auto",
    show_default=True,
    help="How; auto: the best that is allowed here.",
)
@click.option(
    "--rate",
    metavar="N",
    type=click.IntRange(0, 10_000_000),
    default=1000,
    show_default=True,
    help="Packets in any second, at most; 0: no limit.",
)
@click.option(
    "--timeout",
    metavar="S",
    type=options.SECONDS,
    default=1.0,
    show_default=True,
    help="Seconds for which an answer is waited for.",
)
@click.option(
    "--tries",
    metavar="N",
    type=click.IntRange(1, 10),
    default=2,
    show_default=True,
    help="How often what is silent is asked.",
)
@click.option("--i-own-this", "owned", is_flag=True, help="Also public addresses, and more than a /20.")
@click.option("--metadata", is_flag=True, help="Also this ECS instance's own vSwitches, as its metadata name them.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "jsonl"]),
    default="text",
    show_default=True,
    help="What to print; jsonl: a line for each answer, as it comes.",
)
@click.option("--output", metavar="FILE", help="Write to FILE, whole or not at all (but jsonl), instead of stdout.")
@options.redact
@options.hand_over
def sweep(
    what: tuple[str, ...],
    ports: str | None,
    echo: bool | None,
    method: str,
    rate: int,
    timeout: float,
    tries: int,
    owned: bool,
    metadata: bool,
    style: str,
    output: str | None,
    redact: bool,
    hand_over: str | None,
) -> int:
    """Say which addresses of a network answer, and by which sign.

    Of IPv4 networks of up to a /20 in all, private ones, and of addresses; of a PLAN the networks, at their ports. It
    is a polite tool by default: see --rate and --i-own-this.

    \b
      linkdoctor sweep 10.10.1.0/24 --ports 9083,8020
      linkdoctor sweep nightly-etl.yaml
      linkdoctor sweep 10.10.1.0/24 10.10.2.0/24 --format jsonl --output answers.jsonl
    """
    if hand_over and style == "jsonl":
        raise click.UsageError("--hand-over prints a message, and --format jsonl lines: leave out one of the two")
    from agent.sweep.asked import Asked
    from agent.sweep.command import Command

    asked = Asked(
        what=what,
        ports=ports,
        echo=echo,
        method=method,
        rate=rate,
        timeout=timeout,
        tries=tries,
        owned=owned,
        metadata=metadata,
    )
    command = Command(asked=asked, style=style, output=output, redacted=redact, hand_over=hand_over)
    verdict, ended = command.run()
    return ended or options.EXIT[verdict]
