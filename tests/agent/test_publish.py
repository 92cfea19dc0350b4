"""The metrics of one run: to a real Pushgateway, and into a file for node_exporter."""

import base64
import http.server
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from attrs import evolve

from agent import publish
from agent.publish import Gateway, Textfile
from reports import metrics
from tests.prometheus_parts import fetched, promtool, pushgateway
from tests.reports import samples
from tests.tls_servers import HERE, free_port

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
SECRET = "s3cret/word"
# The same as the gateway keeps it: bcrypt.
_BCRYPT = "$2b$05$abcdefghijklmnopqrstuuaznk11p.JKfFbhcG0g7J7IDsxPustSu"


@pytest.fixture(scope="module")
def gateway():
    """One gateway for all; each test pushes a plan of its own."""
    with pushgateway() as url:
        yield url


@pytest.fixture
def target():
    """An address where something accepts."""
    with socket.create_server((HERE, 0)) as server:
        yield "%s:%d" % server.getsockname()


def run(*arguments, cwd=None, **environment):
    """The command with these arguments, and this environment alone."""
    return subprocess.run(
        [LINKDOCTOR, "check", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
        check=False,
    )


def called(report, name):
    """The report under another plan's name."""
    return evolve(report, run=evolve(report.run, plan=evolve(report.run.plan, name=name)))


def pushed(url, name):
    """The samples that the gateway holds of a plan: name and the other labels to value."""
    found = {}
    for line in fetched(f"{url}/metrics").splitlines():
        match = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2])) if match else {}
        if labels.pop("plan", None) == name:
            found[match[1], *(f"{key}={value}" for key, value in sorted(labels.items()))] = float(match[3])
    return found


@contextmanager
def server(answer):
    """An HTTP server that answers each request so (a function of the handler); gives its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers, and logs nothing."""

        def do_PUT(self):
            """Take it all, then answer."""
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_):
            """Be quiet."""

    with http.server.ThreadingHTTPServer((HERE, 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield "http://%s:%d" % listening.server_address
        finally:
            listening.shutdown()
            thread.join()


class TestPush:
    """What stands in the gateway afterwards, and what is said where it does not come about."""

    def test_the_group(self, gateway, target, tmp_path):
        """Job, plan and this host are the group; the verdict, and when the run ended, are there."""
        (tmp_path / "pushed.yaml").write_text(f"name: pushed\ntargets: [{{name: it, address: '{target}'}}]\n")
        done = run("pushed.yaml", "--push", gateway, cwd=tmp_path)
        found = pushed(gateway, "pushed")
        place = (f"instance={socket.gethostname()}", "job=linkdoctor")

        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert found["linkdoctor_target_up", *place, "target=it"] == 1
        ended = found["linkdoctor_last_run_timestamp_seconds", *place]
        assert 0 <= found["push_time_seconds", *place] - ended < 3600
        assert not [key for key in found if key[0].endswith(("_total", "_bucket"))]

    def test_a_push_replaces_the_one_before(self, gateway):
        """A target that left the plan is gone: nothing old stays beside what is new."""
        first = called(samples.nightly(), "replaced")
        Gateway.of(gateway).push(first)
        Gateway.of(gateway).push(evolve(first, targets=first.targets[1:]))
        found = pushed(gateway, "replaced")

        assert not [key for key in found if "target=metastore" in key]
        assert [key for key in found if "target=namenode" in key]

    @pytest.mark.parametrize("name", ["a/b", "..", "nächtlich", "with space", "100%", "a+b?c#d", "@", ".hidden/x"])
    def test_any_name_of_a_plan(self, gateway, name):
        """Whatever it is called, the group bears that name."""
        Gateway.of(gateway).push(called(samples.healthy(), name))

        assert [key for key in pushed(gateway, name) if "target=oss" in key]

    def test_a_group_of_ones_own(self, gateway):
        """Where the URL names a group it is that one: a container's name changes each time."""
        Gateway.of(f"{gateway}/metrics/job/etl/instance/hourly").push(called(samples.healthy(), "grouped"))

        assert {key[1:3] for key in pushed(gateway, "grouped") if key[0] == "linkdoctor_target_up"} == {
            ("instance=hourly", "job=etl")
        }

    @pytest.mark.parametrize("ending", ["", "/", "/metrics", "/metrics/"])
    def test_endings_of_the_url(self, gateway, ending):
        """As people write it."""
        Gateway.of(gateway + ending).push(called(samples.healthy(), "ending"))

        assert pushed(gateway, "ending")

    def test_credentials(self, tmp_path):
        """They are sent as basic authentication, decoded; a wrong one is refused, and none is ever printed."""
        (tmp_path / "web.yml").write_text(f"basic_auth_users: {{me: '{_BCRYPT}'}}\n")
        with pushgateway(config=tmp_path / "web.yml") as url:
            place = url.removeprefix("http://")
            good = run("127.0.0.1:1", LINKDOCTOR_PUSH=f"http://me:{SECRET.replace('/', '%2F')}@{place}")
            bad = run("127.0.0.1:1", "--push", f"http://me:{SECRET[1:].replace('/', '%2F')}@{place}")

        assert (good.returncode, good.stderr) == (2, "")
        assert bad.returncode == 2
        assert "the metrics were not pushed: 401" in bad.stderr
        assert SECRET[1:5] not in good.stdout + bad.stdout + bad.stderr

    def test_a_gateway_that_is_not_there(self, tmp_path):
        """It is said, without the credentials; the report is printed, and the exit code is the verdict's."""
        url = f"http://me:{SECRET.replace('/', '%2F')}@{HERE}:{free_port()}"
        done = run("127.0.0.1:1", "--push", url, "--textfile", "it.prom", cwd=tmp_path)

        assert done.returncode == 2
        assert "service_not_listening" in done.stdout
        assert "the metrics were not pushed: Connection refused" in done.stderr
        assert "s3cret" not in done.stderr
        assert "Traceback" not in done.stderr
        assert (tmp_path / "it.prom").exists()

    def test_a_gateway_that_says_no(self, gateway):
        """With its own words."""
        with pytest.raises(click.ClickException, match=r"/elsewhere: the metrics were not pushed: 404 Not Found"):
            Gateway.of(f"{gateway}/elsewhere").push(samples.healthy())

    def test_a_gateway_that_never_answers(self, monkeypatch):
        """It is waited for so long, and no longer."""
        monkeypatch.setattr(publish, "_PATIENCE", 0.2)
        with socket.create_server((HERE, 0)) as silent, pytest.raises(click.ClickException, match="not pushed"):
            Gateway.of("http://%s:%d" % silent.getsockname()).push(samples.healthy())

    def test_a_gateway_that_never_ends(self, monkeypatch):
        """A byte now and then does not hold it up: the time is for all of it."""
        monkeypatch.setattr(publish, "_PATIENCE", 0.3)
        over = threading.Event()

        def trickle(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.05):
                try:
                    handler.wfile.write(b"X-More: x\r\n")
                except OSError:
                    return

        with server(trickle) as url:
            try:
                with pytest.raises(click.ClickException, match="no answer within"):
                    Gateway.of(url).push(samples.healthy())
            finally:
                over.set()

    def test_redirections_are_not_followed(self):
        """Credentials go where the user sent them, and nowhere else."""
        heard = []

        def note(handler):
            heard.append(handler.headers["Authorization"])
            handler.send_response(200)
            handler.end_headers()

        with server(note) as elsewhere:

            def send_on(handler):
                heard.append(base64.b64decode(handler.headers["Authorization"].removeprefix("Basic ")).decode())
                handler.send_response(307)
                handler.send_header("Location", elsewhere)
                handler.end_headers()

            with server(send_on) as url, pytest.raises(click.ClickException, match="307"):
                Gateway.of(url.replace("http://", "http://me:s%3Ax@")).push(samples.healthy())

        assert heard == ["me:s:x"]

    @pytest.mark.parametrize(
        "url",
        [
            "pushgateway:9091",
            "ftp://pushgateway/",
            "http://",
            "http://me:s3cret@host:port/",
            "http://me:s3/cret@host/",
            "http://me:s3cret@host:99999/",
            "http://host/?token=s3cret",
            "https://me:s3cret@[::1/",
            "http://me:s3crét@host/",
            "http://me:s3cret@host/a path",
            "",
        ],
    )
    def test_a_wrong_url(self, url):
        """It is refused before anything is sent, with an example and without what is secret in it."""
        done = run("127.0.0.1:1", "--push", url)

        assert done.returncode == 3
        assert done.stdout == ""
        assert "such as http://pushgateway:9091" in done.stderr
        assert "s3" not in done.stderr


class TestTextfile:
    """The file that node_exporter reads."""

    def test_it_is_what_prometheus_reads(self, target, tmp_path):
        """Whole, readable by others as usual, with nothing left beside it; promtool finds nothing to say."""
        (tmp_path / "out").mkdir()
        done = run(target, "--textfile", "out/linkdoctor.prom", cwd=tmp_path)
        path = tmp_path / "out" / "linkdoctor.prom"

        assert done.returncode == 0, done.stderr
        assert list((tmp_path / "out").iterdir()) == [path]
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()
        assert promtool(path.read_bytes()) == ""
        assert f'linkdoctor_target_up{{plan="check",target="{target}"}} 1.0\n' in path.read_text()

    def test_it_is_replaced(self, tmp_path):
        """The next run's metrics take the place of the last one's."""
        path = tmp_path / "it.prom"
        for report in (samples.nightly(), samples.healthy()):
            Textfile.of(str(path)).write(report)

            assert path.read_bytes() == metrics.text_of(report)

    def test_another_ending(self):
        """node_exporter would not read it: refused before anything is sent."""
        done = run("127.0.0.1:1", "--textfile", "metrics.txt")

        assert done.returncode == 3
        assert done.stdout == ""
        assert "only files that end in .prom" in done.stderr

    def test_it_cannot_be_written(self, tmp_path):
        """It is said; the report is printed, and the exit code is the verdict's."""
        done = run("127.0.0.1:1", "--textfile", "no/such/folder/it.prom", cwd=tmp_path)

        assert done.returncode == 2
        assert "FAILING" in done.stdout
        assert "no/such/folder/it.prom: the metrics cannot be written: No such file or directory" in done.stderr

    def test_redacted(self, tmp_path):
        """With --redact no host's name stands in a label."""
        (write,) = publish.outlets(None, str(tmp_path / "nightly.prom"), redacted=True)
        write(samples.nightly())
        text = (tmp_path / "nightly.prom").read_text()

        assert "emr-header-1" not in text
        assert 'target="metastore"' in text


def umask():
    """This process's own."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
