"""Over the VPC: the job beside hosts that no setting of the job governs."""

from typing import Iterator, Optional, Set, Tuple

from reports.comparison.model import JOB, OUTSIDE, VPC
from reports.comparison.rules.contract import OF_ENI, OF_JOB, OF_MACHINE, OF_ROUTE, OF_TARGET, Contrast, of
from reports.comparison.view import View
from reports.failures import Failure
from reports.rules.contract import CONNECT
from reports.words import listed


def _is_job_in_vpc(view: View) -> bool:
    return view.subject == JOB and view.in_vpc and view.stage == CONNECT and not view.peers


def _host_in_same_vswitch(view: View) -> Optional[str]:
    near = view.near(view.host.works)
    if not _is_job_in_vpc(view) or not near:
        return None
    return "it works from %s, in the same vSwitch (%s)" % (view.names(near), listed(view.subnets))


def _host_elsewhere(view: View) -> Optional[str]:
    beside, near = set(view.beside(view.host.works)), view.near(view.host.works)
    far = [look for look in view.host.works if look not in beside]
    if not _is_job_in_vpc(view) or not far or near:
        return None
    subnets = list(dict.fromkeys(view.board.subnet_of(look.source) for look in far if look.source))
    return "it works from %s, elsewhere in the VPC (%s)" % (view.names(far), listed(subnets))


def _eni_in_vpc(view: View) -> Optional[str]:
    if _host_elsewhere(view) is None or not view.subnets:
        return None
    return "the job comes from another vSwitch, %s" % listed(view.subnets)


def _link_carries_nothing(view: View) -> Optional[str]:
    """The job has an address in the VPC, and reaches none of several targets that a host of the VPC reaches."""
    if not _is_job_in_vpc(view) or not view.host.works or not view.subnets or view.reaches_others():
        return None
    tried = max(view.board.tried(look.point, view.way) for look in view.fails)
    if tried < 2:
        return None
    return "the job reaches none of the %d targets that it tried over the VPC, at whichever host" % tried


def _link_carries_others(view: View) -> Optional[str]:
    if view.subject == OUTSIDE or not view.in_vpc or view.stage != CONNECT or not view.reaches_others():
        return None
    return "other targets over the VPC are reached from there: its ENI and its way out are fine"


def _no_address_in_vpc(view: View) -> Optional[str]:
    if not _is_job_in_vpc(view) or not view.host.works or view.subnets:
        return None
    if any(view.board.vpc_addresses(look.point) for look in view.fails):
        return None
    if view.reaches_others():
        return None
    own = list(dict.fromkeys(ip for look in view.fails for ip in look.point.addresses))
    return "the job has no address in the VPC (%s): it speaks from %s" % (
        listed(own) or "none is known",
        listed(view.sources) or "an unknown address",
    )


def _hosts_of_vpc_fail_too(view: View) -> Optional[str]:
    alike = [look for look in view.host.fails if look.symptom.stage == view.stage]
    if view.subject != JOB or not view.in_vpc or view.peers or view.host.works or not alike:
        return None
    return "it fails alike from %s, which no setting of the job governs" % view.names(alike)


def _some_hosts_of_vpc_fail(view: View) -> Optional[str]:
    """The job and some hosts of the VPC fail, and others reach it: not the job's matter."""
    near = view.near(view.host.fails)
    if view.subject != JOB or not view.in_vpc or view.peers or not near or not view.host.works:
        return None
    return "it fails alike from %s, in the job's vSwitch" % view.names(near)


def _neighbour_reaches(view: View) -> Optional[str]:
    beside = view.beside(view.host.works)
    if not view.in_vpc or view.stage != CONNECT or not beside:
        return None
    return "it works from %s, in the target's own subnet: its host is up and listens" % view.names(beside)


def _neighbour_fails(view: View) -> Optional[str]:
    beside = view.beside(view.fails_anywhere)
    if not view.in_vpc or view.stage != CONNECT or not beside or view.works:
        return None
    return "it fails from %s as well, in the target's own subnet: no router is between them" % view.names(beside)


def _neighbour_finds_nobody(view: View) -> Optional[str]:
    beside = view.beside(view.fails_anywhere)
    nobody = [look for look in beside if look.symptom.failure is Failure.HOST_UNREACHABLE]
    if view.works or not nobody:
        return None
    return "on the target's own link nobody answers for its address (%s)" % view.names(nobody)


def _whole_subnet_from_outside(view: View) -> Optional[str]:
    """All targets of the subnet fail from outside it, and work inside."""
    if not view.in_vpc or view.stage != CONNECT or not view.beside(view.host.works):
        return None
    subnets = {view.board.subnet_of(ip) for ip in view.answers}
    others = [column for column in view.board.columns if column is not view.column]
    hosts: Set[str] = set()
    for column in others:
        for look in view.board.looks(column):
            if not subnets & {view.board.subnet_of(ip) for ip in look.answers}:
                continue
            if view.board.subnet_of(look.source) in subnets:
                continue
            if look.works:
                return None
            hosts.update(look.answers)
    hosts -= set(view.answers)
    if not hosts:
        return None
    return "every host of %s that was tried from outside of it fails alike (%d more)" % (
        listed(sorted(subnets)),
        len(hosts),
    )


def _ways_between(view: View) -> Iterator[Tuple[str, str]]:
    """The subnets of those that fail, and those of the target: as CIDRs, where they are not the same."""
    if not view.in_vpc or view.stage != CONNECT or view.failure is not Failure.TIMED_OUT:
        return
    theirs = list(dict.fromkeys(view.board.subnet_of(ip) for ip in view.answers))
    yield from ((mine, other) for mine in view.subnets for other in theirs if mine != other)


def _only_one_hears(view: View) -> Optional[str]:
    """A sweep of the target's network hears nobody, and one from there hears those that fail."""
    for mine, theirs in _ways_between(view):
        there = view.board.crossings(mine, theirs)
        heard = [(point, sweep) for point, sweep in view.board.crossings(theirs, mine) if sweep.answered]
        if there and heard and not any(sweep.answered for _, sweep in there):
            point, sweep = heard[0]
            here, yonder = view.board.name_of(mine), view.board.name_of(theirs)
            words = (
                "no address in %s answers a sweep from %s, but %d of %d there one from %s (%s): packets pass both ways"
            )
            return words % (yonder, here, sweep.answered, sweep.asked, yonder, view.board.label(point))
    return None


def _neither_hears_the_other(view: View) -> Optional[str]:
    for mine, theirs in _ways_between(view):
        there, back = view.board.crossings(mine, theirs), view.board.crossings(theirs, mine)
        if there and back and not any(sweep.answered for _, sweep in there + back):
            here, yonder = view.board.name_of(mine), view.board.name_of(theirs)
            return "no address in %s answers a sweep from %s, and none there one from %s" % (yonder, here, yonder)
    return None


def _service_from_vpc(view: View) -> Optional[str]:
    if view.subject != JOB or view.peers or view.way != "service" or not view.host.works:
        return None
    return "it works from %s, in the VPC, and not from inside MaxCompute" % view.names(view.host.works)


def _host_alone_fails(view: View) -> Optional[str]:
    if view.subject != VPC or not view.job.works:
        return None
    return "the job itself reaches it (%s): neither the service nor the job's settings are at fault" % view.names(
        view.job.works
    )


CONTRASTS: Tuple[Contrast, ...] = (
    Contrast(
        name="a host in the job's vSwitch reaches it",
        test=_host_in_same_vswitch,
        factors=of((OF_TARGET, 0.0), (OF_ROUTE, 0.0), eni_wrong_vswitch=0.0, sg_drop=0.5, host_firewall_drop=0.3),
        brings={"ip_whitelist_mismatch": 0.6},
    ),
    Contrast(
        name="a host in another vSwitch reaches it",
        test=_host_elsewhere,
        factors=of((OF_TARGET, 0.0), sg_drop=0.7, host_firewall_drop=0.5, blackhole_route=0.7),
    ),
    Contrast(name="the job comes from another vSwitch", test=_eni_in_vpc, brings={"eni_wrong_vswitch": 0.6}),
    Contrast(
        name="the link carries nothing",
        test=_link_carries_nothing,
        factors=of((OF_ROUTE, 0.3), sg_drop=0.3, host_firewall_drop=0.1, ip_whitelist_mismatch=0.3),
        brings={"eni_group_blocks_outbound": 1.5},
    ),
    Contrast(
        name="the link carries others",
        test=_link_carries_others,
        factors={"eni_group_blocks_outbound": 0.0, "eni_missing": 0.0, "eni_down": 0.0, "eni_no_carrier": 0.0},
    ),
    Contrast(
        name="the job has no address in the VPC",
        test=_no_address_in_vpc,
        factors=of((OF_ROUTE, 0.2), sg_drop=0.1, host_firewall_drop=0.1, ip_whitelist_mismatch=0.1),
        brings={"eni_missing": 2.0},
    ),
    Contrast(
        name="hosts of the VPC fail as well",
        test=_hosts_of_vpc_fail_too,
        factors=of((OF_TARGET, 2.0), (OF_JOB, 0.0), (OF_ENI, 0.0), (OF_MACHINE, 0.05), ip_whitelist_mismatch=0.5),
    ),
    Contrast(
        name="some hosts of the VPC fail as well",
        test=_some_hosts_of_vpc_fail,
        factors=of((OF_JOB, 0.0), (OF_ENI, 0.0), (OF_MACHINE, 0.0), ip_whitelist_mismatch=0.3),
    ),
    Contrast(
        name="a neighbour of the target reaches it",
        test=_neighbour_reaches,
        factors=of((OF_TARGET, 0.0), host_firewall_drop=0.5, sg_drop=2.0),
    ),
    Contrast(
        name="a neighbour of the target fails as well",
        test=_neighbour_fails,
        factors=of((OF_ROUTE, 0.0), sg_drop=0.2, ip_whitelist_mismatch=0.1, return_path_drop=0.1),
        brings={"host_down": 0.3},
    ),
    Contrast(
        name="nobody answers on the target's link",
        test=_neighbour_finds_nobody,
        factors=of(sg_drop=0.05, host_firewall_drop=0.05, service_not_listening=0.0),
        brings={"host_down": 1.0},
    ),
    Contrast(
        name="its whole subnet fails from outside",
        test=_whole_subnet_from_outside,
        factors=of(sg_drop=0.3, host_firewall_drop=0.1),
        brings={"blackhole_route": 1.0},
    ),
    Contrast(
        name="one network hears the other",
        test=_only_one_hears,
        factors=of((OF_ROUTE, 0.05), host_down=0.3, host_firewall_drop=0.3),
        brings={"sg_drop": 0.3},
    ),
    Contrast(
        name="neither network hears the other",
        test=_neither_hears_the_other,
        factors=of((OF_ROUTE, 3.0), sg_drop=0.5, host_firewall_drop=0.2, ip_whitelist_mismatch=0.2),
        brings={"blackhole_route": 0.3},
    ),
    Contrast(
        name="an endpoint of the services' own network",
        test=_service_from_vpc,
        factors=of((OF_TARGET, 0.0), host_firewall_drop=0.1),
        brings={"endpoint_wrong_network": 1.0},
    ),
    Contrast(
        name="a host of the VPC alone fails",
        test=_host_alone_fails,
        factors=of((OF_TARGET, 0.0), (OF_JOB, 0.0), sg_drop=0.5, host_firewall_drop=0.5),
        brings={"ip_whitelist_mismatch": 0.4},
    ),
)
