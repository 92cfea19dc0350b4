"""What is compared, kind by kind, and how well a change of each explains a break: by the layer of the cause.

A kind is one entry: how a run's things are read, and the share to which a change of them explains a cause of each
layer (or one cause by itself); 0.05 where nothing is said. A thing that only one of the runs has is a change where
``absent`` is true (a setting that is gone), and else nothing is known of it (a certificate that was not reached).
"""

from typing import Callable, Dict, List, Mapping, Optional, Tuple

from attrs import Factory, frozen

from reports.differences import cloud, declared, peers, places, times
from reports.differences.model import Difference
from reports.differences.view import Seen, Things, View, changed_entries

ELSE = 0.05

Tell = Callable[[Seen, Seen], Tuple[str, str]]
Concern = Callable[[Seen, Seen, View], Tuple[str, ...]]
Differ = Callable[[View, View], Tuple[List[Difference], int, int]]


def _nothing(view: View) -> Things:  # noqa: ARG001 - the shape of a table's entries
    return {}


@frozen(kw_only=True)
class Kind:
    """One entry. ``things``: what some of them are called together; ``why``: how a change of it breaks something.

    ``read`` gives things that are compared one by one; where that does not do, ``differ`` gives the differences, how
    many things are the same, and how many only one run has seen. ``picks``: of all targets that it concerns it may well
    break a single one, as each has its own whitelist. ``tell`` words a difference, ``concern`` says whom it
    concerns, where the things themselves do not.
    """

    code: str
    things: str
    why: str
    read: Callable[[View], Things] = _nothing
    differ: Optional[Differ] = None
    explains: Mapping[str, float] = Factory(dict)
    absent: bool = False
    picks: bool = False
    tell: Optional[Tell] = None
    concern: Optional[Concern] = None

    def fit(self, cause: str, layer: str) -> float:
        """How well a change of this kind explains the cause."""
        return self.explains.get(cause, self.explains.get(layer, ELSE))


# Any cause at all may come of it.
_LAYERS = ("config", "dns", "local", "eni", "route", "filter", "egress", "service", "http", "tls", "path")


def _all(share: float, **others: float) -> Dict[str, float]:
    return {**dict.fromkeys(_LAYERS, share), **others}


KINDS: Tuple[Kind, ...] = (
    Kind(
        code="target",
        things="what is looked at",
        read=declared.targets,
        why="it is another place that is looked at",
        explains=_all(0.9),
    ),
    Kind(
        code="setting",
        things="settings",
        read=declared.settings,
        why="the job's own settings decide which ways are open to it",
        explains={"config": 1.0, "egress": 0.7, "eni": 0.8, "route": 0.3, "filter": 0.2, "dns": 0.2},
        absent=True,
        tell=changed_entries,
        concern=declared.entries_of,
    ),
    Kind(
        code="cloud",
        things="the cloud's configuration",
        read=cloud.configuration,
        why="groups, ACLs and routes decide which packets arrive",
        explains={"filter": 1.0, "route": 1.0, "eni": 0.9, "egress": 0.5, "config": 0.3},
        tell=changed_entries,
    ),
    Kind(
        code="plan",
        things="the rest of the plan",
        read=declared.plan,
        why="the plan asks for something else",
        explains={"config": 0.4, "dns": 0.2, "path": 0.2},
        absent=True,
    ),
    Kind(
        code="address",
        things="addresses of names",
        read=peers.addresses,
        why="what admits, routes or serves the old address need not know the new one",
        explains=_all(0.7, dns=1.0, config=0.5, filter=0.8, tls=0.8, path=0.5, local=0.3, access_list_stale_ip=1.0),
    ),
    Kind(
        code="alias",
        things="aliases of names",
        read=peers.aliases,
        why="the name leads somewhere else",
        explains={"dns": 0.8, "tls": 0.5, "filter": 0.3, "service": 0.3, "http": 0.4},
    ),
    Kind(
        code="outbound",
        things="outbound addresses",
        read=places.outbound,
        why="a partner that admits the old address drops or refuses the new one",
        explains={
            "egress": 0.8,
            "filter": 0.6,
            "http": 0.4,
            "service": 0.2,
            "outbound_ip_changed": 1.0,
            "outbound_ip_pool_partly_admitted": 1.0,
            "ip_whitelist_mismatch": 0.9,
            "mysql_host_denied": 0.8,
            "client_denied": 0.7,
            "http_403": 0.8,
        },
        picks=True,
    ),
    Kind(
        code="source",
        things="source addresses",
        read=places.sources,
        why="packets leave from another address, perhaps by another way, and what admits the old one need not admit it",
        explains={
            "filter": 0.8,
            "eni": 0.8,
            "route": 0.5,
            "local": 0.5,
            "service": 0.2,
            "ip_whitelist_mismatch": 1.0,
            "mysql_host_denied": 0.9,
            "client_denied": 0.8,
        },
        picks=True,
    ),
    Kind(
        code="interface",
        things="interfaces",
        read=places.interfaces,
        why="what left by it takes another way or none",
        explains={"local": 0.9, "eni": 1.0, "route": 0.7, "filter": 0.4, "path": 0.3, "dns": 0.1},
        absent=True,
    ),
    Kind(
        code="route",
        things="routes",
        read=places.routes,
        why="the packets take another way",
        explains={"local": 0.9, "route": 0.9, "eni": 0.7, "egress": 0.5, "filter": 0.3, "path": 0.4},
    ),
    Kind(
        code="way",
        things="ways to addresses",
        read=places.ways,
        why="the packets take another way",
        explains={"local": 1.0, "route": 0.9, "eni": 0.8, "egress": 0.5, "filter": 0.3, "path": 0.4},
    ),
    Kind(
        code="name server",
        things="name servers",
        read=places.name_servers,
        why="names are asked of somebody else, or of one that is silent",
        explains={"dns": 0.9, "http": 0.1},
    ),
    Kind(
        code="proxy",
        things="proxies",
        read=places.proxies,
        why="http leaves by another way",
        explains={"http": 0.8, "egress": 0.7, "tls": 0.5, "filter": 0.4},
        absent=True,
    ),
    Kind(
        code="certificate",
        things="certificates",
        read=peers.certificates,
        why="who trusted the old certificate need not trust this one",
        explains={"tls": 1.0},
    ),
    Kind(
        code="protocol",
        things="versions of TLS",
        read=peers.protocols,
        why="something else ends the encryption there",
        explains={"tls": 0.6},
    ),
    Kind(
        code="server",
        things="what answers",
        read=peers.servers,
        why="another program, or another version of it, serves there",
        explains={"service": 0.7, "http": 0.7, "tls": 0.2},
    ),
    Kind(
        code="packet size",
        things="packet sizes",
        read=peers.sizes,
        why="the path carries other packets than before",
        explains={"path": 0.8, "route": 0.2},
    ),
    Kind(
        code="path",
        things="traced paths",
        read=peers.hops,
        why="the path leads over other routers",
        explains={"path": 0.8, "route": 0.8, "filter": 0.3},
    ),
    Kind(
        code="capacity",
        things="measured capacities",
        read=peers.capacities,
        why="the way holds another number of connections",
        explains={"egress": 0.9, "service": 0.4},
    ),
    Kind(
        code="machine",
        things="limits of the machine",
        read=places.limits,
        why="the machine may hold more or less than before",
        explains={"local": 0.5, "egress": 0.3},
    ),
    Kind(
        code="vantage",
        things="the place of the run",
        read=places.vantage,
        why="another place sees other things",
        explains=_all(0.15, local=0.3, eni=0.3),
    ),
    Kind(
        code=times.KIND,
        things="round trips",
        differ=times.differences,
        why="the way is longer, or something on it is slower",
        explains={"path": 0.8, "route": 0.3, "service": 0.3, "egress": 0.2},
    ),
)

BY_CODE: Dict[str, Kind] = {kind.code: kind for kind in KINDS}
