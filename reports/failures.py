"""Why a step did not work: one closed list, and the one place where an exception becomes an entry of it.

Whose fault a failure is stands in it: a local shortage is never reported as the target's. The names follow OONI's
vocabulary where it has one. This module travels in the carry-in kit (CPython 3.7), where ``socket.timeout`` and
``asyncio.TimeoutError`` are not ``TimeoutError`` and ``asyncio.CancelledError`` is an ``Exception``.
"""

import errno
import socket
from enum import Enum
from typing import Dict, FrozenSet


class Failure(str, Enum):
    """The closed list. The value is what stands in a report; it never changes its meaning."""

    # transport
    TIMED_OUT = "timed_out"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_RESET = "connection_reset"
    EOF = "eof"
    HOST_UNREACHABLE = "host_unreachable"
    NETWORK_UNREACHABLE = "network_unreachable"
    ADMIN_PROHIBITED = "admin_prohibited"
    PORT_UNREACHABLE = "port_unreachable"
    PROTOCOL_UNREACHABLE = "protocol_unreachable"
    TTL_EXCEEDED = "ttl_exceeded"
    MESSAGE_TOO_LONG = "message_too_long"
    # this machine's own routes and filters refused to send
    LOCAL_ROUTE_REJECTS = "local_route_rejects"
    LOCAL_NO_ROUTE = "local_no_route"
    LOCAL_FILTER_DENIES = "local_filter_denies"
    # what the job declares
    SETTING_INVALID = "setting_invalid"
    # names
    DNS_NXDOMAIN = "dns_nxdomain"
    DNS_SERVFAIL = "dns_servfail"
    DNS_REFUSED = "dns_refused"
    DNS_NO_ANSWER = "dns_no_answer"
    DNS_ERROR_CODE = "dns_error_code"
    DNS_MALFORMED = "dns_malformed"
    DNS_CNAME_LOOP = "dns_cname_loop"
    DNS_TEMPORARY = "dns_temporary"
    DNS_NO_SERVERS = "dns_no_servers"
    # TLS
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_WRONG_NAME = "tls_wrong_name"
    TLS_EXPIRED = "tls_expired"
    TLS_NOT_YET_VALID = "tls_not_yet_valid"
    TLS_PLAINTEXT = "tls_plaintext"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    # HTTP and service exchanges
    HTTP_MALFORMED = "http_malformed"
    HTTP_ERROR_STATUS = "http_error_status"
    PROXY_AUTH_REQUIRED = "proxy_auth_required"
    PROXY_DENIED = "proxy_denied"
    PROXY_UNAVAILABLE = "proxy_unavailable"
    WRONG_PROTOCOL = "wrong_protocol"
    CLIENT_DENIED = "client_denied"
    CLIENT_BLOCKED = "client_blocked"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    SERVICE_ERROR = "service_error"
    # this machine is short of something, or was not given the time
    NO_DESCRIPTORS = "no_descriptors"
    NO_LOCAL_PORT = "no_local_port"
    NO_MEMORY = "no_memory"
    NOT_PERMITTED = "not_permitted"
    NOT_SUPPORTED = "not_supported"
    OVERLOADED = "overloaded"
    INTERRUPTED = "interrupted"
    BUDGET_SPENT = "budget_spent"
    UNKNOWN = "unknown"


# The target is not to blame for any of these: its verdict is undetermined.
LOCAL_SHORTAGES: FrozenSet[Failure] = frozenset(
    {
        Failure.NO_DESCRIPTORS,
        Failure.NO_LOCAL_PORT,
        Failure.NO_MEMORY,
        Failure.NOT_PERMITTED,
        Failure.NOT_SUPPORTED,
        Failure.OVERLOADED,
        Failure.INTERRUPTED,
        Failure.BUDGET_SPENT,
        Failure.UNKNOWN,
    }
)

# Somebody said no to the SYN: the host, a router, a filter.
REFUSALS: FrozenSet[Failure] = frozenset(
    {
        Failure.CONNECTION_REFUSED,
        Failure.PORT_UNREACHABLE,
        Failure.HOST_UNREACHABLE,
        Failure.NETWORK_UNREACHABLE,
        Failure.ADMIN_PROHIBITED,
    }
)

# Nothing answered at all, by whatever sign.
UNANSWERED: FrozenSet[Failure] = frozenset(
    {
        Failure.TIMED_OUT,
        Failure.LOCAL_NO_ROUTE,
        Failure.LOCAL_ROUTE_REJECTS,
        Failure.LOCAL_FILTER_DENIES,
    }
    | REFUSALS
)

_BY_ERRNO: Dict[int, Failure] = {
    errno.ETIMEDOUT: Failure.TIMED_OUT,
    errno.ECONNREFUSED: Failure.CONNECTION_REFUSED,
    errno.ECONNRESET: Failure.CONNECTION_RESET,
    errno.ECONNABORTED: Failure.CONNECTION_RESET,
    errno.EPIPE: Failure.CONNECTION_RESET,
    errno.EHOSTUNREACH: Failure.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Failure.HOST_UNREACHABLE,
    errno.ENETUNREACH: Failure.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Failure.NETWORK_UNREACHABLE,
    errno.ENOPROTOOPT: Failure.PROTOCOL_UNREACHABLE,
    errno.EMSGSIZE: Failure.MESSAGE_TOO_LONG,
    errno.EPERM: Failure.LOCAL_FILTER_DENIES,
    errno.EACCES: Failure.LOCAL_ROUTE_REJECTS,
    errno.EINVAL: Failure.LOCAL_ROUTE_REJECTS,
    errno.EMFILE: Failure.NO_DESCRIPTORS,
    errno.ENFILE: Failure.NO_DESCRIPTORS,
    errno.EADDRNOTAVAIL: Failure.NO_LOCAL_PORT,
    errno.EADDRINUSE: Failure.NO_LOCAL_PORT,
    errno.EAGAIN: Failure.NO_LOCAL_PORT,
    errno.ENOBUFS: Failure.NO_MEMORY,
    errno.ENOMEM: Failure.NO_MEMORY,
    errno.EAFNOSUPPORT: Failure.NOT_SUPPORTED,
    errno.EPROTONOSUPPORT: Failure.NOT_SUPPORTED,
    errno.EOPNOTSUPP: Failure.NOT_SUPPORTED,
}

_BY_RESOLVER_CODE: Dict[int, Failure] = {
    socket.EAI_NONAME: Failure.DNS_NXDOMAIN,
    getattr(socket, "EAI_NODATA", -5): Failure.DNS_NO_ANSWER,
    getattr(socket, "EAI_ADDRFAMILY", -9): Failure.DNS_NO_ANSWER,
    socket.EAI_AGAIN: Failure.DNS_TEMPORARY,
    socket.EAI_FAIL: Failure.DNS_SERVFAIL,
    socket.EAI_MEMORY: Failure.NO_MEMORY,
}

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as ssl.SSLCertVerificationError.verify_code carries them.
_BY_VERIFY_CODE: Dict[int, Failure] = {
    9: Failure.TLS_NOT_YET_VALID,
    10: Failure.TLS_EXPIRED,
    62: Failure.TLS_WRONG_NAME,
    63: Failure.TLS_WRONG_NAME,
    64: Failure.TLS_WRONG_NAME,
}

# Reasons of ssl.SSLError that say: the peer does not speak TLS at all.
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)


class Failed(Exception):
    """A failure that is known where it is raised: a malformed answer, a spent budget."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(detail or failure.value)
        self.failure = failure


def classify(error: BaseException) -> Failure:
    """The Failure that an exception stands for. Never raises; what is not known is UNKNOWN, whose fault is ours.

    EAGAIN from connect(2) means that no local port is free (connect(2), ERRORS). EPERM is what an output chain's
    drop or reject leaves; EACCES and EINVAL are what prohibit and blackhole routes leave (ip-route(8)).
    """
    if isinstance(error, Failed):
        return error.failure
    verify_code = getattr(error, "verify_code", None)
    if verify_code is not None:
        return _BY_VERIFY_CODE.get(int(verify_code), Failure.TLS_UNTRUSTED)
    names = {kind.__name__ for kind in type(error).__mro__}
    if "SSLError" in names:
        return _classify_tls(error, names)
    if isinstance(error, socket.gaierror):
        return _BY_RESOLVER_CODE.get(error.errno or 0, Failure.DNS_TEMPORARY)
    if names & {"TimeoutError", "timeout"}:
        return Failure.TIMED_OUT
    if "IncompleteReadError" in names or isinstance(error, EOFError):
        return Failure.EOF
    if "CancelledError" in names or isinstance(error, KeyboardInterrupt):
        return Failure.INTERRUPTED
    if isinstance(error, MemoryError):
        return Failure.NO_MEMORY
    if isinstance(error, OSError):
        return of_errno(error.errno or 0)
    return Failure.UNKNOWN


def of_errno(number: int) -> Failure:
    """The Failure of an errno, as SO_ERROR or connect_ex give it."""
    return _BY_ERRNO.get(number, Failure.UNKNOWN)


def _classify_tls(error: BaseException, names: "set[str]") -> Failure:
    if "SSLEOFError" in names or "SSLZeroReturnError" in names:
        return Failure.EOF
    if "SSLSyscallError" in names and isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return of_errno(error.errno)
    reason = getattr(error, "reason", None)
    if reason in _NOT_TLS:
        return Failure.TLS_PLAINTEXT
    return Failure.TLS_HANDSHAKE_FAILED
