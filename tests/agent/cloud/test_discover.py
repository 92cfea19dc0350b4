"""`linkdoctor discover` as a user runs it: what is written, what is never done, and what is said when it fails."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.cloud import written
from agent.cloud.inventory import Found
from agent.plan import load
from reports.model import Network
from reports.vpc.document import loads
from reports.vpc.model import Inventory, VSwitch
from tests.agent.cloud.asking import ROOT, arguments, discover, environment
from tests.aliyun_cloud import OTHER, VPC, A, B, vswitch
from tests.aliyun_server import ACCESS_KEY_ID, SECRET

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]


def lint(path):
    """The written plan, looked at by linkdoctor itself."""
    return subprocess.run([LINKDOCTOR, "lint", path], capture_output=True, text=True, timeout=60, check=False)


def nothing_written(folder):
    """Whether the folder is as the test made it."""
    return sorted(path.name for path in folder.iterdir()) == ["api", "ca.pem"]


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_plan_and_its_inventory(api, tmp_path):
    """A plan that loads, with MaxCompute's interfaces alone as ENIs, and the inventory that it names."""
    done = discover(api, tmp_path, "--vpc", VPC)

    assert (done.returncode, done.stderr) == (0, "")
    plan = load(tmp_path / "plan.yaml")
    assert plan.networks == (Network(name="vswitch-a", cidr="10.10.1.0/24", enis=("10.10.1.10", "10.10.1.11")),)
    assert (plan.region, plan.targets) == ("cn-hangzhou", ())
    inventory = loads((tmp_path / "plan.inventory.json").read_bytes())
    assert [each.id for each in inventory.vpcs] == [VPC]
    assert len(inventory.enis) == 4
    assert lint(tmp_path / "plan.yaml").returncode == 0
    assert set(api.codes) == set()


def test_the_hint_is_a_plan(api, tmp_path):
    """What stands there as a comment loads once the marks are taken away."""
    discover(api, tmp_path, "--vpc", VPC)
    path = tmp_path / "plan.yaml"
    head, _, hint = path.read_text().replace("  # - {", "  - {").partition("# targets:")
    path.write_text(head + "targets:" + hint.replace("\n#   -", "\n  -"))

    assert [target.name for target in load(path).targets] == ["metastore", "orders"]
    assert [network.name for network in load(path).networks] == ["vswitch-a", "vswitch-b"]


def test_where_the_job_comes_from(api, tmp_path):
    """Without a network link it is not known: all vSwitches stand there, and that only one should is said."""
    api.account.groups[1]["SecurityGroupName"] = "no link's"
    done = discover(api, tmp_path, "--vpc", VPC)

    assert "2 networks, of which only the job's own should stay" in done.stdout
    assert "no interface in a group that is called MaxCompute-vpc-" in done.stdout
    assert "Which of these the job comes from is not known" in (tmp_path / "plan.yaml").read_text()
    assert [network.enis for network in load(tmp_path / "plan.yaml").networks] == [(), ()]


def test_ready_for_check(api, tmp_path):
    """With a target, a check judges it by the inventory: which rule drops the job's vSwitch."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces")
    discover(api, tmp_path, "--vpc", VPC)
    path = tmp_path / "plan.yaml"
    path.write_text(path.read_text() + 'targets: [{name: hbase, address: "10.10.2.30:16000", via: vpc}]\n')
    # In a network of its own, where nothing can be sent.
    done = subprocess.run(
        [*UNSHARE, LINKDOCTOR, "check", path, "--format", "json"], capture_output=True, text=True, check=False
    )

    seen = [each for each in json.loads(done.stdout)["observations"] if each["probe"] == "inventory"]
    (inbound,) = [each["facts"] for each in seen if each["step"] == "inbound"]
    assert (inbound["verdict"], inbound["group"], inbound["rule"]) == ("drop", "sg-bp1emr", 2)
    assert inbound["network"] == "vswitch-a"


def test_what_is_told(api, tmp_path):
    """What was found, what was written, and what to do next."""
    done = discover(api, tmp_path, "--vpc", VPC)

    assert done.stdout.splitlines() == [
        "Found in cn-hangzhou",
        "  1 VPC, 2 vSwitches, 4 network interfaces, 3 security groups, 2 route tables, 1 network ACL,",
        "  1 prefix list, 1 port list, 6 rules of security groups",
        "  Network links of MaxCompute: 10.10.1.10, 10.10.1.11",
        "Written",
        f"  {tmp_path}/plan.yaml: 1 network, of network links; its targets are for you to add",
        f"  {tmp_path}/plan.inventory.json",
        f"Then: linkdoctor check {tmp_path}/plan.yaml",
    ]


def test_what_could_not_be_read(api, tmp_path):
    """It goes on with the rest, names the action that is missing, and the files say it too."""
    api.forbidden |= {"DescribeSecurityGroupAttribute", "DescribeRouteTableList"}
    done = discover(api, tmp_path, "--vpc", VPC)

    assert done.returncode == 0
    assert "  security groups: ecs:DescribeSecurityGroupAttribute: no policy grants it" in done.stdout
    assert "# not read: vpc:DescribeRouteTableList: no policy grants it" in (tmp_path / "plan.yaml").read_text()
    assert loads((tmp_path / "plan.inventory.json").read_bytes()).unread == ("groups", "route_tables")
    assert lint(tmp_path / "plan.yaml").returncode == 0


def test_a_vswitch_alone(api, tmp_path):
    """The plan has the vSwitch that is named, the inventory its VPC."""
    discover(api, tmp_path, "--vswitch", B, "--security-group", "sg-bp1unused")

    assert [network.cidr for network in load(tmp_path / "plan.yaml").networks] == ["10.10.2.0/24"]
    inventory = loads((tmp_path / "plan.inventory.json").read_bytes())
    assert len(inventory.vswitches) == 2
    assert "sg-bp1unused" in [group.id for group in inventory.groups]


@pytest.mark.parametrize(
    "name", ["", "x" * 200, "a\nb", "vswitch-b", '"}], targets: ["h:1"]', "\x1b[31m", "# x", "公司", "😀", "vsw-bp1b"]
)
def test_any_name(api, tmp_path, name):
    """Names are the account's own: whatever they are, the plan loads, and each network has one name."""
    api.account.vswitches[0]["VSwitchName"] = name
    api.account.vpcs[0]["VpcName"] = name
    discover(api, tmp_path, "--vswitch", A, "--vswitch", B)

    text = (tmp_path / "plan.yaml").read_text()
    plan = load(tmp_path / "plan.yaml")
    assert (len({network.name for network in plan.networks}), plan.targets) == (2, ())
    assert "\x1b" not in text


def test_an_eni_of_another_version(api, tmp_path):
    """An address that is in none of the vSwitch's IPv4 CIDRs is no ENI of the plan's network."""
    api.account.enis[0]["Ipv6Sets"] = {"Ipv6Set": [{"Ipv6Address": "2408:4005:300::10"}]}
    discover(api, tmp_path, "--vpc", VPC)

    assert load(tmp_path / "plan.yaml").networks[0].enis == ("10.10.1.10", "10.10.1.11")


def test_many_vswitches():
    """The text grows with what there is, one line a vSwitch."""
    vswitches = tuple(VSwitch(id=f"vsw-{n}", cidr=f"10.1.{n}.0/24", vpc=VPC) for n in range(200))
    inventory = Inventory(region="cn-hangzhou", read=0.0, vswitches=vswitches)
    text = written.plan_text(Found(inventory=inventory), "x.json")

    assert text.count("cidr: ") == 200


# --- what is never overwritten ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plan.yaml", "plan.inventory.json"])
def test_a_name_that_is_taken(api, tmp_path, name):
    """3, another name is asked for, the file is as it was, and nothing was asked."""
    (tmp_path / name).write_text("mine")
    done = discover(api, tmp_path)

    assert (done.returncode, done.stdout) == (3, "")
    assert f"{tmp_path}/{name} exists, and stays as it is: name another file with --output" in done.stderr
    assert (tmp_path / name).read_text() == "mine"
    assert api.heard == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api", "ca.pem", name]


def test_a_link_to_nowhere(api, tmp_path):
    """A dangling link is a name that is taken."""
    (tmp_path / "plan.yaml").symlink_to(tmp_path / "nowhere")

    assert discover(api, tmp_path).returncode == 3
    assert not (tmp_path / "nowhere").exists()


def test_a_name_that_is_taken_meanwhile(api, tmp_path):
    """Whoever was faster keeps the name, and no half of the two files is left."""

    class Account(type(api.account)):
        def answering(self, service, action):
            (tmp_path / "plan.yaml").write_text("faster")
            return super().answering(service, action)

    api.account = Account()
    done = discover(api, tmp_path, "--vpc", VPC)

    assert done.returncode == 3
    assert "plan.yaml exists, and stays as it is" in done.stderr
    assert (tmp_path / "plan.yaml").read_text() == "faster"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api", "ca.pem", "plan.yaml"]


def test_no_folder(api, tmp_path):
    """A folder that is not there is said before anything is asked."""
    done = discover(api, tmp_path, output="there/plan.yaml")

    assert done.returncode == 3
    assert f"{tmp_path}/there: no folder to write to" in done.stderr
    assert api.heard == []


def test_interrupted(api, tmp_path):
    """Ctrl-C on the way: 130, and nothing is written."""
    asked, go_on = threading.Event(), threading.Event()

    class Account(type(api.account)):
        def answering(self, service, action):
            if action == "DescribeSecurityGroups":
                asked.set()
                go_on.wait(30)
            return super().answering(service, action)

    api.account = Account()
    env = environment(api, tmp_path)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments(api, tmp_path / "plan.yaml"), env=env, **pipes) as process:
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        go_on.set()

    assert (process.returncode, out, err.strip()) == (130, "", "")
    assert nothing_written(tmp_path)


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"skew": 5000}, "This machine's clock is 1 h 23 min behind the platform's"),
        ({"keys": {}}, "the access key does not exist, or is disabled"),
        ({"keys": {ACCESS_KEY_ID: ("other", "")}}, "the signature is wrong"),
        ({"forbidden": {"DescribeVSwitches"}}, "no vSwitch was found, and nothing was written"),
        ({"breaks": 9}, "it closed the connection without an answer"),
    ],
)
def test_trouble(api, tmp_path, change, said):
    """3, a message without a traceback, nothing written, no secret shown."""
    for name, value in change.items():
        setattr(api, name, value)
    done = discover(api, tmp_path, "--vpc", VPC)

    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert ACCESS_KEY_ID not in done.stderr
    assert nothing_written(tmp_path)


def test_two_vpcs_with_addresses_in_common(api, tmp_path):
    """A plan speaks of one VPC: which, is asked for with what to type."""
    api.account.vswitches.append(vswitch("vsw-bp1twin", OTHER, "10.10.0.0/20", "twin"))
    api.account.groups[1]["SecurityGroupName"] = "no link's"
    done = discover(api, tmp_path)

    assert done.returncode == 3
    assert "vsw-bp1twin (10.10.0.0/20) of vpc-bp1other and vsw-bp1a (10.10.1.0/24) of vpc-bp1lab" in done.stderr
    assert "linkdoctor discover --region cn-hangzhou --vpc vpc-bp1other --output" in done.stderr
    assert nothing_written(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "Hangzhou", "--output", "p.yaml"], "'Hangzhou' is no region id"),
        (["--output", "p.yaml"], "name the region: --region cn-hangzhou, or ALIBABA_CLOUD_REGION_ID"),
        (["--region", "cn-hangzhou"], "Missing option '--output'"),
        (["--region", "cn-hangzhou", "--output", "p.json"], "a plan's file ends in .yaml"),
        (["--region", "cn-hangzhou", "--output", "p.yaml", "--vpc", "vsw-1"], "--vpc 'vsw-1': no such id"),
        (["--region", "cn-hangzhou", "--output", "p.yaml", "--vswitch", "vsw-1;x"], "--vswitch 'vsw-1;x': no such id"),
        (["--region", "cn-hangzhou", "--output", "p.yaml", "--endpoint", "x"], "--endpoint 'x': names no service"),
        (
            ["--region", "cn-hangzhou", "--output", "p.yaml", "--endpoint", "ecs=http://h"],
            "allowed: ecs=HOST[:PORT], vpc=HOST[:PORT]",
        ),
        (["--region", "cn-hangzhou", "--output", "p.yaml", "--endpoint", "vpc=h:0"], "port 0 does not exist"),
    ],
)
def test_what_is_typed_wrong(tmp_path, arguments, said):
    """3, with what is allowed."""
    done = subprocess.run(
        [LINKDOCTOR, "discover", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert not any(tmp_path.iterdir())


def test_without_the_sdks(tmp_path):
    """Where the extra is not installed it is said how to get it."""
    blocker = tmp_path / "blocked"
    (blocker / "alibabacloud_credentials").mkdir(parents=True)
    (blocker / "alibabacloud_credentials" / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module', name='alibabacloud_credentials')"
    )
    done = subprocess.run(
        [LINKDOCTOR, "discover", "--region", "cn-hangzhou", "--output", tmp_path / "p.yaml"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(blocker)},
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        3,
        "Error: discover needs the cloud's SDKs: pip install 'linkdoctor[aliyun]'\n",
    )


def test_no_other_command_loads_the_sdks():
    """They take most of a second to import."""
    program = "import sys; from agent.cli import main\ntry: main(['lint', '--help'])\nexcept SystemExit: pass\n"
    program += "import agent.cloud.discover; print([name for name in sys.modules if 'alibabacloud' in name])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
