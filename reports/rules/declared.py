"""What a job's settings alone say against its targets, for all targets of a run at once.

An accusation is what would keep a target from being reached if the settings are those that the job runs with. It is
not yet a finding: the rules (reports/rules/settings.py) join it with what was measured.
"""

from collections import defaultdict
from functools import lru_cache
from typing import Dict, Iterator, List, Optional, Set, Tuple

from attrs import frozen

from reports.case import Case
from reports.evidence import Evidence
from reports.maxcompute.endpoints import INTERNAL, PUBLIC, VPC, classify, wanted
from reports.maxcompute.formats import PROBLEMS, AccessList
from reports.maxcompute.schemes import AUTO, BY_VPC, GOVERNED, INTERNET, UNGOVERNED
from reports.maxcompute.settings import Declared, normal, read, written
from reports.maxcompute.ways import UNSUPPORTED
from reports.model import Observation, Scalar
from reports.words import listed

# The causes that an access list, pasted anew, mends.
_OF_LISTS = frozenset(
    {
        "access_list_malformed",
        "access_not_enabled",
        "access_way_unsupported",
        "access_list_missing_host",
        "access_list_missing_port",
        "access_list_stale_ip",
    }
)

# The cause that a problem of a setting stands for, by the first part of its word.
CAUSE_OF_PROBLEM: Dict[str, str] = {
    "entry": "access_list_malformed",
    "link": "networklink_name_invalid",
    "eni": "eni_info_malformed",
    "domains": "vpc_domain_list_malformed",
    "switch": "access_not_enabled",
    "key": "access_not_enabled",
}

RUNTIME_NAMES: Dict[str, str] = {
    "udf": "a UDF",
    "spark": "Spark on MaxCompute",
    "mapreduce": "MapReduce",
    "maxframe": "MaxFrame",
    "mars": "Mars",
    "external-table": "an external table",
    "lakehouse": "a lakehouse project",
    "pyodps": "a PyODPS node",
    "host": "a host",
}
WAY_NAMES: Dict[str, str] = {
    INTERNET: "access over the Internet",
    BY_VPC: "access over a VPC",
    "service": "access to a platform service",
}
_SERVICE_NAMES = {
    "oss": "OSS",
    "tablestore": "Tablestore",
    "dlf": "DLF",
    "hologres": "Hologres",
    "maxcompute": "MaxCompute",
    "maxcompute-tunnel": "MaxCompute's tunnel",
}
_NETWORK_NAMES = {PUBLIC: "public", INTERNAL: "internal", VPC: "VPC"}


@frozen
class Accusation:
    """``token``: what is lacking or wrong; targets of equal cause and token share it."""

    cause: str
    token: Tuple[Scalar, ...]
    words: str


class Run:
    """The settings of one run: read once, and every target's accusations."""

    def __init__(self, run: Evidence) -> None:
        plan = run.plan
        self.declared: Declared = read(plan.settings, plan.region, plan.targets)
        self.problems: List[Observation] = run.of("settings", "setting")
        self.runtime = run.runtime
        self.claimed = {ip for case in run.cases.values() for ip in case.ips}
        self.ways: Dict[str, Set[str]] = defaultdict(set)
        # What a new access list must hold beside what it holds.
        self.unlisted: List[Case] = []
        # Wrong settings by the cause that they are, without those that some target is accused for.
        self.unexplained: Dict[str, List[Observation]] = defaultdict(list)
        self.by_target: Dict[str, Dict[str, Accusation]] = {}
        # Targets that were reached although something is said against them, by what it is.
        self.reached: Dict[Tuple[str, Tuple[Scalar, ...]], Case] = {}
        # The ways by which anything was reached at all.
        self.ways_that_work: Dict[str, Case] = {}
        explained: Set[Tuple[Scalar, ...]] = set()
        for name, case in run.cases.items():
            accused = {one.cause: one for one in _accuse(case, self)}
            self.by_target[name] = accused
            self.ways[way_of(case)].add(name)
            if is_through(case):
                self.ways_that_work.setdefault(way_of(case), case)
                for one in accused.values():
                    self.reached.setdefault((one.cause, one.token), case)
            else:
                explained.update(one.token for one in accused.values())
                if way_of(case) == INTERNET and not _OF_LISTS.isdisjoint(accused):
                    self.unlisted.append(case)
        for seen in self.problems:
            cause = CAUSE_OF_PROBLEM.get(str(seen.facts.get("problem")).partition("_")[0], "")
            if (normal(str(seen.facts.get("key"))), seen.facts.get("entry")) not in explained:
                self.unexplained[cause].append(seen)


@lru_cache(maxsize=2)
def of_run(run: Evidence) -> Run:
    """The settings of the run; worked out once for all its targets."""
    return Run(run)


def accusation(case: Case, cause: str) -> Optional[Accusation]:
    """What the settings say against the target under this cause, or None."""
    return of_run(case.run).by_target[case.target.name].get(cause)


def is_through(case: Case) -> bool:
    """Whether the target itself was reached: its own bytes, or a handshake where nobody accepts in its place.

    Inside MaxCompute a forwarder may finish a handshake by itself.
    """
    if case.stage or case.proxied:
        return False
    return case.reached or (bool(case.connected) and case.run.vantage.kind not in GOVERNED)


def is_unmeasured(case: Case) -> bool:
    """Whether nothing was sent for the target: only its settings are known."""
    return not case.names and not case.connects and all(seen.probe in ("settings", "log") for seen in case.seen)


def way_of(case: Case) -> str:
    """The way that the target takes; where nothing was measured, the only one that the settings leave open."""
    if case.way != AUTO or not is_unmeasured(case):
        return case.way
    internet, vpc = case.fact("internet_enabled"), case.fact("vpc_enabled")
    if internet is None or vpc is None or (internet and vpc):
        return AUTO
    return BY_VPC if vpc else INTERNET


def said(case: Case, key: str) -> Optional[Scalar]:
    """A fact of the target's coverage, of the way that it takes where the settings leave that open."""
    if case.fact("way") == AUTO:
        return case.fact("%s_%s" % (way_of(case), key))
    return case.fact(key)


def endpoint_outside(case: Case) -> str:
    """The public name of an endpoint that answers only inside, where the target is asked from outside MaxCompute."""
    if of_run(case.run).runtime not in UNGOVERNED or case.fact("endpoint_network") not in (INTERNAL, VPC):
        return ""
    endpoint = classify(case.target.host)
    return wanted(endpoint, PUBLIC) if endpoint is not None else ""


def unclaimed_addresses(case: Case, run: Run) -> Tuple[str, ...]:
    """Addresses that the list holds on the target's port, and that no target of the plan has."""
    return tuple(ip for ip in str(said(case, "listed_ips") or "").split(",") if ip and ip not in run.claimed)


def is_listed_by_address(case: Case, run: Run) -> bool:
    """Whether the list holds every address that the name has."""
    found = run.declared.lists.get(str(said(case, "list_key")), AccessList())
    return bool(case.ips) and all(case.target.port in found.ports(ip) for ip in case.ips)


def _accuse(case: Case, run: Run) -> Iterator[Accusation]:
    if case.fact("way") is None or case.proxied:
        # By an HTTP proxy the target is reached from elsewhere: the job's own way does not matter.
        return
    yield from _accuse_place(case)
    if case.fact("endpoint_wanted"):
        # What the wrong endpoint would need beside is of no interest.
        yield _wrong_endpoint(case, run)
        return
    unsupported, enabled = said(case, "unsupported"), said(case, "enabled")
    if unsupported:
        yield Accusation("access_way_unsupported", (unsupported,), UNSUPPORTED[str(unsupported)])
    elif said(case, "broken"):
        yield _broken(case)
    elif enabled is False:
        yield _not_enabled(case, run)
    else:
        yield from _accuse_listing(case, run)


def _wrong_endpoint(case: Case, run: Run) -> Accusation:
    service, network = str(case.fact("endpoint")), str(case.fact("endpoint_network"))
    words = "%s is the %s endpoint of %s; %s uses %s" % (
        case.target.host,
        _NETWORK_NAMES.get(network, network),
        _SERVICE_NAMES.get(service, service),
        RUNTIME_NAMES.get(run.runtime, run.runtime),
        case.fact("endpoint_wanted"),
    )
    return Accusation("endpoint_wrong_network", (service, network), words)


def _accuse_place(case: Case) -> Iterator[Accusation]:
    region, job = case.fact("endpoint_region"), case.run.plan.region
    if case.fact("target_vpc"):
        vpcs = (str(case.fact("target_vpc")), str(case.fact("eni_vpc")))
        yield Accusation("destination_other_vpc", vpcs, "it is in %s; the ENI is in %s" % vpcs)
    elif region and job and region != job and case.fact("endpoint_network") != PUBLIC and way_of(case) != INTERNET:
        words = "%s is in %s; the job runs in %s" % (case.target.host, region, job)
        yield Accusation("destination_other_vpc", (region, job), words)


def _broken(case: Case) -> Accusation:
    key, word, entry = str(said(case, "broken_key")), str(said(case, "broken")), str(said(case, "broken_entry"))
    cause = CAUSE_OF_PROBLEM[word.partition("_")[0]]
    return Accusation(cause, (key, entry), '%s: "%s" %s' % (written(key), entry, PROBLEMS[word][0]))


def _not_enabled(case: Case, run: Run) -> Accusation:
    key = str(said(case, "missing_key"))
    way = WAY_NAMES.get(way_of(case), way_of(case))
    words = "the settings lack %s, which %s needs for %s" % (written(key), RUNTIME_NAMES.get(run.runtime, ""), way)
    if run.declared.has(key):
        words = '%s is "%s", which does not switch on %s' % (written(key), run.declared.values[key].value[:60], way)
    meant = [seen for seen in run.problems if seen.facts.get("problem") == "key"]
    near = [
        str(seen.facts["key"]) for seen in meant if str(seen.facts.get("allowed", "")).endswith(": " + written(key))
    ]
    if near:
        words += "; %s is there, and is no known key" % listed(near)
    return Accusation("access_not_enabled", (key,), words)


def _accuse_listing(case: Case, run: Run) -> Iterator[Accusation]:
    state, key = said(case, "listed"), written(str(said(case, "list_key") or ""))
    address = case.target.address
    if state == "no" and not is_listed_by_address(case, run):
        yield Accusation("access_list_missing_host", (key,), "%s does not hold %s" % (key, address))
        unclaimed = unclaimed_addresses(case, run)
        if unclaimed and case.ips:
            words = "%s holds %s, which no target has; %s is now %s" % (
                key,
                listed(unclaimed),
                case.target.host,
                listed(case.ips),
            )
            yield Accusation("access_list_stale_ip", (key,), words)
    elif state == "other_port":
        ports = str(said(case, "listed_ports")).replace(",", ", ")
        yield Accusation(
            "access_list_missing_port",
            (key,),
            "%s holds %s on %s, not on %d" % (key, case.target.host, ports, case.target.port),
        )
    elif said(case, "project_listed") in ("no", "other_port"):
        words = "the project's own list does not hold %s" % address
        yield Accusation("access_list_missing_host", ("project",), words)
