"""What the faults about sizes do: what is small passes, what is large vanishes or comes slowly."""

import sys

import pytest

from tests.lab.network import PROXY, ROUTER

# Ask for a page over a connection that takes segments of so many bytes; how much of it comes until a silence.
_FETCH = """
import socket, sys
address, mss = sys.argv[1], int(sys.argv[2])
with socket.socket() as sock:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    sock.settimeout(0.5)
    sock.connect((address, 9200))
    sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    came = 0
    try:
        while data := sock.recv(65536):
            came += len(data)
    except TimeoutError:
        pass
    print("all" if came > 50000 else "nothing" if not came else "some")
"""


def fetched(lab, mss):
    """How much of a large page comes to the job in segments of up to so many bytes."""
    done = lab.run([sys.executable, "-c", _FETCH, "10.10.3.21", str(mss)])
    assert done["code"] == 0, done["stderr"]
    return done["stdout"].strip()


@pytest.mark.parametrize(
    ("fault", "comes"),
    [
        ("black_hole_vpc", {1460: "nothing", 761: "nothing", 760: "all"}),
        ("black_hole_vpc_out", {1460: "all"}),
        ("narrow_vpc", {1460: "all"}),
    ],
)
def test_what_passes(lab, fault, comes):
    """A black hole is one for what is larger than its MTU, in its direction, and only where nobody is told."""
    with lab.broken("elasticsearch_large", fault):
        assert comes == {mss: fetched(lab, mss) for mss in comes}


def test_what_the_ends_have_learnt_is_forgotten(lab):
    """The MTU that a router told is not remembered when the router has another."""
    with lab.broken("elasticsearch_large", "narrow_vpc"):
        fetched(lab, 1460)
    with lab.broken("elasticsearch_large", "black_hole_vpc"):
        assert fetched(lab, 1460) == "nothing"


def test_a_bucket_is_taken_away(lab):
    """What shapes an interface is there with the fault, and not without."""
    qdiscs = {}
    for fault in ("throttled_vpc", "throttled_internet", None):
        with lab.broken(*filter(None, [fault])):
            shown = [lab.run(["tc", "qdisc", "show"], namespace)["stdout"] for namespace in (ROUTER, PROXY)]
        qdiscs[fault] = [text.count("tbf") for text in shown]

    assert {"throttled_vpc": [1, 0], "throttled_internet": [0, 1], None: [0, 0]} == qdiscs
