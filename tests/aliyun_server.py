"""The cloud's RPC API on loopback, for the real SDKs: ECS 2014-05-26 and VPC 2016-04-28 behind one HTTPS port.

Every request is judged as the platform judges it: the signature (ACS3-HMAC-SHA256, computed here from what came), the
hash of its body, the time stamp's window, a nonce that was used, the access key and its token, version, action, region,
and the sizes of pages. What an account holds stands in tests/aliyun_cloud.py.
"""

import hashlib
import hmac
import json
import ssl
import threading
import time
from calendar import timegm
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

from attrs import define, field

from tests.aliyun_cloud import REGION, Account, Refused

ACCESS_KEY_ID, SECRET, TOKEN = "LTAIlinkdoctorlab", "s3cr3t-of-the-lab", "CAIS/t0ken+of=the-lab"

_ECS, _VPC = "2014-05-26", "2016-04-28"
# Seconds that a time stamp may be off.
_WINDOW = 900
_ALGORITHM = "ACS3-HMAC-SHA256"


@define(eq=False)
class Aliyun:
    """The API, from the start to the end of ``with``.

    ``keys``: access key id to secret and token. ``throttle``: how often an action ("*": any) is refused for being asked
    too often. ``forbidden``: actions that the account may not ask for. ``expired``: the token is. ``skew``: seconds
    that this clock is ahead. ``nonces_used``: every nonce was seen before. ``raw``: action to (status, bytes), in place
    of an answer. ``breaks``: so many connections end without an answer. ``heard``: what was asked, in its order:
    (service, action, parameters). ``codes``: how often it said no, by code. ``last``: the last request, as ``answer``
    takes it.
    """

    folder: object
    authority: object
    account: Account = field(factory=Account)
    keys: dict = field(factory=lambda: {ACCESS_KEY_ID: (SECRET, "")})
    throttle: Counter = field(factory=Counter)
    forbidden: set = field(factory=set)
    expired: bool = False
    skew: float = 0.0
    nonces_used: bool = False
    raw: dict = field(factory=dict)
    breaks: int = 0
    heard: list = field(factory=list)
    codes: Counter = field(factory=Counter)
    nonces: set = field(factory=set)
    last: tuple = ()
    _server: object = field(default=None, init=False)

    def __enter__(self):
        bundle = self.folder / "api.pem"
        bundle.write_text(self.authority.issue("127.0.0.1", "localhost"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bundle)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.api = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self):
        """As the SDK has it."""
        return "127.0.0.1:%d" % self._server.server_port

    def actions(self):
        """Which were asked for, as a policy of RAM names them."""
        return {"%s:%s" % (service, action) for service, action, _ in self.heard}

    def asked(self, action):
        """The parameters of each request for it."""
        return [parameters for _, each, parameters in self.heard if each == action]

    def answer(self, method, target, headers, body):
        """What the platform answers. Raises Refused."""
        action = self._admitted(method, target, headers, body)
        service = {_ECS: "ecs", _VPC: "vpc"}.get(headers.get("x-acs-version"))
        parameters = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        self.heard.append((service, action, parameters))
        for name in (action, "*"):
            if self.throttle[name] > 0:
                self.throttle[name] -= 1
                raise Refused(400, "Throttling.User", "Request was denied due to user flow control.")
        if action in self.forbidden:
            raise _forbidden(service, action)
        answering = self.account.answering(service, action)
        if answering is None:
            raise Refused(404, "InvalidAction.NotFound", "Specified api is not found, please check your url.")
        if parameters.get("RegionId") != REGION:
            raise Refused(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
        return answering(parameters)

    def _admitted(self, method, target, headers, body):
        """The action of a request that is signed as it must be."""
        fields = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
        secret, token = self.keys.get(fields["Credential"], (None, None))
        if secret is None:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        stamp = timegm(time.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"))
        if abs(stamp - time.time() - self.skew) > _WINDOW:
            raise Refused(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        canonical, expected = _signature(method, target, headers, fields["SignedHeaders"], secret)
        if fields["Signature"] != expected:
            said = "Specified signature is not matched with our calculation. server CanonicalRequest is [%s]"
            raise Refused(400, "SignatureDoesNotMatch", said % canonical)
        if headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest():
            raise Refused(400, "InvalidContentHash", "The hash is not that of the body.")
        nonce = headers["x-acs-signature-nonce"]
        if self.nonces_used or nonce in self.nonces:
            raise Refused(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self.nonces.add(nonce)
        if self.expired:
            raise Refused(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        if headers.get("x-acs-security-token", "") != token:
            raise Refused(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
        return headers["x-acs-action"]


def _signature(method, target, headers, signed, secret):
    """What was to be signed, and its signature: "Request syntax and signature method V3"."""
    names = signed.split(";")
    must = {"host", *(name for name in headers if name.startswith("x-acs-")), *({"content-type"} & set(headers))}
    if not must <= set(names) or names != sorted(names):
        raise Refused(400, "IncompleteSignature", "Not signed: %s" % sorted(must - set(names)))
    url = urlsplit(target)
    pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
    query = "&".join("%s=%s" % (quote(key, safe="~"), quote(value, safe="~")) for key, value in pairs)
    lines = "".join("%s:%s\n" % (name, headers[name].strip()) for name in names)
    canonical = "\n".join([method, url.path or "/", query, lines, signed, headers["x-acs-content-sha256"]])
    to_sign = "%s\n%s" % (_ALGORITHM, hashlib.sha256(canonical.encode()).hexdigest())
    return canonical, hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _forbidden(service, action):
    detail = {
        "AuthAction": "%s:%s" % (service, action),
        "AuthPrincipalType": "SubUser",
        "AuthPrincipalDisplayName": "2000000001",
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "EncodedDiagnosticMessage": "AQEAAAAAZe",
    }
    message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
    return Refused(403, "Forbidden.RAM", message, AccessDeniedDetail=detail)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Whoever asked has gone, or does not trust the certificate."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        if api.breaks > 0:
            api.breaks -= 1
            self.close_connection = True
            return
        action = headers.get("x-acs-action")
        if action in api.raw:
            self._reply(*api.raw[action])
            return
        try:
            api.last = (self.command, self.path, headers, body)
            status, answer = 200, api.answer(*api.last)
        except Refused as refused:
            status, code, message, more = refused.args
            api.codes[code] += 1
            answer = {"Code": code, "Message": message, "HostId": "127.0.0.1", **more}
        self._reply(status, json.dumps({"RequestId": "66F0-%d" % len(api.heard), **answer}).encode())

    def _reply(self, status, content):
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + self.server.api.skew, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
