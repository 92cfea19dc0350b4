"""The command as a user runs it: exit codes, streams, formats, files."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from agent.cli import checks, duty, jobs, networks, past
from agent.cli.group import cli
from agent.cli.options import OWNERS
from reports import model

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
_COMMANDS = cli.list_commands(click.Context(cli))


@pytest.fixture
def listener():
    """An address where something accepts and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]


@pytest.fixture
def silent():
    """A name server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(30)
        yield sock


def run(*arguments, cwd=None, **environment):
    """The command with these arguments, and this environment alone."""
    return subprocess.run(
        [LINKDOCTOR, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
        check=False,
    )


def test_help_is_the_map():
    """Every command has a line, and the exit codes are there."""
    done = run("--help")

    assert done.returncode == 0
    assert done.stderr == ""
    for word in ("check", "diagnose", "lint", "demo", "Exit codes", "130"):
        assert word in done.stdout


def test_owners():
    """The command line knows the owners of the model."""
    assert model.OWNERS == OWNERS


def test_healthy(listener):
    """0, and a table of what works."""
    done = run("check", listener)

    assert done.returncode == 0, done.stderr
    assert "HEALTHY" in done.stdout
    assert done.stderr == ""


def test_failing():
    """2, with cause, evidence and fix."""
    done = run("check", "127.0.0.1:1")

    assert done.returncode == 2
    for word in ("FAILING", "service_not_listening", "Evidence", "Fix"):
        assert word in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_one_document(listener):
    """Exactly one JSON document on stdout, whatever else happens."""
    done = run("check", listener, "127.0.0.1:1", "--format", "json")
    document = json.loads(done.stdout)

    assert done.returncode == 2
    assert document["schema"] == "linkdoctor/report/1"
    assert document["verdict"] == "failing"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "name a PLAN"),
        (["check", "a:b:c"], "more than one colon"),
        (["check", "missing.yaml"], "missing.yaml"),
        (["check", "127.0.0.1:1", "--format", "xml"], "xml"),
        (["check", "127.0.0.1:1", "--hand-over", "nobody"], "nobody"),
        (["diagnose", "missing.json"], "missing.json"),
        (["lint", "missing.sql"], "missing.sql"),
        (["nonsense"], "there is no command 'nonsense'\n"),
        (["swep"], "there is no command 'swep'; did you mean sweep?"),
        (["check", "127.0.0.1:1", "--again", "missing.json"], "missing.json"),
        (["check", "127.0.0.1:1", "--output", "/no/such/folder/report.json"], "/no/such/folder/report.json"),
    ],
)
def test_could_not_run(arguments, said, tmp_path):
    """3, a message that says what was wrong, and never a traceback."""
    done = run(*arguments, cwd=tmp_path)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_plan_names_file_line_and_key(tmp_path):
    """A mistake in a plan is shown where it is, before anything is sent."""
    (tmp_path / "plan.yaml").write_text("name: x\ntargets:\n  - {address: 'h:99999'}\n")
    done = run("check", "plan.yaml", cwd=tmp_path)

    assert done.returncode == 3
    assert "plan.yaml:3: targets[0].address" in done.stderr


def test_diagnose_again(tmp_path):
    """A saved report gives the same diagnosis without a packet."""
    run("check", "127.0.0.1:1", "--format", "json", "--output", "before.json", cwd=tmp_path)
    done = run("diagnose", "before.json", "--format", "json", cwd=tmp_path)

    assert done.returncode == 2
    assert json.loads((tmp_path / "before.json").read_text()) == json.loads(done.stdout)


@pytest.mark.parametrize("facts", [{"ip": "127.0.0.1", "port": 1, "syns": "::1"}, {}])
def test_diagnose_odd_facts(tmp_path, facts):
    """A report that was changed since is refused in words, or diagnosed; no rule stumbles in sight of its reader."""
    run("check", "127.0.0.1:1", "--format", "json", "--output", "before.json", cwd=tmp_path)
    report = json.loads((tmp_path / "before.json").read_text())
    for seen in report["observations"]:
        if seen["probe"] == "tcp":
            seen["facts"] = facts
    (tmp_path / "before.json").write_text(json.dumps(report))
    done = run("diagnose", "before.json", cwd=tmp_path)

    assert "Traceback" not in done.stderr
    assert done.returncode == (3 if facts else 2)
    assert not facts or "before.json: its observations are not as a run writes them down (ValueError" in done.stderr


def test_odd_facts_of_two_runs(tmp_path, listener):
    """What changed between a run and one that somebody changed is refused in words."""
    run("check", listener, "--format", "json", "--output", "before.json", cwd=tmp_path)
    text = (tmp_path / "before.json").read_text()
    (tmp_path / "after.json").write_text(re.sub(r'"rtt_s":[^,}]*', '"rtt_s":"::1"', text))
    done = run("diff", "before.json", "after.json", cwd=tmp_path)

    assert done.returncode == 3
    assert "before.json or after.json: its observations are not as a run writes them down" in done.stderr
    assert "Traceback" not in done.stderr


def test_again(tmp_path, listener):
    """Only what was broken is checked again, and what became of it is shown."""
    run("check", listener, "127.0.0.1:1", "--format", "json", "--output", "before.json", cwd=tmp_path)
    done = run("check", "--again", "before.json", cwd=tmp_path)

    assert done.returncode == 2
    assert "still broken" in done.stdout
    assert "linkdoctor check --again before.json --hand-over" in done.stdout
    assert listener not in done.stdout


def test_again_with_nothing_broken(tmp_path, listener):
    """A healthy report leaves nothing to check again."""
    run("check", listener, "--format", "json", "--output", "before.json", cwd=tmp_path)
    done = run("check", "--again", "before.json", cwd=tmp_path)

    assert done.returncode == 3
    assert "nothing was broken" in done.stderr


def test_output_replaces_whole(tmp_path, listener):
    """The file is the whole report, with nothing left beside it."""
    (tmp_path / "report.json").write_text("old")
    done = run("check", listener, "--format", "json", "--output", "report.json", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout == ""
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "healthy"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_output_to_what_is_no_file(tmp_path, listener):
    """A pipe stays a pipe and gets the report; a link stays a link to the file that is replaced."""
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    done = run("check", listener, "--format", "json", "--output", "pipe", cwd=tmp_path)
    reader.join()
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    run("check", listener, "--format", "json", "--output", "link", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(read[0])["verdict"] == "healthy"
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "file").read_text())["verdict"] == "healthy"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_hand_over():
    """The message for whoever must act, and nothing else."""
    done = run("check", "127.0.0.1:1", "--hand-over", "dba")

    assert done.returncode == 2
    assert done.stdout.startswith("Subject: ")
    assert "127.0.0.1:1" in done.stdout


def test_redact(tmp_path):
    """No name of what was checked is in what is shared, in any format."""
    (tmp_path / "plan.yaml").write_text(
        "name: x\nname_servers: ['127.0.0.1:1']\nlimits: {connect_timeout: 200ms}\n"
        "targets: [{name: db, address: 'secret-db.corp.example:3306'}, {name: web, address: 'http://127.0.0.1:1/'}]\n"
    )
    for style in ("text", "json"):
        done = run("check", "plan.yaml", "--redact", "--format", style, cwd=tmp_path)

        assert done.returncode == 2
        for word in ("secret-db", "corp.example"):
            assert word not in done.stdout


def test_lint(tmp_path):
    """Settings alone: nothing is sent, which the head says; what is wrong is counted, and has its place."""
    (tmp_path / "job.sql").write_text("set odps.internet.access.list=www.aliyun.com;\nselect 1;\n")
    done = run("lint", "job.sql", cwd=tmp_path)

    assert done.returncode == 1
    head = done.stdout.splitlines()[0]
    assert head.startswith("settings   from the settings alone, no packet sent ")
    assert "DEGRADED: 1 finding," in head
    assert "access_list_malformed" in done.stdout
    assert "job.sql:1" in done.stdout
    handed = run("lint", "job.sql", "--hand-over", "job author", cwd=tmp_path)
    assert handed.stdout.startswith("Subject: ")
    assert handed.stdout.rstrip().endswith("linkdoctor lint job.sql")


def test_an_output_without_a_folder():
    """It is refused in one line before anything is sent, and not once all is measured."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("check", f"127.0.0.1:{server.getsockname()[1]}", "--output", "/no/such/folder/x")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()

    assert done.returncode == 3
    assert done.stderr == "Error: /no/such/folder/x: cannot be written: No such file or directory\n"


def test_lint_of_a_clean_plan(tmp_path):
    """0 where nothing is wrong."""
    (tmp_path / "plan.yaml").write_text(
        "name: x\nruntime: udf\nregion: cn-hangzhou\n"
        "settings: {odps.internet.access.list: 'www.aliyun.com:443'}\ntargets: ['https://www.aliyun.com/']\n"
    )
    done = run("lint", "plan.yaml", cwd=tmp_path)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(silent, tmp_path, number):
    """Ctrl-C prints what was found so far, marked partial."""
    (tmp_path / "plan.yaml").write_text(
        f"name: x\nname_servers: ['127.0.0.1:{silent.getsockname()[1]}']\nlimits: {{connect_timeout: 30s}}\n"
        "targets: ['127.0.0.1:1', 'never.answered.example:80']\n"
    )
    with subprocess.Popen(
        [LINKDOCTOR, "check", "plan.yaml", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        silent.recv(512)  # it has begun when it asks the name server
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)

    assert process.returncode == 130, stderr
    document = json.loads(stdout)
    assert document["run"]["partial"] is True
    verdicts = {target["name"]: target["verdict"] for target in document["targets"]}
    assert verdicts == {"127.0.0.1:1": "failing", "never.answered.example:80": "undetermined"}


def test_an_error_of_its_own():
    """3, never the code of a verdict, and all that helps to mend it."""
    broken = "import agent.commands, agent.cli; agent.commands.run = None; agent.cli.main(['check', '127.0.0.1:9'])"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (3, "")
    assert "TypeError: 'NoneType' object is not callable" in done.stderr
    assert "an error of linkdoctor's own" in done.stderr.splitlines()[-1]


def test_a_reader_that_leaves(tmp_path):
    """A pipe that is closed early is no crash."""
    with subprocess.Popen(
        [LINKDOCTOR, "check", "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()

    assert "Traceback" not in stderr
    assert "Exception" not in stderr


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_full_disk(listener, style):
    """What cannot be written is said, in one line, and is no verdict."""
    with Path("/dev/full").open("w") as full:
        command = [LINKDOCTOR, "check", listener, "--format", style]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    assert done.returncode == 3
    assert done.stderr == "Error: what was found cannot be written: no space is left on the device\n"


def test_others_end_before_the_program_does():
    """What was registered for the end is called, threads are waited for, and all that was printed comes out."""
    program = """
import atexit, threading
import agent.cli, agent.cli.group
go = threading.Event()
def last():
    go.wait()
    print("thread")
def main(*_, **__):
    atexit.register(print, "registered")
    threading.Thread(target=last).start()
    go.set()
    return 2
agent.cli.group.cli.main = main
agent.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout.split(), done.stderr) == (2, ["thread", "registered"], "")


def test_terminal_escapes_of_a_banner_are_shown(tmp_path):
    """What a service says cannot move the cursor of whoever reads the report."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-\x1b[2J\x1b]0;owned\x07\r\n")
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        done = run("check", "mysql://127.0.0.1:%d" % server.getsockname()[1], FORCE_COLOR="")
        thread.join()

    assert done.returncode == 2
    assert "wrong_service" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def test_every_command_is_on_the_map():
    """Whatever is a command in any module, and no group's own, can be typed."""
    modules = (checks, duty, jobs, networks, past)
    commands = {name for module in modules for name, each in vars(module).items() if getattr(each, "name", "") == name}

    assert commands == set(_COMMANDS)


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_help_of_every_command_reads_well(command):
    """Examples stand line by line, and no mark of the formatter is left."""
    done = run(command, "--help")

    assert 0 == done.returncode
    assert "\\b" not in done.stdout
    assert "\x08" not in done.stdout


def test_the_map_cuts_nothing():
    """Each command's line says all of what it has to say."""
    assert "..." not in run("--help").stdout.partition("Commands:")[2]
