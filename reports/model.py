"""The nouns: what a plan declares, what was observed, what it means.

Everything here is a frozen value without behaviour beyond trivial derivations, so that a report can travel out of a
UDF as one JSON text and be diagnosed again anywhere. Times are Unix seconds (UTC) in memory and RFC 3339 in JSON;
durations are monotonic seconds. This module travels in the carry-in kit: CPython 3.7, attrs alone.
"""

import hashlib
from typing import TYPE_CHECKING, Dict, Optional, Tuple, Union

from attrs import Factory, frozen

from reports.encoding import encoder
from reports.failures import Failure

if TYPE_CHECKING:
    # Its classes take their time to make, and few plans have one.
    from reports.vpc.model import Inventory

Scalar = Union[str, int, float, bool]
Facts = Dict[str, Scalar]

SCHEMA = "linkdoctor/report/1"

HEALTHY = "healthy"
DEGRADED = "degraded"
UNDETERMINED = "undetermined"
FAILING = "failing"
# From best to worst: the verdict of a run is the worst of its targets.
VERDICTS = (HEALTHY, DEGRADED, UNDETERMINED, FAILING)

SEVERITIES = ("critical", "warning", "info")

RUNTIMES = ("udf", "spark", "mapreduce", "pyodps", "maxframe", "mars", "external-table", "lakehouse", "host")
WAYS = ("auto", "internet", "vpc", "service")
# What a target may be measured for without a suspicion.
MEASURES = ("loss", "mtu", "throughput")
OWNERS = ("job author", "project administrator", "network", "DBA", "platform ticket")


@frozen(kw_only=True)
class Setting:
    """One key the job declares, and where it stands. ``source`` is ``plan`` or ``FILE:LINE``."""

    key: str
    value: str
    source: str = "plan"


@frozen(kw_only=True)
class Saturate:
    """The opt-in to measure how much the way holds: the most connections held, and opened per second.

    ``idle``: seconds for which a few are then held without a word, to see whether their way is kept; 0 asks for none.
    """

    connections: int
    rate: int = 50
    idle: float = 0.0


@frozen(kw_only=True)
class TlsExpectation:
    """What the plan says of certificates: an additional authority (PEM text) and the issuer to be seen."""

    ca: Optional[str] = None
    issuer: Optional[str] = None


@frozen(kw_only=True)
class Target:
    """One host and port that the job must reach.

    ``host`` is an IP literal without brackets or an ASCII (IDNA) name in lower case without the trailing dot.
    """

    name: str
    host: str
    port: int
    service: str = "tcp"
    path: str = "/"
    via: str = "auto"
    group: Optional[str] = None
    admits: Tuple[str, ...] = ()
    saturate: Optional[Saturate] = None
    measure: Tuple[str, ...] = ()
    tls: Optional[TlsExpectation] = None

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 literal in brackets."""
        return join_port(self.host, self.port)


@frozen(kw_only=True)
class Network:
    """A vSwitch: its CIDR, the ENIs in it, the ports that matter there.

    ``sweep``: whether a check asks every address of it at these ports; None: where it is small (reports/manners.py).
    """

    name: str
    cidr: str
    enis: Tuple[str, ...] = ()
    ports: Tuple[int, ...] = ()
    sweep: Optional[bool] = None


@frozen(kw_only=True)
class Egress:
    """Which outbound address is seen (``echo``, a URL that answers it) and which ones the partner admits."""

    echo: Optional[str] = None
    expected: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Job:
    """The job's own size: budgets are shared out over its instances."""

    instances: int = 1
    connections: int = 1


@frozen(kw_only=True)
class Limits:
    """What a run may do at most. Seconds, connections, new connections per second, packets per second, bytes."""

    deadline: float = 60.0
    connect_timeout: float = 3.0
    concurrency: int = 256
    per_target: int = 1
    rate: int = 500
    packet_rate: int = 1000
    bytes_per_target: int = 262144
    bytes: int = 67108864
    explore: str = "none"


@frozen(kw_only=True)
class Slow:
    """Seconds above which a healthy answer earns a warning; ``throughput``: bytes per second below which one does."""

    dns: float = 1.0
    service: float = 2.0
    vpc_rtt: float = 0.05
    internet_rtt: float = 0.3
    throughput: int = 250_000


@frozen(kw_only=True)
class Plan:
    """What the user declares: the job, its settings, and everything that may be contacted."""

    name: str
    runtime: Optional[str] = None
    region: Optional[str] = None
    settings: Tuple[Setting, ...] = ()
    targets: Tuple[Target, ...] = ()
    networks: Tuple[Network, ...] = ()
    # Whether whoever runs the plan on a host of the VPC asks its metadata for the networks (agent/cloud/auto.py).
    ask_networks: bool = False
    # "ADDRESS" or "ADDRESS:PORT" ("[v6]:port"); empty: this machine's own configuration, and its own resolver as well.
    name_servers: Tuple[str, ...] = ()
    # The cloud's configuration, reduced to what concerns the plan (reports/vpc/reduce.py).
    inventory: Optional["Inventory"] = None
    egress: Egress = Egress()
    job: Job = Job()
    tls: TlsExpectation = TlsExpectation()
    interval: Optional[float] = None
    limits: Limits = Limits()
    slow: Slow = Slow()


@frozen(kw_only=True)
class Vantage:
    """Where the probes ran, and what they were allowed to do there.

    ``capabilities`` says of each optional power whether it worked when tried (``error_queue``, ``tcp_info``,
    ``threads``, ``proc``, ``raw_socket``, ...). ``addresses`` are this machine's own, ``ADDRESS/PREFIX%INTERFACE``.
    ``labels`` are the names that the platform has for this place (``executor``, ``container``, ``attempt``, ...).
    """

    kind: str = "host"
    host: str = ""
    platform: str = ""
    python: str = ""
    addresses: Tuple[str, ...] = ()
    name_servers: Tuple[str, ...] = ()
    labels: Dict[str, str] = Factory(dict)
    capabilities: Dict[str, bool] = Factory(dict)


@frozen(kw_only=True)
class Observation:
    """What happened, in one step towards one address. It never says what it means.

    ``target`` is a target's name, or None for what concerns the whole machine or a name shared by targets.
    ``address`` is what was addressed: ``ip:port``, a name server, an interface. ``facts`` are flat scalars.
    """

    probe: str
    step: str
    target: Optional[str] = None
    address: Optional[str] = None
    failure: Optional[Failure] = None
    started: float = 0.0
    duration_s: float = 0.0
    facts: Facts = Factory(dict)
    id: str = ""

    @property
    def ok(self) -> bool:
        """Whether the step did what it set out to do."""
        return self.failure is None


@frozen(kw_only=True)
class Candidate:
    """A cause that could not be told apart from the one named, its share, and what would decide."""

    cause: str
    confidence: float
    decided_by: str = ""


@frozen(kw_only=True)
class Remedy:
    """What to change, the statement to paste, where that is documented, and who must act (see OWNERS).

    ``checks``: what no packet can show and is worth a look, each with its source.
    """

    text: str
    snippet: str = ""
    reference: str = ""
    owner: str = "network"
    checks: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Finding:
    """One cause, the targets that it explains, how sure that is, and on what evidence (observation ids).

    ``because`` holds the evidence in plain words with the numbers; ``surer`` says what to do to be surer. What was
    ruled out stands in Report.cleared.
    """

    cause: str
    layer: str
    severity: str
    confidence: float
    targets: Tuple[str, ...] = ()
    summary: str = ""
    because: Tuple[str, ...] = ()
    evidence: Tuple[str, ...] = ()
    candidates: Tuple[Candidate, ...] = ()
    remedy: Remedy = Remedy(text="")
    surer: str = ""
    id: str = ""


@frozen(kw_only=True)
class Cleared:
    """Causes that were ruled out for some targets, in words, and by which observations."""

    targets: Tuple[str, ...]
    causes: Tuple[str, ...]
    because: str = ""
    evidence: Tuple[str, ...] = ()


@frozen(kw_only=True)
class TargetResult:
    """The verdict on one target."""

    name: str
    address: str
    verdict: str
    latency_s: Optional[float] = None
    findings: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Share:
    """Which of a job's instances this is: ``index`` (from 0) ``of`` so many. Each takes its part of the budget."""

    index: int = 0
    of: int = 1


@frozen(kw_only=True)
class Phase:
    """A part of a run, and the observation in it that was waited for longest (its id), where any was."""

    name: str
    duration_s: float
    longest: Optional[str] = None


@frozen(kw_only=True)
class Run:
    """One execution of a plan. ``partial``: it was interrupted or ran out of time, and says what it has.

    ``phases`` say where the time went.
    """

    id: str
    started: float
    duration_s: float
    linkdoctor: str
    plan: Plan
    partial: bool = False
    share: Share = Share()
    phases: Tuple[Phase, ...] = ()


@frozen(kw_only=True)
class Report:
    """Everything one run says. Written whole or not at all."""

    run: Run
    vantage: Vantage
    verdict: str
    targets: Tuple[TargetResult, ...] = ()
    findings: Tuple[Finding, ...] = ()
    cleared: Tuple[Cleared, ...] = ()
    observations: Tuple[Observation, ...] = ()
    schema: str = SCHEMA


def join_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 literal stands in brackets (RFC 3986, section 3.2.2)."""
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


_canonical = encoder(sort_keys=True, separators=(",", ":"), default=str)


def content_id(prefix: str, *content: object) -> str:
    """An id that derives from content alone: equal content, equal id."""
    text = _canonical(content)
    return prefix + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def worst(verdicts: "Tuple[str, ...]") -> str:
    """The worst of the verdicts; healthy when there are none."""
    return max(verdicts, key=VERDICTS.index) if verdicts else HEALTHY
