"""The settings that decide where a job's connections may go: their keys, and what a job declares with them.

    declared = read(plan.settings, region="cn-hangzhou")

Keys of Spark may come with ``spark.hadoop.`` in front or without it (a node's own configuration fields): they are
known here without. Sources: "Network connection process"; "Access instances in a VPC from Spark on MaxCompute".
"""

import re
from typing import Callable, Dict, FrozenSet, Iterable, List, Optional, Tuple, TypeVar

from attrs import Factory, frozen

from reports.maxcompute.formats import (
    AccessList,
    EniInfo,
    Problem,
    Problems,
    VpcDomains,
    access_list,
    eni_info,
    network_link,
    shown,
    switch,
    vpc_domain_list,
)
from reports.model import Setting, Target

ACCESS_LIST = "odps.internet.access.list"
NETWORK_LINK = "odps.session.networklink"
TABLE_LINK = "networklink"  # of TBLPROPERTIES
PROJECT_LIST = "odps.security.outbound.internetlist"
SPARK_LIST = "odps.cupid.internet.access.list"
SMARTNAT = "odps.cupid.smartnat.enable"
ENI_ENABLE = "odps.cupid.eni.enable"
ENI_INFO = "odps.cupid.eni.info"
VPC_DOMAINS = "odps.cupid.vpc.domain.list"
TRUSTED = "odps.cupid.trusted.services.access.list"
SPARK_VERSION = "odps.spark.version"

LISTS = (ACCESS_LIST, SPARK_LIST, PROJECT_LIST)

# Known because they bear on what runs, not on where it connects: noted, never judged.
NOTED: FrozenSet[str] = frozenset(
    {
        SPARK_VERSION,
        "odps.sql.python.version",
        "odps.isolation.session.enable",
        "odps.pypy.enabled",
        "odps.function.timeout",
        "odps.sql.executionengine.batch.rowcount",
        "odps.stage.mapper.mem",
        "odps.session.image",
        "odps.spark.alinux3.enabled",
        "odps.cupid.resources",
    }
)
KNOWN: FrozenSet[str] = NOTED | {
    ACCESS_LIST,
    NETWORK_LINK,
    TABLE_LINK,
    PROJECT_LIST,
    SPARK_LIST,
    SMARTNAT,
    ENI_ENABLE,
    ENI_INFO,
    VPC_DOMAINS,
    TRUSTED,
}

_T = TypeVar("_T")

_SPARK_PREFIX = "spark.hadoop."
# How alike a key must be to a known one to be taken for it misspelt.
_ALIKE = 0.93
_VERSION = re.compile(r"(?:^|[^0-9.])([0-9]+)\.([0-9]+)")


@frozen(kw_only=True)
class Declared:
    """What a job declares, read. Keys are those of this module.

    ``values`` are the settings that are known, ``problems`` what is wrong with some of them, in the order of the
    settings. A value of which nothing could be read is empty here, and has its problem.
    """

    given: bool = False
    values: Dict[str, Setting] = Factory(dict)
    problems: Tuple[Tuple[Setting, Problem], ...] = ()
    # The first problem of each (key, ""), and of each (key, host) that an entry of a list is about.
    first_problems: Dict[Tuple[str, str], Problem] = Factory(dict)
    lists: Dict[str, AccessList] = Factory(dict)
    link: str = ""
    table_link: str = ""
    eni_enabled: Optional[bool] = None
    smartnat: Optional[bool] = None
    eni: EniInfo = Factory(EniInfo)
    domains: VpcDomains = Factory(VpcDomains)
    trusted: Tuple[str, ...] = ()
    spark: Optional[Tuple[int, int]] = None

    def has(self, key: str) -> bool:
        """Whether the key is declared, well or not."""
        return key in self.values

    def holds_text(self, key: str) -> bool:
        """Whether the key is declared with anything in it."""
        return self.has(key) and bool(self.values[key].value.strip(" ;"))

    def problem_of(self, key: str, host: str = "") -> Optional[Problem]:
        """The first thing that is wrong with the key's value, or with its entry about the host."""
        return self.first_problems.get((key, host))

    def mended(self, key: str) -> Tuple[Tuple[str, int], ...]:
        """What an access list holds, and what its wrong entries were meant to be, where that is obvious."""
        entries = list(self.lists[key].entries) if key in self.lists else []
        for setting, problem in self.problems:
            if setting is self.values.get(key) and problem.corrected:
                entries.extend(access_list(problem.corrected)[0].entries)
        return tuple(dict.fromkeys(entries))

    def is_on(self, key: str) -> bool:
        """Whether the key says something that can work."""
        return bool(_ON[key](self))


_ON: Dict[str, Callable[[Declared], object]] = {
    ACCESS_LIST: lambda declared: declared.holds_text(ACCESS_LIST),
    SPARK_LIST: lambda declared: declared.holds_text(SPARK_LIST),
    NETWORK_LINK: lambda declared: declared.link,
    TABLE_LINK: lambda declared: declared.table_link,
    ENI_ENABLE: lambda declared: declared.eni_enabled,
    ENI_INFO: lambda declared: declared.eni.vpc,
    SMARTNAT: lambda declared: declared.smartnat,
    VPC_DOMAINS: lambda declared: declared.domains.vpcs and declared.problem_of(VPC_DOMAINS) is None,
    TRUSTED: lambda declared: declared.trusted,
}


def normal(key: str) -> str:
    """The key as this module knows it."""
    return key[len(_SPARK_PREFIX) :] if key.startswith(_SPARK_PREFIX) else key


def written(key: str) -> str:
    """The key as a job writes it: Spark's with the prefix of its configuration files."""
    return _SPARK_PREFIX + key if key.startswith(("odps.cupid.", "odps.spark.")) else key


def read(settings: Iterable[Setting], region: Optional[str] = None, targets: Iterable[Target] = ()) -> Declared:
    """Everything that the settings say. ``region`` is the job's; ``targets`` lend their ports to corrections.

    Of a key that is set twice the last one counts, and one of the plan before one of a file.
    """
    values: Dict[str, Setting] = {}
    problems: List[Tuple[Setting, Problem]] = []
    first: Dict[Tuple[str, str], Problem] = {}
    given = False
    for setting in settings:
        given = True
        key = normal(setting.key)
        if key in KNOWN:
            before = values.get(key)
            if before is None or before.source != "plan" or setting.source == "plan":
                values[key] = setting
        else:
            problems.extend((setting, problem) for problem in _misspelt(key))

    ports: Dict[str, int] = {}
    for target in targets:
        ports.setdefault(target.host, target.port)

    def of(key: str, reader: Callable[[str], Tuple[_T, Problems]], absent: _T) -> _T:
        if key not in values:
            return absent
        parsed, found = reader(values[key].value)
        problems.extend((values[key], problem) for problem in found)
        for problem in found:
            first.setdefault((key, ""), problem)
            first.setdefault((key, problem.host), problem)
        return parsed

    return Declared(
        given=given,
        values=values,
        lists={key: of(key, lambda text: access_list(text, ports.get), AccessList()) for key in LISTS if key in values},
        link=of(NETWORK_LINK, network_link, ""),
        table_link=of(TABLE_LINK, network_link, ""),
        eni_enabled=of(ENI_ENABLE, switch, None),
        smartnat=of(SMARTNAT, switch, None),
        eni=of(ENI_INFO, lambda text: eni_info(text, region), EniInfo()),
        domains=of(VPC_DOMAINS, lambda text: vpc_domain_list(text, region), VpcDomains()),
        trusted=of(TRUSTED, lambda text: (_trusted(text), ()), ()),
        spark=_spark_version(values[SPARK_VERSION].value) if SPARK_VERSION in values else None,
        problems=tuple(problems),
        first_problems=first,
    )


def runtime_of(settings: Iterable[Setting]) -> Optional[str]:
    """The runtime that the settings are those of, or None where they do not tell."""
    keys = [setting.key for setting in settings]
    if any(key.startswith("spark.") or normal(key).startswith("odps.cupid.") for key in keys):
        return "spark"
    if keys and all(key == TABLE_LINK for key in keys):
        return "external-table"
    return "udf" if any(key.startswith("odps.") for key in keys) else None


def _misspelt(key: str) -> Problems:
    if not key.startswith(("odps.", "networklink")):
        return ()
    import difflib  # noqa: PLC0415 - start-up: only for a key that nobody knows

    near = difflib.get_close_matches(key, sorted(KNOWN - NOTED), n=1, cutoff=_ALIKE)
    return (Problem(word="key", entry=shown(key), corrected=written(near[0])),) if near else ()


def _trusted(text: str) -> Tuple[str, ...]:
    """Host names joined by commas; a port may follow."""
    hosts = (part.strip().partition(":")[0].lower().rstrip(".") for part in text.strip(" ;").split(","))
    return tuple(dict.fromkeys(host for host in hosts if host))


def _spark_version(text: str) -> Optional[Tuple[int, int]]:
    """The first two numbers: ``3.1.1`` and ``spark-3.1.1-odps0.34.1`` are both (3, 1)."""
    found = _VERSION.search(text)
    return (int(found.group(1)), int(found.group(2))) if found is not None else None
