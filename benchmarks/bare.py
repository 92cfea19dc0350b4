"""``python -m benchmarks.bare syn|icmp NETWORK...``: send the same packets, and do nothing else.

The CPU that this takes is printed, in seconds: what the network itself costs whoever asks. In namespaces that is also
the forwarding, the answers, and what our own kernel makes of these, for a packet's way is gone by whoever sent it.
"""

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from ipaddress import IPv4Network

from benchmarks import fabric
from probes.sweep.many import SENT, Outgoing
from probes.sweep.packets import Echo4, Syn4

_IPPROTO_RAW = 255


def main(kind: str, networks: Sequence[str]) -> float:
    """Seconds of CPU in the calls that send; packets are made in between."""
    taken = 0.0
    with ExitStack() as stack:
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, _IPPROTO_RAW))
        # The port is nobody's: our kernel resets what is opened towards it, as in a sweep.
        port = stack.enter_context(socket.socket())
        port.bind((fabric.SOURCE_ADDRESS, 0))
        source, own = socket.inet_aton(fabric.SOURCE_ADDRESS), port.getsockname()[1]
        going = Outgoing(sender, Syn4.size if kind == "syn" else Echo4.size)
        syn, echo, nothing = Syn4(source, own), Echo4(source, own), [0] * SENT
        for addresses in _together(networks):
            if kind == "syn":
                syn.fill(going.room, fabric.OPEN, addresses, nothing)
            else:
                echo.fill(going.room, addresses, nothing, nothing)
            before = time.process_time()
            done, number = going.send(len(addresses))
            taken += time.process_time() - before
            if done < len(addresses):
                raise OSError(number, "cannot send")
    return taken


def _together(networks: Sequence[str]) -> Iterator[Sequence[int]]:
    for network in map(IPv4Network, networks):
        first, count = int(network[0]), network.num_addresses
        yield from (range(start, min(start + SENT, first + count)) for start in range(first, first + count, SENT))


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2:]))
