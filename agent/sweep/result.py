"""From what the parts of a sweep came to, to a report like that of any check."""

import os
from collections.abc import Iterator, Sequence

from agent.sweep.outcome import Outcome
from agent.vantage import here
from probes import place, resolv_conf
from probes.contract import Notes
from probes.local import Machine
from reports import __version__
from reports.diagnose import conclude, diagnose
from reports.model import Plan, Report, Run, content_id
from reports.rules.networks import NETWORKS
from reports.subnet.observations import made
from reports.sweep import UNKNOWN


def report_on(plan: Plan, outcomes: Sequence[Outcome], started: float, duration_s: float) -> Report:
    """The report: this machine, where it stands towards each network, the states there, and what they mean."""
    notes = Notes()
    machine, config = Machine(notes), resolv_conf.load()
    machine.observe(config, os.environ)
    for outcome in outcomes:
        for network in outcome.part.networks:
            place.observe(network, machine.route, notes)
    for outcome in outcomes:
        _note(outcome, machine, notes)
    vantage = here("host", machine, config, {})
    run = Run(
        id=content_id("r-", plan.name, vantage.host, started),
        started=started,
        duration_s=round(duration_s, 3),
        linkdoctor=__version__,
        plan=plan,
        partial=any(outcome.sweep.partial for outcome in outcomes),
    )
    return conclude(run, vantage, notes.observations, diagnose(plan, vantage, notes.observations, rules=NETWORKS))


def _note(outcome: Outcome, machine: Machine, notes: Notes) -> None:
    sweep, order = outcome.sweep, outcome.part.order
    methods = {order.questions[number].name: method for number, method in sweep.methods.items()}
    for seen in outcome.survey.observations(outcome.started):
        if seen.step == "states":
            if seen.facts["asked"] not in methods:  # there was no way to ask it
                continue
            seen.facts["method"] = methods[seen.facts["asked"]]
        notes.add(seen)
    lacked = _lacked(outcome, machine)
    for network in outcome.part.networks:
        notes.add(
            made(
                network,
                sweep.method,
                sweep.why,
                sweep.sent,
                order.rate,
                outcome.started,
                outcome.duration_s,
                partial=sweep.partial,
                pushed_back=sweep.pushed_back,
                lacked=lacked,
            )
        )


def _lacked(outcome: Outcome, machine: Machine) -> str:
    """Why nothing is known of some, and the rules of this machine's own packet filter, where they are why."""
    why = "; ".join(outcome.sweep.shortages)
    rules = "; ".join(dict.fromkeys(_own_rules(outcome, machine))) if why else ""
    return f"{why} ({rules})" if rules else why


def _own_rules(outcome: Outcome, machine: Machine) -> Iterator[str]:
    """The rules of this machine's own filter that keep a port from being asked, where this process may read them."""
    from probes import nftables

    rules = nftables.read() if nftables.may_read() else None
    addresses, table = outcome.part.order.addresses, outcome.survey.table
    for number, question in enumerate(outcome.part.order.questions):
        index = table.states(number).find(UNKNOWN)
        if rules is None or not question.port or index < 0:
            continue
        address = addresses.text(index)
        way = machine.route(address)
        source, interface = (way.source, way.interface) if way is not None else ("", "")
        packet = nftables.Packet(destination=address, port=question.port, source=source, interface=interface)
        refusal = rules.refusal(packet)
        if refusal is not None:
            yield refusal.words
