"""Vantage points of one kind among themselves, and those that are not the job."""

from typing import Optional, Tuple

from reports.comparison.model import OUTSIDE
from reports.comparison.rules.contract import OF_JOB, OF_TARGET, Contrast, of
from reports.comparison.view import View
from reports.rules.contract import CONNECT


def _peers_work(view: View) -> Optional[str]:
    if not view.peers:
        return None
    return "it works from %s of the same kind, with the same settings: %s" % (
        format(len(view.peers), ","),
        view.names(view.peers),
    )


def _laptop_alone_fails(view: View) -> Optional[str]:
    if view.subject != OUTSIDE or not (view.job.works or view.host.works):
        return None
    return "it works from %s: the service is fine" % view.names(view.job.works + view.host.works)


def _nothing_parts(view: View) -> Optional[str]:
    """Some fail on the Internet and others do not, and nothing that is known tells them apart."""
    if not view.on_internet or not view.peers or view.partings or view.stage != CONNECT:
        return None
    return "what all of them share on the way out may be full, or change from one connection to the next"


CONTRASTS: Tuple[Contrast, ...] = (
    Contrast(
        name="others of the same kind reach it",
        test=_peers_work,
        factors=of((OF_TARGET, 0.0), (OF_JOB, 0.0), sg_drop=0.5, host_firewall_drop=0.3, blackhole_route=0.3),
    ),
    Contrast(
        name="instances that nothing tells apart",
        test=_nothing_parts,
        brings={"snat_connection_cap": 0.4, "outbound_ip_pool_partly_admitted": 0.3},
    ),
    Contrast(name="a laptop alone fails", test=_laptop_alone_fails, factors=of((OF_TARGET, 0.0))),
)
