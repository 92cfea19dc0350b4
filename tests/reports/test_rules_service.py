"""The rules of layer service, by what they make of observations."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.evidence import Evidence
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, Network, Plan, Slow, Target, Vantage
from reports.rules.service import RULES
from tests.reports.building import connected, seen

IP = "10.10.2.30"


def plan_of(*targets):
    """A plan of a job that comes from a vSwitch."""
    return Plan(name="p", targets=targets, networks=(Network(name="vswitch-a", cidr="10.10.1.0/24"),))


def target(service="mysql", port=3306, **more):
    """The target that the case is about."""
    return Target(**{"name": "it", "host": IP, "port": port, "service": service, "via": "vpc", **more})


def exchange(failure=None, *, probe="service", port=3306, duration_s=0.0012, **facts):
    """What its exchange gave."""
    return seen(probe, "exchange", "it", f"{IP}:{port}", failure=failure, duration_s=duration_s, **facts)


def diagnosed(one, *observations, connect=True):
    """The diagnosis of one target that was connected to."""
    opening = [connected("it", IP, one.port)] if connect else []
    return diagnose(plan_of(one), Vantage(kind="udf"), [*opening, *observations])


RESET, EOF, SILENCE = Failure.CONNECTION_RESET, Failure.EOF, Failure.TIMED_OUT
UNASKED = {"phase": "greeting", "bytes_out": 0, "bytes_in": 0}
ASKED = {"phase": "reply", "bytes_out": 14, "bytes_in": 0}

# The service, what its exchange gave; the cause, and what is said of it.
CASES = {
    "reset at once": (
        "redis",
        exchange(RESET, **UNASKED),
        "accept_then_reset",
        "accepts after 0.4 ms, then resets after 1.2 ms without a byte",
    ),
    "closed at once": (
        "redis",
        exchange(EOF, **UNASKED),
        "accept_then_close",
        "accepts after 0.4 ms, then closes after 1.2 ms without a byte",
    ),
    "closed at our data": (
        "redis",
        exchange(EOF, **ASKED),
        "accept_then_close",
        "gets our 14 bytes, then closes after 1.2 ms without a byte",
    ),
    "reset at our data": (
        "redis",
        exchange(RESET, **ASKED),
        "reset_on_first_data",
        "gets our 14 bytes, then resets after 1.2 ms without a byte",
    ),
    "reset at our response": (
        "mysql",
        exchange(RESET, **{**ASKED, "bytes_in": 78}),
        "reset_on_first_data",
        "gets our 14 bytes, says 78 bytes, then resets after 1.2 ms",
    ),
    "silent": (
        "mysql",
        exchange(SILENCE, duration_s=5.0, **UNASKED),
        "service_hang",
        "accepts after 0.4 ms, then says nothing for 5.0 s",
    ),
    "another service": (
        "mysql",
        exchange(Failure.WRONG_PROTOCOL, spoke="ssh", message="SSH-2.0-OpenSSH_9.2", bytes_in=20),
        "wrong_service",
        'was asked as mysql, and an SSH server answers: "SSH-2.0-OpenSSH_9.2"',
    ),
    "something": (
        "mysql",
        exchange(Failure.WRONG_PROTOCOL, message="?", bytes_in=1),
        "wrong_service",
        "was asked as mysql, and something else answers",
    ),
    "1130": (
        "mysql",
        exchange(Failure.CLIENT_DENIED, code=1130, message="Host 'x' is not allowed", bytes_in=60),
        "mysql_host_denied",
        "answers (1130): \"Host 'x' is not allowed\"",
    ),
    "1129": (
        "mysql",
        exchange(Failure.CLIENT_BLOCKED, code=1129, message="Host 'x' is blocked", bytes_in=60),
        "mysql_host_blocked",
        "answers (1129): \"Host 'x' is blocked\"",
    ),
    "whitelist": (
        "redis",
        exchange(
            Failure.CLIENT_DENIED, code="ERR", message="ERR illegal address", sees_client="10.10.1.10", bytes_in=24
        ),
        "client_denied",
        "it sees this client as 10.10.1.10",
    ),
    "project whitelist": (
        "maxcompute",
        exchange(Failure.CLIENT_DENIED, probe="http", message="sourceIP:'47.0.0.1' is not in white list", bytes_in=24),
        "client_denied",
        "is not in white list",
    ),
    "full": (
        "mysql",
        exchange(Failure.TOO_MANY_CONNECTIONS, code=1040, message="Too many connections", bytes_in=30),
        "destination_connection_limit",
        'answers (1040): "Too many connections"',
    ),
    "starting": (
        "postgresql",
        exchange(Failure.SERVICE_ERROR, code="57P03", message="the database system is starting up", bytes_in=60),
        "service_error",
        'answers (57P03): "the database system is starting up"',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_exchange(name):
    """What a broken exchange means, in words that hold its numbers."""
    service, broken, cause, words = CASES[name]
    diagnosis = diagnosed(target(service), broken)
    (finding,) = diagnosis.findings

    assert finding.cause == cause
    assert any(words in text for text in finding.because), finding.because
    assert broken.id in finding.evidence
    assert diagnosis.verdict == FAILING
    assert "(unknown)" not in finding.remedy.text


def test_reset_before_we_looked():
    """A reset that comes before the handshake was seen to be complete is still one of an accepted connection."""
    reset = seen("tcp", "connect", "it", f"{IP}:3306", failure=RESET, duration_s=0.0012, ip=IP, port=3306, errno=104)
    (finding,) = diagnosed(target(), reset, connect=False).findings

    assert finding.cause == "accept_then_reset"
    assert f"{IP}:3306 accepts, then resets after 1.2 ms without a byte" in finding.because


def test_http_that_resets():
    """HTTP speaks at once: whether it resets the connection or the request stays open, and is said so."""
    broken = exchange(RESET, probe="http", phase="reply", bytes_out=80, bytes_in=0)
    (finding,) = diagnosed(target("http", 80), evolve(broken, address=f"{IP}:80")).findings

    assert {"accept_then_reset", "reset_on_first_data"} == {
        finding.cause,
        *(candidate.cause for candidate in finding.candidates),
    }
    assert finding.confidence < 0.7


@pytest.mark.parametrize(
    ("came", "rules_it_out"), [(0, False), (1400, True)], ids=["at ClientHello", "after ServerHello"]
)
def test_reset_in_tls(came, rules_it_out):
    """A reset in answer to the ClientHello is one at the first data; later it hardly is."""
    broken = seen("tls", "handshake", "it", f"{IP}:443", failure=RESET, bytes_in=came)
    (finding,) = diagnosed(target("https", 443), broken).findings

    assert rules_it_out == (finding.cause != "reset_on_first_data")


class TestRemedies:
    """What to change."""

    def test_message(self):
        """The server's own words are quoted, and the vSwitch is what is to be admitted."""
        service, broken, _, _ = CASES["whitelist"]
        (finding,) = diagnosed(target(service), broken).findings

        assert "add 10.10.1.0/24 to the whitelist" in finding.remedy.text
        assert '"ERR illegal address"' in finding.remedy.text
        assert finding.remedy.snippet == "10.10.1.0/24"

    def test_seen_from_elsewhere(self):
        """Where the service sees an address outside the vSwitch, that one is to be admitted."""
        broken = exchange(Failure.CLIENT_DENIED, code="ERR", message="ERR illegal address", sees_client="47.98.1.2")
        (finding,) = diagnosed(target("redis"), broken).findings

        assert "add 47.98.1.2 to the whitelist" in finding.remedy.text
        assert finding.remedy.snippet == "47.98.1.2/32"

    def test_host_blocked(self):
        """The statement that lifts the block is there to be pasted."""
        service, broken, _, _ = CASES["1129"]
        (finding,) = diagnosed(target(service), broken).findings

        assert "FLUSH HOSTS;" in finding.remedy.snippet

    def test_host_denied(self):
        """So is the one that admits the vSwitch."""
        service, broken, _, _ = CASES["1130"]
        (finding,) = diagnosed(target(service), broken).findings

        assert "'10.10.1.0/255.255.255.0'" in finding.remedy.snippet


class TestNotListening:
    """A SYN that is answered by a reset."""

    refused = seen("tcp", "connect", "it", f"{IP}:3306", failure=Failure.CONNECTION_REFUSED, ip=IP, port=3306)

    def test_refused(self):
        """The host is up."""
        (finding,) = diagnosed(target(), self.refused, connect=False).findings

        assert (finding.cause, finding.confidence > 0.8) == ("service_not_listening", True)

    @pytest.mark.parametrize("facts", [{"icmp_from": "10.10.2.1"}, {"immediate": True}])
    def test_not_by_the_host(self, facts):
        """An ICMP message, or this machine's own refusal, is no reset."""
        refused = evolve(self.refused, facts={**self.refused.facts, **facts})
        causes = {finding.cause for finding in diagnosed(target(), refused, connect=False).findings}

        assert "service_not_listening" not in causes

    def test_sandbox(self):
        """Where the job's settings do not open the way, the sandbox itself may have refused: less sure."""
        coverage = seen("settings", "coverage", "it", None, way="vpc", enabled=False)
        (plain,) = diagnosed(target(), self.refused, connect=False).findings
        found = diagnosed(target(), self.refused, coverage, connect=False).findings
        shares = {one.cause: one.confidence for finding in found for one in (finding, *finding.candidates)}

        assert shares.get("service_not_listening", 0.0) < plain.confidence / 2


class TestSlow:
    """The right answer, late."""

    def test_slow(self):
        """A warning with both numbers; the target works."""
        diagnosis = diagnosed(target(), exchange(bytes_in=90, first_byte_s=3.2))
        (finding,) = diagnosis.findings

        assert (finding.cause, diagnosis.verdict) == ("service_slow", DEGRADED)
        assert finding.because == (
            f"the first byte from {IP}:3306 came after 3.2 s; above 2.0 s is slow (plan: slow.service)",
        )

    @pytest.mark.parametrize("first_byte_s", [0.001, 1.9])
    def test_not_slow(self, first_byte_s):
        """Within the plan's own limit nothing is said."""
        diagnosis = diagnosed(target(), exchange(bytes_in=90, first_byte_s=first_byte_s))

        assert (diagnosis.findings, diagnosis.verdict) == ((), HEALTHY)

    def test_limit_of_the_plan(self):
        """The limit is the plan's."""
        plan = evolve(plan_of(target()), slow=Slow(service=5.0))
        late = exchange(bytes_in=90, first_byte_s=3.2)

        assert diagnose(plan, Vantage(), [connected("it", IP, 3306), late]).findings == ()


class TestOneAddressDead:
    """Several addresses of one name."""

    host = target(host="db.example")
    dead = seen("tcp", "connect", "it", "10.10.2.31:3306", failure=SILENCE, duration_s=3.0, ip="10.10.2.31", port=3306)

    def test_one_of_two(self):
        """The job works or not by chance: a warning that names the dead one."""
        diagnosis = diagnosed(self.host, self.dead, exchange(bytes_in=90))
        (finding,) = diagnosis.findings

        assert (finding.cause, finding.severity, diagnosis.verdict) == ("one_address_dead", "warning", DEGRADED)
        assert "10.10.2.31 out of the name db.example" in finding.remedy.text

    def test_another_attempt_worked(self):
        """An address that answered once is not dead."""
        again = connected("it", "10.10.2.31", 3306)

        assert diagnosed(self.host, self.dead, again, exchange(bytes_in=90)).findings == ()

    def test_not_for_lack_of_descriptors(self):
        """This machine's own shortage says nothing of an address."""
        short = evolve(self.dead, failure=Failure.NO_DESCRIPTORS)
        causes = {finding.cause for finding in diagnosed(self.host, short, exchange(bytes_in=90)).findings}

        assert "one_address_dead" not in causes

    def test_all_dead(self):
        """Where none works, it is no matter of one."""
        causes = {finding.cause for finding in diagnosed(self.host, self.dead, connect=False).findings}

        assert "one_address_dead" not in causes


class TestCluster:
    """A master that answers, and nodes that do not."""

    def run(self, alive=(), dead=(), service="hdfs-datanode", master="hdfs-namenode", group="hadoop"):
        """A cluster of one master and these nodes."""
        nodes = [
            Target(name=f"node{n}", host=f"10.10.3.{n}", port=50010, service=service, via="vpc", group=group)
            for n in (*alive, *dead)
        ]
        head = Target(name="head", host=IP, port=8020, service=master, via="vpc", group="hadoop")
        observations = [
            connected("head", IP, 8020),
            seen("service", "exchange", "head", f"{IP}:8020", bytes_in=180),
            *(connected(f"node{n}", f"10.10.3.{n}", 50010) for n in alive),
            *(
                seen(
                    "tcp",
                    "connect",
                    f"node{n}",
                    f"10.10.3.{n}:50010",
                    failure=SILENCE,
                    duration_s=3.0,
                    ip=f"10.10.3.{n}",
                    port=50010,
                    syns=2,
                )
                for n in dead
            ),
        ]
        return diagnose(plan_of(head, *nodes), Vantage(), observations)

    @pytest.mark.parametrize(
        ("service", "master"),
        [("hdfs-datanode", "hdfs-namenode"), ("hbase", "zookeeper"), ("hbase", "hbase"), ("kafka", "kafka")],
    )
    def test_all_nodes(self, service, master):
        """All nodes fail: one finding for the cluster."""
        (finding,) = self.run(dead=(1, 2, 3), service=service, master=master).findings

        assert (finding.cause, finding.targets) == ("datanode_unreachable", ("node1", "node2", "node3"))
        assert any("3 of" in text for text in finding.because)
        assert any(f"{IP}:8020 ({master}) answers" in text for text in finding.because)

    def test_some_nodes(self):
        """Two of four fail."""
        (finding,) = self.run(alive=(3, 4), dead=(1, 2)).findings

        assert (finding.cause, finding.targets) == ("datanode_unreachable", ("node1", "node2"))

    def test_one_node_of_many(self):
        """A single one is more likely a matter of its own host."""
        (finding,) = self.run(alive=(2, 3, 4), dead=(1,)).findings

        assert finding.cause != "datanode_unreachable"

    def test_another_cluster(self):
        """A master of another group clears nothing."""
        causes = {finding.cause for finding in self.run(dead=(1, 2, 3), group="other").findings}

        assert "datanode_unreachable" not in causes


def test_accept_queue_full():
    """Where another port of the host answers, a full queue is possible, and a filter far likelier."""
    silent = seen("tcp", "connect", "it", f"{IP}:3306", failure=SILENCE, duration_s=3.0, ip=IP, port=3306, syns=2)
    case = Evidence(plan_of(target()), Vantage(), [silent]).cases["it"]
    (rule,) = (rule for rule in RULES if rule.cause == "accept_queue_full")

    assert rule.applies(case).observations == (silent,)
    assert diagnosed(target(), silent, connect=False).findings[0].cause != "accept_queue_full"
