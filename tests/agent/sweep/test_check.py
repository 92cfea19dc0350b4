"""The networks of a plan in a check, on loopback: which are swept, by whom, and inside the run's budget."""

import socket

from agent.plan import from_targets
from agent.runner import Runner
from reports.model import Share

SMALL = {"name": "small", "cidr": "127.0.7.0/28", "ports": [9]}
LARGE = {"name": "large", "cidr": "127.1.0.0/23", "ports": [9]}


async def swept(*networks, share=Share(), **limits):  # noqa: B008 - frozen
    """The report of a check of nothing but these networks."""
    plan = from_targets([], networks=list(networks), limits=limits)
    return await Runner(plan, {}, share=share).run()


def of(report, step):
    """The observations of that step of the sweep."""
    return [seen for seen in report.observations if (seen.probe, seen.step) == ("subnet", step)]


def names(report):
    """The networks that were swept."""
    return {seen.facts["network"] for seen in of(report, "sweep")}


async def test_small_networks_with_ports():
    """Up to a /24, where the plan names ports; larger ones where it asks for that, and none where it forbids it."""
    report = await swept(
        SMALL,
        LARGE,
        {"name": "asked", "cidr": "127.2.0.0/23", "ports": [9], "sweep": True},
        {"name": "forbidden", "cidr": "127.3.0.0/28", "ports": [9], "sweep": False},
        {"name": "portless", "cidr": "127.4.0.0/28"},
        {"name": "public", "cidr": "203.0.113.0/28", "ports": [9]},
        rate=5000,
    )

    assert names(report) == {"small", "asked"}
    assert [phase.name for phase in report.run.phases][-1] == "subnet"
    assert report.run.partial is False


async def test_states():
    """Who accepts and who refuses, in the order of the addresses."""
    with socket.create_server(("127.0.7.3", 0)) as server:
        port = server.getsockname()[1]
        report = await swept({**SMALL, "ports": [port]})
    (seen,) = [seen for seen in of(report, "states") if seen.facts["asked"] == str(port)]

    assert seen.address == "127.0.7.0/28"
    assert seen.facts["states"] == "rrro" + "r" * 12


async def test_one_instance_of_a_job():
    """The first; the others leave it at that."""
    assert names(await swept(SMALL, share=Share(index=0, of=2))) == {"small"}
    assert names(await swept(SMALL, share=Share(index=1, of=2))) == set()


async def test_the_deadline_is_kept():
    """What there is no time for is unknown, and that is told of the sweep: the run itself comes to its end."""
    report = await swept({**LARGE, "sweep": True}, rate=20, deadline="1500ms")
    (seen,) = [seen for seen in of(report, "sweep") if seen.facts["method"] == "connect"]
    counts = [seen.facts for seen in of(report, "states") if seen.facts["asked"] == "9"]

    assert report.run.partial is False
    assert seen.facts["partial"] is True
    assert 0 < seen.facts["sent"] <= 40
    assert sum(facts.get("unknown", 0) for facts in counts) >= 512 - 40
