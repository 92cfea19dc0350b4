"""reports/vpc/acl.py: what network ACLs say of a request and of its answer (VPC, "Network ACLs")."""

import pytest
from attrs import evolve

from reports.vpc.acl import passage
from reports.vpc.cloud import Cloud
from reports.vpc.matching import Packet
from reports.vpc.model import Inventory
from tests.reports.vpc.building import JOB, JOBS, SERVICE, SERVICES, entry, small, with_acl

ALL = entry("accept", "0.0.0.0/0")
REQUEST = Packet(source=JOB, dest=SERVICE, port=3306)


def _said(inventory: Inventory, packet: Packet = REQUEST, source: str = "vsw-job", dest: str = "vsw-db"):
    cloud = Cloud(inventory)
    return passage(cloud, packet, cloud.vswitches.get(source), cloud.vswitches.get(dest))


@pytest.mark.parametrize(
    ("vswitch", "ingress", "egress", "verdict", "why"),
    [
        # What none matches is denied.
        ("vsw-job", (), (), "drop", "no outbound entry of nacl-a matches: it drops the request"),
        ("vsw-db", (), (ALL,), "drop", "no inbound entry of nacl-a matches: it drops the request"),
        # It knows no connections: answers need an entry too, for a port that the client chose.
        ("vsw-job", (), (ALL,), "drop", "no inbound entry of nacl-a matches: it drops the answer"),
        ("vsw-db", (ALL,), (), "drop", "no outbound entry of nacl-a matches: it drops the answer"),
        (
            "vsw-db",
            (entry("accept", JOBS, "3306/3306", "tcp"),),
            (entry("accept", JOBS, "3306/3306", "tcp"),),
            "drop",
            "no outbound entry of nacl-a matches: it drops the answer",
        ),
        (
            "vsw-db",
            (entry("accept", JOBS, "3306/3306", "tcp"),),
            (entry("accept", JOBS, "1024/65535", "tcp"),),
            "accept",
            "",
        ),
        (
            "vsw-job",
            (entry("accept", SERVICES, "1024/65535", "tcp"),),
            (entry("accept", SERVICES, "3306/3306", "tcp"),),
            "accept",
            "",
        ),
        # The first entry that matches decides, whatever follows.
        (
            "vsw-db",
            (entry("drop", JOBS, "3306/3306", "tcp"), ALL),
            (ALL,),
            "drop",
            "inbound entry 1 of nacl-a (drop TCP 3306/3306 10.10.1.0/24) drops the request",
        ),
        ("vsw-db", (ALL, entry("drop", JOBS)), (ALL,), "accept", ""),
        ("vsw-db", (entry("drop", JOBS, "-1/-1", "udp"), ALL), (ALL,), "accept", ""),
        ("vsw-db", (entry("drop", "10.10.9.0/24"), ALL), (ALL,), "accept", ""),
        # A client on Linux chooses one of 32768-60999.
        ("vsw-db", (ALL,), (entry("accept", JOBS, "32768/61000", "tcp"),), "accept", ""),
        (
            "vsw-db",
            (ALL,),
            (entry("accept", JOBS, "40000/65535", "tcp"),),
            "unknown",
            "outbound entry 1 of nacl-a may match the answer: it holds only a part of the ports 32768-60999",
        ),
        # Where all that may match says the same, it is known.
        ("vsw-db", (ALL,), (entry("accept", JOBS, "40000/65535", "tcp"), ALL), "accept", ""),
    ],
)
def test_entries(vswitch, ingress, egress, verdict, why):
    """Order, direction, protocol, port and the answer's own port decide as documented."""
    said = _said(with_acl(vswitch, ingress, egress))
    assert said.verdict == verdict, said.why
    assert why in said.why


def test_within_a_vswitch_nothing_is_filtered():
    """The traffic between the interfaces of one vSwitch passes no ACL."""
    packet = Packet(source="10.10.2.31", dest=SERVICE, port=3306)
    assert _said(with_acl("vsw-db"), packet, source="vsw-db").verdict == "accept"


def test_dns_and_metadata_are_never_filtered():
    """The name servers and the metadata server pass every ACL."""
    for address in ("100.100.2.136", "100.100.2.120", "100.100.100.200"):
        packet = Packet(source=JOB, dest=address, protocol="udp", port=53)
        assert _said(with_acl("vsw-job"), packet, dest="").verdict == "accept", address
    packet = Packet(source=JOB, dest="100.100.3.1", protocol="udp", port=53)
    assert _said(with_acl("vsw-job"), packet, dest="").verdict == "drop"


def test_what_has_no_interface_is_not_filtered_at_its_end():
    """An ACL at the vSwitch of a database service says nothing of it: only the job's own vSwitch is judged."""
    assert _said(with_acl("vsw-db"), dest="").verdict == "accept"


def test_without_acls_everything_passes():
    """A vSwitch without an ACL filters nothing; ACLs that were not read are not taken for none."""
    assert _said(small()).verdict == "accept"
    assert _said(small(unread=("acls",))).why == "the network ACLs were not read"


def test_an_acl_that_was_not_read_decides_nothing():
    """The id of an ACL alone says nothing, but what another one drops is dropped."""
    inventory = with_acl("vsw-db", (), ())
    unread = tuple(evolve(one, acl="nacl-other") if one.id == "vsw-job" else one for one in inventory.vswitches)
    assert _said(evolve(inventory, vswitches=unread, acls=())).verdict == "unknown"
    assert _said(evolve(inventory, vswitches=unread)).verdict == "drop"


def test_nothing_is_known_of_unknown_vswitches():
    """Without either vSwitch there is nothing to judge."""
    assert _said(small(), source="", dest="").verdict == "unknown"


def test_tells_where_it_is():
    """Which ACL, which entry, which direction, and whether it is the answer that is lost."""
    said = _said(with_acl("vsw-job", (entry("drop", SERVICES, "1024/65535", "tcp"),), (ALL,)))
    assert (said.acl, said.direction, said.place, said.answer) == ("nacl-a", "ingress", 1, True)


@pytest.mark.parametrize(("part", "why"), [("enis", "the network interfaces"), ("vswitches", "the vSwitches")])
def test_an_end_that_was_not_read(part, why):
    """Where it was not read who has the address, there may be an ACL: only what the other end drops is known."""
    assert _said(evolve(small(), unread=(part,)), dest="").why == f"{why} were not read"
    assert _said(evolve(small(), unread=(part,)), dest="").verdict == "unknown"
    assert _said(evolve(with_acl("vsw-job"), unread=(part,)), dest="").verdict == "drop"
