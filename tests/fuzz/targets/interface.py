"""The HTTP interface of `linkdoctor serve`: the real program, asked anything by whoever comes."""

import re
import socket
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.agent.server.serving import serve, write_plan
from tests.fuzz.engine import Opening, Target
from tests.tls_servers import HERE, free_port

_PATIENCE = 20.0
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_PATHS = (
    *("/", "/metrics", "/probe?target=web", "/probe?target=127.0.0.1:22&debug=true", "/-/healthy", "/-/ready"),
    *("/target?plan=nightly-etl&name=web", "/run/r-0123456789ab", "/api/state", "/api/strips?plan=nightly-etl&most=9"),
    *("/api/changes?since=0&until=1e9", "/api/runs?plan=nightly-etl", "/api/runs/r-0123456789ab", "/api/outbound"),
)
_HEADERS = (
    b"Host: localhost\r\nConnection: close\r\n\r\n",
    b"Host: x\r\nAccept: application/openmetrics-text;q=0.5\r\nAccept-Encoding: gzip;q=1\r\nConnection: close\r\n\r\n",
    b"Host: x\r\nAuthorization: Basic YWxpY2U6\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\nConnection: close\r\n\r\n",
)
_BODIES = (
    b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n1\r\nx\r\n0\r\n",
    b"HEAD /metrics HTTP/1.0\r\n\r\n",
    b"GET http://x/metrics HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\nUpgrade: h2c\r\n\r\n",
)
_WORDS = (
    b"%00",
    b"%ff",
    b"%2e%2e/",
    b"&plan=",
    b"&target=",
    b"since=",
    b"nan",
    b"1e999",
    b"[::1]",
    b"Content-Length: ",
)


class Broken(Exception):
    """The server's own fault."""


@contextmanager
def _http() -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        path = write_plan(folder, {"name": "web", "address": f"{HERE}:{free_port()}"}, interval="1h")
        with serve(path, state=folder) as process:
            process.wait("run")
            known = len(process.said)

            def read(data: bytes) -> Hashable:
                heard = _asked(process.port, data)
                if len(process.said) > known or process.of("unexpected"):
                    raise Broken(f"{process.said[known:]} {process.of('unexpected')}")
                found = _STATUS.match(heard)
                if found is None:
                    return None
                if found[1] >= b"500" and found[1] != b"503":
                    raise Broken(heard[:500].decode("latin-1"))
                return found[1]

            lines = [f"GET {path} HTTP/1.1\r\n".encode() for path in _PATHS]
            seeds = [line + _HEADERS[number % len(_HEADERS)] for number, line in enumerate(lines)]
            yield Target(read=read, seeds=[*seeds, *_BODIES], words=_WORDS, longest=1 << 15)
            if process.ask("/-/healthy")[0] != 200 or process.end() != 0:
                raise Broken("it did not end as it should")


def _asked(port: int, data: bytes) -> bytes:
    """The beginning of the answer, to somebody who has no more to say."""
    heard = b""
    with socket.create_connection((HERE, port), timeout=_PATIENCE) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while len(heard) < 4096 and (more := client.recv(65536)):
                heard += more
        except ConnectionError:
            return heard
    return heard


TARGETS: Mapping[str, Opening] = {"http-interface": _http}
