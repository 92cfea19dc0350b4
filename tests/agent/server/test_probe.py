"""`/probe`: one declared target, now, and nothing that is not declared."""

import asyncio
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from urllib.parse import quote

import pytest

from agent.demo.nameserver import NameServer
from tests.agent.server.serving import serve, write_plan
from tests.prometheus_parts import blackbox_exporter, fetched, promtool
from tests.tls_servers import HERE, free_port

# What is asked of exporters that probe whatever they are told (blackbox_exporter, issues 669 and 1639), and its like.
BYPASSES = [
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://100.100.100.200/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://127.0.0.1:2379/",
    "http://127.1:2379/",
    "http://0/",
    "http://0.0.0.0:9723/",
    "http://[::]:9723/",
    "http://[::1]:9723/",
    "http://localhost:22/",
    "localhost:22",
    "127.0.0.1:22",
    "2130706433:22",
    "017700000001:22",
    "0x7f000001:22",
    "①②⑦.⓪.⓪.①:22",
    "http://10.0.0.1:8080/admin",
    "http://192.168.0.1/",
    "http://declared.example@169.254.169.254/",
    "http://169.254.169.254#declared.example",
    "http://declared.example.nip.io/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "unix:///run/docker.sock",
    "dict://127.0.0.1:11211/stat",
    "//169.254.169.254/",
    "http:////169.254.169.254/",
    "http://169.254.169.254%2f@declared.example/",
    "named%00",
    "named\x00",
    " named",
    "named ",
    "NAMED",
    "named\r\nX: y",
    "named,127.0.0.1:22",
    "*",
    "",
    "a" * 3000,
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]


class Names:
    """A name server in a thread, whose records can be changed at any time."""

    def __init__(self, **records):
        self.records = {f"{name}.example": addresses for name, addresses in records.items()}
        self._loop = asyncio.new_event_loop()
        self._stack = ExitStack()
        server = NameServer.at(HERE, self.records, ())
        self.address = server.address
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(server.start(self._stack), self._loop).result()

    def close(self):
        """Answer no more."""

        async def end():
            self._stack.close()
            await asyncio.sleep(0)  # what is closed says so in the loop's next turn

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Web:
    """An HTTP server in a thread that counts, and answers with what it is told."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        self.answer = answer
        self.count = 0
        self.gate = threading.Event()
        self.gate.set()
        self._server = socket.create_server((HERE, 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client:
            while client.recv(4096):
                self.gate.wait(30)
                client.sendall(self.answer)

    def close(self):
        """Accept no more."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture(scope="module")
def web():
    """A web server."""
    with closing(Web()) as server:
        yield server


@pytest.fixture(scope="module")
def hidden():
    """One that no plan names."""
    with closing(Web()) as server:
        yield server


@pytest.fixture(scope="module")
def names():
    """Names that lead wherever a test wants."""
    with closing(Names(named=(HERE,), rebound=("192.0.2.1",))) as server:
        yield server


@pytest.fixture(scope="module")
def serving(tmp_path_factory, web, hidden, names):
    """Plans with targets by address and by name; run so seldom that only probes are seen."""
    folder = tmp_path_factory.mktemp("probe")
    targets = [
        {"name": "web", "address": f"http://{HERE}:{web.port}/"},
        {"name": "dead", "address": f"{HERE}:{free_port()}"},
        {"name": "named", "address": f"named.example:{web.port}"},
        {"name": "other", "address": f"http://rebound.example:{hidden.port}/"},
        {"name": "mute", "address": f"redis://{HERE}:{web.port}"},
    ]
    limits = {"connect_timeout": "500ms"}
    one = write_plan(folder, *targets, interval="1h", name_servers=[names.address], limits=limits)
    two = write_plan(folder, {"name": "web", "address": f"http://localhost:{web.port}/"}, name="second", interval="1h")
    with serve(one, two, state=folder) as process:
        process.wait("run", 2)
        yield process
        assert process.end() == 0
        assert process.of("an answer broke off") == []


def probe(serving, target, plan="nightly-etl", more="", **headers):
    """Status and text of an answer."""
    within = f"&plan={plan}" if plan else ""
    status, _, body = serving.ask(f"/probe?target={quote(target)}{within}{more}", **headers)
    return status, body.decode()


def value(text, name):
    """A sample without labels."""
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.parametrize("target", BYPASSES)
def test_only_what_is_declared(serving, web, target):
    """Anything else is refused before anything is looked up or opened, in words, and nothing of it comes back raw."""
    before = web.count
    status, said = probe(serving, target)

    assert status == 400
    assert ("only what a plan declares is probed" in said) == bool(target)
    assert len(said) < 400
    assert said.isprintable() or said.rstrip("\n").isprintable()
    assert web.count == before


@pytest.mark.parametrize(
    "query",
    [
        "",
        "target=web",
        "target=web&target=dead&plan=nightly-etl",
        "target=web&plan=none",
        "target=web&plan=nightly-etl&plan=second",
        "target=web&plan=nightly-etl&debug=maybe",
        "module=http_2xx",
    ],
)
def test_bad_queries(serving, query):
    """What is missing, doubled, ambiguous or unknown is said."""
    status, _, body = serving.ask(f"/probe?{query}")

    assert status == 400
    assert body.strip()


def test_a_declared_target(serving, web):
    """By its name, or by its address as the plan has it; `module` and the like are for others."""
    before = web.count
    status, text = probe(serving, "web", more="&module=http_2xx")
    by_address = probe(serving, f"{HERE}:{web.port}")

    assert status == 200
    assert value(text, "probe_success") == 1
    assert value(text, "probe_http_status_code") == 200
    assert value(text, "probe_ip_protocol") == 4
    assert value(text, "probe_duration_seconds") < 60
    assert web.count > before
    assert promtool(text.encode()) == ""
    assert by_address[0] == 400
    assert "is several targets" in by_address[1]


def test_a_dead_target(serving):
    """0, and the rest of blackbox_exporter's names that there are."""
    status, text = probe(serving, "dead")

    assert (status, value(text, "probe_success")) == (200, 0)


def test_the_names_are_those_of_blackbox_exporter(serving, web, tmp_path):
    """What both tell of one target is called the same, and says the same of it."""
    config = tmp_path / "blackbox.yml"
    config.write_text("modules: {http_2xx: {prober: http, timeout: 5s}}\n")
    with blackbox_exporter(config) as url:
        theirs = fetched(f"{url}/probe?module=http_2xx&target=http://{HERE}:{web.port}/")
    _, ours = probe(serving, "web")

    def names(text):
        return set(re.findall(r"^(probe_\w+)", text, re.MULTILINE))

    assert names(ours) <= names(theirs)
    assert {"probe_success", "probe_duration_seconds", "probe_ip_protocol", "probe_http_status_code"} <= names(ours)
    for name in ("probe_success", "probe_http_status_code", "probe_ip_protocol", "probe_http_ssl"):
        assert value(ours, name) == value(theirs, name)


def test_what_cannot_be_told_has_no_success(serving, names):
    """Where the name server is silent nothing is known of the target: there is no verdict, and no 0."""
    status, text = probe(serving, "mute", more="", X_Prometheus_Scrape_Timeout_Seconds="0.6")

    assert status == 200
    assert value(text, "probe_duration_seconds") < 30


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1", "255.255.255.255"],
)
def test_a_name_that_leads_elsewhere(serving, hidden, names, address):
    """Looked at again after it was resolved: nothing is opened to this machine, metadata services and the like."""
    names.records["rebound.example"] = (address,)
    before = hidden.count
    status, said = probe(serving, "other")

    assert status == 403
    assert f"rebound.example leads to {address} (" in said
    assert hidden.count == before


def test_one_of_several_addresses_leads_elsewhere(serving, hidden, names):
    """Then the whole answer is not to be trusted."""
    names.records["rebound.example"] = ("192.0.2.9", "127.0.0.1")
    before = hidden.count
    status, said = probe(serving, "other", X_Prometheus_Scrape_Timeout_Seconds="3")

    assert status == 403
    assert "127.0.0.1 (this machine itself)" in said
    assert hidden.count == before


def test_a_redirect_is_not_followed(serving, web):
    """Wherever it points: its status is the answer."""
    with closing(Web()) as elsewhere:
        location = b"Location: http://127.0.0.1:%d/latest/meta-data/\r\n" % elsewhere.port
        usual, web.answer = web.answer, b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n"
        try:
            status, text = probe(serving, "web")
        finally:
            web.answer = usual

        assert status == 200
        assert value(text, "probe_http_status_code") == 302
        assert elsewhere.count == 0


def test_an_address_that_the_plan_names_itself(serving, web):
    """127.0.0.1 is a target as any other where the plan says so; so is localhost."""
    assert probe(serving, "web")[0] == 200
    assert probe(serving, "web", plan="second")[0] == 200


def test_who_asks_at_once_is_given_the_same(serving, web):
    """Twenty questions for one target while it is looked at: one look."""
    web.gate.clear()
    before = web.count
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(probe, serving, "web") for _ in range(20)]
        while web.count == before:
            threading.Event().wait(0.01)
        web.gate.set()
        answers = [one.result() for one in asked]

    assert {status for status, _ in answers} == {200}
    assert len({text for _, text in answers}) < 20
    assert web.count - before < 20


def test_who_joins_has_a_time_of_his_own(serving, web):
    """Whoever gives less time than the one whose look he joins is answered within his own."""
    web.gate.clear()
    before = web.count
    with ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(probe, serving, "web")
            while web.count == before:
                threading.Event().wait(0.01)
            status, said = probe(serving, "web", X_Prometheus_Scrape_Timeout_Seconds="0.7")
        finally:
            web.gate.set()
        assert first.result()[0] == 200

    assert (status, said) == (503, "another probe of this target was going on for all of that time\n")


def test_the_time_that_prometheus_gives(serving, web):
    """It is kept, less what the answer needs: what is silent until then is said in time."""
    web.gate.clear()
    try:
        status, text = probe(serving, "web", X_Prometheus_Scrape_Timeout_Seconds="1.5")
    finally:
        web.gate.set()

    assert status == 200
    assert value(text, "probe_duration_seconds") <= 1.1
    assert value(text, "probe_success") in (None, 0)


@pytest.mark.parametrize("header", ["", "abc", "-1", "0", "nan", "inf", "1e9", "1;2"])
def test_a_bad_time(serving, header):
    """It is refused, not guessed."""
    assert probe(serving, "web", X_Prometheus_Scrape_Timeout_Seconds=header)[0] == 400


def test_the_whole_investigation(serving, web):
    """With debug=true: the verdict and its reasons, each observation, and the metrics; all of it printable."""
    usual, web.answer = web.answer, b"HTTP/1.1 500 \x1b[31mOops\r\nServer: \x9b31m<script>\r\nContent-Length: 0\r\n\r\n"
    try:
        status, text = probe(serving, "web", more="&debug=true")
    finally:
        web.answer = usual

    assert status == 200
    assert "http_5xx" in text
    assert "tcp/connect" in text
    assert "probe_success 0.0" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_the_budget_is_shared(tmp_path):
    """However many probes come, together they have no more connections at once than the plan allows."""
    most, now, lock = 0, 0, threading.Lock()
    with socket.create_server(("0.0.0.0", 0), backlog=200) as server:

        def serve_all():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=hold, args=(client,), daemon=True).start()

        def hold(client):
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
            with client:
                while client.recv(100):
                    pass
            with lock:
                now -= 1

        threading.Thread(target=serve_all, daemon=True).start()
        port = server.getsockname()[1]
        targets = [{"name": f"t{n}", "address": f"redis://127.0.9.{n}:{port}"} for n in range(1, 13)]
        limits = {"concurrency": 2, "rate": 100, "deadline": "1s", "connect_timeout": "500ms"}
        plan = write_plan(tmp_path, *targets, interval="1h", limits=limits, slow={"service": "200ms"})
        with serve(plan, state=tmp_path) as serving:
            serving.wait("run")
            most = 0
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda n: probe(serving, f"t{n}", plan=None)[0], range(1, 13)))
            assert serving.end() == 0
        server.shutdown(socket.SHUT_RDWR)

    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert most <= 2
