"""The rules of layer config, and of the access list: settings and measurements joined, from plan to finding."""

import pytest

from probes.contract import Notes
from probes.settings import observe
from reports.causes import CAUSES
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Observation, Plan, Setting, Target, Vantage, join_port
from reports.rules.settings import RULES

LIST = "odps.internet.access.list"
LINK = "odps.session.networklink"
PROJECT = "odps.security.outbound.internetlist"
SPARK_LIST = "spark.hadoop.odps.cupid.internet.access.list"
SMARTNAT = "spark.hadoop.odps.cupid.smartnat.enable"
ENI = "spark.hadoop.odps.cupid.eni.enable"
INFO = "spark.hadoop.odps.cupid.eni.info"
DOMAINS = "spark.hadoop.odps.cupid.vpc.domain.list"
TRUSTED = "spark.hadoop.odps.cupid.trusted.services.access.list"
VERSION = "spark.hadoop.odps.spark.version"
JSON = (
    '{"regionId":"cn-hangzhou","vpcs":[{"vpcId":"vpc-x","zones":'
    '[{"urls":[{"domain":"db.corp.internal","port":3306}],"zoneId":"z"}]}]}'
)
OWN = {rule.cause for rule in RULES}

PARTNER = "partner.example.com:443"
OTHER = "other.example.com:443"
ALIYUN = "www.aliyun.com:80"
METASTORE = "10.10.2.30:9083"
NAMENODE = "10.10.2.31:8020"
OSS_INTERNAL = "logs.oss-cn-hangzhou-internal.aliyuncs.com:443"
OSS_PUBLIC = "logs.oss-cn-hangzhou.aliyuncs.com:443"
ELSEWHERE = "rm-x.mysql.cn-shanghai.rds.aliyuncs.com:3306"
IPS = {
    PARTNER: "198.51.100.10",
    OTHER: "198.51.100.11",
    ALIYUN: "198.51.100.12",
    OSS_PUBLIC: "198.51.100.13",
    OSS_INTERNAL: "100.118.28.10",
    ELSEWHERE: "10.20.1.5",
}

OK = None
SILENT = Failure.TIMED_OUT
REFUSED = Failure.CONNECTION_REFUSED


class Run:
    """One run: a plan, its settings, and how each target's first handshake went; others were not measured."""

    def __init__(self, settings, outcomes, runtime="udf", region="cn-hangzhou", vantage="host", **more):
        targets = []
        for address in outcomes:
            host, _, port = address.rpartition(":")
            targets.append(Target(name=address, host=host, port=int(port), admits=more.get("admits", ())))
        self.plan = Plan(
            name="p",
            runtime=runtime,
            region=region,
            settings=tuple(Setting(key=key, value=value) for key, value in settings.items()),
            targets=tuple(targets),
            networks=more.get("networks", ()),
        )
        self.vantage = Vantage(kind=vantage)
        self.notes = Notes()
        observe(self.plan, self.vantage, self.notes)
        for target in targets:
            if outcomes[target.name] != "unmeasured":
                self.measured(target, outcomes[target.name])

    def measured(self, target, failure):
        """A handshake, and the service's answer where it succeeded."""
        ip = IPS.get(target.name, target.host)
        facts = {"ip": ip, "port": target.port, "source": "10.10.1.10", "syns": 2}
        step = {"target": target.name, "address": join_port(ip, target.port), "started": 1.0, "duration_s": 1.5}
        self.notes.add(Observation(probe="tcp", step="connect", failure=failure, facts=facts, **step))
        if failure is None:
            self.notes.add(Observation(probe="service", step="exchange", facts={"bytes_in": 80}, **step))

    def diagnosed(self):
        """What it means."""
        return diagnose(self.plan, self.vantage, self.notes.observations)

    def findings(self, *, info=False):
        """Cause and targets of the findings, without those of other layers' rules that concern no setting."""
        return [
            (found.severity, found.cause, found.targets)
            for found in self.diagnosed().findings
            if found.cause in OWN and (info or found.severity != "info")
        ]


BROKEN = [
    # settings, outcomes, more -> the cause, the target that it explains
    ({LINK: "testLink"}, {PARTNER: SILENT, METASTORE: OK}, {}, "access_not_enabled", PARTNER),
    ({LINK: "testLink"}, {PARTNER: REFUSED, METASTORE: OK}, {}, "access_not_enabled", PARTNER),
    ({LIST: "www.aliyun.com:80"}, {METASTORE: SILENT, ALIYUN: OK}, {}, "access_not_enabled", METASTORE),
    ({SPARK_LIST: "www.aliyun.com:80", SMARTNAT: "true"}, {METASTORE: SILENT, ALIYUN: OK}, {"runtime": "spark"},
     "access_not_enabled", METASTORE),
    ({SPARK_LIST: "www.aliyun.com:80"}, {ALIYUN: SILENT}, {"runtime": "spark"}, "access_not_enabled", ALIYUN),
    ({"odps.session.networklinks": "testLink"}, {METASTORE: SILENT}, {}, "access_not_enabled", METASTORE),
    ({SPARK_LIST: "www.aliyun.com:80", SMARTNAT: "ture"}, {ALIYUN: SILENT}, {"runtime": "spark"},
     "access_not_enabled", ALIYUN),
    ({SPARK_LIST: "www.aliyun.com:80", SMARTNAT: "true", VERSION: "3.5.2"}, {ALIYUN: SILENT}, {"runtime": "spark"},
     "access_way_unsupported", ALIYUN),
    ({LINK: "testLink"}, {METASTORE: SILENT}, {"region": "cn-chengdu"}, "access_way_unsupported", METASTORE),
    ({"networklink": "x"}, {ALIYUN: SILENT}, {"runtime": "external-table"}, "access_way_unsupported", ALIYUN),
    ({LIST: "www.aliyun.com:80,partner.example.com"}, {PARTNER: SILENT, ALIYUN: OK}, {}, "access_list_malformed",
     PARTNER),
    ({LIST: "https://partner.example.com"}, {PARTNER: SILENT}, {}, "access_list_malformed", PARTNER),
    ({LIST: "www.aliyun.com:80, partner.example.com:443"}, {PARTNER: SILENT}, {}, "access_list_malformed", PARTNER),
    ({LINK: "test-link"}, {METASTORE: SILENT}, {}, "networklink_name_invalid", METASTORE),
    ({ENI: "true", INFO: "cn-beijing:vpc-x"}, {METASTORE: SILENT}, {"runtime": "spark"}, "eni_info_malformed",
     METASTORE),
    ({ENI: "true", INFO: "vpc-x"}, {METASTORE: SILENT}, {"runtime": "spark"}, "eni_info_malformed", METASTORE),
    ({DOMAINS: JSON.replace(",", ", ")}, {"db.corp.internal:3306": SILENT}, {"runtime": "spark"},
     "vpc_domain_list_malformed", "db.corp.internal:3306"),
    ({DOMAINS: JSON}, {METASTORE: SILENT}, {"runtime": "spark"}, "vpc_domain_list_malformed", METASTORE),
    ({LIST: "www.aliyun.com:80"}, {OSS_INTERNAL: SILENT, ALIYUN: OK}, {}, "endpoint_wrong_network", OSS_INTERNAL),
    ({SPARK_LIST: "www.aliyun.com:80", SMARTNAT: "true"}, {OSS_PUBLIC: SILENT, ALIYUN: OK}, {"runtime": "spark"},
     "endpoint_wrong_network", OSS_PUBLIC),
    ({"networklink": "x"}, {OSS_PUBLIC: SILENT}, {"runtime": "external-table"}, "endpoint_wrong_network", OSS_PUBLIC),
    ({LINK: "testLink"}, {ELSEWHERE: SILENT, METASTORE: OK}, {}, "destination_other_vpc", ELSEWHERE),
    ({DOMAINS: JSON, ENI: "true", INFO: "cn-hangzhou:vpc-a"}, {"db.corp.internal:3306": SILENT}, {"runtime": "spark"},
     "destination_other_vpc", "db.corp.internal:3306"),
    ({LIST: "www.aliyun.com:80"}, {PARTNER: SILENT, ALIYUN: OK}, {}, "access_list_missing_host", PARTNER),
    ({LIST: "www.aliyun.com:80"}, {PARTNER: SILENT}, {}, "access_list_missing_host", PARTNER),
    ({LIST: "partner.example.com:443", PROJECT: "www.aliyun.com:80"}, {PARTNER: SILENT}, {},
     "access_list_missing_host", PARTNER),
    ({TRUSTED: "a.oss-cn-hangzhou-internal.aliyuncs.com"}, {OSS_INTERNAL: SILENT}, {"runtime": "spark"},
     "access_list_missing_host", OSS_INTERNAL),
    ({LIST: "partner.example.com:80"}, {PARTNER: SILENT}, {}, "access_list_missing_port", PARTNER),
    ({LIST: "203.0.113.9:443"}, {PARTNER: SILENT}, {}, "access_list_stale_ip", PARTNER),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "outcomes", "more", "cause", "target"), BROKEN)
def test_a_setting_explains_a_broken_target(settings, outcomes, more, cause, target):
    """What the settings prove wins clearly over what silence alone may mean."""
    found = Run(settings, outcomes, **more).diagnosed().findings[0]

    assert (cause, (target,), "critical") == (found.cause, found.targets, found.severity)
    assert found.confidence > 0.7
    assert found.evidence
    assert found.remedy.text


# Unmeasured, a dotted name may be one of the VPC's own: the link that is declared may be all that it needs.
CERTAIN = [row for row in BROKEN if not (row[0] == {LINK: "testLink"} and row[4] == PARTNER)]


@pytest.mark.parametrize(("settings", "outcomes", "more", "cause", "target"), CERTAIN)
def test_settings_alone_accuse_where_nothing_was_measured(settings, outcomes, more, cause, target):
    """The same is said without a packet, as a linter says it; only an old address cannot be known for one."""
    unmeasured = dict.fromkeys(outcomes, "unmeasured")
    expected = "access_list_missing_host" if cause == "access_list_stale_ip" else cause

    found = [name for _, name, targets in Run(settings, unmeasured, **more).findings() if target in targets]

    assert found == [expected]


@pytest.mark.parametrize(("settings", "outcomes", "more", "cause", "target"), BROKEN)
def test_a_reached_target_is_not_accused(settings, outcomes, more, cause, target):
    """Where everything is reached, nothing is worse than a warning that the settings are not those of the job."""
    reached = dict.fromkeys(outcomes, OK)

    causes = {name for _, name, _ in Run(settings, reached, **more).findings()}

    assert causes <= {"config_disagrees"}


TWINS = {
    METASTORE: NAMENODE,
    OSS_INTERNAL: "other.oss-cn-hangzhou-internal.aliyuncs.com:443",
    OSS_PUBLIC: "other.oss-cn-hangzhou.aliyuncs.com:443",
}
# What concerns this one target alone is no other's lack.
SHARED = [row for row in BROKEN if row[4] in TWINS and DOMAINS not in row[0]]


@pytest.mark.parametrize(("settings", "outcomes", "more", "cause", "target"), SHARED)
def test_a_refuted_accusation_is_ruled_out(settings, outcomes, more, cause, target):
    """Where another target that lacks exactly the same is reached, it cannot be the reason of this one."""
    twin = TWINS[target]

    found = Run(settings, {**outcomes, twin: OK}, **more).diagnosed()

    assert cause not in [one.cause for one in found.findings if target in one.targets and one.severity == "critical"]
    assert any(cause in one.causes and target in one.targets for one in found.cleared)


@pytest.mark.parametrize(
    ("settings", "outcomes", "more"),
    [
        ({LIST: "www.aliyun.com:80", LINK: "testLink"}, {ALIYUN: OK, METASTORE: OK}, {}),
        ({}, {PARTNER: OK, METASTORE: OK}, {}),
        ({}, {PARTNER: SILENT, METASTORE: SILENT}, {}),
        ({LIST: "www.aliyun.com:80"}, {PARTNER: SILENT, METASTORE: REFUSED}, {"runtime": "host"}),
        ({LIST: "www.aliyun.com:80"}, {PARTNER: SILENT, METASTORE: SILENT}, {"runtime": "pyodps"}),
        ({LIST: "198.51.100.10:443"}, {PARTNER: OK}, {}),
        ({LINK: "testLink", LIST: "www.aliyun.com:80"}, {OSS_INTERNAL: OK, ALIYUN: OK}, {}),
        ({LINK: "testLink"}, {METASTORE: OK}, {"region": "cn-wulanchabu"}),
        ({LINK: "testLink"}, {ELSEWHERE: OK}, {}),
        ({LIST: "www.aliyun.com:80,nonsense"}, {ALIYUN: OK}, {}),
        ({LIST: "nonsense", LINK: "testLink"}, {METASTORE: OK}, {}),
        ({ENI: "true", INFO: "cn-hangzhou:vpc-a", DOMAINS: "{"}, {METASTORE: OK}, {"runtime": "spark"}),
        ({"odps.sql.python.version": "cp37"}, {METASTORE: OK}, {"runtime": "mapreduce"}),
    ],
)
def test_no_accusation(settings, outcomes, more):
    """Nothing above info is said of the settings of what works, or where settings do not govern the sockets."""
    actual = Run(settings, outcomes, **more).findings()

    assert actual == []


def test_config_disagrees():
    """A host that the list lacks and that is reached all the same: these are not the job's settings."""
    expected = [("warning", "config_disagrees", (PARTNER,))]

    actual = Run({LIST: "www.aliyun.com:80"}, {PARTNER: OK, ALIYUN: OK}).findings(info=True)

    assert expected == actual


def test_a_handshake_inside_a_sandbox_proves_nothing():
    """In a UDF a forwarder may finish a handshake by itself: only the service's own bytes contradict the settings."""
    run = Run({LIST: "www.aliyun.com:80"}, {PARTNER: "unmeasured"}, vantage="udf")
    target = run.plan.targets[0]
    facts = {"ip": IPS[PARTNER], "port": 443}
    run.notes.add(Observation(probe="tcp", step="connect", target=target.name, started=1.0, facts=facts))

    actual = run.findings()

    assert actual == []


def test_the_jobs_list_alone_is_not_enough():
    """Listed by the job and silent all the same: the project's list is the suspect, not a certainty."""
    found = Run({LIST: "partner.example.com:443,www.aliyun.com:80"}, {PARTNER: SILENT, ALIYUN: OK}).diagnosed()
    suspects = {found.findings[0].cause: found.findings[0].confidence}
    suspects.update({one.cause: one.confidence for one in found.findings[0].candidates})

    assert 0.1 < suspects["access_list_missing_host"] < 0.7


def test_what_this_machine_did_not_send_is_not_the_settings_fault():
    """Where an own rule kept the packets, the settings are not what was met."""
    run = Run({LIST: "www.aliyun.com:80"}, {PARTNER: Failure.LOCAL_FILTER_DENIES})

    actual = run.diagnosed().findings[0].cause

    assert actual == "local_firewall_drop"


def test_a_router_that_answers_weakens_the_settings():
    """An answer from beyond the sandbox shows that the packets got there."""
    run = Run({LIST: "www.aliyun.com:80"}, {METASTORE: "unmeasured"})
    facts = {"ip": "10.10.2.30", "port": 9083, "icmp_from": "10.10.1.1", "icmp_type": 3, "icmp_code": 13}
    run.notes.add(
        Observation(
            probe="tcp", step="connect", target=METASTORE, failure=Failure.ADMIN_PROHIBITED, started=1.0, facts=facts
        )
    )

    actual = run.diagnosed().findings[0].cause

    assert actual == "admin_prohibited"


NETWORK = Network(name="vswitch-a", cidr="10.10.1.0/24", enis=("10.10.1.10", "10.10.1.11"))


@pytest.mark.parametrize(
    ("admits", "expected"),
    [
        ((), False),
        (("10.10.1.10",), True),
        (("10.10.1.10", "10.10.1.11"), True),
        (("10.10.1.0/24",), False),
        (("10.10.0.0/16",), False),
        (("10.10.1.0/25", "10.10.1.128/25"), False),
        (("10.10.1.0/25",), True),
        (("10.10.9.0/24",), False),  # covers neither: that is a filter's matter, where the target is silent
        (("sg-abc", "10.10.1.10"), True),
    ],
)
def test_whitelist_lacks_vswitch(admits, expected):
    """A whitelist that holds today's ENI addresses and not their vSwitch works until the addresses change."""
    found = Run({LINK: "testLink"}, {METASTORE: OK}, admits=admits, networks=(NETWORK,)).diagnosed().findings

    actual = [(one.severity, one.cause, one.remedy.snippet) for one in found]

    assert [("warning", "whitelist_lacks_vswitch", "10.10.1.0/24")] * expected == actual


def test_whitelist_of_the_older_access_of_spark():
    """With a VPC domain list the job comes from 100.104.0.0/16, which the whitelist must hold."""
    run = Run({DOMAINS: JSON}, {"db.corp.internal:3306": SILENT}, runtime="spark", admits=("10.10.1.0/24",))

    actual = [one.remedy.snippet for one in run.diagnosed().findings if one.cause == "whitelist_lacks_vswitch"]

    assert actual == ["100.104.0.0/16"]


@pytest.mark.parametrize(
    ("settings", "outcomes", "more", "expected"),
    [
        ({LIST: "partner.example.com:443"}, {PARTNER: SILENT, OTHER: SILENT}, {}, [(PARTNER, OTHER)]),
        ({}, {PARTNER: SILENT}, {}, [(PARTNER,)]),
        ({}, {PARTNER: "unmeasured", ALIYUN: "unmeasured"}, {}, []),  # which way it takes is not known
        ({LIST: "partner.example.com:443"}, {PARTNER: "unmeasured"}, {}, [(PARTNER,)]),
        ({}, {ALIYUN: SILENT}, {}, []),
        ({}, {PARTNER: OK}, {}, []),
        ({}, {METASTORE: SILENT}, {}, []),
        ({}, {PARTNER: SILENT}, {"runtime": "host"}, []),
        ({LIST: "partner.example.com:443", PROJECT: "partner.example.com:443"}, {PARTNER: SILENT}, {}, []),
    ],
)
def test_approval_needed(settings, outcomes, more, expected):
    """Told once a run, for public targets that do not verify by themselves and were not reached."""
    findings = Run(settings, outcomes, **more).findings(info=True)

    actual = [targets for severity, cause, targets in findings if cause == "approval_needed" and severity == "info"]

    assert expected == actual


@pytest.mark.parametrize(
    ("settings", "outcomes", "expected"),
    [
        ({LIST: "www.aliyun.com:80,nonsense"}, {ALIYUN: OK}, ["info"]),
        ({LIST: "www.aliyun.com:80,nonsense"}, {ALIYUN: SILENT}, ["warning"]),
        ({LIST: "www.aliyun.com:80,nonsense"}, {ALIYUN: "unmeasured"}, ["warning"]),
        ({LIST: "nonsense", LINK: "testLink"}, {METASTORE: OK}, ["info"]),
        ({LIST: "www.aliyun.com:80,partner.example.com"}, {ALIYUN: OK, PARTNER: SILENT}, ["critical"]),
    ],
)
def test_a_wrong_entry_that_concerns_no_target(settings, outcomes, expected):
    """It is told beside, as a warning while it may break the whole list, as info once the list was seen to work."""
    findings = Run(settings, outcomes).findings(info=True)

    actual = [severity for severity, cause, _ in findings if cause == "access_list_malformed"]

    assert expected == actual


@pytest.mark.parametrize(
    ("settings", "outcomes", "more", "snippet"),
    [
        (
            {LIST: "www.aliyun.com:80"},
            {PARTNER: SILENT, OTHER: SILENT, ALIYUN: OK},
            {},
            "set odps.internet.access.list=www.aliyun.com:80,partner.example.com:443,other.example.com:443;",
        ),
        # One statement mends both findings: pasting one never undoes the other.
        (
            {LIST: "www.aliyun.com:8080,other.example.com"},
            {ALIYUN: SILENT, OTHER: SILENT},
            {},
            "set odps.internet.access.list=www.aliyun.com:8080,other.example.com:443,www.aliyun.com:80;",
        ),
        (
            {LIST: "www.aliyun.com:80"},
            {METASTORE: SILENT},
            {},
            "set odps.session.networklink=<name of your network link>;",
        ),
        ({LINK: "'testLink'"}, {METASTORE: SILENT}, {}, "set odps.session.networklink=testLink;"),
        (
            {"networklink": "9x"},
            {METASTORE: SILENT},
            {"runtime": "external-table"},
            "TBLPROPERTIES('networklink'='<name of your network link>')",
        ),
        (
            {SPARK_LIST: "a.com:80"},
            {ALIYUN: SILENT},
            {"runtime": "spark"},
            (
                "spark.hadoop.odps.cupid.internet.access.list = a.com:80,www.aliyun.com:80\n"
                "spark.hadoop.odps.cupid.smartnat.enable = true"
            ),
        ),
        (
            {SPARK_LIST: "www.aliyun.com:80", SMARTNAT: "true", VERSION: "3.4.2"},
            {ALIYUN: SILENT},
            {"runtime": "spark"},
            (
                "spark.hadoop.odps.cupid.internet.access.list = www.aliyun.com:80\n"
                "spark.hadoop.odps.cupid.eni.enable = true\n"
                "spark.hadoop.odps.cupid.eni.info = cn-hangzhou:<vpc id>"
            ),
        ),
        (
            {ENI: "true", INFO: "cn-hangzhou: vpc-x"},
            {METASTORE: SILENT},
            {"runtime": "spark"},
            "spark.hadoop.odps.cupid.eni.enable = true\nspark.hadoop.odps.cupid.eni.info = cn-hangzhou:vpc-x",
        ),
        (
            {LIST: "www.aliyun.com:80"},
            {OSS_INTERNAL: SILENT},
            {},
            "set odps.internet.access.list=www.aliyun.com:80,logs.oss-cn-hangzhou.aliyuncs.com:443;",
        ),
        ({"networklink": "x"}, {OSS_PUBLIC: SILENT}, {"runtime": "external-table"}, OSS_INTERNAL.partition(":")[0]),
        (
            {TRUSTED: "a.oss-cn-hangzhou-internal.aliyuncs.com"},
            {OSS_INTERNAL: SILENT},
            {"runtime": "spark"},
            (
                "spark.hadoop.odps.cupid.trusted.services.access.list = "
                "a.oss-cn-hangzhou-internal.aliyuncs.com,logs.oss-cn-hangzhou-internal.aliyuncs.com"
            ),
        ),
    ],
)
def test_the_statement_to_paste(settings, outcomes, more, snippet):
    """It keeps what the job declares, adds what all broken targets lack, and leaves blanks where nothing is known."""
    actual = Run(settings, outcomes, **more).diagnosed().findings[0].remedy.snippet

    assert snippet == actual


def test_one_missing_link_is_one_finding():
    """Three hundred targets behind a link that the job lacks are one finding with one statement."""
    outcomes = {"10.10.2.%d:9083" % n: SILENT for n in range(1, 201)}

    actual = [(cause, len(targets)) for _, cause, targets in Run({LIST: "a.com:80"}, outcomes).findings()]

    assert actual == [("access_not_enabled", 200)]


def test_whose_list():
    """What the job's own list holds is the administrator's to add to the project's."""
    run = Run({LIST: "partner.example.com:443", PROJECT: "www.aliyun.com:80"}, {PARTNER: SILENT})

    actual = run.diagnosed().findings[0].remedy.owner

    assert actual == "project administrator"


def test_endpoint_from_outside():
    """An internal endpoint asked from a host is a candidate, with the public name as what to use."""
    run = Run({}, {"service.cn-hangzhou-vpc.maxcompute.aliyun-inc.com:443": SILENT}, runtime="host")
    found = run.diagnosed().findings[0]

    actual = {found.cause, *(one.cause for one in found.candidates)}

    assert "endpoint_wrong_network" in actual


def test_all_config_causes_have_a_rule():
    """Every cause of the layer, and those of the access list, can be found."""
    expected = {code for code, cause in CAUSES.items() if cause.layer == "config"}
    expected |= {"access_list_missing_host", "access_list_missing_port", "access_list_stale_ip"}

    assert expected == OWN


def test_what_an_http_proxy_reaches_says_nothing_of_the_settings():
    """A target that was asked through an HTTP proxy neither contradicts the settings nor is accused by them."""
    run = Run({LIST: "www.aliyun.com:80"}, {PARTNER: "unmeasured"})
    step = {"target": PARTNER, "started": 1.0, "address": "10.0.0.8:3128"}
    run.notes.add(Observation(probe="tcp", step="connect_proxy", facts={"ip": "10.0.0.8"}, **step))
    run.notes.add(Observation(probe="http", step="exchange", facts={"bytes_in": 80, "status": 200}, **step))

    actual = run.findings()

    assert actual == []
