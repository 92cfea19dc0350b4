"""A project of MaxCompute on loopback, with faults where wanted.

It speaks as much of the REST and tunnel protocols as the real PyODPS needs to create resources and functions, run the
query of a bundle (for real: see odps_udf) and read the result.
"""

import csv
import json
import re
import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from attrs import define, field, frozen

from tests.odps_tunnel import encoded
from tests.odps_udf import Failed, Worker, parsed

PROJECT, ACCESS_ID, SECRET = "lab", "LTAIlinkdoctor", "s3cr3t-of-the-lab"

TASK = "AnonymousSQLTask"

RUNNING, TERMINATED = "Running", "Terminated"


@frozen
class Refusal:
    """How the platform says no."""

    status: int
    code: str
    message: str


@define(eq=False)
class Instance:
    """A job: running until ``done`` is set."""

    query: str
    settings: dict
    done: threading.Event = field(factory=threading.Event)
    task: str = "Running"
    failure: str = ""
    types: tuple = ()
    columns: tuple = ()
    rows: list = field(factory=list)
    workers: list = field(factory=list)


class MaxCompute:
    """The service, from the start (unless ``port`` is None: see listen) to the end of ``with``.

    What is asked for goes by the names in _ROUTES: ``asked`` counts it, ``refusals`` says no to it (to "everything",
    where that is a key), ``gates`` holds events that it waits for. ``failure``: the text that the job fails with;
    ``hangs``: it runs until it is stopped. ``broken``: how many downloads break off in the middle; ``silently``: as if
    they had ended.
    """

    def __init__(self, folder, port=0):
        self.resources, self.functions, self.instances = {}, {}, {}
        self.refusals, self.gates = {}, {}
        self.failure, self.hangs = "", False
        self.broken, self.silently = 0, False
        self.asked = Counter()
        self.heard, self.unknown, self.connections = [], [], []
        self._news = threading.Condition()
        self._folder = folder
        self._server = None
        if port is not None:
            self.listen(port)

    def listen(self, port=0):
        """From here on, requests are answered."""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.service = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()
        for instance in self.instances.values():
            self.stop(instance)

    @property
    def port(self):
        """Where it listens, on 127.0.0.1."""
        return self._server.server_port

    @property
    def endpoint(self):
        """As ODPS_ENDPOINT has it."""
        return "http://127.0.0.1:%d/api" % self.port

    def die(self):
        """Nothing listens any more."""
        if self._server is not None and self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def note(self, what):
        """Count that this was asked for."""
        with self._news:
            self.asked[what] += 1
            self._news.notify_all()

    def await_(self, what):
        """Wait until this was asked for."""
        with self._news:
            assert self._news.wait_for(lambda: self.asked[what], 30), what

    # --- jobs ---------------------------------------------------------------------------------------------------

    def start(self, query, settings):
        """A new job; its name."""
        instance = Instance(query, settings)
        name = "20261124%06d" % len(self.instances)
        self.instances[name] = instance
        if not self.hangs:
            threading.Thread(target=self._run, args=(instance, self._folder / name), daemon=True).start()
        return name

    def stop(self, instance):
        """End it."""
        for worker in instance.workers:
            worker.kill()
        if not instance.done.is_set():
            instance.task = "Cancelled"
            instance.done.set()

    def _run(self, instance, folder):
        try:
            if self.failure:
                raise Failed(self.failure)  # noqa: TRY301 - the job's own exception, and ours
            function, instance.columns, tasks = parsed(instance.query)
            if function not in self.functions:
                raise Failed("there is no function %s" % function)  # noqa: TRY301 - as above
            class_type, names = self.functions[function]
            resources = {name: self.resources[name] for name in names}
            for number, task in enumerate(tasks):
                worker = Worker(folder / str(number))
                instance.workers.append(worker)
                instance.types, rows = worker.run(class_type, resources, [task])
                instance.rows += rows
            instance.task = "Success"
        except Failed as error:
            instance.task, instance.failure = "Failed", str(error)
        except Exception as error:
            instance.task, instance.failure = "Failed", "the lab's own: %r" % error
            raise
        finally:
            instance.done.set()


# --- HTTP ------------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Whoever asked has gone, or this service has."""
        error = sys.exception()
        if not isinstance(error, OSError):
            raise error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.service.connections.append(self.connection)

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service = self.server.service
        service.heard.append("%s\n%s\n%s" % (self.requestline, self.headers, body.decode("latin-1")))
        url = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        for method, path, key, what, answer in _ROUTES:
            match = re.fullmatch(path, unquote(url.path.removeprefix("/api")))
            if method != self.command or match is None or (key or "curr_project") not in self.query:
                continue
            if key is None and self.query.keys() - {"curr_project", "curr_schema"}:
                continue
            service.note(what)
            if what in service.gates:
                service.gates[what].wait()
            refusal = service.refusals.get("everything") or service.refusals.get(what)
            if "ODPS %s:" % ACCESS_ID not in self.headers.get("Authorization", ""):
                refusal = Refusal(401, "ODPS-0410051", "Invalid credentials - accessKeyId not found")
            if refusal is not None:
                self.refuse(refusal)
            else:
                answer(self, service, body, *match.groups())
            return
        service.unknown.append(self.requestline)
        self.refuse(Refusal(404, "NoSuchObject", "not in this lab"))

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - http.server's names

    def reply(self, content="", status=200, **headers):
        body = content if isinstance(content, bytes) else content.encode()
        self.send_response(status)
        for key, value in {"x-odps-request-id": "66F0", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, refusal):
        self.reply(
            "<Error><Code>%s</Code><Message>%s</Message><RequestId>66F0</RequestId><HostId>http://lab</HostId></Error>"
            % (refusal.code, escape(refusal.message)),
            refusal.status,
        )


def _create_resource(http, service, body):
    name, type_ = http.headers["x-odps-resource-name"], http.headers["x-odps-resource-type"]
    if name in service.resources:
        http.refuse(Refusal(409, "ObjectAlreadyExists", "Resource %s already exists." % name))
        return
    service.resources[name] = (type_, body)
    http.reply(status=201)


def _create_function(http, service, body):
    document = ET.fromstring(body)  # noqa: S314 - PyODPS wrote it
    name = document.findtext("Alias")
    if name in service.functions:
        http.refuse(Refusal(409, "ObjectAlreadyExists", "Function %s already exists." % name))
        return
    resources = [node.text for node in document.iter("ResourceName")]
    for resource in resources:
        if resource not in service.resources:
            http.refuse(Refusal(404, "NoSuchObject", "Resource %s" % resource))
            return
    service.functions[name] = (document.findtext("ClassType"), resources)
    http.reply(status=201)


def _function(http, service, _, name):
    if name not in service.functions:
        http.refuse(Refusal(404, "NoSuchObject", "Function %s" % name))
        return
    class_type, resources = service.functions[name]
    names = "".join("<ResourceName>%s</ResourceName>" % resource for resource in resources)
    http.reply(
        "<Function><Alias>%s</Alias><ClassType>%s</ClassType><Resources>%s</Resources></Function>"
        % (name, class_type, names)
    )


def _drop(what):
    def answer(http, service, _, name):
        if getattr(service, what).pop(name, None) is None:
            http.refuse(Refusal(404, "NoSuchObject", name))
        else:
            http.reply(status=204)

    return answer


def _create_instance(http, service, body):
    document = ET.fromstring(body)  # noqa: S314 - PyODPS wrote it
    properties = {node.findtext("Name"): node.findtext("Value") for node in document.iter("Property")}
    name = service.start(document.find(".//SQL/Query").text, json.loads(properties["settings"]))
    http.reply(status=201, Location="%s/projects/%s/instances/%s" % (service.endpoint, PROJECT, name))


def _status(http, service, _, name):
    done = service.instances[name].done.is_set()
    http.reply("<Instance><Status>%s</Status></Instance>" % (TERMINATED if done else RUNNING))


def _task_status(http, service, _, name):
    instance = service.instances[name]
    http.reply(
        '<Instance><Status>%s</Status><Tasks><Task Type="SQL"><Name>%s</Name><Status>%s</Status></Task></Tasks>'
        "</Instance>" % (TERMINATED if instance.done.is_set() else RUNNING, TASK, instance.task)
    )


def _progress(http, service, _, name):
    done = int(service.instances[name].done.is_set())
    http.reply(
        '<Progress><Stage ID="M1_job_0"><BackupWorkers>0</BackupWorkers><TerminatedWorkers>%d</TerminatedWorkers>'
        "<RunningWorkers>%d</RunningWorkers><TotalWorkers>1</TotalWorkers><InputRecords>1</InputRecords>"
        "<OutputRecords>0</OutputRecords><FinishedPercentage>%d</FinishedPercentage></Stage></Progress>"
        % (done, 1 - done, 100 * done)
    )


def _result(http, service, _, name):
    instance = service.instances[name]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(instance.columns)
    writer.writerows([["\\N" if value is None else value for value in row] for row in instance.rows])
    http.reply(
        '<Instance><Tasks><Task Type="SQL"><Name>%s</Name><Result Format="csv">%s</Result></Task></Tasks></Instance>'
        % (TASK, escape(instance.failure or text.getvalue()))
    )


def _source(http, service, _, name):
    http.reply("<Job><Tasks><SQL><Name>%s</Name></SQL></Tasks></Job>" % TASK)


def _logview(http, service, _):
    http.reply(service.endpoint)


def _nothing(http, service, _):
    http.reply("{}")


def _stop(http, service, _, name):
    service.stop(service.instances[name])
    http.reply()


def _token(http, service, _):
    http.reply("<Authorization><Result>token-for-reading</Result></Authorization>")


def _tunnel(http, service, _):
    http.reply("127.0.0.1:%d" % service.port)


# --- the tunnel ------------------------------------------------------------------------------------------------------


def _open_download(http, service, _, name):
    instance = service.instances[name]
    columns = [
        {"name": column, "type": type_, "isNullable": True}
        for column, type_ in zip(instance.columns, instance.types, strict=True)
    ]
    session = {
        "DownloadID": "session-%d" % service.asked["download"],
        "Owner": "lab",
        "RecordCount": len(instance.rows),
        "Schema": {"columns": columns, "partitionKeys": []},
        "Status": "normal",
    }
    http.reply(json.dumps(session), 201)


def _rows(http, service, _, name):
    instance = service.instances[name]
    first, count = map(int, re.fullmatch(r"\((\d+),(\d+)\)", http.query["rowrange"]).groups())
    stream = encoded(instance.rows[first : first + count], instance.types)
    if not service.broken:
        http.reply(stream)
        return
    service.broken -= 1
    http.close_connection = True
    http.send_response(200)
    if service.silently:
        # The end of the connection is the end of the body: nothing says that something is missing.
        http.send_header("Connection", "close")
        stream = encoded(instance.rows[first : first + count], instance.types, whole=False)
    else:
        http.send_header("Content-Length", str(len(stream)))
        stream = stream[: len(stream) // 2]
    http.end_headers()
    http.wfile.write(stream)


_OF = "/projects/%s/" % PROJECT

# Method, path, a parameter that must be there, what it is called in ``refusals`` and ``asked``, who answers.
_ROUTES = (
    ("GET", "/logview/host", None, "logview", _logview),
    ("GET", "/tenants", None, "tenant", _nothing),
    ("PUT", _OF + "logs", None, "survey", _nothing),
    ("POST", _OF + "resources", None, "resource", _create_resource),
    ("DELETE", _OF + "resources/([^/]+)", None, "drop", _drop("resources")),
    ("POST", _OF + "registration/functions", None, "function", _create_function),
    ("GET", _OF + "registration/functions/([^/]+)", None, "read function", _function),
    ("DELETE", _OF + "registration/functions/([^/]+)", None, "drop", _drop("functions")),
    ("POST", _OF + "instances", None, "instance", _create_instance),
    ("GET", _OF + "instances/([^/]+)", "taskstatus", "task status", _task_status),
    ("GET", _OF + "instances/([^/]+)", "instanceprogress", "progress", _progress),
    ("GET", _OF + "instances/([^/]+)", "source", "source", _source),
    ("GET", _OF + "instances/([^/]+)", "result", "result", _result),
    ("GET", _OF + "instances/([^/]+)", "data", "rows", _rows),
    ("GET", _OF + "instances/([^/]+)", None, "status", _status),
    ("PUT", _OF + "instances/([^/]+)", None, "stop", _stop),
    ("POST", _OF + "instances/([^/]+)", "downloads", "download", _open_download),
    ("POST", _OF + "authorization", "sign_bearer_token", "token", _token),
    ("GET", _OF + "tunnel", "service", "tunnel", _tunnel),
)
