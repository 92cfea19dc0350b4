"""The lab itself: its faults do what they say, are undone exactly, and nothing is left behind."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.conftest import unavailable
from tests.lab.faults import FAULTS
from tests.lab.fleet import OPEN, REFUSED, SILENT
from tests.lab.harness import ROOT
from tests.lab.nameserver import FIRST, SECOND
from tests.lab.network import NAMESPACES, SANDBOX, VPCHOST
from tests.lab.real import DNSMASQ, HOST, NEEDED, NGINX, REDIS_PROTECTED, SQUID, missing
from tests.lab.scenarios import SCENARIOS
from tests.lab.servers import HEALTHY

METASTORE, NAMENODE, DATANODE = ("10.10.2.30", 9083), ("10.10.2.30", 8020), ("10.10.2.33", 50010)
MYSQL, REDIS, REPLICA = ("10.10.2.40", 3306), ("10.10.2.40", 6379), ("10.10.2.41", 3306)
ZOOKEEPER = ("10.10.3.20", 2181)
# The host of a vSwitch with many others that plans name (tests/lab/faults/subnets.py).
CROWDED = ("10.10.5.20", 8020)
ALIYUN, AMAP, AMAP_HTTP, PARTNER = (
    ("198.51.100.10", 443),
    ("198.51.100.11", 443),
    ("198.51.100.11", 80),
    ("198.51.100.20", 443),
)

# Enough for the retransmission of a SYN after one second.
TIMEOUT = 1.2

# fault -> where a plain connect meets what; the rest of the row's endpoints are open.
MEETS = {
    "local_drop": {MYSQL: "silent", REDIS: "open"},
    "local_reject": {MYSQL: "ECONNREFUSED", REDIS: "open"},
    "local_blackhole": {MYSQL: "EINVAL", REDIS: "EINVAL", REPLICA: "open"},
    "local_unreachable": {MYSQL: "EHOSTUNREACH", REPLICA: "open"},
    "no_default": {ALIYUN: "ENETUNREACH", MYSQL: "open"},
    "wrong_route": {MYSQL: "silent", METASTORE: "silent", ZOOKEEPER: "open"},
    "policy_to_proxy": {MYSQL: "silent", METASTORE: "silent", ZOOKEEPER: "open"},
    "policy_by_source": {MYSQL: "silent", ZOOKEEPER: "silent", ALIYUN: "open"},
    "policy_prohibit_job": {MYSQL: "EACCES", REPLICA: "open"},
    "policy_blackhole_job": {MYSQL: "EINVAL", REPLICA: "open"},
    "policy_unreachable_job": {MYSQL: "ENETUNREACH", REPLICA: "open"},
    "policy_to_rejecting_table": {MYSQL: "EHOSTUNREACH", REPLICA: "open"},
    "policy_harmless": {MYSQL: "open", ZOOKEEPER: "open", ALIYUN: "open"},
    "output_harmless": {MYSQL: "open", ZOOKEEPER: "open", ALIYUN: "open"},
    "output_drops_ports": {MYSQL: "silent", REDIS: "open", ZOOKEEPER: "open"},
    "mysql_admits_first_source": {MYSQL: "open", REDIS: "open"},
    "other_source": {MYSQL: "open", ZOOKEEPER: "open"},
    "eni_detached": {MYSQL: "silent", ZOOKEEPER: "silent", ALIYUN: "open"},
    "eni_down": {MYSQL: "silent", ALIYUN: "open"},
    "eni_group": {METASTORE: "silent", MYSQL: "silent", ZOOKEEPER: "silent", ALIYUN: "open"},
    "router_lacks_route": {ZOOKEEPER: "ENETUNREACH", MYSQL: "open"},
    "blackhole": {ZOOKEEPER: "silent", MYSQL: "open"},
    "group_drops_metastore": {METASTORE: "silent", NAMENODE: "open"},
    "group_drops_zookeeper": {ZOOKEEPER: "silent", MYSQL: "open"},
    "group_drops_zookeeper_host": {ZOOKEEPER: "silent", MYSQL: "open"},
    "group_drops_datanodes": {DATANODE: "silent", NAMENODE: "open"},
    "router_prohibits": {MYSQL: "EHOSTUNREACH", REDIS: "open"},
    "host_firewall": {MYSQL: "silent", REDIS: "silent", REPLICA: "open"},
    "whitelist_has_old_eni": {MYSQL: "silent", REDIS: "open"},
    "device_resets_metastore": {METASTORE: "ECONNREFUSED", NAMENODE: "open"},
    "acl_drops_answers": {ZOOKEEPER: "silent", MYSQL: "open"},
    "answers_lost": {ZOOKEEPER: "silent", MYSQL: "open"},
    "only_second_addresses": {MYSQL: "silent", METASTORE: "open"},
    "only_vswitch_d": {MYSQL: "silent", METASTORE: "open"},
    "store_has_ssh": {("10.10.3.20", 22): "open", ZOOKEEPER: "open"},
    "partner_drops": {PARTNER: "silent", ALIYUN: "open"},
    "part_filtered": {("10.10.5.70", 8020): "silent", CROWDED: "open"},
    "part_discarded": {("10.10.5.100", 8020): "silent", CROWDED: "open"},
    "part_not_routed": {("10.10.5.165", 8020): "ENETUNREACH", CROWDED: "open"},
    "part_of_interfaces_discarded": {("10.10.5.200", 8020): "silent", CROWDED: "open"},
    "group_drops_port": {("10.10.5.20", 9083): "silent", CROWDED: "open"},
    "port_prohibited": {("10.10.5.20", 9083): "EHOSTUNREACH", CROWDED: "open"},
    "one_of_many_drops": {CROWDED: "silent", ("10.10.5.11", 8020): "open"},
    "vswitch_a_crowded": {("10.10.1.245", 8020): "open", MYSQL: "open"},
    "acl_drops_zookeeper": {ZOOKEEPER: "silent", MYSQL: "open"},
    "crowd_in_order": {("10.10.5.110", 8020): "open", ("10.10.5.111", 8020): "silent"},
    "crowd_few_listen": {("10.10.5.20", 9083): "open", ("10.10.5.21", 9083): "ECONNREFUSED"},
    "crowd_of_closed_groups": {CROWDED: "open", ("10.10.5.11", 8020): "silent"},
    "internet_closed": {ALIYUN: "silent", AMAP: "silent", MYSQL: "open"},
    "amap_not_admitted": {AMAP: "silent", AMAP_HTTP: "silent", ALIYUN: "open"},
    "amap_443_not_admitted": {AMAP: "silent", AMAP_HTTP: "open"},
    "outbound_moved": {PARTNER: "open", ALIYUN: "open"},
    "outbound_rotates": {PARTNER: "open", ALIYUN: "open"},
    "partner_admits_one_drop": {PARTNER: "open"},
    "partner_not_listed": {PARTNER: "silent", ALIYUN: "open"},
    "icmp_blocked_vpc": {MYSQL: "open", ZOOKEEPER: "open"},
    "black_hole_vpc": {MYSQL: "open", ZOOKEEPER: "open"},
    "black_hole_internet": {ALIYUN: "open", AMAP_HTTP: "open"},
    "throttled_vpc": {MYSQL: "open", ZOOKEEPER: "open"},
    "mysql_stopped": {MYSQL: "ECONNREFUSED", REDIS: "open"},
    "mysql_hangs": {MYSQL: "open"},
    "vpc_far": {MYSQL: "open", ZOOKEEPER: "open"},
    "vpc_queues": {METASTORE: "open"},
    "internet_far": {ALIYUN: "open", AMAP: "open"},
}


def connect(lab, *endpoints, namespace=SANDBOX):
    """What plain connects meet at each of them."""
    met = lab.call("connect", namespace=namespace, endpoints=endpoints, timeout=TIMEOUT)
    return dict(zip(endpoints, met, strict=True))


def script(lab, text, *arguments, **options):
    """What a Python program prints in the sandbox."""
    done = lab.run([sys.executable, "-c", text, *arguments], **options)
    assert done["code"] == 0, done["stderr"]
    return done["stdout"].split("\n")[:-1]


def test_the_network_stands(lab):
    """All namespaces are built; everything that is healthy is reached from the job and from the VPC host."""
    print(f"built in {lab.seconds_to_build:.3f} s")
    from_job, from_host = connect(lab, *HEALTHY), connect(lab, *HEALTHY, namespace=VPCHOST)

    assert set(NAMESPACES) == set(lab.call("snapshot"))
    assert dict.fromkeys(HEALTHY, "open") == from_job
    assert dict.fromkeys(HEALTHY, "open") == from_host


def test_what_is_not_there_is_not_reached(lab):
    """An unused address is unreachable, other private networks and unlisted ports are silent at the proxy."""
    expected = {("10.10.2.99", 80): "EHOSTUNREACH", ("10.20.5.40", 3306): "silent", ("198.51.100.10", 8443): "silent"}

    assert expected == connect(lab, *expected)


@pytest.mark.parametrize("fault", MEETS)
def test_a_fault_does_what_it_says(lab, fault):
    """The broken endpoints fail as the fault says, the controls beside them stay open."""
    with lab.broken(fault):
        met = connect(lab, *MEETS[fault])

    assert MEETS[fault] == met


def test_the_nat_gateway_is_the_vpc_hosts_alone(lab):
    """Without it the VPC host loses the Internet, and the job behind the outbound proxy does not."""
    with lab.broken("no_nat_gateway"):
        from_job, from_host = connect(lab, ALIYUN), connect(lab, ALIYUN, MYSQL, namespace=VPCHOST)

    assert from_job == {ALIYUN: "open"}
    assert from_host == {ALIYUN: "silent", MYSQL: "open"}


def test_faults_are_undone_exactly(lab):
    """After each fault rules, routes and links of every namespace are what they were."""
    before = lab.call("snapshot")
    left = []
    for fault in FAULTS:
        with lab.broken(fault):
            pass
        if lab.call("snapshot") != before:
            left.append(fault)

    assert left == []


def test_every_fault_and_target_of_a_scenario_exists():
    """The table of scenarios names only what there is."""
    unknown = [
        (scenario.name, name)
        for scenario in SCENARIOS.values()
        for name in (*scenario.faults, *scenario.targets, *scenario.real)
        if name not in FAULTS
        and name not in NEEDED
        and name not in {entry["name"] for entry in scenario.plan["targets"]}
    ]

    assert unknown == []


HANDSHAKE = """
import socket, ssl, sys
context = ssl.create_default_context(cafile="lab-ca.pem")
with socket.create_connection((sys.argv[1], 443)) as sock:
    try:
        with context.wrap_socket(sock, server_hostname=sys.argv[2]) as secured:
            print(dict(pair[0] for pair in secured.getpeercert()["issuer"])["commonName"])
    except ssl.SSLCertVerificationError as error:
        print(error.verify_code)
    except ssl.SSLError as error:
        print(error.reason)
"""


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("partner_expired", "10"),
        ("partner_not_yet_valid", "9"),
        ("partner_wrong_name", "62"),
        ("partner_untrusted", "20"),
        ("partner_expiring_soon", "Lab Partner CA"),
        ("partner_intercepted", "Corporate Inspection CA"),
        ("partner_plain", "WRONG_VERSION_NUMBER"),
        ("partner_client_certificate", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        # An OpenSSL of stricter settings turns away by itself, for a reason that not every Python knows.
        ("partner_old_version", {"TLSV1_ALERT_PROTOCOL_VERSION", "None"}),
    ],
)
def test_a_certificate_is_wrong_in_one_way(lab, fault, expected):
    """OpenSSL's own code for the certificate (X509_V_ERR_*), its reason for the handshake, or the issuer."""
    with lab.broken(fault):
        (seen,) = script(lab, HANDSHAKE, PARTNER[0], "api.partner.example")

    assert seen in expected if isinstance(expected, set) else seen == expected


QUERY = """
import sys
import dns.exception, dns.flags, dns.message, dns.query, dns.rcode
name, servers = sys.argv[1], sys.argv[2:]
for server in servers:
    try:
        answer = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=2)
    except dns.exception.Timeout:
        print("silent")
        continue
    values = [item.to_text() for records in answer.answer for item in records]
    print(dns.rcode.to_text(answer.rcode()), "TC" if answer.flags & dns.flags.TC else "", *values, sep=" ")
"""


@pytest.mark.parametrize(
    ("fault", "name", "expected"),
    [
        (None, "es-1.vpc.internal", ["NOERROR  10.10.3.21"] * 2),
        (None, "alias.vpc.internal", ["NOERROR  zk-1.vpc.internal. 10.10.3.20"] * 2),
        (None, "nothing.vpc.internal", ["NXDOMAIN "] * 2),
        (None, "mail.vpc.internal", ["NOERROR "] * 2),
        (None, "loop.vpc.internal", ["NOERROR  spool.vpc.internal. loop.vpc.internal."] * 2),
        ("dns_servfail", "es-1.vpc.internal", ["SERVFAIL "] * 2),
        ("dns_refused", "es-1.vpc.internal", ["REFUSED "] * 2),
        ("dns_name_dropped", "es-1.vpc.internal", ["silent"] * 2),
        ("dns_name_dropped", "zk-1.vpc.internal", ["NOERROR  10.10.3.20"] * 2),
        ("dns_first_dead", "es-1.vpc.internal", ["silent", "NOERROR  10.10.3.21"]),
        ("dns_second_dead", "es-1.vpc.internal", ["NOERROR  10.10.3.21", "silent"]),
        ("dns_truncates", "es-1.vpc.internal", ["NOERROR TC"] * 2),
        ("dns_stale", "es-1.vpc.internal", ["NOERROR  10.10.3.98", "NOERROR  10.10.3.21"]),
    ],
)
def test_a_name_server_answers_as_the_fault_says(lab, fault, name, expected):
    """What each of the two name servers answers for the name."""
    with lab.broken(*filter(None, [fault])):
        seen = script(lab, QUERY, name, FIRST, SECOND)

    assert expected == seen


WHOLE = """
import dns.exception, dns.message, dns.query
try:
    answer, over_tcp = dns.query.udp_with_fallback(dns.message.make_query("es-1.vpc.internal", "A"), "%s", timeout=1)
    print(over_tcp, answer.answer[0][0])
except dns.exception.Timeout:
    print("silent")
"""


@pytest.mark.parametrize(
    ("faults", "expected"),
    [(["dns_truncates"], ["True 10.10.3.21"]), (["dns_truncates", "dns_tcp_closed"], ["silent"])],
)
def test_a_truncated_answer_is_whole_over_tcp_unless_that_is_closed(lab, faults, expected):
    """The second question, over TCP, brings the address, or nothing."""
    with lab.broken(*faults):
        seen = script(lab, WHOLE % FIRST)

    assert expected == seen


@pytest.mark.parametrize("server", NEEDED)
def test_a_real_server_answers(lab, server):
    """It starts in its namespace, without root, and accepts connections from the job."""
    if missing(server):
        unavailable(f"not installed: {', '.join(missing(server))}")
    lab.start(server)
    endpoints = {
        "mariadb": (HOST, 3306),
        "postgresql": (HOST, 5432),
        "redis": (HOST, REDIS_PROTECTED),
        "zookeeper": (HOST, 2181),
        "dnsmasq": (DNSMASQ, 53),
        "nginx": (NGINX, 443),
        "squid": SQUID,
    }

    assert list(connect(lab, endpoints[server]).values()) == ["open"]


TRAFFIC = """
import contextlib, socket
def start(address, port):
    sock = socket.socket()
    sock.settimeout(1.5)
    with contextlib.suppress(OSError):
        sock.connect((address, port))
    return sock
held = [start("10.10.2.40", 5432) for _ in range(3)]
start("10.10.2.40", 1).close()
for sock in held:
    sock.close()
start("10.20.5.40", 80).close()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("100.100.2.136", 9))
"""


def test_the_recorder_counts_what_was_sent(lab):
    """Three held and one refused are four at once; a retransmission is no new connection; nothing else is sent."""
    with lab.record() as recording:
        script(lab, TRAFFIC)

    assert recording.dropped == 0
    assert len(recording.connections()) == 5
    assert recording.most_opened() == 5
    assert recording.most_open(timeout=TIMEOUT) == 4
    assert {entry for entry in recording.destinations() if entry[2] != "arp"} == {
        ("10.10.2.40", 5432, "tcp"),
        ("10.10.2.40", 1, "tcp"),
        ("10.20.5.40", 80, "tcp"),
        ("100.100.2.136", 9, "udp"),
    }


MANY = """
import socket, sys
held = [socket.create_connection(("10.99.%d.%d" % divmod(n, 256), int(sys.argv[1]))) for n in range(500)]
print(len(held))
"""


def test_the_fleet_owns_a_whole_network(lab):
    """Any address of it accepts on one port, refuses on another, is silent on a third; the recorder misses nothing."""
    lab.fleet()
    expected = {
        ("10.99.0.1", OPEN): "open",
        ("10.99.255.254", OPEN): "open",
        ("10.99.200.7", REFUSED): "ECONNREFUSED",
        ("10.99.200.7", SILENT): "silent",
    }
    met = connect(lab, *expected)
    with lab.record() as recording:
        held = script(lab, MANY, str(OPEN))

    assert expected == met
    assert held == ["500"]
    assert (recording.dropped, len(recording.connections())) == (0, 500)
    assert recording.most_open(timeout=TIMEOUT) == 500


LIVING = """
import sys
from tests.lab.harness import Lab
lab = Lab().__enter__()
lab.start(*sys.argv[1:])
print(lab.pid, flush=True)
sys.stdin.read()
"""


def test_nothing_is_left_after_a_kill():
    """The harness is killed with SIGKILL: every process of the lab ends, and no link or namespace stays."""
    before = outside()
    servers = [name for name in ("squid", "redis") if not missing(name)]
    harness = subprocess.Popen(
        [sys.executable, "-c", LIVING, *servers], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    line = harness.stdout.readline()
    if not line:
        harness.communicate()
        unavailable("the lab cannot be built here")
    waiting = [os.pidfd_open(pid) for pid in family(int(line))]
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    for descriptor in waiting:
        ready, _, _ = select.select([descriptor], [], [], 30)
        os.close(descriptor)
        assert ready, "a process of the lab lives on"

    assert len(waiting) >= 2 + len(servers)
    assert before == outside()


def family(pid):
    """The process and all of its descendants."""
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [pid, *(member for child in children for member in family(child))]


def outside():
    """Links, named namespaces and squid's shared memory of the machine itself."""
    links = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout)
    named = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    shared = sorted(path.name for path in Path("/dev/shm").glob("squid*"))  # noqa: S108 - looked at, not written
    return sorted(link["ifname"] for link in links), named, shared


NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests of this file are run by an ordinary user already")
def test_an_ordinary_user_builds_the_same_lab():
    """Without any privilege the lab stands, with its faults and a real server."""
    text = """
from tests.lab.harness import Lab
with Lab() as lab, lab.broken("group_drops_metastore", "eni_group"):
    lab.start("redis")
    print(lab.call("connect", namespace="vpchost", endpoints=[("10.10.2.50", 6379)], timeout=1))
"""
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **who)

    assert (done.stdout, done.stderr) == ("['open']\n", "")
