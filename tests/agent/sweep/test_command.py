"""`linkdoctor sweep` as a user runs it, on loopback: streams, formats, files, exit codes, and what a signal leaves."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from reports import document
from reports.diagnose import conclude

RECORD = jsonschema.Draft202012Validator(
    json.loads(resources.files("agent.sweep").joinpath("sweep.schema.json").read_text())
)
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
NETWORK = "127.0.11.0/28"
OPEN, SILENT = "127.0.11.3", "127.0.11.5"


@pytest.fixture
def port():
    """A port that is open at one address, silent at another (its queue is full), and refused at all others."""
    with socket.create_server((OPEN, 0), backlog=20) as server, socket.socket() as full:
        number = server.getsockname()[1]
        full.bind((SILENT, number))
        full.listen(0)
        with socket.create_connection((SILENT, number)):
            yield str(number)


def argv(*arguments):
    """The command."""
    return [str(LINKDOCTOR), "sweep", *arguments]


def run(*arguments, **options):
    """The command with these arguments."""
    return subprocess.run(argv(*arguments), capture_output=True, text=True, timeout=60, check=False, **options)


def swept(port, *arguments):
    """The network at the port, by an ordinary user's means, without patience."""
    return run(NETWORK, "--ports", port, "--method", "connect", "--timeout", "0.2", *arguments)


def records(text):
    """The lines of JSON, each as the schema says."""
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        RECORD.validate(line)
    return lines


def states(report):
    """The letters of the only question."""
    (seen,) = [seen for seen in report["observations"] if (seen["probe"], seen["step"]) == ("subnet", "states")]
    return seen["facts"]["states"]


def test_text(port):
    """Verdict, counts and the picture; nothing on stderr, and no colour where nobody looks."""
    done = swept(port)

    assert (done.returncode, done.stderr) == (0, "")
    for word in ("HEALTHY", NETWORK, "r r r o  r · r r"):
        assert word in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_a_report(port):
    """One document, as a check's: the rules say the same of it again."""
    done = swept(port, "--format", "json")
    report = document.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert states(json.loads(done.stdout)) == "rrror." + "r" * 10
    assert report.run.plan.networks == ()
    assert {seen.step for seen in report.observations if seen.probe == "subnet"} == {"place", "states", "sweep"}
    assert any(seen.probe == "local" for seen in report.observations)
    assert report.vantage.host
    assert conclude(report.run, report.vantage, report.observations) == report


def test_jsonl_streams(port):
    """First what is asked of whom; a line for each answer; who did not answer; and what it means."""
    done = swept(port, "--format", "jsonl")
    first, *answers, silent, last = records(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert first["networks"] == [{"name": NETWORK, "cidr": NETWORK}]
    assert (first["schema"], first["asked"], first["method"], first["rate"]) == (
        "linkdoctor/sweep/1",
        [port],
        "connect",
        1000,
    )
    assert {answer["address"]: answer["state"] for answer in answers} == {
        f"127.0.11.{host}": "open" if host == 3 else "refused" for host in range(16) if host != 5
    }
    assert silent == {"addresses": SILENT, "count": 1, "asked": port, "state": "silent"}
    assert last["states"] == {port: {"open": 1, "refused": 14, "silent": 1}}
    assert (last["verdict"], last["partial"], last["findings"]) == ("healthy", False, [])


@pytest.mark.parametrize("style", ["text", "json", "jsonl"])
def test_output(port, style, tmp_path):
    """Into a file goes what stdout would hold."""
    file = tmp_path / "result"
    done = swept(port, "--format", style, "--output", str(file))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert NETWORK in file.read_text()


@pytest.mark.parametrize("style", ["text", "json", "jsonl"])
def test_redacted(style, tmp_path):
    """No private address is left where that is asked for; the loopback is nobody's."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("networks: [{name: v, cidr: 127.0.11.0/30, ports: [9], enis: [127.0.11.2]}]\n")
    done = run(str(plan), "--format", style, "--redact")

    assert done.returncode == 0, done.stderr
    assert socket.gethostname() not in done.stdout


def test_a_plan(tmp_path, port):
    """Its networks, by their names and at their ports."""
    plan = tmp_path / "nightly.yaml"
    plan.write_text(f"targets: ['127.0.0.1:9']\nnetworks: [{{name: vswitch-a, cidr: {NETWORK}, ports: [{port}]}}]\n")
    done = run(str(plan), "--timeout", "0.2")

    assert done.returncode == 0, done.stderr
    for word in ("nightly", "vswitch-a", NETWORK):
        assert word in done.stdout


def test_hand_over(tmp_path, port):
    """The command that the text names prints the message, and the same exit code is given."""
    plan = tmp_path / "nightly.yaml"
    plan.write_text(f"networks: [{{name: vswitch-a, cidr: {NETWORK}, ports: [{port}], enis: [127.0.11.15]}}]\n")
    told = run(str(plan), "--method", "connect", "--timeout", "0.2")
    (hint,) = [line for line in told.stdout.splitlines() if "Hand over" in line]
    words = shlex.split(hint.partition("Hand over")[2].partition("#")[0])
    done = run(*words[2:])
    filed = run(*words[2:], "--redact", "--output", str(tmp_path / "message"))

    assert words[:2] == ["linkdoctor", "sweep"]
    assert words[-2] == "--hand-over"
    assert (done.returncode, done.stderr) == (told.returncode, "") == (1, "")
    assert done.stdout.startswith("Subject: nightly: ")
    assert "127.0.11.15" in done.stdout
    assert f"    {shlex.join(words[:-2])}\n" in done.stdout
    assert (filed.returncode, filed.stdout) == (1, "")
    assert "    linkdoctor sweep NETWORK\n" in (tmp_path / "message").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a network"),
        (["127.0.0.0/28", "--hand-over", "network", "--format", "jsonl"], "leave out one of the two"),
        (["10.10.1.5/24"], "the network is 10.10.1.0/24"),
        (["10.0.0.0/8", "--i-own-this"], "at most a /12"),
        (["8.8.8.0/28"], "--i-own-this"),
        (["127.0.0.0/28", "--method", "arp"], "no ARP is sent"),
        (["127.0.0.0/28", "--ports", "22", "--output", "/no/such/folder/x", "--format", "jsonl"], "/no/such/folder/x"),
        (["127.0.0.0/28", "--output", "/no/such/folder/x"], "/no/such/folder/x: cannot be written"),
        (["127.0.0.0/28", "--output", "/"], "/: cannot be written"),
        (["127.0.0.0/28", "--output", "/dev/full", "--format", "jsonl"], "/dev/full: cannot be written: No space"),
        (["127.0.0.0/28", "--output", "/dev/full", "--format", "json"], "/dev/full: cannot be written: No space"),
        (["127.0.0.0/28", "--rate", "many"], "many"),
        (["127.0.0.0/28", "--ports", "22", "--method", "connect", "--timeout", "nan"], "nan is no number"),
    ],
)
def test_could_not_run(arguments, said):
    """3, a message that says what was wrong, and never a traceback."""
    done = run(*arguments)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@contextlib.contextmanager
def begun():
    """A sweep that takes long, once it has written its first lines; they are given with it."""
    argument = argv("127.0.12.0/24", "--ports", "9", "--rate", "12", "--format", "jsonl")
    with subprocess.Popen(argument, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process, "".join(process.stdout.readline() for _ in range(3))


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(sign, code):
    """What was found so far is told, as partial, and what was not asked is unknown."""
    with begun() as (process, lines):
        process.send_signal(sign)
        rest, complaint = process.communicate(timeout=30)
    *_, unknown, last = records(lines + rest)

    assert (process.returncode, complaint) == (code, "")
    assert last["partial"] is True
    assert last["states"]["9"]["refused"] + unknown["count"] == 256
    assert unknown["state"] == "unknown"


def test_kill_leaves_what_was_streamed():
    """Every line that was written is whole."""
    with begun() as (process, lines):
        process.kill()
        rest, _ = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGKILL
    assert len(records(lines + rest)) >= 3


def test_nobody_listens_any_more():
    """Whoever reads only the beginning gets that, and no traceback comes."""
    with begun() as (process, _):
        process.stdout.close()
        complaint = process.stderr.read()

    assert process.returncode
    assert complaint == ""


@pytest.mark.parametrize("style", ["text", "json", "jsonl"])
def test_nobody_ever_listened(port, style):
    """With stdout closed from the beginning the exit code is what is told."""
    words = shlex.join(argv(f"{OPEN}/32", "--ports", port, "--method", "connect", "--format", style))
    done = subprocess.run(["sh", "-c", f"{words} >&-"], stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_no_event_loop_is_loaded():
    """It starts fast: what an event loop and a reader of plans take to load is not loaded."""
    program = "import sys; from agent.cli.group import cli\ntry:\n cli(['sweep', '127.0.11.0/30', '--ports', '9'])\n"
    program += "except SystemExit:\n pass\nprint([name for name in ('asyncio', 'yaml', 'dns') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_both_versions_of_ip():
    """They are parts by themselves, and one conclusion ends them."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        if sock.connect_ex(("::1", 9)):
            pytest.skip("no IPv6 here")
    done = run("127.0.11.0/30", "::1", "--ports", "9", "--format", "jsonl")
    lines = records(done.stdout)

    assert [line["networks"][0]["name"] for line in lines if "schema" in line] == ["127.0.11.0/30", "::1"]
    assert [line["address"] for line in lines if "address" in line][-1] == "::1"
    assert lines[-1]["states"] == {"9": {"refused": 5}}


def test_progress_is_for_a_terminal():
    """On stderr, where that is one; nothing of it stays, and stdout holds the report alone."""
    ours, theirs = os.openpty()
    arguments = argv("127.0.12.0/25", "--ports", "9", "--rate", "200")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        report = process.stdout.read()
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert "of 128 questions" in shown
    assert shown.endswith("\r\x1b[K")
    assert "127.0.12.0/25" in report
    assert "\x1b" not in report
