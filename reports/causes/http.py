"""Layer http: HTTP, and the proxy in between."""

from typing import Tuple

from reports.causes.entry import AUTHOR, DBA, Cause

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "http_5xx",
        "http",
        "the network works, the backend fails",
        "the network is fine: ask whoever runs {destinations}, it answers {status}",
        DBA,
    ),
    Cause(
        "http_403",
        "http",
        "the network works, permissions are missing",
        "the network is fine: {destinations} answers 403, so give this client (its key, its role, or its "
        "address) the permission",
        DBA,
    ),
    Cause(
        "proxy_auth_required",
        "http",
        "the HTTP proxy wants credentials (407)",
        "give the proxy {proxy} credentials (in the proxy variable of the job), or name {host} in NO_PROXY",
        AUTHOR,
    ),
    Cause(
        "proxy_denied",
        "http",
        "the HTTP proxy does not let this destination through (403)",
        "ask whoever runs the proxy {proxy} to let {destinations} through",
    ),
    Cause(
        "proxy_unavailable",
        "http",
        "the HTTP proxy cannot reach the destination",
        "ask whoever runs the proxy {proxy}: it answers {status} for {destinations}",
    ),
    Cause(
        "proxy_not_listening",
        "http",
        "nothing listens at the HTTP proxy's address",
        "correct the proxy {proxy} in the job's environment, or start it",
        AUTHOR,
    ),
)
