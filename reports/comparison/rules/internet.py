"""On the Internet: the job goes out by the access list, a host of the VPC by NAT, a laptop by a way of its own."""

from typing import Optional, Tuple

from reports.addresses import is_private
from reports.comparison.model import JOB, VPC
from reports.comparison.rules.contract import OF_JOB, OF_MACHINE, OF_ROUTE, OF_TARGET, Contrast, of
from reports.comparison.view import View
from reports.rules.contract import CONNECT


def _internet_elsewhere(view: View) -> Optional[str]:
    if view.subject != JOB or view.peers or not view.on_internet or view.stage != CONNECT or not view.others_work:
        return None
    if view.answers and all(is_private(ip) for ip in view.answers):
        return None
    return "it works from %s, by another way" % view.names(view.others_work)


def _internet_closed(view: View) -> Optional[str]:
    if _internet_elsewhere(view) is None or view.reaches_others():
        return None
    return "the job reaches nothing on the Internet"


def _internet_open(view: View) -> Optional[str]:
    if _internet_elsewhere(view) is None or not view.reaches_others():
        return None
    return "the job reaches other targets on the Internet"


def _internet_fails_alike(view: View) -> Optional[str]:
    alike = [look for look in view.others_fail if look.symptom.stage == view.stage]
    if view.way != "internet" or view.peers or view.works or not alike:
        return None
    return "it fails alike from %s, by a way that no access list governs" % view.names(alike)


def _cloud_fails_laptop_works(view: View) -> Optional[str]:
    if view.way != "internet" or not view.job.fails or not view.host.fails or not view.outside.works:
        return None
    return "two ways out of the cloud fail (%s), and it works from %s" % (
        view.names(view.job.fails + view.host.fails),
        view.names(view.outside.works),
    )


def _served_elsewhere(view: View) -> Optional[str]:
    if view.subject != JOB or view.peers or view.lead.cause != "http_403" or not view.others_work:
        return None
    return "the same request from another outbound address is served (%s)" % view.names(view.others_work)


def _host_without_nat(view: View) -> Optional[str]:
    """A host of the VPC reaches nothing public, and others do."""
    if view.subject != VPC or not view.on_internet or view.stage != CONNECT or not view.others_work:
        return None
    public = [look for look in view.fails if not view.board.reached(look.point, "internet")]
    if len(public) < len(view.fails):
        return None
    return "nothing on the Internet is reached from %s" % view.names(public)


CONTRASTS: Tuple[Contrast, ...] = (
    Contrast(
        name="others reach it on the Internet",
        test=_internet_elsewhere,
        factors=of((OF_TARGET, 0.0), (OF_ROUTE, 0.1), host_firewall_drop=0.05, sg_drop=0.05),
    ),
    Contrast(
        name="the job reaches nothing on the Internet",
        test=_internet_closed,
        factors={"no_internet_egress": 0.7},
        brings={"access_not_enabled": 0.6, "access_list_missing_host": 0.2},
    ),
    Contrast(
        name="the job reaches others on the Internet",
        test=_internet_open,
        factors={"access_not_enabled": 0.0, "no_internet_egress": 0.0},
        brings={"access_list_missing_host": 0.6, "outbound_ip_changed": 0.2},
    ),
    Contrast(
        name="all ways to the Internet fail alike",
        test=_internet_fails_alike,
        factors=of(
            (OF_TARGET, 3.0), (OF_JOB, 0.05), (OF_MACHINE, 0.05), no_internet_egress=0.02, host_firewall_drop=2.0
        ),
    ),
    Contrast(
        name="the cloud's ways fail, a laptop's works",
        test=_cloud_fails_laptop_works,
        factors=of((OF_TARGET, 0.0), (OF_JOB, 0.5)),
        brings={"outbound_ip_changed": 1.0},
    ),
    Contrast(
        name="served at another outbound address",
        test=_served_elsewhere,
        factors={"http_403": 0.2},
        brings={"outbound_ip_changed": 1.0},
    ),
    Contrast(
        name="a host of the VPC has no NAT",
        test=_host_without_nat,
        factors=of((OF_TARGET, 0.0), ip_whitelist_mismatch=0.05, sg_drop=0.1, host_firewall_drop=0.05),
        brings={"no_internet_egress": 1.0},
    ),
)
