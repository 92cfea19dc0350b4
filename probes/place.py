"""Where this machine stands towards a network: by which address, interface and gateway. Nothing is sent."""

import ipaddress
import time
from itertools import islice
from typing import Callable, Optional

from probes.contract import Notes
from probes.netlink import Route
from reports.model import Network
from reports.subnet.observations import placed


def observe(network: Network, route: Callable[[str], Optional[Route]], notes: Notes) -> None:
    """By the way to one of its first addresses that is not our own; ``route`` is what the kernel says of it.

    Facts: docs/observations.md.
    """
    cidr = ipaddress.ip_network(network.cidr)
    numbers = [str(number) for number in islice(cidr, 4)]
    for number in numbers[1:] or numbers:
        way = route(number)
        if way is None or not way.source or way.source == number:
            continue
        # Where the kernel does not tell the route, who lives in the network is on its link.
        on_link = not way.gateway and (bool(way.cidr) or ipaddress.ip_address(way.source) in cidr)
        at = round(time.time(), 6)
        notes.add(placed(network, way.source, way.interface, way.gateway, at, on_link=on_link))
        return
