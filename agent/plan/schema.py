"""Every key of a plan: what it may hold and what it means. The loader and the JSON Schema both come from this table.

``python -m agent.plan.schema`` prints the JSON Schema; it is published as agent/plan/plan.schema.json.
"""

from operator import attrgetter
from pathlib import Path
from typing import Any

from attrs import evolve

from agent.plan.hosts import address_or_network, ip_of, name_server_of, network_of
from agent.plan.kinds import TEXT_LINE, Count, Flag, JsonSchema, Key, ListOf, Table, Word, duration, into, one_of
from agent.plan.nouns import (
    AUTO,
    AuthorityFile,
    InventoryFile,
    JobFileName,
    Networks,
    Settings,
    Targets,
    build_network,
    build_target,
)
from agent.plan.positions import Keys
from agent.plan.problems import Source, Wrong, quoted
from agent.plan.secrets import without_user_info
from agent.plan.targets import FORMS, parse_target
from reports.maxcompute.regions import looks_like_region
from reports.model import MEASURES, RUNTIMES, WAYS, Egress, Job, Limits, Plan, Saturate, Slow, TlsExpectation
from reports.services import SERVICES


def _region(text: str) -> str:
    if not looks_like_region(text):
        raise Wrong(f"{quoted(text)} is no region id")
    return text


def _echo(text: str) -> str:
    if not text.lower().startswith(("http://", "https://")):
        raise Wrong(f"{quoted(without_user_info(text))} is no http or https URL")
    return str(parse_target(text))


def _plan(values: dict[str, Any], node: Keys, key: str, source: Source) -> Plan:  # noqa: ARG001 - a Table's build
    """The plan. The job's files come first: what the plan itself declares is set last, and so wins."""
    files = values.pop("settings_from", ())
    from_files = tuple(setting for file in files for setting in file.settings)
    if values.get("networks") == AUTO:
        values = {**values, "networks": (), "ask_networks": True}
    plan = Plan(
        **{"name": Path(source.file).stem, **values, "settings": from_files + values.get("settings", ())},
    )
    if plan.inventory is None:
        return plan
    from agent.plan.fitting import misfit  # noqa: PLC0415 - few plans have one
    from reports.vpc.reduce import reduced  # noqa: PLC0415 - as above

    wrong = misfit(plan.inventory, plan)
    if wrong:
        source.refuse(node.nodes["inventory"], "inventory", wrong, advice="linkdoctor discover reads another one")
    return evolve(plan, inventory=reduced(plan.inventory, plan))


_PORT = Count(1, 65535)
_MANY = Count(1, 1_000_000)
_BYTES = Count(1, 1 << 40)
_ADDRESS = Word("an IPv4 or IPv6 address", ip_of)
_ADMITTED = ListOf(Word("an address or a CIDR", address_or_network))

_TLS = Table(
    {
        "ca": Key(AuthorityFile(), "an additional certificate authority: a PEM file"),
        "issuer": Key(TEXT_LINE, "what the issuer of the certificate must contain"),
    },
    into(TlsExpectation),
)

_SATURATE = Table(
    {
        "connections": Key(_MANY, "the most connections to hold at once", required=True),
        "rate": Key(_MANY, "new connections per second"),
        "idle": Key(duration("1s", "24h"), "for how long a few are then left idle, to see whether they survive it"),
    },
    into(Saturate),
)

_TARGET = Table(
    {
        "name": Key(TEXT_LINE, "what reports call it; default: the address as it is written"),
        "address": Key(Word(FORMS, str), "where it is", required=True),
        "service": Key(one_of(tuple(SERVICES)), "what is spoken there; default: by the well-known port"),
        "via": Key(one_of(WAYS), "which way the job takes; default: auto"),
        "group": Key(TEXT_LINE, "targets of one group are useless without each other"),
        "admits": Key(_ADMITTED, "what its whitelist or security group is said to admit"),
        "saturate": Key(_SATURATE, "allows to measure how many connections the way holds"),
        "measure": Key(ListOf(one_of(MEASURES)), "what to measure of it without a suspicion"),
        "tls": Key(_TLS, "what is expected of its certificate"),
    },
    build_target,
)

_NETWORK = Table(
    {
        "name": Key(TEXT_LINE, "what reports call it; default: the CIDR"),
        "cidr": Key(Word("a CIDR such as 10.10.1.0/24", network_of), "its addresses", required=True),
        "enis": Key(ListOf(_ADDRESS), "the addresses of the network interfaces that the platform has in it"),
        "ports": Key(ListOf(_PORT), "the ports that matter in it"),
        "sweep": Key(Flag(), "whether a check asks all of its addresses at these ports; default: up to a /24"),
    },
    build_network,
)

_EGRESS = Table(
    {
        "echo": Key(Word("http://host[:port][/path] or https://...", _echo), "a URL that answers the caller's address"),
        "expected": Key(_ADMITTED, "the outbound addresses that partners admit"),
    },
    into(Egress),
)

_JOB = Table(
    {
        "instances": Key(_MANY, "how many run at once: budgets are shared out"),
        "connections": Key(_MANY, "how many connections each of them needs"),
    },
    into(Job),
)

_LIMITS = Table(
    {
        "deadline": Key(duration("100ms", "24h"), "how long a run may take"),
        "connect_timeout": Key(duration("10ms", "10m"), "how long one connection may take"),
        "concurrency": Key(Count(1, 65535), "connections open at once"),
        "per_target": Key(Count(1, 65535), "connections open at once to one target"),
        "rate": Key(_MANY, "new connections per second"),
        "packet_rate": Key(_MANY, "DNS queries, echoes and ARP requests per second"),
        "bytes": Key(_BYTES, "bytes sent and received in a run"),
        "bytes_per_target": Key(_BYTES, "bytes sent and received for one target"),
        "explore": Key(one_of(("none", "hosts")), "hosts: other ports of declared hosts may be tried"),
    },
    into(Limits),
)

_SLOW_AFTER = duration("1ms", "10m")
_SLOW = Table(
    {
        "dns": Key(_SLOW_AFTER, "a name that takes longer to resolve earns a warning"),
        "service": Key(_SLOW_AFTER, "a service whose first answer takes longer"),
        "vpc_rtt": Key(_SLOW_AFTER, "a round trip inside the VPC that takes longer"),
        "internet_rtt": Key(_SLOW_AFTER, "a round trip over the Internet that takes longer"),
        "throughput": Key(_BYTES, "bytes per second: a large answer that comes slower"),
    },
    into(Slow),
)

PLAN = Table(
    {
        "name": Key(TEXT_LINE, "what reports call the plan; default: the file's name"),
        "runtime": Key(one_of(RUNTIMES), "where the job runs; default: found out"),
        "region": Key(Word("a region id such as cn-hangzhou", _region), "the region of the project"),
        "settings": Key(Settings(), "what the job declares"),
        "settings_from": Key(
            ListOf(JobFileName(), attrgetter("name")), "the job's own files, from which settings are read"
        ),
        "targets": Key(Targets(_TARGET), "what the job must reach"),
        "networks": Key(Networks(ListOf(_NETWORK, attrgetter("name"))), "the vSwitches of the job"),
        "inventory": Key(InventoryFile(), "the cloud's configuration: a file of linkdoctor discover"),
        "name_servers": Key(
            ListOf(Word("ADDRESS, ADDRESS:PORT or [v6]:PORT", name_server_of)),
            "whom to ask for names; default: as this machine is configured",
        ),
        "egress": Key(_EGRESS, "which outbound address is seen, and which are admitted"),
        "job": Key(_JOB, "the job's own size"),
        "tls": Key(_TLS, "what is expected of certificates"),
        "interval": Key(duration("1s", "168h"), "how often a scheduled run is made"),
        "limits": Key(_LIMITS, "what a run may do at most"),
        "slow": Key(_SLOW, "from when on an answer is slow"),
    },
    _plan,
)


def json_schema() -> JsonSchema:
    """The JSON Schema of a plan. The loader is stricter; what this refuses, the loader refuses too."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "linkdoctor plan",
        "description": "What a data job must reach, and what a check of it may do.",
        **PLAN.json_schema(),
    }


if __name__ == "__main__":
    import json
    import sys

    json.dump(json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
