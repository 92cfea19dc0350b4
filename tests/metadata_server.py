"""The metadata service of an ECS instance, for real on an address of one's own, with faults where wanted.

By token as the platform has it in "security hardening mode": a token is got by PUT with a number of seconds, every
other request without a good one is refused.
"""

import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attrs import define, field

FIRST, SECOND = "00:16:3e:0a:01:10", "00:16:3e:0a:02:10"
_MACS = "network/interfaces/macs/"

DATA = {
    "region-id": "cn-hangzhou",
    "vpc-id": "vpc-bp1lab",
    "vpc-cidr-block": "10.10.0.0/16",
    _MACS: f"{FIRST}/\n{SECOND}/",
    f"{_MACS}{FIRST}/network-interface-id": "eni-bp1first",
    f"{_MACS}{FIRST}/vswitch-id": "vsw-bp1a",
    f"{_MACS}{FIRST}/vswitch-cidr-block": "10.10.1.0/24",
    f"{_MACS}{FIRST}/private-ipv4s": '["10.10.1.10","10.10.1.11"]',
    f"{_MACS}{SECOND}/network-interface-id": "eni-bp1second",
    f"{_MACS}{SECOND}/vswitch-id": "vsw-bp1b",
    f"{_MACS}{SECOND}/vswitch-cidr-block": "10.10.2.0/24",
    f"{_MACS}{SECOND}/private-ipv4s": '["10.10.2.10"]',
}


@define(eq=False)
class Metadata:
    """The service, from the start to the end of ``with``.

    ``tokens``: "required", or the status with which a service that has none answers. ``uses``: after so many requests
    a token has expired. ``data``: path to text. ``replies``: path to (status, headers, body) in its place; the path of
    the token is "token". ``heard``: method, path, and whether a token came with it.
    """

    tokens: object = "required"
    uses: int = 1000
    data: dict = field(factory=DATA.copy)
    replies: dict = field(factory=dict)
    address: tuple = ("127.0.0.1", 0)
    heard: list = field(factory=list)
    issued: dict = field(factory=dict)
    _server: object = field(default=None, init=False)

    def __enter__(self):
        self._server = _Server(self.address, _Handler)
        self._server.service = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def base(self):
        """Its address, as metadata.ask has it."""
        return "http://%s:%d" % self._server.server_address

    def new_token(self, seconds):
        """A token that is good for so many seconds and ``uses`` requests."""
        token = secrets.token_urlsafe(32) + "=="
        self.issued[token] = [self.uses, time.monotonic() + seconds]
        return token

    def admits(self, token):
        """Whether a token is good, and still is."""
        left = self.issued.get(token, [0, 0.0])
        left[0] -= 1
        return left[0] >= 0 and time.monotonic() < left[1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Whoever asked has gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_PUT(self):
        service = self.server.service
        service.heard.append(("PUT", self.path, False))
        seconds = self.headers.get("X-aliyun-ecs-metadata-token-ttl-seconds", "")
        if "token" in service.replies:
            self._reply(*service.replies["token"])
        elif service.tokens != "required" or self.path != "/latest/api/token":
            self._reply(service.tokens if service.tokens != "required" else 404)
        elif not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            self._reply(400)
        else:
            self._reply(200, {}, service.new_token(int(seconds)))

    def do_GET(self):
        service = self.server.service
        token = self.headers.get("X-aliyun-ecs-metadata-token")
        service.heard.append(("GET", self.path, token is not None))
        path = self.path.removeprefix("/latest/meta-data/")
        if service.tokens == "required" and not service.admits(token):
            self._reply(401, {}, "token expired or missing")
        elif path in service.replies:
            self._reply(*service.replies[path])
        elif path in service.data:
            self._reply(200, {}, service.data[path])
        else:
            self._reply(404, {}, "<html>404</html>")

    def _reply(self, status, headers=None, body=""):
        content = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)
