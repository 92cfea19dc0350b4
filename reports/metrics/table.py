"""The table of metrics: names, labels, units, buckets. docs/metrics.md shows it; a test holds them together.

Labels are the plan's own names (a plan, its targets, its networks) or words of closed lists; they stand in the order
in which prometheus-client writes them. Units are base units (seconds, bytes, ratios of 1).
"""

from attrs import field, frozen

GAUGE = "gauge"
COUNTER = "counter"
HISTOGRAM = "histogram"
INFO = "info"

# What the sample of a kind is called beyond its metric.
SUFFIXES = {GAUGE: "", COUNTER: "_total", INFO: "_info"}

# Half a millisecond: a neighbour in the same VPC. Ten seconds: beyond every time-out that is usual.
PHASE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RUN_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


@frozen(eq=False, kw_only=True)
class Metric:
    """One metric. ``name`` is without the suffix of its kind; ``unit``, where there is one, ends it.

    ``most``: of how many series a target, a network or a plan has at most, for gauges; 0 where the plan says how many.
    """

    name: str
    kind: str = GAUGE
    help: str
    labels: tuple[str, ...]
    unit: str = ""
    buckets: tuple[float, ...] = ()
    most: int = 1
    # A line of the text, to be filled with the escaped labels and the value.
    line: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        labels = ",".join(f'{label}="%s"' for label in self.labels)
        braces = f"{{{labels}}}" if labels else ""
        object.__setattr__(self, "line", f"{self.name}{SUFFIXES.get(self.kind, '')}{braces} %s\n")

    @property
    def sample(self) -> str:
        """What its series are called (a histogram's have suffixes of their own)."""
        return self.name + SUFFIXES.get(self.kind, "")


# So many causes, and failures, of one target are told; a target has hardly ever two.
MOST_CAUSES = 5
MOST_FAILURES = 5

# --- a target -------------------------------------------------------------------------------------------------------

_TARGET = ("plan", "target")

UP = Metric(
    name="linkdoctor_target_up",
    help="Whether the target can be used: 1 healthy or degraded, 0 failing, absent while that is undetermined.",
    labels=_TARGET,
)
VERDICT = Metric(
    name="linkdoctor_target_verdict",
    help="The verdict on the target: 1 for the one that holds, 0 for the others.",
    labels=(*_TARGET, "verdict"),
    most=4,
)
TARGET = Metric(
    name="linkdoctor_target",
    kind=INFO,
    help="What the plan says of the target.",
    labels=("address", "group", "plan", "service", "target", "via"),
)
LATENCY = Metric(
    name="linkdoctor_target_latency_seconds",
    help="Until the target answered at its fastest address: handshake, TLS, first byte.",
    labels=_TARGET,
    unit="seconds",
)
PHASE = Metric(
    name="linkdoctor_target_phase_duration_seconds",
    help="How long a phase took that completed, at the slowest of the target's addresses.",
    labels=("phase", *_TARGET),
    unit="seconds",
    most=5,
)
FAILURES = Metric(
    name="linkdoctor_target_failures",
    help="At how many of the target's addresses a phase failed, and how.",
    labels=("failure", "phase", *_TARGET),
    most=MOST_FAILURES,
)
CAUSE = Metric(
    name="linkdoctor_target_cause_confidence_ratio",
    help="What is wrong with the target, and how sure that is.",
    labels=("cause", "layer", "owner", "plan", "severity", "target"),
    unit="ratio",
    most=MOST_CAUSES,
)
CERTIFICATE = Metric(
    name="linkdoctor_target_certificate_expiry_timestamp_seconds",
    help="When the target's certificate expires, the earliest where its addresses have several.",
    labels=_TARGET,
    unit="seconds",
)
STATUS = Metric(
    name="linkdoctor_target_http_status_code",
    help="The status that the target answered with.",
    labels=_TARGET,
)
LOSS = Metric(
    name="linkdoctor_target_packet_loss_ratio",
    help="The share of SYNs that were lost, where that was measured.",
    labels=_TARGET,
    unit="ratio",
)
THROUGHPUT = Metric(
    name="linkdoctor_target_throughput_bytes_per_second",
    help="How fast one large answer came, where that was measured.",
    labels=_TARGET,
    unit="bytes_per_second",
)
HELD = Metric(
    name="linkdoctor_target_connections_held",
    help="The most connections to the target that stood open at once when that was measured (`saturate`).",
    labels=_TARGET,
)
TRIED = Metric(
    name="linkdoctor_target_connections_tried",
    help="The most that stood open or were being opened at once then: where no limit was met it is above.",
    labels=_TARGET,
)
LIMIT = Metric(
    name="linkdoctor_target_connections_limit",
    help="How many connections to the target can be open at once, at the likeliest, where a limit was met.",
    labels=_TARGET,
)
LIMIT_LOW = Metric(
    name="linkdoctor_target_connections_limit_low",
    help="The limit of connections, as low as what was measured admits: so many are safe.",
    labels=_TARGET,
)
LIMIT_HIGH = Metric(
    name="linkdoctor_target_connections_limit_high",
    help="The limit of connections, as high as what was measured admits: more are refused.",
    labels=_TARGET,
)
RATE_LIMIT = Metric(
    name="linkdoctor_target_connections_per_second_limit",
    help="How many connections to the target can be opened in a second, where a limit of that kind was met.",
    labels=_TARGET,
)

OF_A_TARGET = (
    UP,
    VERDICT,
    TARGET,
    LATENCY,
    PHASE,
    FAILURES,
    CAUSE,
    CERTIFICATE,
    STATUS,
    LOSS,
    THROUGHPUT,
    HELD,
    TRIED,
    LIMIT,
    LIMIT_LOW,
    LIMIT_HIGH,
    RATE_LIMIT,
)

# --- a network ------------------------------------------------------------------------------------------------------

ADDRESSES = Metric(
    name="linkdoctor_subnet_addresses",
    help="How many addresses of a swept network are in which state, by what they were asked.",
    labels=("asked", "network", "plan", "state"),
    most=0,
)

OF_A_NETWORK = (ADDRESSES,)

# --- a plan's last run ----------------------------------------------------------------------------------------------

_PLAN = ("plan",)

PLAN_VERDICT = Metric(
    name="linkdoctor_plan_verdict",
    help="The verdict of the last run: 1 for the one that holds, 0 for the others.",
    labels=("plan", "verdict"),
    most=4,
)
PLAN_TARGETS = Metric(
    name="linkdoctor_plan_targets",
    help="How many targets have which verdict.",
    labels=("plan", "verdict"),
    most=4,
)
PLAN_FINDINGS = Metric(
    name="linkdoctor_plan_findings",
    help="How many findings name the cause.",
    labels=("cause", "layer", "owner", "plan", "severity"),
    most=0,
)
NEEDED = Metric(
    name="linkdoctor_plan_connections_needed",
    help="How many connections the job opens at once, where the plan says so (`job`).",
    labels=_PLAN,
)
LAST_RUN = Metric(
    name="linkdoctor_last_run_timestamp_seconds",
    help="When the last run ended.",
    labels=_PLAN,
    unit="seconds",
)
LAST_DURATION = Metric(
    name="linkdoctor_last_run_duration_seconds",
    help="How long the last run took.",
    labels=_PLAN,
    unit="seconds",
)
LAST_PARTIAL = Metric(
    name="linkdoctor_last_run_partial",
    help="Whether the last run was interrupted or ran out of time: 1, else 0.",
    labels=_PLAN,
)
LAST_SHORTAGES = Metric(
    name="linkdoctor_last_run_shortages",
    help="How often the last run could not do something for want of something here: never a target's fault.",
    labels=("failure", "plan"),
    most=0,
)
LAST_LAG = Metric(
    name="linkdoctor_last_run_loop_lag_seconds",
    help="How late the event loop came at worst during the last run.",
    labels=_PLAN,
    unit="seconds",
)
DROPPED = Metric(
    name="linkdoctor_dropped_series",
    help="How many series of the last run were left out, because there would have been too many.",
    labels=_PLAN,
)

OF_A_PLAN = (
    PLAN_VERDICT,
    PLAN_TARGETS,
    PLAN_FINDINGS,
    NEEDED,
    LAST_RUN,
    LAST_DURATION,
    LAST_PARTIAL,
    LAST_SHORTAGES,
    LAST_LAG,
    DROPPED,
)

# --- what is watched from run to run: what holds, whatever the last run measured ------------------------------------

SETTLED = Metric(
    name="linkdoctor_target_settled_verdict",
    help="The verdict in force, which takes two of three runs to change: 1 for the one that holds, 0 for the others.",
    labels=(*_TARGET, "verdict"),
    most=4,
)
ASKED_EVERY = Metric(
    name="linkdoctor_target_asked_every_runs",
    help="In which of so many runs the target is asked, where not in each: it has failed the same way for long.",
    labels=_TARGET,
)
ASKED = Metric(
    name="linkdoctor_target_last_asked_timestamp_seconds",
    help="When a target began to be asked last that was left out of the last run: what is told of it is as old.",
    labels=_TARGET,
    unit="seconds",
)
PLAN_SETTLED = Metric(
    name="linkdoctor_plan_settled_verdict",
    help="The worst verdict in force of the plan's targets: 1 for the one that holds, 0 for the others.",
    labels=("plan", "verdict"),
    most=4,
)
INTERVAL = Metric(
    name="linkdoctor_plan_interval_seconds",
    help="How often the plan is run.",
    labels=_PLAN,
    unit="seconds",
)

WATCHED = (SETTLED, ASKED_EVERY, ASKED, PLAN_SETTLED, INTERVAL)

# --- what grows from run to run -------------------------------------------------------------------------------------

RUNS = Metric(
    name="linkdoctor_runs",
    kind=COUNTER,
    help="Runs that ended, by their verdict.",
    labels=("plan", "verdict"),
)
OVERRUNS = Metric(
    name="linkdoctor_overruns",
    kind=COUNTER,
    help="Runs that were due while the one before was still going, and were left out.",
    labels=_PLAN,
)
SPOILED = Metric(
    name="linkdoctor_spoiled_runs",
    kind=COUNTER,
    help="Runs that changed no verdict, because this machine itself was too late to judge.",
    labels=_PLAN,
)
SHORTAGES = Metric(
    name="linkdoctor_shortages",
    kind=COUNTER,
    help="How often something could not be done for want of something here: never a target's fault.",
    labels=("failure", "plan"),
)
STEP_FAILURES = Metric(
    name="linkdoctor_failures",
    kind=COUNTER,
    help="Steps that failed, an address of a target each, or a look-up of a name.",
    labels=("failure", "phase", "plan", "service"),
)
RUN_SECONDS = Metric(
    name="linkdoctor_run_duration_seconds",
    kind=HISTOGRAM,
    help="How long runs took.",
    labels=_PLAN,
    unit="seconds",
    buckets=RUN_BUCKETS,
)
PHASE_SECONDS = Metric(
    name="linkdoctor_phase_duration_seconds",
    kind=HISTOGRAM,
    help="How long phases took that completed, at each address of a target, and for each name.",
    labels=("phase", "plan", "service"),
    unit="seconds",
    buckets=PHASE_BUCKETS,
)

GROWING = (RUNS, OVERRUNS, SPOILED, SHORTAGES, STEP_FAILURES, RUN_SECONDS, PHASE_SECONDS)

# --- linkdoctor itself ----------------------------------------------------------------------------------------------

BUILD = Metric(
    name="linkdoctor_build",
    kind=INFO,
    help="Which linkdoctor this is.",
    labels=("version",),
)

GAUGES = (*OF_A_TARGET, *OF_A_NETWORK, *OF_A_PLAN, *WATCHED)
TABLE = (BUILD, *GAUGES, *GROWING)

# What a target has at most, and how many more where it is watched.
MOST_OF_A_TARGET = sum(metric.most for metric in OF_A_TARGET)
MOST_WATCHED = SETTLED.most + ASKED_EVERY.most + ASKED.most
