"""The tables: what messages of failed connections look like. Adding one is a row here, and its line in the tests.

Each row has a literal that stands in every such message: only where it is found the pattern is tried. A pattern is a
full sentence of the program that says it, never just something with a dot and a colon: classes, versions, places in
files and listeners of healthy logs must not become endpoints.
"""

import re

from attrs import field, frozen

from reports.failures import Failure

CONNECT = "connect"
READ = "read"

_LABELS = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?"
_HOST = rf"(?P<host>{_LABELS}|\[[0-9A-Fa-f:.]{{2,45}}\])"
_PORT = r"(?P<port>[0-9]{1,5})(?![0-9])"
_HOST_PORT = rf"{_HOST}\.?:{_PORT}"
# java.net.InetSocketAddress: host/ip:port, /ip:port, host/<unresolved>:port, or plain host:port.
_INET = rf"{_HOST}?(?:/(?P<ip>[0-9A-Fa-f.:\[\]]{{2,47}}|<unresolved>))?:{_PORT}"


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


@frozen
class Endpoint:
    """A message that names an endpoint, in groups ``host``, ``port``, ``ip``, ``ips``.

    ``failure``: what the message itself says; None where the words around it tell. ``mention``: it only says where a
    connection was to go. ``echo``: it repeats what the message before it has said.
    """

    literal: str
    pattern: re.Pattern[str] = field(converter=_compiled)
    service: str = ""
    failure: Failure | None = None
    mention: bool = False
    echo: bool = False


@frozen
class Error:
    """A message that says what went wrong. Of several in one line the highest rank counts, then the last one.

    ``alone``: it is about the network even where no endpoint is near.
    """

    failure: Failure
    literal: str
    pattern: re.Pattern[str] = field(converter=_compiled)
    phase: str = ""
    rank: int = 1
    alone: bool = True


_TRIED = (
    r"(?:[Ff]ail(?:ed|ure)|[Uu]nable|[Cc]ould not|[Cc]ouldn't|[Cc]annot|[Cc]an't|[Ee]rror)(?: while)?(?: to)? "
    r"connect(?:ing)?(?: to)? (?:any )?(?:the )?(?:host |server |node |master |broker |remote peer )?\[?"
)

ENDPOINTS: tuple[Endpoint, ...] = (
    # Java: JDK, Hadoop, Netty, Spark, HTTP clients
    Endpoint("onnect", rf"{_TRIED}{_INET}"),
    Endpoint("remote=", rf"remote=(?:{_INET})"),
    Endpoint("Call ", rf"Call (?:[Ff]rom \S{{1,300}} )?to {_INET} failed"),
    Endpoint("Connect to ", rf"Connect to {_HOST_PORT}(?: \[(?P<ips>[^\]]{{0,500}})\])? (?:failed|timed out)"),
    Endpoint("onnection ", rf"[Cc]onnection (?:timed out|refused)(?:: no further information)?: {_INET}"),
    Endpoint("Connection to ", rf"Connection to {_INET} refused", "postgresql", Failure.CONNECTION_REFUSED),
    Endpoint("onnection from ", rf"[Cc]onnection from {_INET} (?:is )?closed", "", Failure.EOF),
    Endpoint("quiet for", rf"Connection to {_INET} has been quiet for", "", Failure.TIMED_OUT),
    Endpoint("Retrying connect", rf"Retrying connect to server: {_INET}", "", Failure.UNKNOWN),
    Endpoint(
        "UnknownHostException", rf"UnknownHostException: (?:[a-z]+://)?{_HOST}(?::{_PORT})?", "", Failure.DNS_NXDOMAIN
    ),
    Endpoint("nknown host", rf"[Uu]nknown host:? '?{_HOST}(?::{_PORT})?", "", Failure.DNS_NXDOMAIN),
    Endpoint("Timeout connecting", rf"Timeout connecting to \[?{_INET}", "", Failure.TIMED_OUT),
    Endpoint("TCP/IP connection to", rf"TCP/IP connection to the host {_HOST}, port {_PORT} has failed", "sqlserver"),
    # Kafka, ZooKeeper, MongoDB
    Endpoint("Connection to node", rf"Connection to node -?\d+ \({_INET}\) could not be", "kafka", Failure.UNKNOWN),
    Endpoint("Bootstrap broker", rf"Bootstrap broker {_INET}", "kafka", Failure.UNKNOWN, echo=True),
    Endpoint("resolve server", rf"Couldn't resolve server {_HOST_PORT}", "kafka", Failure.DNS_NXDOMAIN),
    Endpoint("for serve", rf"Session 0x\w+ for serve?r {_INET},", "zookeeper", Failure.UNKNOWN),
    Endpoint("type=UNKNOWN", rf"address={_HOST_PORT}, type=UNKNOWN", "mongodb"),
    Endpoint("Topology Description", rf"(?<![\w.'/]){_HOST_PORT}: (?:\[Errno|timed out|connection closed)", "mongodb"),
    # Python
    Endpoint("HTTPConnectionPool", rf"HTTPConnectionPool\(host='{_HOST}', port={_PORT}\)", "http"),
    Endpoint("HTTPSConnectionPool", rf"HTTPSConnectionPool\(host='{_HOST}', port={_PORT}\)", "https"),
    Endpoint("MySQL server on", rf"MySQL server on '{_HOST}(?::{_PORT})?'", "mysql"),
    Endpoint("connecting to ", rf"Error (?:-?\d+|while) connecting to {_HOST_PORT}\.", "redis"),
    Endpoint(
        "connection to server at",
        rf'connection to server at "{_HOST}"(?: \((?P<ip>[0-9A-Fa-f.:]+)\))?, port {_PORT} failed',
        "postgresql",
    ),
    Endpoint(
        "and accepting",
        rf'running on host "{_HOST}"(?: \((?P<ip>[0-9A-Fa-f.:]+)\))? and accepting\s+'
        rf"TCP/IP connections on port {_PORT}",
        "postgresql",
    ),
    Endpoint("translate host name", rf'translate host name "{_HOST}"', "postgresql", Failure.DNS_NXDOMAIN),
    # curl, wget, nc, bash, Go, Node
    Endpoint(" port ", rf"connect(?:ing)? to {_HOST}(?: \((?P<ip>[0-9A-Fa-f.:]+)\))? port {_PORT}"),
    Endpoint("in connection to", rf"in connection to {_HOST_PORT}"),
    Endpoint("resolve host", rf"resolve host(?: address|name)?:? ['\u2018]?{_HOST}", "", Failure.DNS_NXDOMAIN),
    Endpoint("|:", rf"Connecting to {_HOST}(?: \([^)]{{0,253}}\))?\|(?P<ip>[0-9A-Fa-f.:]+)\|:{_PORT}\.\.\. failed"),
    Endpoint("/dev/tcp/", rf"/dev/tcp/{_HOST}/{_PORT}: "),
    Endpoint("dial tcp", rf"dial tcp {_HOST_PORT}: "),
    Endpoint("lookup ", rf"lookup {_HOST}(?: on \S+)?: no such host", "", Failure.DNS_NXDOMAIN),
    Endpoint("ENOTFOUND", rf"getaddrinfo ENOTFOUND {_HOST}(?::{_PORT})?", "", Failure.DNS_NXDOMAIN),
    Endpoint("connect E", rf"connect E[A-Z]+ {_HOST_PORT}"),
)

_USER = r"(?:[^@/\s'\"]{0,200}@)?"
_SCHEMES = {
    "thrift": "hive-metastore",
    "redis": "redis",
    "mongodb": "mongodb",
    "hdfs": "hdfs-namenode",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "sqlserver": "sqlserver",
}

# Where a connection was to go, for errors that do not say it themselves.
MENTIONS: tuple[Endpoint, ...] = (
    *(
        Endpoint(f"{scheme}://", rf"\b{scheme}://{_USER}{_HOST}(?::{_PORT})?", service, mention=True)
        for scheme, service in _SCHEMES.items()
    ),
    Endpoint("Opening socket", rf"Opening socket connection to server {_INET}", "zookeeper", mention=True),
)
# Code in the frames of a Python traceback, good for that traceback alone.
CODE: tuple[Endpoint, ...] = (
    Endpoint("connect", rf"connect(?:_ex|ion)?\(\(?\s*['\"]{_HOST}['\"],\s*{_PORT}", mention=True),
    Endpoint("host=", rf"host=['\"]{_HOST}['\"],\s*port={_PORT}", mention=True),
    Endpoint("http://", rf"\(\s*f?['\"]http://{_USER}{_HOST}(?::{_PORT})?", "http", mention=True),
    Endpoint("https://", rf"\(\s*f?['\"]https://{_USER}{_HOST}(?::{_PORT})?", "https", mention=True),
)

# Whose error it is where the message itself does not say: words of the record, and the service that they belong to.
SPEAKERS: tuple[tuple[str, str], ...] = (
    ("com.mysql.", "mysql"),
    ("Communications link failure", "mysql"),
    ("MySQL server", "mysql"),
    ("org.mariadb.", "mysql"),
    ("pymysql", "mysql"),
    ("org.postgresql.", "postgresql"),
    ("psycopg", "postgresql"),
    ("pg_hba.conf", "postgresql"),
    ("SQLServerException", "sqlserver"),
    ("MetaStore", "hive-metastore"),
    ("TTransportException", "hive-metastore"),
    ("metastore", "hive-metastore"),
    ("Session 0x", "zookeeper"),
    ("ClientCnxn", "zookeeper"),
    ("jedis", "redis"),
    ("redis", "redis"),
    ("ERR illegal address", "redis"),
    ("Mongo", "mongodb"),
)

F = Failure
ERRORS: tuple[Error, ...] = (
    Error(F.TIMED_OUT, "imed out", r"[Tt]imed out", rank=0),
    Error(F.TIMED_OUT, "onnect", r"[Cc]onnect(?:ion)? timed out|ConnectTimeout|connect timeout=", CONNECT),
    Error(F.TIMED_OUT, "ready for connect", r"ready for connect", CONNECT),
    Error(F.TIMED_OUT, "to connect", r"[Ff]ailed to connect to .{1,300}(?:Timeout was reached|timed out)", CONNECT),
    Error(F.TIMED_OUT, "ETIMEDOUT", r"connect ETIMEDOUT", CONNECT),
    Error(F.TIMED_OUT, "110", r"\[Errno 110\]|\(110[)\"' ,]", CONNECT),
    Error(F.TIMED_OUT, "i/o timeout", r"dial tcp .{1,300}i/o timeout", CONNECT),
    Error(F.TIMED_OUT, "timeout expired", r"timeout expired", CONNECT),
    Error(F.TIMED_OUT, "imeout connecting", r"[Tt]imeout connecting to", CONNECT),
    Error(F.TIMED_OUT, "ead", r"[Rr]ead timed out|[Rr]ead failed|ReadTimeout|read operation timed out", READ, rank=2),
    Error(F.TIMED_OUT, "ready for read", r"ready for read", READ, rank=2),
    Error(F.TIMED_OUT, "CallTimeout", r"CallTimeoutException", READ, rank=2),
    Error(F.TIMED_OUT, "quiet for", r"has been quiet for", READ, rank=2),
    Error(F.TIMED_OUT, "session timed out", r"Client session timed out", READ, rank=2),
    Error(F.CONNECTION_REFUSED, "efused", r"onnection refused|RefusedError|actively refused"),
    Error(F.CONNECTION_REFUSED, "111", r"\[Errno 111\]|\(111[)\"' ,]"),
    Error(F.CONNECTION_REFUSED, "ECONNREFUSED", r"ECONNREFUSED"),
    Error(F.CONNECTION_RESET, "eset", r"onnection reset|ResetError|ECONNRESET"),
    Error(F.CONNECTION_RESET, "pipe", r"Broken pipe", alone=False),
    Error(F.CONNECTION_RESET, "SSL_ERROR_SYSCALL", r"SSL_ERROR_SYSCALL"),
    Error(F.HOST_UNREACHABLE, "o route to host", r"[Nn]o route to host"),
    Error(F.HOST_UNREACHABLE, "NoRouteToHost", r"NoRouteToHostException"),
    Error(F.HOST_UNREACHABLE, "113", r"\[Errno 113\]|\(113[)\"' ,]"),
    Error(F.HOST_UNREACHABLE, "EHOSTUNREACH", r"EHOSTUNREACH"),
    Error(F.NETWORK_UNREACHABLE, "etwork is unreachable", r"[Nn]etwork is unreachable"),
    Error(F.NETWORK_UNREACHABLE, "ENETUNREACH", r"ENETUNREACH"),
    Error(F.DNS_NXDOMAIN, "not known", r"Name or service not known"),
    Error(F.DNS_NXDOMAIN, "UnknownHost", r"UnknownHostException"),
    Error(F.DNS_NO_ANSWER, "No address associated", r"No address associated with hostname", rank=2),
    Error(F.DNS_TEMPORARY, "name resolution", r"[Tt]emporary failure in name resolution", rank=2),
    Error(F.DNS_SERVFAIL, "server misbehaving", r"lookup .{1,300}server misbehaving", rank=2),
    Error(F.TLS_HANDSHAKE_FAILED, "SSL", r"SSLHandshakeException|SSLError\(|handshake failure|SSL_connect", rank=0),
    Error(F.TLS_HANDSHAKE_FAILED, "handshake", r"handshake_failure|terminated the handshake"),
    Error(F.TLS_UNTRUSTED, "PKIX path", r"PKIX path (?:building|validation) failed"),
    Error(F.TLS_UNTRUSTED, "CERTIFICATE_VERIFY_FAILED", r"CERTIFICATE_VERIFY_FAILED"),
    Error(F.TLS_UNTRUSTED, "local issuer", r"unable to get local issuer certificate"),
    Error(F.TLS_UNTRUSTED, "signed certificate", r"self[- ]signed certificate"),
    Error(F.TLS_WRONG_NAME, "match", r"doesn't match|Hostname mismatch|IP address mismatch|does not match the", rank=2),
    Error(F.TLS_WRONG_NAME, "atching", r"No name matching|alternative DNS name matching", rank=2),
    Error(F.TLS_WRONG_NAME, "alternative", r"[Nn]o (?:subject )?alternative (?:names|certificate subject)", rank=2),
    Error(F.TLS_EXPIRED, "expired", r"certificate has expired", rank=2),
    Error(F.TLS_EXPIRED, "NotAfter", r"NotAfter: ", rank=2),
    Error(F.TLS_NOT_YET_VALID, "not yet valid", r"certificate is not yet valid", rank=2),
    Error(F.TLS_NOT_YET_VALID, "NotBefore", r"NotBefore: ", rank=2),
    Error(F.TLS_PLAINTEXT, "SSL", r"WRONG_VERSION_NUMBER|nrecognized SSL message", rank=2),
    Error(F.TLS_PLAINTEXT, "wrong version number", r"wrong version number", rank=2),
    Error(F.EOF, "EOF", r"EOFException|unexpected EOF|EOF occurred", alone=False),
    Error(F.EOF, "closed", r"Remote end closed connection|closed the connection unexpectedly"),
    Error(F.EOF, "reply", r"Empty reply from server"),
    Error(F.EOF, "respond", r"NoHttpResponseException|failed to respond", alone=False),
    Error(F.CLIENT_DENIED, "not allowed to connect", r"is not allowed to connect", rank=3),
    Error(F.CLIENT_DENIED, "pg_hba", r"no pg_hba\.conf entry", rank=3),
    Error(F.CLIENT_DENIED, "illegal address", r"ERR illegal address", rank=3),
    Error(F.CLIENT_DENIED, "hite list", r"denied by project ip white list", rank=3),
    Error(F.CLIENT_BLOCKED, "many connection errors", r"blocked because of many connection errors", rank=3),
    Error(F.TOO_MANY_CONNECTIONS, "oo many c", r"[Tt]oo many connections|too many clients already", rank=3),
    Error(F.PROXY_UNAVAILABLE, "connect to proxy", r"Cannot connect to proxy", rank=3),
    Error(F.PROXY_AUTH_REQUIRED, "407", r"407 Proxy Auth", rank=3),
    Error(F.PROXY_DENIED, "Tunnel connection", r"Tunnel connection failed: 403", rank=3),
    Error(F.NO_DESCRIPTORS, "oo many open files", r"[Tt]oo many open files", rank=3),
)


@frozen
class Platform:
    """A message of MaxCompute's own, and what it means there. ``runtime``: where the job runs, if that tells it."""

    code: str
    literal: str
    meaning: str
    runtime: str = ""


# Sources: "Network connection process"; the error code reference. What is not documented is not said.
PLATFORM: tuple[Platform, ...] = (
    Platform(
        "ODPS-0123144",
        "kInstanceMonitorTimeout",
        "an instance was ended because a batch of rows took too long; a connect that hangs inside of the UDF looks "
        "like this, and so does slow code. It names no endpoint: look at what the UDF connects to",
        "udf",
    ),
    Platform("ODPS-0123131", "ODPS-0123131", "wraps the UDF's own error: what matters is the traceback with it", "udf"),
    Platform(
        "ODPS-0123055",
        "ODPS-0123055",
        "the user's script failed; a network that was not opened for the job is one of the documented reasons",
    ),
    Platform(
        "ODPS-0140171",
        "ODPS-0140171",
        "the sandbox forbade something; the network is closed to a job that does not declare it",
    ),
    Platform(
        "vpc-owner",
        "not allowed to use this vpc",
        "the owner of the VPC and the owner of the project must be the same account",
    ),
    Platform(
        "project-whitelist",
        "project ip white list",
        "the project's own IP whitelist turned the client away; the sourceIP in it is the address that MaxCompute sees",
    ),
    Platform("ODPS-0410042", "ODPS-0410042", "the request's signature is wrong: the network worked"),
    Platform("ODPS-0420095", "ODPS-0420095", "the platform refused the kind of task: the network worked"),
)

REFUSED_IN_UDF = (
    "inside of a UDF, refused does not prove that the target sent a reset: "
    "it is also seen where no network is open to the job"
)

# What a failure says of where to look, in words. A log alone never settles it.
LAYERS: dict[Failure, str] = {
    F.TIMED_OUT: "a time-out names no layer: the job's settings, a filter, a route or a dead host look the same",
    F.CONNECTION_REFUSED: "service or filter: nothing listens there, or something on the way rejects",
    F.CONNECTION_RESET: "service, filter or a forwarder on the way: the connection was there, and was cut",
    F.EOF: "service or a forwarder on the way: the connection was there, and was closed",
    F.HOST_UNREACHABLE: "route or host: no such neighbour, or a filter that says so",
    F.NETWORK_UNREACHABLE: "route: the job's machine has none to there",
    F.DNS_NXDOMAIN: "DNS: the name could not be resolved where the job ran; Java says this for any reason",
    F.DNS_NO_ANSWER: "DNS: the name has no address of the kind",
    F.DNS_TEMPORARY: "DNS: the name servers did not answer",
    F.DNS_SERVFAIL: "DNS: the name server failed",
    F.TLS_UNTRUSTED: "TLS: the certificate's authority is not trusted where the job runs",
    F.TLS_WRONG_NAME: "TLS: the certificate is for another name",
    F.TLS_EXPIRED: "TLS: the certificate has expired, or the job's clock is wrong",
    F.TLS_NOT_YET_VALID: "TLS: the certificate is not valid yet, or the job's clock is wrong",
    F.TLS_PLAINTEXT: "TLS: what answers there does not speak TLS",
    F.TLS_HANDSHAKE_FAILED: "TLS: versions or ciphers do not meet, or the connection was cut",
    F.CLIENT_DENIED: "whitelist: the service was reached, and does not admit the job's address",
    F.CLIENT_BLOCKED: "service: it was reached, and blocks the job's address for interrupted handshakes",
    F.TOO_MANY_CONNECTIONS: "service: it was reached, and has no connection left",
    F.PROXY_UNAVAILABLE: "proxy: it could not be reached",
    F.PROXY_AUTH_REQUIRED: "proxy: it wants a password",
    F.PROXY_DENIED: "proxy: it refuses the target",
    F.NO_DESCRIPTORS: "the job's own machine: too many files and sockets are open",
    F.UNKNOWN: "the log does not say why",
}
READ_LAYER = "service or path: the connection was there, and no answer came; not a closed port"
