"""What ``linkdoctor discover`` does, between the command line and the cloud's API."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap

import click
from attrs import frozen

from agent.cloud import inventory
from agent.cloud.actions import ECS, VPC
from agent.cloud.calls import Cloud
from agent.cloud.inventory import NAMES, Found, Scope
from agent.cloud.trouble import CloudError
from agent.cloud.written import overlapping, plan_text
from agent.commands import command_line
from agent.files import write_new
from agent.plan.hosts import host_of, split_port
from agent.plan.problems import Wrong
from reports import words
from reports.maxcompute.regions import looks_like_region
from reports.model import join_port
from reports.vpc import document
from reports.vpc.model import Inventory

_ENDINGS = (".yaml", ".yml")
_REGION = "ALIBABA_CLOUD_REGION_ID"
# What a package of the SDKs begins with.
_SDKS = ("alibabacloud", "darabonba", "Tea")
_WIDTH = 96
# What tells a network link.
_OF_LINKS = ("enis", "groups")
_KINDS = {"vpc": "--vpc", "vsw": "--vswitch", "sg": "--security-group"}


@frozen(kw_only=True)
class Discover:
    """What is to be looked for (see Scope), and the plan's file.

    ``region``: None for that of the environment. ``endpoints``: SERVICE=HOST[:PORT], where a service is asked.
    """

    region: str | None
    vpcs: tuple[str, ...]
    vswitches: tuple[str, ...]
    groups: tuple[str, ...]
    endpoints: tuple[str, ...]
    output: str

    def run(self) -> None:
        """Look, write, and say what was found. Raises ClickException; nothing is written then."""
        region, endpoints, scope = self._region(), _endpoints(self.endpoints), self._scope()
        plan, beside = self._files()
        try:
            found = _found(region, endpoints, scope)
            self._check(found)
            write_new({beside: document.dumps(found.inventory), plan: plan_text(found, beside.name)})
        except CloudError as error:
            raise click.ClickException(str(error)) from None
        except FileExistsError as error:
            raise _taken(str(error.filename)) from None
        except OSError as error:
            raise click.ClickException(f"{self.output}: cannot be written: {error.strerror}") from None
        click.echo("\n".join(told(found, plan, beside)))

    def _region(self) -> str:
        region = self.region or os.environ.get(_REGION)
        if not region:
            raise click.UsageError(f"name the region: --region cn-hangzhou, or {_REGION} in the environment")
        if not looks_like_region(region):
            raise click.UsageError(f"{region!r} is no region id; allowed: such as cn-hangzhou")
        return region

    def _scope(self) -> Scope:
        for prefix, ids in (("vpc", self.vpcs), ("vsw", self.vswitches), ("sg", self.groups)):
            for id_ in ids:
                if not re.fullmatch(rf"{prefix}-[A-Za-z0-9-]{{1,60}}", id_):
                    raise click.UsageError(f"{_KINDS[prefix]} {id_!r}: no such id; allowed: {prefix}-...")
        return Scope(vpcs=self.vpcs, vswitches=self.vswitches, groups=self.groups)

    def _files(self) -> tuple[Path, Path]:
        """The plan's file and the inventory's beside it: neither exists, and their folder does."""
        plan = Path(self.output)
        if plan.suffix not in _ENDINGS or not plan.name.isprintable():
            raise click.UsageError(f"--output {words.visible(self.output)}: a plan's file ends in .yaml")
        beside = plan.with_name(f"{plan.stem}.inventory.json")
        for path in (plan, beside):
            if path.exists() or path.is_symlink():
                raise _taken(str(path))
        if not os.access(plan.parent, os.W_OK | os.X_OK):
            raise click.ClickException(f"{plan.parent}: no folder to write to")
        return plan, beside

    def _check(self, found: Found) -> None:
        """Whether there is anything to write, and one plan can hold it."""
        if not found.vswitches:
            why = [f"  {gap.why}" for gap in found.gaps] or [f"  there is none in {found.inventory.region}"]
            raise CloudError("\n".join(["no vSwitch was found, and nothing was written:", *why]))
        twice = overlapping(found.vswitches)
        if twice is not None:
            one, other = (f"{vswitch.id} ({vswitch.cidr}) of {vswitch.vpc}" for vswitch in twice)
            region = found.inventory.region
            hint = command_line("discover", ["--region", region, "--vpc", twice[0].vpc, "--output", self.output])
            raise CloudError(
                f"{one} and {other} have addresses in common: a plan speaks of one of these VPCs\n  What to do: {hint}"
            )


def told(found: Found, plan: Path, beside: Path) -> Iterator[str]:
    """What was found, what could not be read, and what was written."""
    yield f"Found in {found.inventory.region}"
    unbroken = ", ".join(count.replace(" ", "\xa0") for count in _counts(found.inventory))
    yield from (f"  {line}".replace("\xa0", " ") for line in wrap(unbroken, _WIDTH))
    addresses = [eni.addresses[0] for eni in found.link_enis if eni.addresses]
    if addresses:
        yield f"  Network links of MaxCompute: {words.listed(addresses, 6)}"
    elif any(gap.part in _OF_LINKS for gap in found.gaps):
        yield "  Network links of MaxCompute: not known, as not all interfaces and security groups could be read"
    else:
        yield "  Network links of MaxCompute: no interface in a group that is called MaxCompute-vpc-..."
    if found.gaps:
        yield "Not read, and so not judged (docs/discover.md has the policy that grants all of it)"
        yield from (f"  {NAMES[gap.part][1]}: {words.visible(gap.why)}" for gap in found.gaps)
    yield "Written"
    yield f"  {words.visible(str(plan))}: {_networks(found)}; its targets are for you to add"
    yield f"  {words.visible(str(beside))}"
    yield f"Then: {words.visible(command_line('check', [str(plan)]))}"


def _networks(found: Found) -> str:
    number = words.count(len(found.vswitches), "network")
    if found.chosen:
        return f"{number}, {'as named' if found.named else 'of network links'}"
    return number if len(found.vswitches) == 1 else f"{number}, of which only the job's own should stay"


def _counts(found: Inventory) -> Iterator[str]:
    for part, (one, several) in NAMES.items():
        number = len(getattr(found, part))
        if number:
            yield f"{number:,} {one if number == 1 else several}"
    yield words.count(sum(len(group.rules) for group in found.groups), "rule") + " of security groups"


def _found(region: str, endpoints: Mapping[str, str], scope: Scope) -> Found:
    try:
        from agent.cloud.account import connect  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith(_SDKS):
            raise
        raise CloudError("discover needs the cloud's SDKs: pip install 'linkdoctor[aliyun]'") from None
    with _progress() as tell:
        tell("credentials")
        cloud = Cloud(region, connect(region, endpoints))
        return inventory.read(cloud, scope, tell)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being read, live on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - start-up
    from rich.text import Text  # noqa: PLC0415 - start-up

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(Text(f"reading {text}"))


def _endpoints(texts: tuple[str, ...]) -> dict[str, str]:
    """Where a service is asked in place of its public endpoint: HOST[:PORT], by service."""
    endpoints = {}
    for text in texts:
        service, _, place = text.partition("=")
        allowed = "allowed: ecs=HOST[:PORT], vpc=HOST[:PORT]"
        if service not in (ECS, VPC):
            raise click.UsageError(f"--endpoint {text!r}: names no service; {allowed}")
        try:
            host, port = split_port(place)
            endpoints[service] = host_of(host) if port is None else join_port(host_of(host), port)
        except Wrong as wrong:
            raise click.UsageError(f"--endpoint {text!r}: {wrong.message}; {allowed}") from None
    return endpoints


def _taken(name: str) -> click.ClickException:
    return click.ClickException(
        f"{words.visible(name)} exists, and stays as it is: name another file with --output, or move it away"
    )
