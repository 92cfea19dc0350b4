"""Real servers with limits of their own, at the far host."""

import subprocess
from collections.abc import Callable, Mapping

from tests.lab.real import RealServers, absent
from tests.lab.saturation.places import FAR, FAR_ADDRESS, HAPROXY, HTTP, MARIADB, NGINX, NGINX_SLOW, OUTBOUND

MAX_CONNECTIONS = 40
LIMIT_CONN = 20
MAXCONN = 30

# Answers that are under way at once, each of which takes so many seconds.
UNDER_WAY, TAKES = 8, 0.25

_STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
_ECHO_MODULE = "/usr/lib/nginx/modules/ngx_http_echo_module.so"

# MariaDB counts the unfinished handshakes of hosts whose name it finds.
HOSTS = f"{OUTBOUND} outbound.lab\n"

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "nginx": ("nginx", _STREAM_MODULE, _ECHO_MODULE),
    "nginx_slow": ("nginx", _STREAM_MODULE, _ECHO_MODULE),
    "haproxy": ("haproxy",),
    "mariadb": ("mariadbd", "mariadb-install-db"),
}


def missing(name: str) -> list[str]:
    """The programs that the server needs and this machine lacks."""
    return absent(_NEEDED.get(name, ()))


def start(name: str, real: RealServers) -> "subprocess.Popen[bytes]":
    """Start one; it answers."""
    return _STARTERS[name](real)


def _nginx(real: RealServers) -> "subprocess.Popen[bytes]":
    """In front of the host's own server. One process: a worker would change its user."""
    place = real.place("nginx")
    configuration = place / "nginx.conf"
    temporary = "\n".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(f"""
        load_module {_STREAM_MODULE}; load_module {_ECHO_MODULE};
        daemon off; master_process off; user root root; pid {place}/pid; error_log stderr crit;
        events {{ worker_connections 1024; }}
        stream {{
            limit_conn_zone $binary_remote_addr zone=sources:1m;
            server {{
                listen {FAR_ADDRESS}:{NGINX};
                limit_conn sources {LIMIT_CONN};
                proxy_pass {FAR_ADDRESS}:{HTTP};
            }}
        }}
        http {{
            access_log off; {temporary}
            limit_conn_zone $binary_remote_addr zone=answers:1m;
            server {{
                listen {FAR_ADDRESS}:{NGINX_SLOW};
                location / {{ limit_conn answers {UNDER_WAY}; echo_sleep {TAKES}; echo ok; }}
            }}
        }}
    """)
    argv = ["nginx", "-e", "stderr", "-p", str(place), "-c", str(configuration)]
    return real.serve("nginx", argv, FAR, (FAR_ADDRESS, NGINX), (FAR_ADDRESS, NGINX_SLOW))


def _haproxy(real: RealServers) -> "subprocess.Popen[bytes]":
    place = real.place("haproxy")
    configuration = place / "haproxy.cfg"
    configuration.write_text(f"""
global
    maxconn 2000
    nbthread 1
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout http-keep-alive 60s
frontend measured
    bind {FAR_ADDRESS}:{HAPROXY}
    maxconn {MAXCONN}
    default_backend far
backend far
    server far {FAR_ADDRESS}:{HTTP}
""")
    return real.serve("haproxy", ["haproxy", "-db", "-f", str(configuration)], FAR, (FAR_ADDRESS, HAPROXY))


def _mariadb(real: RealServers) -> "subprocess.Popen[bytes]":
    """It waits ten seconds for a handshake, and blocks whoever leaves five of them unfinished."""
    place = real.place("mariadb")
    data, begin = place / "data", place / "start.sql"
    begin.write_text(f"CREATE USER job@'{OUTBOUND}' IDENTIFIED BY 'made up';\n")
    real.once(
        [
            *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        ],
        FAR,
    )
    argv = [
        *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={place / 'socket'}"),
        *(f"--bind-address={FAR_ADDRESS}", f"--port={MARIADB}", f"--max-connections={MAX_CONNECTIONS}"),
        *("--performance-schema=ON", "--max-connect-errors=5", f"--init-file={begin}"),
    ]
    # That it accepts is asked from here: the handshake that stays unfinished is not the job's.
    return real.serve("mariadb", argv, FAR, (FAR_ADDRESS, MARIADB))


_STARTERS: Mapping[str, Callable[[RealServers], "subprocess.Popen[bytes]"]] = {
    "nginx": _nginx,
    "nginx_slow": _nginx,
    "haproxy": _haproxy,
    "mariadb": _mariadb,
}
