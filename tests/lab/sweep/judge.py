"""nmap as the judge: what it says of each address and port, and where a sweep may differ from it, and why."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from reports.sweep import FILTERED, OPEN, REFUSED, SILENT
from tests.lab.sweep.places import NO_WAY, part_of


class Said(NamedTuple):
    """Of one port: its state as a letter, nmap's reason, and who sent the answer where nmap says it."""

    state: str
    reason: str
    by: str = ""


# Slower than the hosts of the lab answer, and patient enough for a neighbour that is not there.
_MANNER = (
    "-n",
    "-Pn",
    "-T4",
    "--max-retries",
    "2",
    "--min-rtt-timeout",
    "600ms",
    "--min-rate",
    "400",
    "--max-rate",
    "800",
    "-oX",
    "-",
)
_STATES = {"open": OPEN, "closed": REFUSED}

# nmap's reasons for ICMP errors, in type and code (RFC 792, RFC 1812).
ICMP: Mapping[str, str] = {
    "net-unreach": "3/0",
    "host-unreach": "3/1",
    "port-unreach": "3/3",
    "net-prohibited": "3/9",
    "host-prohibited": "3/10",
    "admin-prohibited": "3/13",
}


class Allowed(NamedTuple):
    """A difference that is none of right and wrong. ``part``: in that part of the mixed network alone."""

    theirs: str
    reason: str
    ours: str
    why: str
    scan: str = ""
    part: str = ""

    def covers(self, scan: str, address: str, said: Said, ours: str | None) -> bool:
        """Whether it is this one."""
        same = (said.state, said.reason, ours) == (self.theirs, self.reason, self.ours)
        return same and self.scan in ("", scan) and self.part in ("", part_of(address).title)


_BUDGET = "the router tells of it five times, then once a second: which address learns it is chance"

ALLOWED = (
    Allowed(
        REFUSED,
        "conn-refused",
        FILTERED,
        "connect(2) gives ECONNREFUSED for ICMP port unreachable as for a reset; the error queue tells them apart",
        scan="-sT",
    ),
    Allowed(FILTERED, "host-unreach", SILENT, _BUDGET, part=NO_WAY),
    Allowed(SILENT, "no-response", FILTERED, _BUDGET, part=NO_WAY),
)


def command(scan: str, network: str, ports: Iterable[int]) -> list[str]:
    """nmap, at each address and port."""
    return ["nmap", scan, *_MANNER, "-p", ",".join(map(str, ports)), network]


def judged(done: Mapping[str, Any]) -> dict[tuple[str, int], Said]:
    """What it said."""
    assert done["code"] == 0, done["stderr"]
    return {
        (_address(host), int(port.get("portid", 0))): _said(port.find("state"))
        for host in ET.fromstring(done["stdout"]).iter("host")  # noqa: S314 - nmap's own output
        for port in host.iter("port")
    }


def differences(
    scan: str, theirs: Mapping[tuple[str, int], Said], ours: Mapping[tuple[str, int], str]
) -> list[tuple[str, int, Said, str | None]]:
    """Where a sweep says another thing than nmap, and nothing allows it."""
    return [
        (address, port, said, letter)
        for (address, port), said in theirs.items()
        if (letter := ours.get((address, port))) != said.state
        and not any(allowed.covers(scan, address, said, letter) for allowed in ALLOWED)
    ]


def _address(host: ET.Element) -> str:
    return next(each.get("addr", "") for each in host.iter("address") if each.get("addrtype") != "mac")


def _said(state: ET.Element | None) -> Said:
    assert state is not None
    word, reason = state.get("state", ""), state.get("reason", "")
    letter = _STATES.get(word) or (SILENT if reason == "no-response" else FILTERED)
    return Said(letter, reason, state.get("reason_ip", ""))
