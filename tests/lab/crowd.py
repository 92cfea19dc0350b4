"""Many hosts of one vSwitch: a namespace that owns all of their addresses.

router --crowd-- eth0 [crowd]        a vSwitch of its own; of what nobody has there, nothing is ever heard
vswitch-a's bridge --crowd-- eth0    more hosts beside the job: they answer ARP
"""

import contextlib
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

from attrs import field, frozen

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo
from tests.lab.network import ROUTER, Topology
from tests.lab.servers import Behaviour

CROWD, TWIN = "crowd", "crowd-twin"
# The router's leg towards the hosts.
LEG = "crowd"

_HERE, _GATEWAY = "10.98.5.2", "10.98.5.1"
# Ends of links that no other topology uses.
_FIRST_INDEX = 300
_BACKLOG = 1024

# port -> the hosts that listen there, by their numbers in the vSwitch
Listening = Mapping[int, Iterable[int]]


@frozen(kw_only=True)
class Crowd:
    """``hosts``: by their numbers in ``cidr``. ``listening``: who accepts at which port, and says nothing.

    ``serving``: who behaves how (tests/lab/servers.py), by number and port.
    """

    cidr: str
    hosts: Sequence[int]
    listening: Listening = field(factory=dict)
    serving: Mapping[tuple[int, int], Behaviour] = field(factory=dict)

    def address(self, number: int) -> str:
        """The address of a host."""
        return str(ip_network(self.cidr)[number])


def behind_router(crowd: Crowd) -> Change:
    """A vSwitch of its own."""
    return _standing(
        crowd,
        Topology(
            namespaces=(CROWD,),
            links=((CROWD, "eth0", ROUTER, LEG),),
            addresses={
                CROWD: {
                    "eth0": [f"{_HERE}/24"],
                    "lo": [f"{crowd.address(number)}/32" for number in crowd.hosts],
                },
                ROUTER: {LEG: [f"{_GATEWAY}/24"]},
            },
            routes={CROWD: (f"default via {_GATEWAY}",), ROUTER: (f"{crowd.cidr} via {_HERE}",)},
            index=_FIRST_INDEX,
        ),
    )


def behind_speaking_router(crowd: Crowd, gateway: int) -> Change:
    """The same with the router itself in the vSwitch: it says of what nobody has that it is unreachable."""
    length = crowd.cidr.partition("/")[2]
    return _standing(
        crowd,
        Topology(
            namespaces=(CROWD,),
            links=((CROWD, "eth0", ROUTER, LEG),),
            addresses={
                CROWD: {"eth0": [f"{crowd.address(number)}/{length}" for number in crowd.hosts]},
                ROUTER: {LEG: [f"{crowd.address(gateway)}/{length}"]},
            },
            routes={CROWD: (f"default via {crowd.address(gateway)}",)},
            sysctls_when_up={ROUTER: {f"net/ipv4/neigh/{LEG}/retrans_time_ms": "100"}},
            index=_FIRST_INDEX,
        ),
    )


def beside_the_job(crowd: Crowd, namespace: str = CROWD) -> Change:
    """More hosts of vswitch-a, all with the namespace's one hardware address."""
    number = (CROWD, TWIN).index(namespace)
    topology = Topology(
        namespaces=(namespace,),
        links=((namespace, "eth0", ROUTER, namespace),),
        addresses={namespace: {"eth0": [f"{crowd.address(number)}/24" for number in crowd.hosts]}},
        routes={namespace: ("default via 10.10.1.1",)},
        index=_FIRST_INDEX + 2 * number,
    )
    # A bridge takes the lowest hardware address of its ports, and its neighbours would have to learn a new one.
    mac = f"fe:ff:ff:ff:ff:{number:02x}"
    return _standing(crowd, topology, f"link set {namespace} address {mac} master vswa up")


def _standing(crowd: Crowd, topology: Topology, *at_router: str) -> Change:
    (namespace,) = topology.namespaces

    def apply(ground: Ground) -> Undo:
        undo = contextlib.ExitStack()
        network.build(topology)
        undo.callback(network.remove, topology)
        network.ip(at_router, ROUTER)
        # An earlier crowd had other hardware addresses.
        network.forget_neighbours()
        with network.inside(namespace):
            for port, hosts in crowd.listening.items():
                for number in hosts:
                    # The kernel finishes the handshakes: nobody has to take them up.
                    undo.enter_context(socket.create_server((crowd.address(number), port), backlog=_BACKLOG))
        for (number, port), behaviour in crowd.serving.items():
            ground.servers.behave(crowd.address(number), port, behaviour)
            undo.callback(ground.servers.behave, crowd.address(number), port, None)
        return undo.close

    return apply
