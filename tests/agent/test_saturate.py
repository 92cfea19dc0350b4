"""`linkdoctor saturate`: what it refuses, what it says, and what it finds on loopback."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent.saturate import Saturation, announced
from reports.model import Job, Saturate
from tests.limited import HERE, Limited

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"

PLAN = """\
name: plan
targets:
  - {name: orders, address: "mysql://db.vpc.internal", via: vpc, saturate: {connections: 200, rate: 40}}
  - {name: report, address: "db.vpc.internal:8123", via: vpc, measure: [loss]}
  - {name: metastore, address: "emr:9083", via: vpc, saturate: {connections: 20}}
  - {name: web, address: "https://www.aliyun.com/", via: internet}
egress: {echo: "http://ip.example/"}
job: {instances: 40, connections: 8}
"""
WITHOUT = 'targets: [{name: "orders db", address: "mysql://db.vpc.internal"}, "emr:9083"]\n'

LINES = """\
  - name: "orders db"
    address: "mysql://db.vpc.internal:3306"
    saturate: {connections: 200, rate: 50}

or say it here: linkdoctor saturate """


@pytest.fixture
def plan(tmp_path):
    """The plan in a file."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return str(path)


async def run(*arguments, environment=(), interrupt=None):
    """The command: exit code, stdout, stderr. ``interrupt``: an event after which it gets a SIGINT."""
    running = await asyncio.create_subprocess_exec(
        LINKDOCTOR,
        "saturate",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **dict(environment)},
    )
    if interrupt is not None:
        await interrupt.wait()
        running.send_signal(signal.SIGINT)
    out, err = await running.communicate()
    return running.returncode, out.decode(), err.decode()


def test_only_what_it_needs(plan):
    """The targets that allow it and those that may be their controls; no echo, and nothing else is measured."""
    planned = Saturation(plan=plan, targets=("orders",)).planned()

    assert [(one.name, one.saturate) for one in planned.targets] == [
        ("orders", Saturate(connections=200, rate=40)),
        ("report", None),
        ("metastore", None),
    ]
    assert [one.measure for one in planned.targets] == [(), (), ()]
    assert planned.egress.echo is None


def test_everything_that_allows_it(plan):
    """Without names, all targets that ask for it are measured."""
    planned = Saturation(plan=plan).planned()

    assert {one.name: one.saturate.connections for one in planned.targets if one.saturate} == {
        "orders": 200,
        "metastore": 20,
    }


def test_less_than_the_plan_allows(plan):
    """Options take less, and say another size of the job."""
    asked = Saturation(plan=plan, targets=("orders",), connections=50, rate=10, tasks=80, connections_per_task=2)
    planned = asked.planned()

    assert planned.targets[0].saturate == Saturate(connections=50, rate=10)
    assert planned.job == Job(instances=80, connections=2)


def test_opt_in_on_the_command_line(plan):
    """A target that is named may be measured where the command line says how far."""
    planned = Saturation(plan=plan, targets=("web",), connections=30).planned()

    assert {one.name: one.saturate for one in planned.targets} == {"web": Saturate(connections=30, rate=50)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"targets": ("nobody",)}, "no target of the plan is called nobody; there are: orders, report, metastore"),
        ({"targets": ("orders",), "connections": 300}, "orders: the plan allows 200 connections at most, 300 are"),
        ({"rate": 50}, "orders: the plan allows 40 new ones a second at most, 50 are"),
        ({"targets": ("web",)}, "nothing there allows to hold more than one connection"),
        ({"targets": ("web",), "rate": 5}, "nothing there allows to hold more than one connection"),
    ],
)
def test_refused(plan, options, said):
    """Nothing beyond what the plan, or the command line for a named target, says."""
    with pytest.raises(click.ClickException, match=said):
        Saturation(plan=plan, **options).planned()


def test_what_is_announced(plan):
    """What will be done at most is said before."""
    text = "\n".join(announced(Saturation(plan=plan).planned()))

    assert "up to 200 connections to orders, 40 new a second, about 14 s" in text
    assert "up to 20 connections to metastore, 50 new a second, about 5 s" in text
    assert "ends after 1 min at the latest (limits.deadline)" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], LINES),
        (["--connections", "10"], LINES),
        (["--target", "emr:9083"], 'address: "hive-metastore://emr:9083"'),
        (["--connections", "0", "--target", "emr:9083"], "0 is not in the range"),
    ],
)
async def test_could_not_run(tmp_path, arguments, said):
    """3 and a message: without an opt-in it shows the lines to add, and sends nothing."""
    path = tmp_path / "plan.yaml"
    path.write_text(WITHOUT)
    code, out, err = await run(str(path), *arguments)

    assert (code, out) == (3, "")
    assert said in err
    assert "Traceback" not in err


def plan_of(folder, server, connections, rate=20, more=""):
    """A plan for what listens on loopback."""
    path = folder / "plan.yaml"
    path.write_text(
        f"targets:\n  - {{name: api, address: 'http://{HERE}:{server.port}/',"
        f" saturate: {{connections: {connections}, rate: {rate}}}}}\n{more}"
    )
    return str(path)


async def test_a_limit(tmp_path):
    """A server that closes beyond 12 is found to hold 12, never more than one more is tried, and none is left."""
    async with Limited(12) as server:
        code, out, err = await run(plan_of(tmp_path, server, 40, 200, "job: {instances: 5, connections: 4}\n"))
        await server.empty.wait()

    assert "Held        about 12 connections" in out
    assert "limit 12 \u2524" in out
    assert "needs 20 \u2524" in out
    assert server.most == 12
    assert err == ""
    assert code in (0, 1, 2)


async def test_nothing_found_as_json(tmp_path):
    """A way that holds what the plan allows is healthy; the document is one, and holds the whole curve."""
    async with Limited(100) as server:
        code, out, err = await run(plan_of(tmp_path, server, 8), "--format", "json")
    document = json.loads(out)
    steps = [seen["step"] for seen in document["observations"] if seen["probe"] == "saturation"]

    assert (code, err) == (0, "")
    assert document["verdict"] == "healthy"
    assert steps.count("level") >= 8
    assert steps.count("limit") == 1
    assert server.most == 8


async def test_redacted(tmp_path):
    """No address is in what is shared."""
    async with Limited(100) as server:
        path = plan_of(tmp_path, server, 3)
        _, out, _ = await run(path, "--redact", "--output", str(tmp_path / "out.txt"))

    assert out == ""
    assert "held 3 without a refusal" in (tmp_path / "out.txt").read_text()


class Reached(Limited):
    """Says when it has had five connections at once."""

    def __init__(self, room):
        super().__init__(room)
        self.reached = asyncio.Event()

    async def _serve(self, reader, writer):
        if self.most >= 5:
            self.reached.set()
        await super()._serve(reader, writer)


async def test_interrupted(tmp_path):
    """Ctrl-C prints what was found, and gives everything back."""
    async with Reached(1000) as server:
        code, out, _ = await run(plan_of(tmp_path, server, 900, 200), interrupt=server.reached)
        await server.empty.wait()

    assert code == 130
    assert "PARTIAL" in out
    assert "of the 900 that the plan allows" in out
    assert server.now == 0


async def test_what_does_not_answer_is_not_measured(tmp_path):
    """It is diagnosed like in any check, and said to be unmeasured."""
    path = tmp_path / "plan.yaml"
    path.write_text(f"targets: [{{name: api, address: '{HERE}:1', saturate: {{connections: 9}}}}]\n")
    code, out, err = await run(str(path))

    assert code == 2
    assert "service_not_listening" in out
    assert "Not measured: api" in err


async def test_behind_a_proxy(tmp_path):
    """A target that answers by an HTTP proxy is not measured: undetermined."""
    async with Limited(100) as server:
        path = plan_of(tmp_path, server, 5)
        code, _, err = await run(path, environment={"http_proxy": f"http://{HERE}:{server.port}"}.items())

    assert code == 3
    assert "Not measured: api (it has to answer, and not through an HTTP proxy)" in err
    assert server.most == 1


@pytest.mark.parametrize(("answer", "code"), [("n\n", 3), ("y\n", 0)])
async def test_it_asks_at_a_terminal(tmp_path, answer, code):
    """Where somebody is there to answer: no is no, and yes is followed by live progress."""
    async with Limited(100) as server:
        status, text = await asyncio.to_thread(at_a_terminal, plan_of(tmp_path, server, 5), answer)

    assert "up to 5 connections to api" in text
    assert status == code
    assert ("not agreed: nothing was opened" in text) == (code == 3)
    assert ("5 held, 5 tried" in text) == (code == 0)
    assert (server.most > 0) == (code == 0)


def at_a_terminal(plan, answer):
    """The command with a terminal for all its streams: exit code, and what it showed."""
    terminal, its = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm"}
    command = [LINKDOCTOR, "saturate", plan]
    running = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    os.write(terminal, answer.encode())
    shown = b""
    try:
        while more := os.read(terminal, 4096):
            shown += more
    except OSError:  # what a terminal says at its end
        pass
    os.close(terminal)
    return running.wait(), shown.decode()
