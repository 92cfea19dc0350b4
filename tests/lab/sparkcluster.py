"""A Spark cluster: the driver with the master, and two workers, each a node of its own in the job's network.

The driver and the second worker have an ENI in vswitch-a; the first worker has none. The second worker's ENI meets a
security group that forgot one port.
"""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab import network
from tests.lab.network import DNS, PROXY, ROUTER
from tests.lab.real import Spawn

DRIVER, WITHOUT_ENI, WITH_ENI = "spark-driver", "worker-1", "worker-2"
# In the job's own network, and in vswitch-a.
ADDRESSES = {DRIVER: "10.0.8.10", WITHOUT_ENI: "10.0.8.11", WITH_ENI: "10.0.8.12"}
ENIS = {DRIVER: "10.10.1.21", WITH_ENI: "10.10.1.22"}
FORGOTTEN = ("10.10.2.30", 9083)
MASTER = f"spark://{ADDRESSES[DRIVER]}:7077"

_SWITCH = "spark-switch"
# Seconds after which a driver is ended that does not end.
_PATIENCE = 150.0

# Its own name, the only one that there is.
_NAMED = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"')
# A collector that needs no threads of its own.
_COLLECTOR = "-XX:+UseSerialGC"


class SparkCluster:
    """Its network and its processes; ``home`` is where Spark is installed."""

    def __init__(self, folder: Path, command: Spawn) -> None:
        self._folder = folder / "spark"
        self._folder.mkdir()
        self._command = command
        self._driver: subprocess.Popen[str] | None = None
        self._said: list[str] = []

    def start(self, home: str) -> None:
        """Build the network, start the master and the workers; they find each other while a driver starts."""
        _build()
        daemon = [f"{home}/bin/spark-class"]
        address = ADDRESSES[DRIVER]
        master = ["org.apache.spark.deploy.master.Master", "--host", address, "--port", "7077", "--webui-port", "0"]
        self._spawn("master", DRIVER, [*daemon, *master], home)
        for node in (WITHOUT_ENI, WITH_ENI):
            worker = ["org.apache.spark.deploy.worker.Worker", "--host", ADDRESSES[node], "--webui-port", "0"]
            size = ["--cores", "1", "--memory", "700m", "--work-dir", str(self._folder / node), MASTER]
            self._spawn(node, node, [*daemon, *worker, *size], home)

    def submit(self, home: str, arguments: Sequence[str]) -> None:
        """Start spark-submit on the driver's node. It joins Python's standard error to its output."""
        argv, environment = self._in_node(DRIVER, [f"{home}/bin/spark-submit", *arguments], home)
        self._said = []
        with (self._folder / "stderr").open("w") as stderr:
            self._driver = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        self._timer = threading.Timer(_PATIENCE, self._driver.kill)
        self._timer.start()

    def until(self, text: str) -> str:
        """Wait until the driver says it; the line, or "" where it ended before."""
        assert self._driver is not None
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            self._said.append(line)
            if text in line:
                return line
        return ""

    def finish(self) -> dict[str, Any]:
        """Wait for the driver's end."""
        assert self._driver is not None
        self.until("\0")
        code = self._driver.wait()
        self._timer.cancel()
        return {"code": code, "stdout": "".join(self._said), "stderr": (self._folder / "stderr").read_text()}

    def kill(self, node: str) -> None:
        """End everything that runs in the node, at once."""
        pids = network.run(["ip", "netns", "pids", node]).split()
        subprocess.run(["kill", "-9", *pids], check=True)

    def _spawn(self, name: str, node: str, argv: Sequence[str], home: str) -> None:
        command, environment = self._in_node(node, argv, home)
        with (self._folder / f"{name}.log").open("w") as log:
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def _in_node(self, node: str, argv: Sequence[str], home: str) -> tuple[list[str], dict[str, str]]:
        hosts = "".join(f"{address} {name}\n" for name, address in ADDRESSES.items())
        command, environment = self._command([*_NAMED, node, *argv], node, hosts=hosts)
        own = {
            "SPARK_HOME": home,
            "SPARK_LOCAL_IP": ADDRESSES[node],
            "SPARK_LOCAL_DIRS": str(self._folder),
            "SPARK_DAEMON_JAVA_OPTS": _COLLECTOR,
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
        }
        return command, environment | own


def _build() -> None:
    """The nodes at a switch, which leads to the outbound proxy; their ENIs at the router's vswitch-a."""
    network.ip(f"netns add {node}" for node in (_SWITCH, *ADDRESSES))
    network.ip([f"link add spark netns {PROXY} type veth peer name proxy netns {_SWITCH}"])
    network.ip(["address add 10.0.8.1/24 dev spark", "link set spark up"], PROXY)
    network.ip(["route add 10.0.8.0/24 via 100.100.0.1"], DNS)
    for node, address in ADDRESSES.items():
        network.sysctl(node, {"net/ipv6/conf/all/disable_ipv6": "1"})
        network.ip([f"link add eth0 netns {node} type veth peer name {node} netns {_SWITCH}"])
        own = ["link set lo up", f"address add {address}/24 dev eth0", "link set eth0 up"]
        network.ip([*own, "route add default via 10.0.8.1"], node)
    joined = [
        line for port in ("proxy", *ADDRESSES) for line in (f"link set {port} master switch", f"link set {port} up")
    ]
    network.ip(["link add switch type bridge forward_delay 0", *joined, "link set switch up"], _SWITCH)
    for node, address in ENIS.items():
        network.ip([f"link add eth1 netns {node} type veth peer name a-{node} netns {ROUTER}"])
        network.ip([f"link set a-{node} master vswa", f"link set a-{node} up"], ROUTER)
        own = [f"address add {address}/24 dev eth1", "link set eth1 up", "route add 10.10.0.0/16 via 10.10.1.1"]
        network.ip(own, node)
    host, port = FORGOTTEN
    rule = f"ip saddr {ENIS[WITH_ENI]} ip daddr {host} tcp dport {port} drop"
    network.nft(f"table ip spark {{\nchain forward {{\ntype filter hook forward priority 0\n{rule}\n}}\n}}\n", ROUTER)
