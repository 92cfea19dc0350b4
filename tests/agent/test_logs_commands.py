"""`linkdoctor explain` and `linkdoctor check --from` as a user runs them."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent import plan as plans
from agent.logs import Ledger, read_blocks
from agent.logs.plan import MOST_TARGETS, choose, plan_of, plan_text

LOGS = Path(__file__).parent / "logs"
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"


def run(*arguments, cwd=None, text=None):
    """The command; ``text`` is its standard input."""
    return subprocess.run(
        [LINKDOCTOR, *map(str, arguments)],
        input=text,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=60,
        check=False,
    )


def explained(text):
    """What a log of this text says."""
    ledger = Ledger()
    read_blocks([text.encode()], ledger)
    return ledger


def test_text():
    """Endpoint, error, count, times, where to look, and how to go on."""
    done = run("explain", LOGS / "spark-driver.log")

    assert done.returncode == 0
    assert done.stderr == ""
    for words in (
        "emr-header-1:8020",
        "10.10.2.30",
        "2 times, 26/11/23 03:13:10 to 03:13:30",
        "a time-out names no layer",
        "named nearby",
        "no endpoint is named",
        "--check",
    ):
        assert words in done.stdout
    assert "hunter2" not in done.stdout


def test_json_of_a_pipe():
    """One document, from standard input."""
    done = run("explain", "-", "--format", "json", text=(LOGS / "udf.log").read_text())

    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["schema"] == "linkdoctor/explain/1"
    assert document["logs"][0]["name"] == "standard input"
    assert document["runtime"] == "udf"
    assert document["endpoints"][0]["errors"][0]["error"] == "connection_refused"


@pytest.mark.parametrize("name", ["empty.log", "healthy.log"])
def test_nothing_found(tmp_path, name):
    """An empty log, and one without trouble, say so."""
    text = (LOGS / "healthy-spark.log").read_bytes() if name == "healthy.log" else b""
    (tmp_path / name).write_bytes(text)
    done = run("explain", tmp_path / name)

    assert done.returncode == 0
    assert "No endpoint and no network error is named in it." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("explain", "missing.log"), "missing.log: cannot be read: No such file or directory"),
        (("explain", "."), ".: cannot be read: Is a directory"),
        (("explain", "empty.log", "--plan"), "nothing that can be checked"),
        (("explain", "empty.log", "--check"), "nothing that can be checked"),
        (("explain", "--plan", "other.log", "empty.log"), "a plan's file ends in .yaml"),
        (("explain", "empty.log", "--plan", "--redact"), "use one of the two"),
        (("check", "--from"), "or --from FILES"),
        (("check", "--from", "empty.log", "--again", "r.json"), "goes without --again"),
        (("check", "--from", "plan.yaml"), "plan.yaml is a plan"),
        (("check", "--from", "missing.log"), "missing.log: cannot be read"),
        (("check", "--from", "missing.sql"), "missing.sql"),
        (("check", "--from", "empty.log"), "name a PLAN or a TARGET"),
    ],
)
def test_bad_input(tmp_path, arguments, reason):
    """Exit code 3, with the file and the reason, and nothing on stdout."""
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "other.log").write_bytes(b"kept")
    done = run(*arguments, cwd=tmp_path)

    assert done.returncode == 3
    assert reason in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert (tmp_path / "other.log").read_bytes() == b"kept"


def test_escapes_never_reach_the_terminal(tmp_path):
    """Controls in names, addresses and lines are shown, not sent."""
    (tmp_path / "a\x1b[2J.log").write_bytes(
        b"Failed to connect to db.example:3306: Connection refused \x1b[2J\x9b2J \x07 \xe2\x80\xae \r x\n"
    )
    done = run("explain", "a\x1b[2J.log", cwd=tmp_path)

    assert done.returncode == 0
    assert "db.example:3306" in done.stdout
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(done.stdout)


def test_redact():
    """Neither hosts nor addresses nor lines of the log are printed."""
    done = run("explain", LOGS / "spark-driver.log", "--format", "json", "--redact")

    for word in ("emr-header", "10.10.2", "rm-bp1", "Retrying", "spark-driver", "worker-7"):
        assert word not in done.stdout
    document = json.loads(done.stdout)
    hosts = {each["host"] for each in document["endpoints"]}
    assert {host.rpartition("-")[0] for host in hosts} == {"host", "private"}


def test_plan_round_trip(tmp_path):
    """The plan that is written is one that is read: the same targets, and where the job ran."""
    done = run("explain", LOGS / "spark-driver.log", "--plan", tmp_path / "made.yaml")

    plan = plans.load(tmp_path / "made.yaml")
    assert done.returncode == 0
    assert plan.runtime == "spark"
    assert {target.address: target.service for target in plan.targets} == {
        "emr-header-1:9083": "hive-metastore",
        "emr-header-1:8020": "hdfs-namenode",
        "10.10.2.31:50010": "hdfs-datanode",
        "rm-bp1.mysql.rds.aliyuncs.com:3306": "mysql",
    }
    printed = run("explain", LOGS / "spark-driver.log", "--plan")
    assert plans.parse(printed.stdout).targets == plan.targets


def test_plan_texts_agree():
    """What is written and what is checked are the same plan, also where only a service tells the port."""
    ledger = explained(
        "ERROR pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'db.example' (timed out)\")\n"
        "ERROR HTTPSConnectionPool(host='api.example', port=8080): Read timed out.\n"
        "ERROR Failed to connect to /2001:db8::7:6380: Connection refused\n"
        "ERROR Failed to connect to x.cn-hangzhou.hologres.aliyuncs.com:80: Connection refused\n"
    )
    choice = choose(ledger)

    written = plans.parse(plan_text(choice, ledger, "x"), "x")
    assert written.targets == plan_of(choice, ledger, "x").targets
    assert {(target.service, target.port) for target in written.targets} >= {("mysql", 3306), ("https", 8080)}


@pytest.mark.parametrize(
    "address",
    [
        "100.100.100.200:80",
        "100.100.2.136:53",
        "100.64.0.1:443",
        "169.254.169.254:80",
        "127.0.0.1:22",
        "127.1.2.3:22",
        "[::1]:22",
        "[fe80::1]:22",
        "[::ffff:100.100.100.200]:80",
        "localhost:22",
        "0.0.0.0:22",
        "224.0.0.1:22",
        "240.0.0.1:22",
        "0x64646464:80",
        "1684301000:80",
        "0144.0144.0144.0310:80",
    ],
)
def test_never_a_target(address):
    """What a log names of the platform's own, of the job's own machine, or in disguise is never checked."""
    ledger = explained(f"ERROR Failed to connect to {address}: Connection refused\n")

    assert choose(ledger).targets == {}


def test_most_targets():
    """The first ones by what happened to them; the rest is said."""
    many = "".join(f"curl: (7) Failed to connect to h{n}.example port 443: Connection refused\n" for n in range(250))
    choice = choose(explained(many + "curl: (7) Failed to connect to h249.example port 443: Connection refused\n"))

    assert len(choice.targets) == MOST_TARGETS
    assert next(iter(choice.targets)) == "h249.example:443"
    assert [reason for _, reason in choice.left_out] == [f"more than {MOST_TARGETS} targets"] * 50


def test_name_without_a_port():
    """A name that could not be resolved is checked at the port that the log has for it, if it has one."""
    text = "ERROR java.net.UnknownHostException: nn.example\nERROR java.net.UnknownHostException: other.example\n"
    choice = choose(explained(text + "ERROR Failed to connect to nn.example:8020: Connection refused\n"))

    assert list(choice.targets) == ["nn.example:8020"]
    assert [(each.host, reason) for each, reason in choice.left_out] == [("other.example", "the log names no port")]


@pytest.fixture
def own_address():
    """An address of this machine that is not on loopback's own network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return sock.getsockname()[0]


@pytest.fixture
def job(tmp_path, own_address):
    """A failed job's files, about a port of this machine where nothing listens."""
    with socket.socket() as sock:
        sock.bind((own_address, 0))
        endpoint = f"{own_address}:{sock.getsockname()[1]}"
        (tmp_path / "job.sql").write_text(
            f"set odps.internet.access.list={endpoint};\nselect 1; -- jdbc:mysql://no.example/x\n"
        )
        (tmp_path / "job.log").write_text(
            f"2026-11-23 03:12:40 ERROR Failed to connect to /{endpoint}: Connection timed out\n"
            f"2026-11-23 03:12:44 ERROR Failed to connect to /{endpoint}: Connection timed out\n"
            "2026-11-23 03:12:45 ERROR Failed to connect to /100.100.100.200:80: Connection refused\n"
        )
        yield endpoint


def test_interrupted():
    """Ctrl-C prints what was found so far, marked partial."""
    with subprocess.Popen(
        [LINKDOCTOR, "explain", "-", "--format", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        # More than a pipe and a block hold: when it is written, the beginning is read.
        process.stdin.write((LOGS / "udf.log").read_bytes() + b"INFO fine\n" * 400_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        document = json.loads(process.stdout.read())
        code = process.wait()

    assert code == 130
    assert document["partial"]
    assert document["endpoints"][0]["host"] == "restapi.amap.com"


def test_check_from(tmp_path, job):
    """Settings, endpoints and errors of the job's files are joined; what is not checked is said."""
    done = run("check", "--from", "job.sql", "job.log", cwd=tmp_path)

    assert done.returncode == 2
    said = f"{job} the job said: connect timed out, 2 times, last 2026-11-23T03:12:44"
    assert said in " ".join(done.stdout.split())
    assert "not checked: 100.100.100.200:80: an address of the platform's own" in done.stderr


def test_check_from_json(tmp_path, job):
    """The log's errors stand in the report as observations, and survive a new diagnosis."""
    done = run("check", "--from", "job.sql", "job.log", "--format", "json", "--output", "r.json", cwd=tmp_path)
    report = json.loads((tmp_path / "r.json").read_text())

    assert done.returncode == 2
    seen = [one for one in report["observations"] if one["probe"] == "log"]
    assert [one["target"] for one in seen] == [job, None]
    host, _, port = job.rpartition(":")
    facts = seen[0]["facts"]
    assert (facts["host"], facts["port"], facts["error"], facts["phase"]) == (host, int(port), "timed_out", "connect")
    assert (facts["count"], facts["first"], facts["last"]) == (2, "2026-11-23T03:12:40", "2026-11-23T03:12:44")
    assert [target["address"] for target in report["targets"]] == [job]
    assert report["run"]["plan"]["settings"]
    again = run("diagnose", "r.json", cwd=tmp_path)
    assert "the job said" in again.stdout


def test_explain_check(tmp_path, job):
    """--check explains, and checks at once."""
    done = run("explain", "job.log", "--check", cwd=tmp_path)

    assert done.returncode == 2
    assert "a time-out names no layer" in done.stdout
    assert "the job said: connect timed out, 2 times" in done.stdout


def test_redacted_check_from(tmp_path, job):
    """A report that may be shared names no host of the log either."""
    with (tmp_path / "job.log").open("a") as log:
        log.write("java.net.UnknownHostException: secretname\n")
    done = run("check", "--from", "job.log", "--format", "json", "--redact", cwd=tmp_path)

    assert "secretname" not in done.stdout
    assert job.rpartition(":")[0] not in done.stdout


def test_urls_of_the_files(tmp_path):
    """A JDBC URL in the job's own files is a target, but not in a comment."""
    from agent.logs.plan import plan_of_files  # noqa: PLC0415 - the one test that looks inside

    conf = tmp_path / "spark-defaults.conf"
    conf.write_text(
        "# spark.old jdbc:mysql://old.example:3306/x\n"
        "spark.app.url jdbc:postgresql://etl:hunter2@pg.example/x\n"
        'spark.hadoop.odps.cupid.vpc.domain.list={"regionId":"cn-beijing","vpcs":[{"vpcId":"vpc-1","zones":[{"urls":'
        '[{"domain":"rm-x.mysql.rds.aliyuncs.com","port":3306}]}]}]}\n'
    )
    plan, left_out = plan_of_files([str(conf)], Ledger(), "x")

    assert [(target.address, target.service, target.via) for target in plan.targets] == [
        ("rm-x.mysql.rds.aliyuncs.com:3306", "mysql", "vpc"),
        ("pg.example:5432", "postgresql", "auto"),
    ]
    assert left_out == []
    assert "hunter2" not in repr(plan)
