"""From what a log names, and a job's own files declare, to what may be checked.

A log is not trusted: what it names becomes a target only where that can be a host of the job's, and is not the
platform's own (metadata, name servers) nor the job's own machine.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from attrs import evolve, frozen

from agent import plan as plans
from agent.logs.endpoints import Endpoint, Ledger, said
from agent.logs.events import endpoints
from agent.logs.patterns import MENTIONS
from agent.plan.files import read_text
from agent.plan.problems import Wrong
from agent.plan.targets import parse_target
from reports.addresses import parse_address
from reports.maxcompute.endpoints import is_platform_address, service_of_host
from reports.maxcompute.settings import ACCESS_LIST, SPARK_LIST, read
from reports.model import Plan, Target, join_port
from reports.services import SERVICES

# Targets that are taken; of more it is said how many there are.
MOST_TARGETS = 200
_LARGEST_FILE = 1 << 20

_COMMENTS = {".sql": r"--[^\n]*|/\*.*?(?:\*/|\Z)", ".conf": r"^\s*[#!][^\n]*", ".properties": r"^\s*[#!][^\n]*"}


@frozen
class Choice:
    """What is to be checked, as a plan's text for each, and what not: the endpoint and the reason."""

    targets: dict[str, Endpoint]
    left_out: list[tuple[Endpoint, str]]


def choose(ledger: Ledger) -> Choice:
    """The targets of what a log names, those to which the most happened first."""
    targets: dict[str, Endpoint] = {}
    left_out: list[tuple[Endpoint, str]] = []
    with_port = {each.host for each in ledger.endpoints.values() if each.port is not None}
    for each in ledger.sorted():
        reason = _unfit(each.host)
        address = "" if reason else _address(each)
        if not address and not reason:
            if each.host in with_port:
                continue  # it is checked at its port
            reason = "the log names no port"
        if not reason and len(targets) >= MOST_TARGETS:
            reason = f"more than {MOST_TARGETS} targets"
        if reason:
            left_out.append((each, reason))
        else:
            targets[address] = each
    return Choice(targets, left_out)


def plan_of(choice: Choice, ledger: Ledger, name: str) -> Plan | None:
    """The plan that checks the chosen; None where there is nothing to check."""
    if not choice.targets:
        return None
    keys = {"runtime": ledger.runtime} if ledger.runtime else {}
    return plans.from_targets(choice.targets, name=name, **keys)


def plan_text(choice: Choice, ledger: Ledger, name: str) -> str:
    """The same as YAML: agent.plan.load reads it. JSON's strings are YAML's too."""
    lines = [f"name: {json.dumps(name)}"]
    if ledger.runtime:
        lines.append(f"runtime: {ledger.runtime}")
    lines.append("targets:")
    lines += [f"  - {json.dumps(address)}  # {_told(each)}" for address, each in choice.targets.items()]
    lines += [f"  # left out, {reason}: {each.shown} ({_told(each)})" for each, reason in choice.left_out]
    return "\n".join(lines) + "\n"


def name_of(names: Iterable[str]) -> str:
    """A plan's name after the first file's."""
    first = next(iter(names), "-")
    stem = re.sub(r"[^\w.-]+", "-", Path(first).name.partition(".")[0], flags=re.ASCII).strip("-.")
    return stem[:60] or "log"


def plan_of_files(files: list[str], ledger: Ledger, name: str) -> tuple[Plan, list[tuple[Endpoint, str]]]:
    """The plan of a failed job: settings of its own files, and as targets what these and its logs name.

    Also what of the logs is left out, and why. Raises PlanError for a file that cannot be read, and ClickException
    where there is nothing to check.
    """
    declared = plans.from_targets([], name=name, settings_from=files)
    choice = choose(ledger)
    targets = {target.address: target for target in _declared(declared)}
    for target in _mentioned(files):
        targets.setdefault(target.address, target)
    named = plan_of(choice, ledger, name)
    for target in named.targets if named else ():
        before = targets.get(target.address)
        # The log may say what is spoken there; the settings say by which way.
        targets[target.address] = target if before is None else evolve(before, service=target.service)
    if not targets:
        raise click.ClickException("neither the files nor the logs name anything to check: name a PLAN or a TARGET")
    left_out = list(choice.left_out)
    runtime = declared.runtime or (ledger.runtime if not declared.settings else None)
    kept = list(targets.values())[:MOST_TARGETS]
    left_out += [
        (Endpoint(target.host, target.port), f"more than {MOST_TARGETS} targets")
        for target in list(targets.values())[MOST_TARGETS:]
    ]
    return evolve(declared, targets=tuple(kept), runtime=runtime), left_out


def _declared(plan: Plan) -> Iterator[Target]:
    """What the settings themselves say that the job wants to reach."""
    declared = read(plan.settings, plan.region)
    for key in (ACCESS_LIST, SPARK_LIST):
        for host, port in declared.lists[key].entries if key in declared.lists else ():
            yield from _target(host, port, via="internet")
    for host, port in declared.domains.vpcs:
        yield from _target(host, port, via="vpc")


def _mentioned(files: Iterable[str]) -> Iterator[Target]:
    """The endpoints in URLs of the files' text (JDBC, thrift, ...), but not in comments."""
    for name in files:
        try:
            text = read_text(Path(name), _LARGEST_FILE)
        except Wrong:
            continue  # said where the settings are read
        comment = _COMMENTS.get(Path(name).suffix.lower())
        if comment:
            text = re.sub(comment, "", text, flags=re.DOTALL | re.MULTILINE)
        for found in endpoints(text, MENTIONS):
            ports = SERVICES[found.service].ports
            yield from _target(found.host, found.port or ports[0], service=found.service)


def _target(host: str, port: int, service: str = "", via: str = "auto") -> Iterator[Target]:
    if _unfit(host):
        return
    try:
        address = parse_target(_written(host, port, service))
    except Wrong:
        return
    yield Target(
        name=join_port(address.host, address.port),
        host=address.host,
        port=address.port,
        service=address.service,
        via=via,
    )


def _unfit(host: str) -> str:
    """Why a host is never made a target; empty where it may be."""
    address = parse_address(host)
    if host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback):
        return "that is the job's own machine"
    if address is None:
        return ""
    if is_platform_address(host):
        return "an address of the platform's own"
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return "not the address of a host of the job's"
    return ""


def _address(endpoint: Endpoint) -> str:
    """As a plan has it; empty where there is no port, nor a usual one."""
    ports = SERVICES[endpoint.service].ports if endpoint.service in SERVICES else ()
    port = endpoint.port or (ports[0] if ports else None)
    if port is None:
        return ""
    try:
        written = _written(endpoint.host, port, endpoint.service)
        parse_target(written)
    except Wrong:
        return ""
    return written


def _written(host: str, port: int, service: str) -> str:
    """With the service where the port and the host do not tell it."""
    plain = join_port(host, port)
    if not service or service_of_host(host) or parse_target(plain).service == service:
        return plain
    return f"{service}://{plain}"


def _told(endpoint: Endpoint) -> str:
    errors = [f"{said(kind)} {tally.count} x" for kind, tally in endpoint.errors.items()]
    return ", ".join(errors)
