"""What a plan means: the nouns that its text becomes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.plan import PlanError, from_targets, load, parse
from agent.plan.positions import Items, Keys
from agent.plan.problems import Source
from agent.plan.syntax import compose
from reports.model import Egress, Job, Limits, Network, Saturate, Setting, Slow, Target, TlsExpectation

ROOT = Path(__file__).parents[2]

EVERYTHING = """
name: nightly-etl
runtime: udf
region: cn-hangzhou
settings:
  odps.internet.access.list: "www.aliyun.com:80,restapi.amap.com:443"
  odps.sql.python.version: cp37
targets:
  - restapi.amap.com:443
  - https://www.aliyun.com/
  - name: metastore
    address: EMR-header-1.:9083
    service: hive-metastore
    via: vpc
    group: hadoop
    admits: [10.10.1.0/24, 10.10.3.7]
    saturate: {connections: 200, rate: 20}
    tls: {issuer: Corp}
networks:
  - {name: vswitch-a, cidr: 10.10.1.0/24, enis: [10.10.1.10, 10.10.1.11], ports: [9083, 8020]}
  - cidr: fd00:1::/64
name_servers: ["10.0.0.2", "127.0.0.1:5353", "[::1]:53", "fd00::53"]
egress: {echo: "http://IP.example/ip", expected: [192.0.2.10]}
job: {instances: 40, connections: 8}
tls: {issuer: Example}
interval: 60s
limits:
  deadline: 2m
  connect_timeout: 1.5s
  concurrency: 128
  per_target: 2
  rate: 50
  packet_rate: 100
  bytes: 1000000
  bytes_per_target: 1000
  explore: hosts
slow: {dns: 100ms, service: 3s, vpc_rtt: 10ms, internet_rtt: 1s, throughput: 125000}
"""


def only_target(text):
    """The one target of a plan that holds nothing else."""
    (target,) = parse(f"targets:\n- {text}\n").targets
    return target


def test_every_key():
    """Every key of a plan becomes the noun that it stands for."""
    plan = parse(EVERYTHING, "plans/nightly.yaml")

    assert ("nightly-etl", "udf", "cn-hangzhou", 60.0) == (plan.name, plan.runtime, plan.region, plan.interval)
    assert (
        Target(name="restapi.amap.com:443", host="restapi.amap.com", port=443, service="https"),
        Target(name="https://www.aliyun.com/", host="www.aliyun.com", port=443, service="https"),
        Target(
            name="metastore",
            host="emr-header-1",
            port=9083,
            service="hive-metastore",
            via="vpc",
            group="hadoop",
            admits=("10.10.1.0/24", "10.10.3.7"),
            saturate=Saturate(connections=200, rate=20),
            tls=TlsExpectation(issuer="Corp"),
        ),
    ) == plan.targets
    assert (
        Network(name="vswitch-a", cidr="10.10.1.0/24", enis=("10.10.1.10", "10.10.1.11"), ports=(9083, 8020)),
        Network(name="fd00:1::/64", cidr="fd00:1::/64"),
    ) == plan.networks
    assert ("10.0.0.2", "127.0.0.1:5353", "[::1]:53", "[fd00::53]:53") == plan.name_servers
    assert Egress(echo="http://ip.example:80/ip", expected=("192.0.2.10",)) == plan.egress
    assert Job(instances=40, connections=8) == plan.job
    assert TlsExpectation(issuer="Example") == plan.tls
    assert (
        Limits(
            deadline=120.0,
            connect_timeout=1.5,
            concurrency=128,
            per_target=2,
            rate=50,
            packet_rate=100,
            bytes=1_000_000,
            bytes_per_target=1000,
            explore="hosts",
        )
        == plan.limits
    )
    assert Slow(dns=0.1, service=3.0, vpc_rtt=0.01, internet_rtt=1.0, throughput=125_000) == plan.slow
    assert (
        Setting(
            key="odps.internet.access.list",
            value="www.aliyun.com:80,restapi.amap.com:443",
            source="nightly.yaml:6",
        ),
        Setting(key="odps.sql.python.version", value="cp37", source="nightly.yaml:7"),
    ) == plan.settings


def test_the_least():
    """One target is a plan; it is called after its file."""
    plan = parse("targets: [emr-header-1:9083]", "plans/nightly.yaml")

    assert ("nightly", Limits(), Slow()) == (plan.name, plan.limits, plan.slow)


def test_command_line():
    """Targets as they are typed, with any other key of a plan."""
    plan = from_targets(["emr-header-1:9083", "mysql://db"], limits={"deadline": "10s", "rate": 5}, runtime="udf")

    assert ["emr-header-1:9083", "db:3306"] == [target.address for target in plan.targets]
    assert (Limits(deadline=10.0, rate=5), "udf", "check") == (plan.limits, plan.runtime, plan.name)


def test_json_is_a_plan_too():
    """A JSON text means what the same YAML means, down to what YAML parsers do not take."""
    text = (
        '{\n\t"name": "caf\\u00e9 \\ud83d\\ude00",\t"targets"\n\t: ["https:\\/\\/www.aliyun.com\\/"],'
        '\n"job":{"instances":3}}'
    )

    plan = parse(text, "plan.json")

    assert ("café 😀", "www.aliyun.com", 3) == (plan.name, plan.targets[0].host, plan.job.instances)


def test_a_flow_mapping_is_yaml():
    """A text that begins with a brace is YAML where it is not JSON."""
    assert "www.aliyun.com:443" == parse("{targets: [www.aliyun.com:443]} # all").targets[0].address


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("on", "text"),
        ("yes", "text"),
        ("10:30", "text"),
        ("1_000", "text"),
        ("2024-06-01", "text"),
        ("0b1", "text"),
        ("<<", "text"),
        ("=", "text"),
        ("'5'", "text"),
        ("! 5", "text"),
        ("!!str 5", "text"),
        ("010", "integer"),
        ("0o17", "integer"),
        ("0x1F", "integer"),
        ("-5", "integer"),
        ("5.", "number"),
        ("1e3", "number"),
        (".inf", "number"),
        (".NaN", "number"),
        ("TRUE", "boolean"),
        ("~", "nothing"),
        ("", "nothing"),
        ("Null", "nothing"),
    ],
)
def test_words_are_of_yaml_1_2(word, kind, loader):
    """The core schema of YAML 1.2.2, section 10.3.2, with and without libyaml."""
    root = compose(f"word: {word}\n", Source("plan"), loader=loader)

    assert isinstance(root, Keys)
    assert kind == root.nodes["word"].kind


def test_integers_are_of_yaml_1_2():
    """A leading zero is no octal number; 0o and 0x are."""
    plan = parse("targets: [a:80]\nlimits: {rate: 010, packet_rate: 0o17, concurrency: 0x1F, bytes: +5}")

    assert (10, 15, 31, 5) == (
        plan.limits.rate,
        plan.limits.packet_rate,
        plan.limits.concurrency,
        plan.limits.bytes,
    )


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_positions(loader):
    """A value under a key stands where the key stands, an item where it begins; an alias where it is used."""
    text = "a: &x\n  b: [1,\n    two]\nc: *x\n"

    root = compose(text, Source("plan"), loader=loader)

    assert isinstance(root, Keys)
    inner = root.nodes["a"]
    assert isinstance(inner, Keys)
    items = inner.nodes["b"]
    assert isinstance(items, Items)
    assert [(1, 1), (2, 3), (2, 7), (3, 5), (4, 1)] == [
        (node.line, node.column) for node in (inner, items, *items.nodes, root.nodes["c"])
    ]


def test_one_mapping_for_many_targets():
    """An anchor shares what many targets have in common."""
    text = "targets:\n- {address: a:80, tls: &corp {issuer: Corp}}\n- {address: b:80, tls: *corp}\n"

    assert {TlsExpectation(issuer="Corp")} == {target.tls for target in parse(text).targets}


@pytest.mark.parametrize(
    ("written", "address", "service"),
    [
        ("emr-header-1:9083", "emr-header-1:9083", "hive-metastore"),
        ("db:4000", "db:4000", "tcp"),
        ("DB.Example.:3306", "db.example:3306", "mysql"),
        ("mysql://db", "db:3306", "mysql"),
        ("MySQL://db:3307", "db:3307", "mysql"),
        ("https://www.aliyun.com", "www.aliyun.com:443", "https"),
        ("https://www.aliyun.com:8443?a=1", "www.aliyun.com:8443", "https"),
        ("10.10.2.30:8020", "10.10.2.30:8020", "hdfs-namenode"),
        ('"[fd00::1]:80"', "[fd00::1]:80", "http"),
        ('"[FD00:0:0::0001]:80"', "[fd00::1]:80", "http"),
        ('"[::ffff:10.0.0.1]:80"', "10.0.0.1:80", "http"),
        ("redis://[fd00::1]", "[fd00::1]:6379", "redis"),
        ("{address: 'fd00::1', service: redis}", "[fd00::1]:6379", "redis"),
        ("{address: db, service: mysql}", "db:3306", "mysql"),
        ("{address: 'db:80', service: postgresql}", "db:80", "postgresql"),
        ("bücher.example:443", "xn--bcher-kva.example:443", "https"),
        ("Straße.example:443", "xn--strae-oqa.example:443", "https"),
        ("xn--bcher-kva.example:443", "xn--bcher-kva.example:443", "https"),
        ("_sip._tcp.example:5060", "_sip._tcp.example:5060", "tcp"),
        ("1.example:80", "1.example:80", "http"),
        (
            "hgpost-cn-1-cn-hangzhou.hologres.aliyuncs.com:80",
            "hgpost-cn-1-cn-hangzhou.hologres.aliyuncs.com:80",
            "hologres",
        ),
    ],
)
def test_target(written, address, service):
    """Hosts, ports and services as people write them, and the one form in which they are kept."""
    target = only_target(written)

    assert (address, service) == (target.address, target.service)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("https://h", "/"),
        ("https://h/", "/"),
        ("https://h?a=1", "/?a=1"),
        ("https://h/a%20b/c;d?e=f&g=h", "/a%20b/c;d?e=f&g=h"),
        ("https://h/@user", "/@user"),
        ("http://h/to?url=http://other/", "/to?url=http://other/"),
    ],
)
def test_path(written, path):
    """A path keeps its query; there always is one."""
    assert path == only_target(written).path


def test_default_names():
    """A target is called as it is written; where that is another's name, by its whole address."""
    text = "targets:\n- db:80\n- {address: 'db:80', service: redis}\n- {address: 'db:80', service: tcp, name: raw}\n"

    assert ["db:80", "redis://db:80/", "raw"] == [target.name for target in parse(text).targets]


def test_settings_keep_their_text():
    """A setting's value is what stands in the plan, whatever YAML takes it for; secrets are hidden."""
    text = (
        "settings: {odps.a: 010, odps.b: true, odps.c: 1.50, odps.access.key: hunter2, odps.sts.token: hunter2,"
        " spark.x: 'jdbc:mysql://u:hunter2@db/?password=hunter2&a=b'}\ntargets: [a:80]"
    )

    expected = ["010", "true", "1.50", "***", "***", "jdbc:mysql://***@db/?password=***&a=b"]

    assert expected == [setting.value for setting in parse(text).settings]


def test_what_the_plan_declares_is_set_last(tmp_path):
    """The job's files come first, in their order; of a key that is set twice both stand in the plan."""
    (tmp_path / "job.sql").write_text("set odps.a=1;\nset odps.a=2;\n", encoding="utf-8")
    plan = tmp_path / "plan.yaml"
    plan.write_text("settings: {odps.a: 3}\nsettings_from: [job.sql]\ntargets: [a:80]\n", encoding="utf-8")

    expected = [("1", "job.sql:1"), ("2", "job.sql:2"), ("3", "plan.yaml:1")]

    assert expected == [(setting.value, setting.source) for setting in load(plan).settings]


def test_only_certificates_of_an_authority_file(tmp_path):
    """Of a PEM file the certificates alone become part of the plan."""
    block = "-----BEGIN CERTIFICATE-----\nMAAw\n-----END CERTIFICATE-----"
    (tmp_path / "ca.pem").write_text(f"Corp CA, caf\u00e9\n{block}\nother\n{block}\n", encoding="utf-8")
    plan = tmp_path / "plan.yaml"
    plan.write_text("tls: {ca: ca.pem}\ntargets: [a:80]\n", encoding="utf-8")

    assert f"{block}\n{block}\n" == load(plan).tls.ca


def test_a_byte_order_mark_is_no_text(tmp_path):
    """Editors on Windows begin a file with a mark and end lines with two characters."""
    plan = tmp_path / "plan.yaml"
    plan.write_bytes(b"\xef\xbb\xbftargets:\r\n- a:80\r\n")

    assert "a:80" == load(plan).targets[0].address


def test_settings_alone_can_be_looked_at(tmp_path, monkeypatch):
    """A plan of files alone has no targets: it is for looking at settings."""
    (tmp_path / "job.sql").write_text("set odps.session.networklink=testLink;", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    plan = from_targets([], settings_from=["job.sql"])

    assert ((), "testLink") == (plan.targets, plan.settings[0].value)


def test_import_is_light():
    """Start-up time is part of the product: importing the loader imports no parser."""
    program = (
        "import sys, agent.plan\n"
        "heavy = {'yaml', 'rich', 'click', 'dns', 'idna', 'h11', 'structlog', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "[]\n" == result.stdout


def test_a_problem_among_many_targets_is_found():
    """A large plan is read whole: the one mistake in ten thousand targets has its line."""
    lines = [f"- h{number}.example:80" for number in range(10_000)]
    lines[7_000] += "0000"

    with pytest.raises(PlanError) as caught:
        parse("\n".join(["targets:", *lines]))

    assert "plan:7002: targets[7000]: port 800000 does not exist; allowed: 1 to 65535" == str(caught.value)
