"""What to change in a job's settings: texts and statements to paste, for the causes of reports/rules/settings.py.

A statement for an access list replaces the whole list. So it always holds what the job declares already and what
every target of the run lacks, not only those of one finding: pasting one never undoes another.
"""

from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from attrs import evolve

from reports.case import Case
from reports.causes import ADMIN, CAUSES
from reports.maxcompute import admission, statements
from reports.maxcompute.checklists import for_cause
from reports.maxcompute.endpoints import LEGACY_SPARK_SOURCE
from reports.maxcompute.formats import CORRECTION, PROBLEMS
from reports.maxcompute.regions import REGIONS
from reports.maxcompute.schemes import BY_VPC, INTERNET
from reports.maxcompute.settings import (
    ENI_ENABLE,
    ENI_INFO,
    NETWORK_LINK,
    PROJECT_LIST,
    SMARTNAT,
    TABLE_LINK,
    TRUSTED,
    VPC_DOMAINS,
    normal,
    written,
)
from reports.maxcompute.ways import LIST_OF, NEEDS, is_possible
from reports.model import Observation, Remedy
from reports.rules.declared import Run, accusation, endpoint_outside, of_run, said, way_of
from reports.words import listed

_WHERE_PROJECT = "console: Projects, Manage, Parameter Configuration, Outbound Internet"

_UNSUPPORTED: Dict[str, str] = {
    "smartnat_spark_version": "use an ENI into a VPC that has SNAT instead of SmartNAT, or a Spark before 3.4",
    "internet_ipv6": "use the destination's name or its IPv4 address: IPv6 addresses cannot be configured",
    "internet_runtime": "access it from a runtime for which the Internet is documented: UDF, Spark, MapReduce, PyODPS "
    "or Mars",
    "internet_region": "run the job in a region that is listed: %s"
    % listed([region.id for region in REGIONS.values() if region.internet], 12),
    "vpc_region": "run the job in a region that is listed: %s"
    % listed([region.id for region in REGIONS.values() if region.vpc], 12),
    "vpc_region_udf": "use a region for which it is documented (%s), or ask by a ticket whether it works here"
    % listed([region.id for region in REGIONS.values() if region.udf_vpc], 12),
}


def described(seen: Observation) -> str:
    """A wrong setting in plain words: key, where it stands, the part that is wrong, what is allowed."""
    facts = seen.facts
    problem = PROBLEMS.get(str(facts.get("problem")), ("is wrong", ""))[0]
    return '%s (%s): "%s" %s; allowed: %s' % (
        facts.get("key"),
        facts.get("source"),
        facts.get("entry"),
        problem,
        facts.get("allowed"),
    )


def settings_for(cases: Sequence[Case]) -> str:
    """The statements that switch on what the targets need, each once."""
    run = of_run(cases[0].run)
    needed = dict.fromkeys(one for case in cases for one in _needed(case, run))
    lines = (_STATEMENTS[kind](key, cases, run) for kind, key in needed)
    return "\n".join(line for line in lines if line)


def _needed(case: Case, run: Run) -> Iterator[Tuple[str, str]]:
    """The statements that one target needs: their kind, and the key."""
    way, key = way_of(case), str(said(case, "broken_key") or said(case, "missing_key") or "")
    if way == INTERNET and run.runtime in LIST_OF:
        yield "list", LIST_OF[run.runtime]
        declared = run.declared
        has_eni = declared.is_on(ENI_ENABLE) and declared.is_on(ENI_INFO)
        has_nat = declared.is_on(SMARTNAT) and is_possible((SMARTNAT,), declared)
        if run.runtime == "spark" and not has_eni and not has_nat:
            by_eni = key in (ENI_ENABLE, ENI_INFO) or not is_possible((SMARTNAT,), declared)
            yield ("eni", "") if by_eni else ("smartnat", "")
    elif way == BY_VPC and run.runtime == "spark":
        yield ("domains", "") if key == VPC_DOMAINS else ("eni", "")
    elif way == BY_VPC and (run.runtime, way) in NEEDS:
        yield "link", NEEDS[run.runtime, way][0][0]
    elif said(case, "list_key") == TRUSTED:
        yield "trusted", ""


def _list(key: str, cases: Sequence[Case], run: Run) -> str:
    return statements.access_list(key, run.declared.mended(key), _entries(cases) + _entries(run.unlisted))


def _entries(cases: Sequence[Case]) -> List[Tuple[str, int]]:
    return [(case.target.host, case.target.port) for case in cases if way_of(case) == INTERNET]


def _link(key: str, cases: Sequence[Case], run: Run) -> str:  # noqa: ARG001 - the shape of a table's entries
    problem = run.declared.problem_of(key)
    return statements.network_link(problem.corrected if problem is not None else "", key)


def _eni(key: str, cases: Sequence[Case], run: Run) -> str:  # noqa: ARG001 - the shape of a table's entries
    problem, eni = run.declared.problem_of(ENI_INFO), run.declared.eni
    region, _, vpc = (problem.corrected if problem is not None else "").partition(":")
    return statements.spark_eni(region or eni.region or cases[0].run.plan.region or "", vpc or eni.vpc)


def _smartnat(key: str, cases: Sequence[Case], run: Run) -> str:  # noqa: ARG001 - the shape of a table's entries
    return statements.spark_smartnat()


def _domains(key: str, cases: Sequence[Case], run: Run) -> str:  # noqa: ARG001 - the shape of a table's entries
    held = run.declared.values[VPC_DOMAINS].value if run.declared.has(VPC_DOMAINS) else ""
    missing = [(case.target.host, case.target.port) for case in cases]
    return statements.vpc_domain_list(held, cases[0].run.plan.region or "", missing)


def _trusted(key: str, cases: Sequence[Case], run: Run) -> str:  # noqa: ARG001 - the shape of a table's entries
    return statements.spark_trusted(run.declared.trusted, [case.target.host for case in cases])


_STATEMENTS: Dict[str, Callable[[str, Sequence[Case], Run], str]] = {
    "list": _list,
    "link": _link,
    "eni": _eni,
    "smartnat": _smartnat,
    "domains": _domains,
    "trusted": _trusted,
}


# --- one remedy a cause ---------------------------------------------------------------------------------------------


def _made(cause: str, text: str, snippet: str = "", owner: str = "") -> Remedy:
    known = CAUSES[cause]
    return Remedy(text=text, snippet=snippet, reference=known.reference, owner=owner or known.owner)


def _destinations(cases: Sequence[Case]) -> str:
    return listed([case.target.address for case in cases])


def _not_enabled(cases: Sequence[Case]) -> Remedy:
    text = "switch it on for %s with what stands below, which keeps what the job declares" % _destinations(cases)
    ways = {way_of(case) for case in cases}
    if INTERNET in ways:
        text += "; the project's own list must hold public addresses too (%s)" % _WHERE_PROJECT
    runtime = cases[0].run.runtime
    checks = for_cause("access_list_missing_host", runtime) if INTERNET in ways else ()
    checks += for_cause("eni_missing", runtime) if BY_VPC in ways else ()
    made = _made("access_not_enabled", text, settings_for(cases))
    return evolve(made, checks=tuple(dict.fromkeys(checks)))


def _unsupported(cases: Sequence[Case]) -> Remedy:
    words = dict.fromkeys(str(said(case, "unsupported")) for case in cases)
    text = "; ".join(_UNSUPPORTED.get(word, CAUSES["access_way_unsupported"].remedy) for word in words)
    return _made("access_way_unsupported", text, settings_for(cases) if "smartnat_spark_version" in words else "")


def _corrected(cause: str, kind: str) -> Callable[[Sequence[Case]], Remedy]:
    def remedy(cases: Sequence[Case]) -> Remedy:
        run = of_run(cases[0].run)
        key = TABLE_LINK if run.runtime == "external-table" else NETWORK_LINK
        failing = [case for case in cases if accusation(case, cause) is not None]
        return _made(cause, CAUSES[cause].remedy, _STATEMENTS[kind](key, failing or cases[:1], run))

    return remedy


def _list_entry(cases: Sequence[Case]) -> Remedy:
    run = of_run(cases[0].run)
    wrong = [seen for seen in run.problems if str(seen.facts.get("problem")).startswith("entry_")]
    keys = dict.fromkeys(normal(str(seen.facts["key"])) for seen in wrong)
    # The project's list is no setting of a statement: it is kept in the console.
    snippet = "\n".join(_list(key, cases, run) for key in keys if key != PROJECT_LIST)
    text = "write every entry as HOST:PORT, joined by commas without spaces"
    text += "; the line below is the whole list" if snippet else " (%s)" % _WHERE_PROJECT
    # A pasted list replaces the job's: what could not be corrected must not be lost without a word.
    uncorrected = [seen for seen in wrong if CORRECTION not in str(seen.facts.get("allowed"))]
    unclear = ['"%s"' % seen.facts["entry"] for seen in uncorrected if seen.facts.get("entry")]
    if snippet and unclear:
        text += ", but for %s: add what is meant by it" % listed(unclear)
    return _made("access_list_malformed", text, snippet)


def _missing(cause: str) -> Callable[[Sequence[Case]], Remedy]:
    def remedy(cases: Sequence[Case]) -> Remedy:
        unlisted = [case for case in cases if said(case, "listed") != "yes"]
        project = "the project's own list (%s)" % _WHERE_PROJECT
        if not unlisted:
            text = "the job's list holds %s: add it to %s, or wait until its application is approved"
            return _made(cause, text % (_destinations(cases), project), owner=ADMIN)
        key = written(str(said(unlisted[0], "list_key")))
        text = "add %s to %s: the line below holds the whole list. " % (_destinations(unlisted), key)
        if key == written(TRUSTED):
            return _made(cause, text.strip(), settings_for(cases))
        return _made(cause, text + "%s must hold it too" % (project[0].upper() + project[1:]), settings_for(cases))

    return remedy


def _stale(cases: Sequence[Case]) -> Remedy:
    ips = listed(list(dict.fromkeys(ip for case in cases for ip in case.ips)))
    text = "list the name instead of an address: %s is now %s; the old address may go. The project's own list too (%s)"
    return _made("access_list_stale_ip", text % (cases[0].target.host, ips, _WHERE_PROJECT), settings_for(cases))


def _endpoint(cases: Sequence[Case]) -> Remedy:
    run = of_run(cases[0].run)
    better = {case.target.host: str(case.fact("endpoint_wanted") or endpoint_outside(case)) for case in cases}
    text = "use " + listed(["%s instead of %s" % (new, old) for old, new in better.items()])
    key = LIST_OF.get(run.runtime)
    public = [
        (better[case.target.host], case.target.port) for case in cases if case.fact("endpoint_network") != "public"
    ]
    if key is None or not public or run.runtime == "spark":
        return _made("endpoint_wrong_network", text, "\n".join(better.values()))
    text += "; a public endpoint also stands in the access lists of the job and of the project"
    return _made(
        "endpoint_wrong_network",
        text,
        statements.access_list(key, run.declared.mended(key), public + _entries(run.unlisted)),
    )


def _other_vpc(cases: Sequence[Case]) -> Remedy:
    return _made(
        "destination_other_vpc", CAUSES["destination_other_vpc"].remedy.format(destinations=_destinations(cases))
    )


def _whitelist(cases: Sequence[Case]) -> Remedy:
    run = cases[0].run
    cidrs: List[str] = [network.cidr for network in run.plan.networks]
    own = run.network_of(cases[0].source) if cases[0].source else None
    if run.runtime == "spark" and of_run(run).declared.domains.vpcs and not of_run(run).declared.is_on(ENI_ENABLE):
        cidrs = [LEGACY_SPARK_SOURCE]
    elif own is not None:
        cidrs = [own.cidr]
    text = CAUSES["whitelist_lacks_vswitch"].remedy.format(vswitch=listed(cidrs), destinations=_destinations(cases))
    return _made("whitelist_lacks_vswitch", text, "\n".join(admission.admit_in_whitelist(cidr) for cidr in cidrs))


def _disagrees(cases: Sequence[Case]) -> Remedy:  # noqa: ARG001 - the shape of a table's entries
    text = CAUSES["config_disagrees"].remedy + "; where linkdoctor did not run in the job's place, its plan says so "
    return _made("config_disagrees", text + "with `runtime: host`")


REMEDIES: Dict[str, Callable[[Sequence[Case]], Remedy]] = {
    "access_list_malformed": _list_entry,
    "access_not_enabled": _not_enabled,
    "access_way_unsupported": _unsupported,
    "networklink_name_invalid": _corrected("networklink_name_invalid", "link"),
    "eni_info_malformed": _corrected("eni_info_malformed", "eni"),
    "vpc_domain_list_malformed": _corrected("vpc_domain_list_malformed", "domains"),
    "endpoint_wrong_network": _endpoint,
    "destination_other_vpc": _other_vpc,
    "whitelist_lacks_vswitch": _whitelist,
    "access_list_missing_host": _missing("access_list_missing_host"),
    "access_list_missing_port": _missing("access_list_missing_port"),
    "access_list_stale_ip": _stale,
    "config_disagrees": _disagrees,
}
