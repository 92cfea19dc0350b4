"""A sweep as lines of JSON: what each holds, and that none of them is ever half there."""

import io
import json

import pytest

from agent.sweep.records import Records
from reports.redact import Pseudonyms
from reports.sweep import ALIVE, ARP, ECHO, FILTERED, OPEN, REFUSED, Addresses, Answer, Batch, Order, Table, tcp

PORTS = (tcp(22), tcp(80))


def order(*cidrs, questions=PORTS):
    """What is asked."""
    return Order(addresses=Addresses.of(*cidrs), questions=questions)


def written(asked, *answers, silent=(), rewrite=None):
    """The lines of these answers, and of the rest."""
    file, table = io.StringIO(), Table(asked)
    records, batch = Records(file, rewrite), Batch(answers, silent)
    table.take(batch)
    records.answers(table)(batch)
    records.rest(table)
    assert file.getvalue().endswith("\n")
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_answer():
    """Address, question, state; of the rest what is known."""
    lines = written(
        order("10.0.0.0/31"),
        Answer(0, OPEN, 0.0012345, 63),
        Answer(1, REFUSED),
        Answer(2, FILTERED, by="10.0.9.1", icmp="3/13"),
        Answer(3, REFUSED, 1.5, 255),
    )

    assert lines == [
        {"address": "10.0.0.0", "asked": "22", "state": "open", "rtt_s": 0.001234, "ttl": 63},
        {"address": "10.0.0.0", "asked": "80", "state": "refused"},
        {"address": "10.0.0.1", "asked": "22", "state": "filtered", "by": "10.0.9.1", "icmp": "3/13"},
        {"address": "10.0.0.1", "asked": "80", "state": "refused", "rtt_s": 1.5, "ttl": 255},
    ]


def test_who_answers_arp_is_named():
    """By its MAC."""
    (line,) = written(order("10.0.0.1", questions=(ARP,)), Answer(0, ALIVE, by="02:00:00:00:00:01"))

    assert line == {"address": "10.0.0.1", "asked": "arp", "state": "alive", "by": "02:00:00:00:00:01"}


def test_the_rest_are_runs():
    """Neighbours that are alike share a line; those in another range do not."""
    lines = written(order("10.0.0.0/29", "10.9.0.0/31", questions=(ECHO,)), Answer(3, ALIVE), silent=[0, 1, 2, 5])

    assert lines[1:] == [
        {"addresses": "10.0.0.0-10.0.0.2", "count": 3, "asked": "echo", "state": "silent"},
        {"addresses": "10.0.0.4", "count": 1, "asked": "echo", "state": "unknown"},
        {"addresses": "10.0.0.5", "count": 1, "asked": "echo", "state": "silent"},
        {"addresses": "10.0.0.6-10.0.0.7", "count": 2, "asked": "echo", "state": "unknown"},
        {"addresses": "10.9.0.0-10.9.0.1", "count": 2, "asked": "echo", "state": "unknown"},
    ]


@pytest.mark.parametrize("cidrs", [("10.0.0.0/22",), ("10.0.0.0/24", "10.7.0.0/24"), ("fd00::/120",)])
def test_every_address_has_its_name(cidrs):
    """However the addresses lie."""
    asked = order(*cidrs, questions=(ECHO,))
    lines = written(asked, *(Answer(cell, ALIVE) for cell in range(len(asked))))

    assert [line["address"] for line in lines] == [asked.addresses.text(index) for index in range(len(asked.addresses))]


def test_redacted():
    """The same address has the same pseudonym, also as a sender; nothing else is left of it."""
    lines = written(
        order("10.0.0.0/31", questions=(ECHO,)),
        Answer(0, ALIVE),
        Answer(1, FILTERED, by="10.0.0.0", icmp="3/1"),
        rewrite=Pseudonyms().rewrite,
    )

    assert lines[0]["address"] == lines[1]["by"]
    assert "10.0.0" not in json.dumps(lines)
