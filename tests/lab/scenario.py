"""What a scenario is, and the plans that scenarios are made of: realistic jobs, most of whose targets are healthy."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from tests.lab.network import SANDBOX

HEALTHY, DEGRADED, FAILING, UNDETERMINED = "healthy", "degraded", "failing", "undetermined"
EXIT_CODES: Mapping[str, int] = {HEALTHY: 0, DEGRADED: 1, FAILING: 2, UNDETERMINED: 3}

Plan = Mapping[str, Any]


@frozen(kw_only=True)
class Scenario:
    """A network with a known fault, and the one true cause that must come out first.

    ``expected`` is None where nothing is wrong. ``targets`` are the names of the targets that the cause concerns (not
    looked at where empty). ``others``: further true causes with their targets, in the order in which they must come.
    ``surest``: how sure the first finding may be at most. ``said``: words that must stand in the reasons
    of the true cause. ``also``: critical causes that may stand beside it. ``infos``: what must be told as
    information, too. ``real``: servers of tests/lab/real.py. ``files``: what the plan names, beside it. ``sweep``:
    words of `linkdoctor sweep`, which is then run on the plan's networks in place of the check.
    ``repeat``: how often it is run where chance is part of it; the majority counts.
    """

    name: str
    title: str
    plan: Plan
    faults: tuple[str, ...] = ()
    expected: str | None = None
    targets: tuple[str, ...] = ()
    others: Mapping[str, tuple[str, ...]] = field(factory=dict)
    verdict: str = field()
    surest: float = 1.0
    said: str = ""
    also: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    vantage: str = SANDBOX
    env: Mapping[str, str] = field(factory=dict)
    resolv_conf: str | None = None
    hosts: str = ""
    descriptors: int | None = None
    real: tuple[str, ...] = ()
    files: Mapping[str, str] = field(factory=dict)
    sweep: tuple[str, ...] = ()
    repeat: int = 1

    @verdict.default
    def _verdict(self) -> str:
        return HEALTHY if self.expected is None else FAILING

    @property
    def causes(self) -> Mapping[str, tuple[str, ...]]:
        """All true causes with their targets, most important first."""
        return {} if self.expected is None else {self.expected: self.targets, **self.others}

    def command(self, plan: str) -> tuple[str, ...]:
        """What of linkdoctor is run, on the plan's file."""
        return ("sweep", plan, *self.sweep) if self.sweep else ("check", plan)

    @property
    def connect_timeout(self) -> float:
        """Seconds, as the plan says it."""
        said = self.plan["limits"]["connect_timeout"]
        number = float(said.rstrip("ms"))
        return number / 1000 if said.endswith("ms") else number


_VPC = {"via": "vpc"}

TARGETS: Mapping[str, Mapping[str, Any]] = {
    "metastore": {"address": "emr-header-1.emr.internal:9083", "service": "hive-metastore", "group": "hadoop", **_VPC},
    "namenode": {"address": "emr-header-1.emr.internal:8020", "service": "hdfs-namenode", "group": "hadoop", **_VPC},
    **{
        f"datanode{number}": {
            "address": f"emr-worker-{number}.emr.internal:50010",
            "service": "hdfs-datanode",
            "group": "hadoop",
            **_VPC,
        }
        for number in (1, 2, 3)
    },
    "mysql": {"address": "rm-lab.mysql.rds.aliyuncs.com:3306", **_VPC},
    "postgresql": {"address": "pgm-lab.pg.rds.aliyuncs.com:5432", **_VPC},
    "redis": {"address": "r-lab.redis.rds.aliyuncs.com:6379", **_VPC},
    "replica": {"address": "10.10.2.41:3306", **_VPC},
    "zookeeper": {"address": "zk-1.vpc.internal:2181", **_VPC},
    "elasticsearch": {"address": "es-1.vpc.internal:9200", **_VPC},
    "aliyun": {"address": "https://www.aliyun.com/"},
    "amap": {"address": "https://restapi.amap.com/"},
    "amap-http": {"address": "http://restapi.amap.com/"},
    "oss": {"address": "https://lake.oss-cn-hangzhou.aliyuncs.com/"},
    "partner": {"address": "https://api.partner.example/"},
    "files": {"address": "https://files.partner.example/"},
}

ACCESS_LIST = (
    "www.aliyun.com:443,restapi.amap.com:443,restapi.amap.com:80,lake.oss-cn-hangzhou.aliyuncs.com:443,"
    "api.partner.example:443,files.partner.example:443"
)

UDF_SETTINGS: Mapping[str, str] = {
    "odps.sql.python.version": "cp37",
    "odps.internet.access.list": ACCESS_LIST,
    "odps.session.networklink": "testLink",
}
SPARK = "spark.hadoop.odps."
SPARK_SETTINGS: Mapping[str, str] = {
    f"{SPARK}spark.version": "spark-3.1.1-odps0.47.0",
    f"{SPARK}cupid.eni.enable": "true",
    f"{SPARK}cupid.eni.info": "cn-hangzhou:vpc-bp1lab",
    f"{SPARK}cupid.internet.access.list": ACCESS_LIST,
}

NETWORKS = (
    {"name": "vswitch-a", "cidr": "10.10.1.0/24", "enis": ["10.10.1.10"]},
    {"name": "vswitch-b", "cidr": "10.10.2.0/24"},
    {"name": "vswitch-c", "cidr": "10.10.3.0/24"},
)


def target(name: str, **changes: Any) -> dict[str, Any]:
    """A target by its name in TARGETS, with changes; a new one where the name is new."""
    return {"name": name, **TARGETS.get(name, {}), **changes}


def _plan(runtime: str, settings: Mapping[str, str | None], targets: tuple[Any, ...], changes: Plan) -> Plan:
    declared = {key: value for key, value in settings.items() if value is not None}
    return {
        "name": "nightly-etl",
        "runtime": runtime,
        "region": "cn-hangzhou",
        **({"settings": declared} if declared else {}),
        "targets": [target(entry) if isinstance(entry, str) else entry for entry in targets],
        "networks": list(NETWORKS),
        "tls": {"ca": "lab-ca.pem"},
        # Long enough to see the retransmission of a SYN after one second.
        "limits": {"connect_timeout": "1500ms", "deadline": "60s"},
        **changes,
    }


def udf(*targets: Any, settings: Mapping[str, str | None] | None = None, **changes: Any) -> Plan:
    """A UDF with an access list and a network link; a setting of None is left out."""
    return _plan("udf", {**UDF_SETTINGS, **(settings or {})}, targets, changes)


def spark(*targets: Any, settings: Mapping[str, str | None] | None = None, **changes: Any) -> Plan:
    """A Spark job with an ENI; a setting of None is left out."""
    return _plan("spark", {**SPARK_SETTINGS, **(settings or {})}, targets, changes)


def host(*targets: Any, **changes: Any) -> Plan:
    """A host of the VPC, or any machine: nothing to switch on."""
    return _plan("host", {}, targets, changes)


def representatives(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """The first scenario of every cause, once, and as large a share of the healthy ones."""
    met = list(scenarios)
    broken = [scenario for scenario in met if scenario.expected]
    healthy = [scenario for scenario in met if not scenario.expected]
    first = {scenario.expected: scenario for scenario in reversed(broken)}
    share = len(healthy) * len(first) // len(broken)
    return [evolve(scenario, repeat=1) for scenario in (*first.values(), *healthy[:share])]
