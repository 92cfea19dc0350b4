"""An ECS instance's metadata: asked by token, of a real HTTP server, and only where somebody wants them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.cloud import auto, metadata
from agent.plan import parse
from reports.model import Network
from tests.metadata_server import DATA, FIRST, Metadata

ROOT = Path(__file__).parents[3]
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]

NETWORKS = (
    Network(name="vsw-bp1a", cidr="10.10.1.0/24", enis=("10.10.1.10", "10.10.1.11")),
    Network(name="vsw-bp1b", cidr="10.10.2.0/24", enis=("10.10.2.10",)),
)


def refused(service, **limits):
    """What is said where the service does not tell."""
    with pytest.raises(metadata.MetadataError) as caught:
        metadata.ask(service if isinstance(service, str) else service.base, **limits)
    return str(caught.value)


# --- a service as the platform has it --------------------------------------------------------------------------------


def test_by_token():
    """Region, VPC, vSwitches and interfaces; the first request is for a token, every other one carries it."""
    with Metadata() as service:
        instance = metadata.ask(service.base)

    assert ("cn-hangzhou", "vpc-bp1lab", "10.10.0.0/16") == (instance.region, instance.vpc, instance.vpc_cidr)
    assert instance.networks == NETWORKS
    assert [each.id for each in instance.interfaces] == ["eni-bp1first", "eni-bp1second"]
    assert service.heard[0] == ("PUT", "/latest/api/token", False)
    assert {(method, with_token) for method, _, with_token in service.heard[1:]} == {("GET", True)}
    assert len(service.issued) == 1


def test_a_token_that_expires():
    """A token that expires on the way is replaced, and all is told."""
    with Metadata(uses=4) as service:
        instance = metadata.ask(service.base)

    assert instance.networks == NETWORKS
    assert len(service.issued) > 1


def test_tokens_that_are_never_good():
    """A service that refuses its own new tokens is not asked for ever."""
    with Metadata(uses=0) as service:
        said = refused(service)

    assert "answers 401" in said
    assert len(service.heard) == 4


@pytest.mark.parametrize("status", [404, 405])
def test_plain_mode(status):
    """Where there is no token service at all, the metadata are asked for without a token."""
    with Metadata(tokens=status) as service:
        assert metadata.ask(service.base).networks == NETWORKS

    assert [method for method, _, _ in service.heard].count("PUT") == 1
    assert not any(with_token for _, _, with_token in service.heard)


@pytest.mark.parametrize("status", [302, 400, 403, 500, 503])
def test_no_way_around_tokens(status):
    """A token service that is there and refuses ends it: nothing is asked without a token."""
    with Metadata(replies={"token": (status, {"Location": "/latest/meta-data/region-id"}, "")}) as service:
        assert f"{status}" in refused(service)

    assert service.heard == [("PUT", "/latest/api/token", False)]


@pytest.mark.parametrize(
    "text",
    ['["10.10.1.10","10.10.1.11"]', "10.10.1.10,10.10.1.11", "10.10.1.10\n10.10.1.11", "[10.10.1.10, 10.10.1.11]"],
)
def test_lists_of_addresses(text):
    """Versions of the service list addresses in several ways."""
    with Metadata(data={**DATA, f"network/interfaces/macs/{FIRST}/private-ipv4s": text}) as service:
        assert metadata.ask(service.base).networks == NETWORKS


def test_two_interfaces_in_one_vswitch():
    """A vSwitch is one network, with all interfaces in it."""
    data = {path: text.replace("vsw-bp1b", "vsw-bp1a").replace("10.10.2.", "10.10.1.") for path, text in DATA.items()}
    data[f"network/interfaces/macs/{FIRST}/private-ipv4s"] = '["10.10.1.9"]'
    with Metadata(data=data) as service:
        networks = metadata.ask(service.base).networks

    assert networks == (Network(name="vsw-bp1a", cidr="10.10.1.0/24", enis=("10.10.1.9", "10.10.1.10")),)


def test_no_proxy(monkeypatch):
    """Metadata never go by a proxy, whatever the environment names."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Metadata() as service:
        assert metadata.ask(service.base).networks == NETWORKS


# --- what is none ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("region-id", "<html>login</html>", "names the region '<html>login</html>'"),
        ("region-id", "\x1b[31m", "\\\\x1b"),
        ("vpc-id", "", "says '' for vpc-id"),
        ("vpc-cidr-block", "10.10.0.0", "says '10.10.0.0' for vpc-cidr-block"),
        ("network/interfaces/macs/", "eth0/", "lists no MAC addresses"),
        ("network/interfaces/macs/", "00:16:3e:00:00:01/\n" * 300, "lists no MAC addresses"),
        (f"network/interfaces/macs/{FIRST}/private-ipv4s", '["10.10.9.9"]', "10.10.9.9 is in the vSwitch 10.10.1.0/24"),
        (f"network/interfaces/macs/{FIRST}/private-ipv4s", '["localhost"]', "localhost"),
        (f"network/interfaces/macs/{FIRST}/vswitch-id", "../../etc", "vswitch-id"),
    ],
)
def test_something_else_answers(path, text, said):
    """In another network another machine may have that address: what it says is told, escaped, and not believed."""
    with Metadata(data={**DATA, path: text}) as service:
        message = refused(service)

    assert said in message
    assert message.isprintable()


def test_not_found():
    """An instance without a VPC has no vpc-id: that is said with its path."""
    with Metadata(data={path: text for path, text in DATA.items() if path != "vpc-id"}) as service:
        assert "answers 404 for /latest/meta-data/vpc-id" in refused(service)


def test_redirect():
    """A redirect is not followed."""
    with Metadata(replies={"region-id": (302, {"Location": "/latest/meta-data/vpc-id"}, "")}) as service:
        assert "answers 302" in refused(service)

    assert len(service.heard) == 2


def test_endless_body():
    """A body without end is given up at 64 KB."""
    with Metadata(replies={"region-id": (200, {"Content-Length": str(1 << 30)}, b"x" * (1 << 20))}) as service:
        assert "sends more than 64 KB" in refused(service)


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, b""])
def test_no_http(sent):
    """Another protocol, a head without end, a connection that is closed at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with server.accept()[0] as sock, contextlib.suppress(OSError):
                sock.recv(1000)
                sock.sendall(sent)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1000):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        said = refused("http://127.0.0.1:%d" % server.getsockname()[1])
        thread.join()

    assert "speaks no HTTP" in said


def test_silence():
    """Whoever accepts and says nothing is given up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = refused("http://127.0.0.1:%d" % server.getsockname()[1], one=0.1)

    assert said.startswith("this is no ECS instance")
    assert said.endswith("nothing answers")


def test_drop_by_drop():
    """A byte now and then does not keep it: an answer has its time as a whole."""
    enough = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with server.accept()[0] as sock:
                while not enough.wait(0.05):
                    try:
                        sock.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        said = refused("http://127.0.0.1:%d" % server.getsockname()[1], one=0.3)
        enough.set()
        thread.join()

    assert said.endswith("nothing answers")


def test_refused():
    """Nothing listens: that is said, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    said = refused(f"http://127.0.0.1:{port}")
    assert said == (
        f"this is no ECS instance, or its metadata are out of reach: http://127.0.0.1:{port}: the connection is refused"
    )


# --- networks: auto --------------------------------------------------------------------------------------------------


def test_auto_is_filled():
    """A plan that asks gets the instance's vSwitches; a region that it names stays."""
    with Metadata() as service:
        plan = auto.filled(parse("targets: [127.0.0.1:1]\nnetworks: auto"), service.base)
        named = auto.filled(parse("targets: [127.0.0.1:1]\nnetworks: auto\nregion: cn-beijing"), service.base)

    assert (NETWORKS, "cn-hangzhou", False) == (plan.networks, plan.region, plan.ask_networks)
    assert named.region == "cn-beijing"


def test_nobody_asks_otherwise():
    """A plan without the word is not worth a packet."""
    plan = parse("targets: [127.0.0.1:1]")
    with Metadata() as service:
        assert auto.filled(plan, service.base) is plan

    assert service.heard == []


def test_auto_elsewhere():
    """Not on an instance: what to write in its place."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(metadata.MetadataError) as caught:
        auto.filled(parse("networks: auto"), f"http://127.0.0.1:{port}")

    said = str(caught.value)
    assert said.startswith("this is no ECS instance")
    instead = said[said.index("  networks:\n") :]
    assert parse(instead).networks == (Network(name="vswitch-a", cidr="10.10.1.0/24"),)


# --- the commands, where 100.100.100.200 is an address of this machine, or of nobody ---------------------------------

# Runs a command beside the service at its own address; prints its exit code, its output and what the service heard.
_BESIDE = """
import json, subprocess, sys
from tests.metadata_server import Metadata
with Metadata(address=("100.100.100.200", 80)) as service:
    done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(json.dumps([done.returncode, done.stdout, done.stderr, service.heard]))
"""

PLAN = """
name: here
targets: [{address: "127.0.0.1:1", admits: [10.10.1.10]}]
networks: auto
"""


def alone(*argv, setup=""):
    """A program in a network of its own."""
    program = 'ip link set lo up\n%s\nexec "$@"' % setup
    if subprocess.run([*UNSHARE, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces, or no ip command")
    return subprocess.run(
        [*UNSHARE, "sh", "-ec", program, "sh", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
    )


def on_an_instance(*arguments):
    """The command on a machine where the service answers: exit code, stdout, stderr, what the service heard."""
    beside = [sys.executable, "-c", _BESIDE, str(LINKDOCTOR), *arguments]
    done = alone(*beside, setup="ip address add 100.100.100.200/32 dev lo")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def plan(tmp_path):
    """A plan that leaves its networks to be found out."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return str(path)


def test_check_asks(plan):
    """A check of `networks: auto` holds the instance's networks in its report, and can be checked again anywhere."""
    code, out, err, heard = on_an_instance("check", plan, "--format", "json")

    assert (code, err) == (2, "")
    declared = json.loads(out)["run"]["plan"]
    assert [network["cidr"] for network in declared["networks"]] == ["10.10.1.0/24", "10.10.2.0/24"]
    assert (declared["region"], declared["ask_networks"]) == ("cn-hangzhou", False)
    assert heard[0] == ["PUT", "/latest/api/token", False]


@pytest.mark.parametrize("command", ["lint", "bundle"])
def test_what_only_reads_does_not_ask(plan, command, tmp_path):
    """Neither the settings alone nor a bundle is a reason to ask."""
    more = {"lint": [], "bundle": ["--output", str(tmp_path / "bundle"), "--single"]}[command]
    names = {"lint": ["lint"], "bundle": ["bundle", "udf"]}[command]
    *_, heard = on_an_instance(*names, plan, *more)

    assert heard == []


def test_a_plan_without_the_word_does_not_ask(tmp_path):
    """A check of declared networks, on an instance: its metadata are not asked for."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("auto", "[{cidr: 10.10.1.0/24}]"))
    code, _, _, heard = on_an_instance("check", str(path))

    assert (code, heard) == (2, [])


@pytest.mark.parametrize(
    ("setup", "why"),
    [
        ("", "there is no route"),
        ("ip address add 100.100.100.200/32 dev lo", "the connection is refused"),
        ("ip route add unreachable 100.100.100.200/32", "the host is unreachable"),
    ],
)
def test_not_on_an_instance(plan, setup, why):
    """3, why, and what to write; nothing was checked."""
    done = alone(str(LINKDOCTOR), "check", plan, setup=setup)

    assert (done.returncode, done.stdout) == (3, "")
    assert f"http://100.100.100.200: {why}\n" in done.stderr
    assert "{name: vswitch-a, cidr: 10.10.1.0/24}" in done.stderr
