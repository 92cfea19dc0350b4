"""A network of three hosts in private namespaces, and the sweeps that tests/probes/sweep/test_network.py wants of it.

here -- link -- near, twin: who is on the link; near owns networks behind it

    python -m tests.probes.sweep.ground < what    # JSON: names of sweeps and how to make them
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from probes.sweep import Sweep, Unable
from reports.sweep import ARP, ECHO, Addresses, Order, Table, tcp
from tests.lab import network
from tests.lab.wire import Packet, Recorder, densest

HERE, NEAR, TWIN = "here", "near", "twin"
OWN, NEIGHBOUR, SHARED = "10.1.0.2", "10.1.0.3", "10.1.0.9"
FAR, FAR_SIX = "10.2.0.0/25", "fd02::%x"
OPEN, REFUSED, FILTERED, SILENT, FORGED, OPTIONS = 8020, 8021, 8022, 8023, 8024, 8025

_RULES = f"""
table inet near {{
    chain input {{
        type filter hook input priority 0
        tcp dport {FILTERED} reject with icmpx admin-prohibited
        tcp dport {{ {SILENT}, {FORGED}, {OPTIONS} }} drop
        ip daddr 10.2.0.64/26 icmp type echo-request drop
    }}
}}
"""
_SIX = {f"net/ipv6/conf/{which}/{name}": "0" for which in ("all", "default") for name in ("disable_ipv6", "accept_dad")}
_TELLS_ALL = {"net/ipv4/icmp_ratelimit": "0", "net/ipv4/icmp_ratemask": "0", "net/ipv6/icmp/ratelimit": "0"}
_LINK = "bridge"

_TOPOLOGY = network.Topology(
    namespaces=(HERE, NEAR, TWIN, _LINK),
    links=((HERE, "eth0", _LINK, "here"), (NEAR, "eth0", _LINK, "near"), (TWIN, "eth0", _LINK, "twin")),
    bridges={_LINK: {"vsw": ("here", "near", "twin")}},
    addresses={
        HERE: {"eth0": [f"{OWN}/27", "fd01::2/64 nodad"]},
        NEAR: {"eth0": [f"{NEIGHBOUR}/27", f"{SHARED}/27", "fd01::3/64 nodad"]},
        TWIN: {"eth0": [f"{SHARED}/27"]},
    },
    routes={
        HERE: (f"10.2.0.0/16 via {NEIGHBOUR}", "fd02::/64 via fd01::3", "unreachable 10.3.0.0/24"),
        NEAR: ("local 10.2.0.0/16 dev lo", "local fd02::/64 dev lo"),
    },
    sysctls={HERE: _SIX | {"net/ipv4/ping_group_range": "0 0"}, NEAR: _SIX | _TELLS_ALL, _LINK: {}},
    rules={NEAR: _RULES},
)
_PREPARE = 'mount -t tmpfs none /run && mkdir /run/netns && mount -t proc proc /proc && exec "$@"'
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child")
# No capability, nor any way back to one; and that one alone.
BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
RAW = ("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all", "--no-new-privs")


class UnavailableError(Exception):
    """No such network can be built here."""


def results(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Build the network, and make these sweeps. Raises UnavailableError."""
    missing = [name for name in ("unshare", "ip", "nft", "setpriv") if shutil.which(name) is None]
    if missing:
        raise UnavailableError(f"not installed: {', '.join(missing)}")
    inside = [*_UNSHARE, "sh", "-c", _PREPARE, "sh"]
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise UnavailableError(tried.stderr)
    command = [*inside, sys.executable, "-m", "tests.probes.sweep.ground"]
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def sweep(
    hosts: str, asked: list[Any], method: str = "auto", without: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    """What a sweep finds, as JSON carries it. ``asked``: ports, "echo", "arp". ``without``: lacking modules."""
    sys.modules.update(dict.fromkeys(without))  # type: ignore[arg-type]  # None keeps them from being imported
    questions = tuple({"echo": ECHO, "arp": ARP}.get(each) or tcp(each) for each in asked)
    addresses = Addresses.of(*hosts.split(","))
    order = Order(addresses=addresses, questions=questions, **{"rate": 0, "timeout": 0.4, **more})
    try:
        made = Sweep(order, method)
    except Unable as unable:
        return {"unable": str(unable)}
    table, answers = Table(order), []
    for batch in made:
        table.take(batch)
        answers.extend((addresses.text(order.place(cell)[0]), *rest) for cell, *rest in batch.answers)
    return {
        "states": {question.name: table.states(number) for number, question in enumerate(questions)},
        "answers": answers,
        "method": made.method,
        "why": made.why,
        "sent": made.sent,
        "shortages": made.shortages,
        "pushed_back": made.pushed_back,
        "partial": made.partial,
    }


def _in_a_process(rights: tuple[str, ...], how: Mapping[str, Any]) -> dict[str, Any]:
    command = [*rights, sys.executable, "-m", "tests.probes.sweep.ground", "sweep"]
    with network.inside(HERE):
        done = subprocess.run(command, input=json.dumps(how), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout))


def _recorded(rights: tuple[str, ...], how: Mapping[str, Any]) -> dict[str, Any]:
    """With what came out of the sweeping host: how many packets, and how many within any second."""
    recorder = Recorder(_LINK, "here")
    found = _in_a_process(rights, how)
    packets = [Packet(*fields) for fields in recorder.stop()["packets"]]
    times = [packet.time for packet in packets if not packet.outgoing and packet.protocol != "arp"]
    return {**found, "packets": len(times), "densest": densest(times, 1.0)}


def _listen() -> None:
    """Somebody listens at every address of NEAR."""
    with network.inside(NEAR):
        listener = socket.create_server(("::", OPEN), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def _forge() -> None:
    """Somebody answers SYNs to a port with what only looks like an answer, and to another one with IP options."""
    with network.inside(NEAR):
        heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        said = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    threading.Thread(target=_answer_oddly, args=(heard, said), daemon=True).start()


def _answer_oddly(heard: socket.socket, said: socket.socket) -> None:
    # The sweeps run in processes of this module, and need it not.
    from scapy.layers.inet import IP, TCP, IPOption_EOL, IPOption_NOP  # noqa: PLC0415

    while True:
        packet = IP(heard.recv(2000))
        if TCP not in packet or packet[TCP].dport not in (FORGED, OPTIONS) or packet[TCP].flags != "S":
            continue
        segment = packet[TCP]
        wrong = ((segment.seq + 2, packet.dst, []), (segment.seq + 1, SHARED, []))
        right = ((segment.seq + 1, packet.dst, [IPOption_NOP(), IPOption_NOP(), IPOption_NOP(), IPOption_EOL()]),)
        for acknowledged, source, options in wrong if segment.dport == FORGED else right:
            answer = IP(src=source, dst=packet.src, options=options) / TCP(
                sport=segment.dport, dport=segment.sport, flags="SA", ack=acknowledged % (1 << 32)
            )
            said.sendto(bytes(answer), (packet.src, 0))


def _made(wanted: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, how in wanted.items():
        rights = {"bare": BARE, "raw": RAW}.get(how.pop("rights", ""), ())
        make = _recorded if how.pop("recorded", False) else _in_a_process
        yield name, make(rights, how)


def main() -> None:
    """See the module."""
    wanted = json.load(sys.stdin)
    if sys.argv[1:] == ["sweep"]:
        print(json.dumps(sweep(**wanted)))
        return
    network.build(_TOPOLOGY)
    _listen()
    _forge()
    hardware = {name: _hardware(name) for name in (HERE, NEAR, TWIN)}
    print(json.dumps({"hardware": hardware, **dict(_made(wanted))}))
    os._exit(0)


def _hardware(namespace: str) -> str:
    (link,) = json.loads(network.run(["ip", "-j", "link", "show", "dev", "eth0"], namespace))
    return str(link["address"])


if __name__ == "__main__":
    main()
