"""Where a probe may go after its target's name was resolved."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.plan import from_targets
from agent.schedule.addresses import Guard, odd

# Forms of this machine's own, link-local, metadata and multicast addresses.
ODD = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.23",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:100.100.100.200",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
]
USUAL = [
    "10.10.2.30",
    "172.16.0.9",
    "192.168.1.1",
    "100.64.3.7",
    "203.0.113.9",
    "2001:db8::1",
    "fd00::30",
    "64:ff9b::a0a:21e",
]


@pytest.mark.parametrize("address", ODD)
def test_odd_ones(address):
    """Nobody's name should lead there."""
    assert odd(address)
    assert Guard(from_targets(["job.example:80"]), {})(address, 80)


@pytest.mark.parametrize("address", USUAL)
def test_usual_ones(address):
    """Private addresses are what a VPC is made of."""
    assert odd(address) == ""
    assert not Guard(from_targets(["job.example:80"]), {})(address, 80)


@given(st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="169.254.0.0/16"))
def test_in_every_disguise(address):
    """The same in IPv6: mapped, compatible, by NAT64, by 6to4."""
    number = int(address)
    for disguise in (
        (0xFFFF << 32) | number,
        number,
        (0x64FF9B << 96) | number,
        (0x2002 << 112) | (number << 80) | 1,
    ):
        assert odd(str(ipaddress.IPv6Address(disguise)))


def test_no_address_at_all():
    """What is none is not gone to."""
    assert odd("example.org")
    assert odd("")


def test_what_the_plan_declares():
    """An address that the plan names, at the port that it names, is a target as any other; so is localhost."""
    guard = Guard(from_targets(["127.0.0.1:9083", "job.example:80", "localhost:8020"]), {})

    assert not guard("127.0.0.1", 9083)
    assert not guard("127.0.0.1", 0)
    assert not guard("::1", 8020)
    assert guard("127.0.0.1", 80)
    assert guard.refused == {"127.0.0.1": "this machine itself"}


def test_name_servers_and_proxies():
    """They are this machine's own configuration, or the plan's, wherever they are."""
    plan = from_targets(["http://job.example/"], name_servers=["127.0.0.1:5353"])

    assert not Guard(plan, {})("127.0.0.1", 5353)
    assert not Guard(plan, {"HTTP_PROXY": "http://127.0.0.1:3128"})("127.0.0.1", 3128)
    assert Guard(plan, {"HTTP_PROXY": "http://127.0.0.1:80"})("127.0.0.1", 80)


def test_the_server_itself():
    """Where this process answers, at whatever address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # Nothing is sent: the kernel only says which address it would take.
        if sock.connect_ex(("192.0.2.1", 9)):
            pytest.skip("this machine has no other address than loopback")
        own = sock.getsockname()[0]
    guard = Guard(from_targets(["job.example:9723"]), {}, [9723])

    assert guard(own, 9723)
    assert guard.refused == {own: "this server itself"}
    assert not guard("203.0.113.9", 9723)
