"""What the job declares against what it targets. It sends nothing: a declared setting is evidence, like a packet.

Steps (docs/observations.md): ``job`` once, ``setting`` for each setting that is wrong, ``coverage`` for each target.
Where a target's way is open, its coverage says of both ways what the settings say.
"""

import time
from typing import Optional, Sequence, Tuple

from probes.contract import LONGEST_TEXT, Notes
from reports.addresses import is_literal
from reports.failures import Failure
from reports.maxcompute.endpoints import classify, verifies_itself
from reports.maxcompute.formats import shown
from reports.maxcompute.schemes import AUTO, BY_VPC, INTERNET
from reports.maxcompute.settings import Declared, read, runtime_of
from reports.maxcompute.ways import Access, access, endpoint_wanted, way_of
from reports.model import Facts, Observation, Plan, Target, Vantage

_WORDS = ("missing_key", "unsupported", "listed", "list_key", "project_listed", "broken_key")


def observe(plan: Plan, vantage: Vantage, notes: Notes) -> None:
    """Write down what the settings say of the job, of themselves, and of every target."""
    started = time.time()
    runtime, runtime_from = _runtime(plan, vantage)
    declared = read(plan.settings, plan.region, plan.targets)
    job: Facts = {"runtime": runtime, "runtime_from": runtime_from, "settings": len(declared.values)}
    if plan.region:
        job["region"] = plan.region
    notes.add(Observation(probe="settings", step="job", started=started, facts=job))
    for setting, problem in declared.problems:
        facts: Facts = {
            "key": setting.key[:LONGEST_TEXT],
            "value": shown(setting.value),
            "source": setting.source[:LONGEST_TEXT],
            "problem": problem.word,
            "entry": problem.entry[:LONGEST_TEXT],
            "allowed": problem.allowed[:LONGEST_TEXT],
        }
        notes.add(_observation("setting", started, None, facts, Failure.SETTING_INVALID))
    for target in plan.targets:
        facts = _coverage(declared, runtime, plan.region or "", target)
        if facts == {"way": AUTO}:
            continue  # they say nothing of it
        notes.add(_observation("coverage", started, target.name, facts))


def _runtime(plan: Plan, vantage: Vantage) -> Tuple[str, str]:
    if plan.runtime:
        return plan.runtime, "plan"
    told = runtime_of(plan.settings)
    return (told, "settings") if told else (vantage.kind, "vantage")


def _coverage(declared: Declared, runtime: str, region: str, target: Target) -> Facts:
    way = way_of(declared, target)
    facts: Facts = {"way": way}
    facts.update(_facts(access(declared, runtime, region, target, way)))
    if way == AUTO and _has_a_way(target.host):
        for other in (INTERNET, BY_VPC):
            facts.update(_facts(access(declared, runtime, region, target, other), other + "_"))
    facts.update(_endpoint(target, runtime))
    return facts


def _has_a_way(host: str) -> bool:
    """Not this machine, and not the platform's own services, which every machine reaches."""
    return host != "localhost" and not is_literal(host)


def _facts(said: Access, prefix: str = "") -> Facts:
    facts: Facts = {}
    if said.enabled is not None:
        facts[prefix + "enabled"] = said.enabled
    for key in _WORDS:
        value = getattr(said, key)
        if value:
            facts[prefix + key] = value
    if said.broken is not None:
        facts[prefix + "broken"] = said.broken.word
        facts[prefix + "broken_entry"] = said.broken.entry[:LONGEST_TEXT]
    if said.listed_ports:
        facts[prefix + "listed_ports"] = _joined([str(port) for port in said.listed_ports])
    if said.listed_ips:
        facts[prefix + "listed_ips"] = _joined(said.listed_ips)
    if all(said.vpcs):
        facts[prefix + "target_vpc"], facts[prefix + "eni_vpc"] = said.vpcs
    return facts


def _endpoint(target: Target, runtime: str) -> Facts:
    facts: Facts = {}
    endpoint = classify(target.host)
    if endpoint is not None:
        facts["endpoint"] = endpoint.service
        if endpoint.network:
            facts["endpoint_network"] = endpoint.network
        if endpoint.region:
            facts["endpoint_region"] = endpoint.region
        better = endpoint_wanted(endpoint, runtime)
        if better:
            facts["endpoint_wanted"] = better
    if not is_literal(target.host):
        facts["self_verifying"] = verifies_itself(target.host)
    return facts


def _joined(items: Sequence[str]) -> str:
    """The items that fit into one fact."""
    text = ""
    for item in items:
        if len(text) + len(item) >= LONGEST_TEXT:
            break
        text += "," + item if text else item
    return text


def _observation(
    step: str, started: float, target: Optional[str], facts: Facts, failure: Optional[Failure] = None
) -> Observation:
    return Observation(probe="settings", step=step, target=target, failure=failure, started=started, facts=facts)
