"""Where the probes run, and what they may do there: each power is tried once, noted, and done without."""

import os
import socket
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Dict, Optional

from probes import kernel
from probes.local import Machine, own_addresses
from probes.resolv_conf import ResolverConfig, label
from reports.model import Vantage


def here(kind: str, machine: Machine, config: Optional[ResolverConfig], labels: Dict[str, str]) -> Vantage:
    """This place. ``kind``: ``host``, ``udf``, ``spark``: what runs the probes; ``labels``: its names there."""
    return Vantage(
        kind=kind,
        host=_host_name(),
        platform=_platform(),
        python="%d.%d.%d" % sys.version_info[:3],
        addresses=own_addresses(machine.interfaces),
        name_servers=tuple(label(server) for server in config.servers) if config is not None else (),
        labels=labels,
        capabilities=dict(_capabilities(kind, machine.rtnetlink)),
    )


def _platform() -> str:
    try:
        system = os.uname()  # platform.platform() would start a process
    except OSError:
        return ""
    return "%s %s" % (system.sysname, system.release)


def _host_name() -> str:
    try:
        return socket.gethostname()
    except OSError:
        return ""


@lru_cache(maxsize=None)
def _capabilities(kind: str, rtnetlink: bool) -> Dict[str, bool]:
    """What this process may do: tried once. What a host's processes may do anyway is tried only inside a job."""
    found = {
        "rtnetlink": rtnetlink,
        "proc": Path("/proc/net/sockstat").exists(),
        "threads": _threads(),
        "host_name": bool(_host_name()),
        "raw_socket": _raw_socket(),
    }
    if kind != "host":
        found["subprocess"] = _subprocess()
        found["file_writes"] = _file_writes()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            found["error_queue"] = kernel.receive_icmp_errors(sock)
            found["tcp_info"] = kernel.tcp_info(sock) is not None
    except OSError:
        found["error_queue"] = found["tcp_info"] = False
    return found


def _threads() -> bool:
    thread = threading.Thread(target=lambda: None, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


def _raw_socket() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


def _subprocess() -> bool:
    import subprocess  # noqa: PLC0415 - only inside a job

    try:
        return subprocess.call(["true"]) == 0  # noqa: S607 - found by PATH, as anything else would be
    except (OSError, subprocess.SubprocessError):
        return False


def _file_writes() -> bool:
    import tempfile  # noqa: PLC0415 - only inside a job

    try:
        with tempfile.TemporaryFile() as file:
            return file.write(b"1") == 1
    except OSError:
        return False
