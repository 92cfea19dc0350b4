"""`linkdoctor submit` with the real PyODPS: the function runs for real, and its answer comes back."""

import json
import os
import pty
import subprocess
import sys

import pytest

from agent import submit
from reports.model import FAILING, HEALTHY
from tests.odps_server import ACCESS_ID, PROJECT, SECRET
from tests.submitting import BARE, LINKDOCTOR, command, entry, environment, nothing_left

# --- what it is for --------------------------------------------------------------------------------------------------


def test_the_check_runs_there_and_the_answer_is_here(service, plan, capsys):
    """The three lines of a PyODPS node: the function ran in the service, its report is diagnosed, nothing is left."""
    (report,) = submit.submit(entry(service), plan)

    assert {target.name: target.verdict for target in report.targets} == {"up": HEALTHY, "down": FAILING}
    assert report.vantage.kind == "udf"
    assert report.findings[0].cause == "service_not_listening"
    assert nothing_left(service)
    told = capsys.readouterr().err
    assert "Logview  http" in told
    assert "nothing is left" in told


def test_flags_are_hints(service, plan):
    """The settings of the bundle reach the job as its own, and the statement is the query alone."""
    bundle = submit.prepare(plan)
    submit.run(entry(service), bundle)
    (instance,) = service.instances.values()

    assert bundle.settings.items() <= instance.settings.items()
    assert instance.query == bundle.query + ";"


def test_a_report_an_instance(service, plan):
    """Several instances share the budget, and each says what it did."""
    reports = submit.submit(entry(service), plan, instances=2)

    assert sorted(report.run.share.index for report in reports) == [0, 1]
    assert nothing_left(service)


def test_names_are_new_every_time(plan):
    """The same plan twice has not one name in common."""
    first, second = [
        {each.name for each in (*bundle.resources, *bundle.functions)}
        for bundle in (submit.prepare(plan), submit.prepare(plan))
    ]

    assert first.isdisjoint(second)


def test_the_command(service, file):
    """0, the report on stdout, the rest on stderr."""
    done = command(service, file, "--yes")

    assert done.returncode == 0, done.stderr
    assert "HEALTHY" in done.stdout
    assert "Logview" not in done.stdout
    assert "Logview  http" in done.stderr
    assert nothing_left(service)


def test_json_of_several_instances(service, file):
    """One JSON document: a list of the reports."""
    done = command(service, file, "--yes", "--instances", "2", "--format", "json")

    assert len(json.loads(done.stdout)) == 2


def test_broken_targets_decide_the_exit_code(service, tmp_path):
    """2, as for a check from here."""
    path = tmp_path / "plan.yaml"
    path.write_text("targets: ['127.0.0.1:1']\n")

    assert command(service, path, "--yes").returncode == 2


def test_keep(service, file):
    """With --keep all of it stays, and the statements that drop it are told."""
    done = command(service, file, "--yes", "--keep")

    assert done.returncode == 0
    assert (len(service.resources), len(service.functions)) == (2, 2)
    for name in (*service.resources, *service.functions):
        assert f" {name};" in done.stderr


# --- asking first ----------------------------------------------------------------------------------------------------


def test_dry_run(file, plan):
    """Every resource and statement, with no credentials and no network at all."""
    offline = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces for users here")
    submit.prepare(plan)  # the libraries are in the cache now
    done = subprocess.run(
        [*offline, LINKDOCTOR, "submit", file, "--dry-run"],
        capture_output=True,
        text=True,
        env=BARE,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for word in ("bytes", "add archive", "create function", "set odps.", "SELECT linkdoctor_rows_", "drop resource"):
        assert word in done.stdout


def test_nobody_to_ask(service, file):
    """Without a terminal and without --yes: 3, and nothing is asked of the service."""
    done = command(service, file)

    assert done.returncode == 3
    assert "--yes" in done.stderr
    assert sum(service.asked.values()) == service.asked["logview"]


@pytest.mark.parametrize(("answer", "code", "uploads"), [(b"y\n", 0, 2), (b"n\n", 3, 0)])
def test_asking(service, file, answer, code, uploads):
    """On a terminal it says what it would create, where, and at whose cost, and goes on only when told to."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb+", buffering=0) as terminal:
        process = subprocess.Popen(
            [LINKDOCTOR, "submit", file],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(service),
        )
        os.close(theirs)
        terminal.write(answer)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == code
    assert service.asked["resource"] == uploads
    for word in (b"project lab at http://127.0.0.1", b"linkdoctor_kit_", b"may cost money", b"Go on?"):
        assert word in errors


def test_without_pyodps(file):
    """What is missing, and the command that installs it."""
    blocked = "import sys; sys.modules['odps'] = None; from agent.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "submit", file, "--yes"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    assert "pip install 'linkdoctor[odps]'" in done.stderr


# --- who, and where --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        {"ODPS_ACCESS_ID": ACCESS_ID, "ODPS_ACCESS_KEY": SECRET},
        {"ODPS_STS_ACCESS_KEY_ID": ACCESS_ID, "ODPS_STS_ACCESS_KEY_SECRET": SECRET, "ODPS_STS_TOKEN": "t0ken"},
        {"ALIBABA_CLOUD_SECURITY_TOKEN": "t0ken"},
        {"ODPS_PROJECT_NAME": "", "ODPS_PROJECT": PROJECT},
    ],
)
def test_the_usual_environment(service, file, names):
    """Each of the usual names works; what is secret in them is nowhere in what is printed."""
    own = (
        {}
        if "ALIBABA_CLOUD_SECURITY_TOKEN" in names or "ODPS_PROJECT" in names
        else {"ALIBABA_CLOUD_ACCESS_KEY_ID": ""}
    )
    done = command(service, file, "--yes", **own, **names)

    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "t0ken" not in done.stdout + done.stderr
    assert any("authorization-sts-token: t0ken" in text for text in service.heard) == ("t0ken" in names.values())


def test_what_the_environment_lacks(service, file):
    """Everything that is missing is said at once."""
    done = command(service, file, "--yes", ODPS_PROJECT_NAME="", ODPS_ENDPOINT="", ALIBABA_CLOUD_ACCESS_KEY_ID="")

    assert done.returncode == 3
    for word in ("ODPS_PROJECT_NAME", "ODPS_ENDPOINT", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        assert word in done.stderr


@pytest.mark.parametrize(
    ("endpoint", "proxy", "word"),
    [
        ("http://127.0.0.1:1/api", "", "127.0.0.1:1 cannot be used: nothing listens there"),
        ("http://maxcompute.invalid/api", "", "maxcompute.invalid:80 cannot be used: its name does not resolve"),
        ("http://maxcompute.invalid/api", "http://127.0.0.1:1", "the proxy (HTTP_PROXY, HTTPS_PROXY): nothing listens"),
    ],
)
def test_wrong_endpoint(service, file, endpoint, proxy, word):
    """Where it cannot be reached, why, and how to look into it; nothing can be left there, so nothing is said to be."""
    done = command(service, file, "--yes", ODPS_ENDPOINT=endpoint, HTTP_PROXY=proxy)

    assert done.returncode == 3
    assert word in done.stderr
    assert "linkdoctor check maxcompute://" in done.stderr
    assert "drop" not in done.stderr
