"""reports/vpc/document.py: an inventory as JSON and back; what is wrong in a file is named by its key."""

import json

import pytest
from attrs import evolve

from reports.document import DocumentError
from reports.vpc.document import dumps, loads
from reports.vpc.model import PARTS, Eni, NextHop, PortList, PrefixList, Route, RouteTable
from tests.reports.vpc.building import entry, rule, small, with_acl, with_rules

FULL = evolve(
    with_acl("vsw-db", (entry("drop", "10.10.1.0/24", "1/1024", "tcp"),)),
    enis=(Eni(id="eni-a", addresses=("10.10.1.10", "2001:db8::1"), prefixes=("10.10.6.0/28",), groups=("sg-a",)),),
    route_tables=(RouteTable(id="vtb-a", routes=(Route(destination="::/0", next_hops=(NextHop(type="local"),)),)),),
    prefix_lists=(PrefixList(id="pl-a", cidrs=("10.0.0.0/8", "10.0.0.1")),),
    port_lists=(PortList(id="plp-a", ranges=("22/22", "-1/-1")),),
    unread=("acls",),
)


@pytest.mark.parametrize("inventory", [small(), FULL], ids=["small", "full"])
def test_comes_back_as_it_was(inventory):
    """Equal inventories, equal text, and every part of it comes back."""
    text = dumps(inventory)
    assert loads(text) == inventory
    assert dumps(loads(text)) == text
    assert {*PARTS, "schema", "region", "read", "unread"} == set(json.loads(text))


def test_words_are_in_lower_case_however_the_api_spells_them():
    """Accept, TCP, InUse and System are accept, tcp, inuse and system."""
    made = rule(1, "Ingress", "Accept", "10.0.0.0/8", protocol="TCP")
    assert (made.direction, made.policy, made.protocol) == ("ingress", "accept", "tcp")
    assert Eni(id="eni-a", status="InUse").status == "inuse"
    assert RouteTable(id="vtb-a", type="System").type == "system"


def test_a_default_rule_of_old():
    """Rules that the platform itself made before 2020 have priority 110."""
    held = with_rules("sg-db", rule(1, "ingress", "accept", "0.0.0.0/0", "22/22", priority=110))
    assert loads(dumps(held)) == held


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("schema",), "linkdoctor/report/1", "cloud.json: schema: this is no inventory that this linkdoctor reads"),
        (("read",), 5, "cloud.json: read: 5 is not allowed; allowed: a time such as"),
        (("enis", 0, "addresses", 0), "10.10.1", 'cloud.json: enis[0].addresses[0]: "10.10.1" is not allowed'),
        (("vswitches", 0, "cidr"), "10.10.1.0/99", 'cloud.json: vswitches[0].cidr: "10.10.1.0/99" is not allowed'),
        (("vswitches", 0, "free"), -1.5, "cloud.json: vswitches[0].free: -1.5 is not allowed"),
        (("groups", 0, "type"), "large", 'cloud.json: groups[0].type: "large" is not allowed'),
        (("groups", 1, "rules", 0, "priority"), 0, "cloud.json: groups[1].rules[0].priority: 0 is not allowed"),
        (("groups", 1, "rules", 0, "ports"), "80", 'cloud.json: groups[1].rules[0].ports: "80" is not allowed'),
        (("groups", 1, "rules", 0, "policy"), "Reject", "cloud.json: groups[1].rules[0].policy: "),
        (("unread",), ["everything"], 'cloud.json: unread[0]: "everything" is not allowed; allowed: vpcs, vswitches'),
    ],
)
def test_what_is_wrong_is_named(keys, value, message):
    """File, key, value and what is allowed."""
    document = json.loads(dumps(with_rules("sg-db", rule(1, "ingress", "accept", "10.0.0.0/8"))))
    part = document
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises(DocumentError) as caught:
        loads(json.dumps(document), "cloud.json")
    assert str(caught.value).startswith(message)


def test_a_key_that_is_missing():
    """What an entry cannot do without is asked for."""
    document = json.loads(dumps(small()))
    del document["groups"][0]["id"]
    with pytest.raises(DocumentError, match=r"cloud\.json: groups\[0\]\.id: this key is missing"):
        loads(json.dumps(document), "cloud.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema": 7}', "\x00"])
def test_another_text(text):
    """Whatever it is, it is refused as a value, not by a trace."""
    with pytest.raises(DocumentError):
        loads(text)
