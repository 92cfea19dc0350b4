"""Experiments with this machine itself: they send nothing, and where they cannot be made nothing is observed."""

from attrs import evolve

from agent.experiments import Ground, make
from agent.look import Look
from agent.plan import from_targets
from probes import nftables
from probes.contract import Notes
from probes.local import Machine
from probes.network import Network
from probes.resolv_conf import ResolverConfig
from reports.failures import Failure
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HERE, PORT = "127.0.0.1", 9


async def made(want, *known):
    """What an experiment observed."""
    notes, network = Notes(), Network()
    machine = Machine(notes)
    machine.observe(None, {})
    plan = from_targets([f"{HERE}:{PORT}"])
    name = plan.targets[0].name
    for one in known:
        notes.add(evolve(one, id="", target=name) if one.target else one)
    before = len(notes.observations)
    look = Look(plan, network, machine)
    await make(want, Ground(plan, network, notes, machine, look, ResolverConfig(), resolve=None, proxy=None))
    network.close()
    return notes.observations[before:]


async def test_the_way_to_an_address():
    """It is told, with the policy rules that were read for it."""
    told = await made(Want("local", "way", address=HERE))

    assert [one.step for one in told] == ["rules", "way"]
    assert told[-1].facts["interface"] == "lo"


async def test_the_filter_is_asked_about_what_failed(monkeypatch):
    """Of the handshakes that failed, with the way that they take; not of those that came about or fell short."""
    asked = []

    async def probe(packets, notes):
        asked.extend(packets)

    monkeypatch.setattr(nftables, "probe", probe)
    facts = {"ip": HERE, "port": PORT}
    for failure in (Failure.TIMED_OUT, Failure.NO_DESCRIPTORS):
        await made(
            Want("local", "filter"),
            connected("it", HERE, PORT),
            seen("tcp", "connect", "it", f"{HERE}:{PORT}", failure=failure, **facts),
            seen("local", "way", None, HERE, ip=HERE, interface="lo", source="127.0.0.2"),
        )
    ((ask, packet),) = asked

    assert (ask.address, ask.port) == (HERE, PORT)
    assert packet == nftables.Packet(destination=HERE, port=PORT, source="127.0.0.2", interface="lo")


async def test_ports_are_looked_at_in_the_range_that_is_known():
    """What the local probe found to be the range."""
    (told,) = await made(Want("local", "ports"))

    assert (told.probe, told.step, told.failure) == ("local", "ports", None)
    assert told.facts["taken"] >= 0
