"""A check asks its own link by ARP: inside the budget, nobody whom it may not ask, and only what there is time for."""

import errno
import json
import os
import sys
from collections import Counter
from ipaddress import ip_network

import pytest

from tests.lab.network import VPCHOST
from tests.lab.test_lab import script
from tests.lab.wire import densest

CIDR, FORBIDDEN, RATE = "10.10.1.0/24", "10.10.1.10", 120

ASK = """
import asyncio, json, subprocess, sys, time
from types import SimpleNamespace
from agent.budget import RunBudget
from agent.experiments import link
from probes.contract import Notes
from probes.network import Network
from reports.model import Limits, Network as Subnet, Plan

cidr, forbidden, rate, seconds = sys.argv[1:]
limits = Limits(packet_rate=int(rate))

def patience(again):
    return 0.2

async def main():
    notes, network = Notes(), Network(RunBudget(limits), lambda address, port: address == forbidden)
    ground = SimpleNamespace(plan=SimpleNamespace(limits=limits), network=network, notes=notes)
    await link.ask(Subnet(name="own", cidr=cidr), ground, patience, time.monotonic() + float(seconds))
    network.close()
    for seen in notes.observations:
        print(json.dumps({"step": seen.step, **seen.facts}))

asyncio.run(main())
"""


def ask(lab, seconds, cidr=CIDR, **options):
    """What is told of the network, by step, and how often which address was asked for, and the most in a second."""
    with lab.record(VPCHOST) as recording:
        lines = script(lab, ASK, cidr, FORBIDDEN, str(RATE), str(seconds), namespace=VPCHOST, **options)
    asked = [packet for packet in recording.packets if packet.outgoing and packet.protocol == "arp"]
    asked = [packet for packet in asked if packet.destination != packet.source]
    told = {facts.pop("step"): facts for facts in map(json.loads, lines)}
    return told, Counter(packet.destination for packet in asked), densest([packet.time for packet in asked], 1.0)


def test_everybody_on_the_link_is_asked(lab):
    """Who answers once, who is silent twice, who is forbidden never; never more in a second than the budget lets."""
    told, asked, most = ask(lab, 20)
    states = told["states"]["states"]
    alive = {str(address) for address, letter in zip(ip_network(CIDR), states, strict=True) if letter == "a"}
    silent = {str(address) for address, letter in zip(ip_network(CIDR), states, strict=True) if letter == "."}

    assert "10.10.1.1" in alive
    assert states[10] == "?"
    assert len(alive) + len(silent) == 255
    assert {address: asked[address] for address in silent} == dict.fromkeys(silent, 2)
    assert FORBIDDEN not in asked
    assert RATE // 2 < most <= RATE
    assert told["sweep"]["sent"] == 255 + len(silent)
    assert "partial" not in told["sweep"]


@pytest.mark.parametrize("seconds", [1.2, 3.0], ids=["the first time", "the second time"])
def test_what_there_is_no_time_for(lab, seconds):
    """It is not asked, or not again: nothing is called silent that was not asked twice."""
    told, asked, _ = ask(lab, seconds)

    assert told["sweep"]["partial"] is True
    assert 0 < told["sweep"]["sent"] < 255 + 250
    assert "." not in told["states"]["states"]
    assert max(asked.values()) <= 2


def test_a_link_that_goes_meanwhile(lab):
    """What was not settled until then is unknown, and why; nothing else comes of it."""
    ip = "subprocess.run(['ip', *'%s'.split()], check=True)"
    made = (
        "link add veth0 type veth peer veth1",
        "link set veth1 up",
        "link set veth0 up",
        "addr add 10.9.0.1/28 dev veth0",
    )
    begin = "import subprocess\n" + "\n".join(ip % words for words in made)
    goes = ASK.replace("    return 0.2", f"    again and {ip % 'link del veth0'}\n    return 0.2")
    done = lab.run(["unshare", "--net", sys.executable, "-c", begin + goes, "10.9.0.0/28", FORBIDDEN, str(RATE), "20"])
    told = {facts.pop("step"): facts for facts in map(json.loads, done["stdout"].splitlines())}

    assert told["states"]["states"] == "?a" + 14 * "?", done["stderr"]
    assert told["sweep"]["partial"] is True
    assert told["sweep"]["lacked"] == os.strerror(errno.ENETDOWN)


def test_who_may_not_ask_does_not(lab):
    """Without the capability nothing is sent, and nothing is told."""
    assert ask(lab, 20, bare=True)[0] == {}


def test_of_a_larger_network_only_the_link_is_asked(lab):
    """Of what lies behind a router nothing is said: neither that it is silent, nor that it is not known."""
    told, asked, _ = ask(lab, 20, cidr="10.10.0.0/23")

    assert {ip_network(address) for address in asked} <= set(map(ip_network, ip_network(CIDR)))
    assert len(told["states"]["states"]) == 256
    assert "lacked" not in told["sweep"]


def test_behind_a_router_nobody_is_asked(lab):
    """ARP passes none."""
    assert ask(lab, 20, cidr="10.10.2.0/24")[:2] == ({}, Counter())
