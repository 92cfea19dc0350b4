"""What a case is: a way with known limits, what the plan asks, and what is true."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from tests.lab.saturation.places import (
    FAR_ADDRESS,
    HAPROXY,
    HTTP,
    MARIADB,
    NGINX,
    NGINX_SLOW,
    ONE_AT_A_TIME,
    OTHER_ADDRESS,
    PLAIN,
)
from tests.lab.scenario import DEGRADED, HEALTHY, Plan

CONCURRENT, RATE, NONE = "concurrent", "rate", "none"

# What may be measured: the address in the plan, the port, and what the bare program says there.
MEASURED: Mapping[str, tuple[str, int, str]] = {
    "plain": (f"tcp://{FAR_ADDRESS}:{PLAIN}", PLAIN, "none"),
    "http": (f"http://{FAR_ADDRESS}/", HTTP, "http"),
    "queue": (f"tcp://{FAR_ADDRESS}:{ONE_AT_A_TIME}", ONE_AT_A_TIME, "none"),
    "one_at_a_time": (f"http://{FAR_ADDRESS}:{ONE_AT_A_TIME}/", ONE_AT_A_TIME, "http"),
    "nginx": (f"http://{FAR_ADDRESS}:{NGINX}/", NGINX, "http"),
    "nginx_slow": (f"http://{FAR_ADDRESS}:{NGINX_SLOW}/", NGINX_SLOW, "http"),
    "haproxy": (f"http://{FAR_ADDRESS}:{HAPROXY}/", HAPROXY, "http"),
    "mariadb": (f"mysql://{FAR_ADDRESS}:{MARIADB}", MARIADB, "mysql"),
}
REAL = ("nginx", "nginx_slow", "haproxy", "mariadb")


@frozen(kw_only=True)
class Case:
    """Faults in the words of nft (tests/lab/saturation/places.py), what is asked, and the truth.

    ``tenants``: connections that the other tenant holds; it keeps one more for its conversation. ``knocks``: its new
    ones per second. ``before`` is what the chain ``later`` does at first, and ``later`` what it does once the job has
    given half back; ``limit_before`` is the limit until then. ``forgets``: idle seconds after which the router forgets;
    ``idle``: for how long the plan has some left idle. ``kind`` and ``limit``: connections that the job can hold in the
    end, or new ones per second; ``burst``: how many more pass in a second after some with fewer. ``causes``: which may
    be named, the truest first; ``beside``: what may be found as well. ``job``: its own size, as the plan declares it.
    """

    name: str
    title: str
    limits: str = ""
    losses: str = ""
    pool: str = ""
    input_at_far: str = ""
    before: str = ""
    later: str | None = None
    limit_before: int = 0
    forgets: int = 0
    idle: str = ""
    measured: str = "plain"
    tenants: int = 0
    knocks: float = 50.0
    connections: int
    rate: int = 100
    job: Mapping[str, int] = field(factory=dict)
    kind: str = CONCURRENT
    limit: int | None = None
    burst: int = 0
    causes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    verdict: str = field()
    seconds: int = 120

    @verdict.default
    def _verdict(self) -> str:
        return DEGRADED if self.causes else HEALTHY

    @property
    def tolerance(self) -> float:
        """By how much an estimate may be wrong: one connection below 50, else one in twenty."""
        assert self.limit is not None
        return 1.0 if self.limit < 50 else self.limit / 20

    @property
    def most_tried(self) -> int:
        """One more than the limit at least, and a tenth more."""
        if self.kind != CONCURRENT or self.limit is None:
            return self.connections
        limit = max(self.limit, self.limit_before)
        return min(self.connections, max(limit + 1, limit + limit // 10))

    @property
    def most_begun(self) -> int:
        """In any second: one more than the way admits in its fullest, and a tenth more; as the plan says elsewhere."""
        if self.kind != RATE or self.limit is None:
            return self.rate
        admitted = self.limit + self.burst
        return min(self.rate, max(admitted + 1, admitted + admitted // 10))

    @property
    def loses_resets(self) -> bool:
        """The way may lose a reset, which is not sent again: the far host then keeps a connection that nobody has."""
        return bool(self.losses or self.forgets)

    @property
    def plan(self) -> Plan:
        """As a user would write it: a control through the same way, and another port of the same host."""
        address, port, _ = MEASURED[self.measured]
        neighbour = HTTP if port != HTTP else PLAIN
        listed = ",".join(f"{ip}:{number}" for ip in (FAR_ADDRESS, OTHER_ADDRESS) for number in (port, neighbour, HTTP))
        idle = {"idle": self.idle} if self.idle else {}
        plan: dict[str, Any] = {
            "name": self.name.replace("_", "-"),
            "runtime": "udf",
            "region": "cn-hangzhou",
            "settings": {"odps.sql.python.version": "cp37", "odps.internet.access.list": listed},
            "targets": [
                {
                    "name": "measured",
                    "address": address,
                    "via": "internet",
                    "saturate": {"connections": self.connections, "rate": self.rate, **idle},
                },
                {"name": "control", "address": f"http://{OTHER_ADDRESS}/", "via": "internet"},
                {"name": "neighbour", "address": f"{FAR_ADDRESS}:{neighbour}", "via": "internet"},
            ],
            "limits": {"deadline": f"{self.seconds}s", "connect_timeout": "1500ms", "rate": max(500, self.rate)},
        }
        if self.job:
            plan["job"] = dict(self.job)
        return plan
