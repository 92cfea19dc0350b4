"""What a report tells, before it takes the form of a medium: the joins and words that every renderer needs."""

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import frozen

from reports import job_log, words
from reports.causes import CAUSES, UNDETERMINED_CAUSES
from reports.model import (
    HEALTHY,
    OWNERS,
    UNDETERMINED,
    Finding,
    Network,
    Observation,
    Report,
)
from reports.render.networks import Networks

if TYPE_CHECKING:
    from reports.curve import Curve
    from reports.subnet.swept import Swept

CRITICAL = "critical"
WARNING = "warning"
OPEN = "undetermined"  # a finding that leaves the verdict of its targets open

# How many findings of one cause are told in full; the JSON holds them all.
_MOST_ALIKE = 3

_KINDS = {
    "host": "this host",
    "udf": "a UDF",
    "spark-driver": "a Spark driver",
    "spark-executor": "a Spark executor",
    "pyodps": "a PyODPS node",
}
_WAYS = {"vpc": "over the VPC", "internet": "over the Internet", "service": "over the services' own network"}
_PHASES = {
    "look": "for the first look",
    "experiments": "for experiments",
    "saturation": "to see how many connections are held",
    "subnet": "for the networks",
}
# Seconds from which on somebody asks where they went.
_NOTICED = 1.0


@frozen(kw_only=True)
class RuledOut:
    """Causes that were ruled out for a finding, why, and for how many of its targets."""

    causes: tuple[str, ...]
    because: str
    targets: int


class Story:
    """A report, indexed once for those who tell it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.plan = report.run.plan
        self.results = {result.name: result for result in report.targets}
        self.targets = {target.name: target for target in self.plan.targets}
        self.networks = Networks(report)
        self.seen: dict[str | None, list[Observation]] = defaultdict(list)
        for seen in report.observations:
            self.seen[seen.target].append(seen)

    # --- the run ------------------------------------------------------------------------------------------------

    @property
    def headline(self) -> str:
        """``FAILING: 1 of 6 targets, 3.2 s``."""
        verdict, results = self.report.verdict, self.report.targets
        affected = sum(result.verdict == verdict for result in results)
        total = words.count(len(results), "target")
        counted = total if verdict == HEALTHY else f"{affected:,} of {total}"
        if not results:
            found = words.count(len(self.report.findings), "finding")
            counted = self.networks.counted(self.blocks) if self.networks.names else found
        return f"{verdict.upper()}: {counted}, {words.seconds(self.report.run.duration_s)}"

    @property
    def whence(self) -> str:
        """``a UDF in cn-hangzhou, ENI 10.10.1.10 (vswitch-a)``: where the probes ran, if any did."""
        if {seen.probe for seen in self.report.observations} == {"settings"}:
            return "the settings alone, no packet sent"
        kind = self.report.vantage.kind
        place = _KINDS.get(kind, kind)
        if kind == "host" and self.report.vantage.host:
            place = self.report.vantage.host
        if self.plan.region:
            place += f" in {self.plan.region}"
        sources = words.listed(self.sources)
        return f"{place}, {sources}" if sources else place

    @property
    def sent_nothing(self) -> str:
        """Why this instance of the job probed nothing; "" where it did."""
        share = self.report.run.share
        for seen in self.seen[None]:
            if seen.step == "share" and not seen.facts.get("probes", True):
                name = str(seen.facts.get("short_of", ""))
                return (
                    f"instance {share.index + 1} of {share.of} sent nothing: limits.{name} is "
                    f"{getattr(self.plan.limits, name, 0)} for all of them together, and the others use it up"
                )
        return ""

    @property
    def time_spent(self) -> list[str]:
        """Where the time of a run that was noticed went: each part, and what it waited for longest."""
        if self.report.run.duration_s < _NOTICED:
            return []
        seen = {one.id: one for one in self.report.observations}
        return [
            f"{words.seconds(phase.duration_s)} {_PHASES.get(phase.name, phase.name)}"
            + _waited_for(seen.get(phase.longest or ""))
            for phase in self.report.run.phases
        ]

    @cached_property
    def sources(self) -> list[str]:
        """The addresses that connections came from, the most frequent first, each with the network that holds it."""
        used = Counter(
            str(seen.facts["source"])
            for seen in self.report.observations
            if seen.probe == "tcp" and "source" in seen.facts
        )
        own = [address for address, _ in used.most_common()] or ([] if self.results else self.networks.sources)
        return [self._placed(address) for address in own or _own_addresses(self.report.vantage.addresses)]

    @property
    def vswitches(self) -> list[str]:
        """The declared networks: ``vswitch-a 10.10.1.0/24``."""
        return [f"{network.name} {network.cidr}" for network in self.plan.networks]

    @property
    def unsettled(self) -> list[str]:
        """The targets whose verdict is open, and that no finding speaks of."""
        spoken_of = {name for finding in self.blocks for name in finding.targets}
        return [
            result.name
            for result in self.report.targets
            if result.verdict == UNDETERMINED and result.name not in spoken_of
        ]

    @property
    def blocks(self) -> list[Finding]:
        """The findings that want an act, in their order: all but ``info``."""
        return [finding for finding in self.report.findings if finding.severity in {CRITICAL, WARNING}]

    @property
    def owners(self) -> dict[str, list[Finding]]:
        """Who must act, in the order of OWNERS, and on which findings."""
        by_owner: dict[str, list[Finding]] = {owner: [] for owner in OWNERS}
        for finding in self.blocks:
            by_owner[finding.remedy.owner].append(finding)
        return {owner: findings for owner, findings in by_owner.items() if findings}

    @staticmethod
    def told(findings: Iterable[Finding]) -> tuple[list[Finding], list[list[Finding]]]:
        """The findings to be told in full, and the others by cause: of a thousand alike the first few will do."""
        told, untold = [], defaultdict(list)
        counts: Counter[str] = Counter()
        for finding in findings:
            counts[finding.cause] += 1
            if counts[finding.cause] <= _MOST_ALIKE:
                told.append(finding)
            else:
                untold[finding.cause].append(finding)
        return told, list(untold.values())

    def all_targets(self, findings: Iterable[Finding]) -> list[str]:
        """The targets of some findings, each once, in the plan's order."""
        named = {name for finding in findings for name in finding.targets}
        known = [name for name in self.results if name in named]
        return known + sorted(named.difference(known))

    # --- a finding ----------------------------------------------------------------------------------------------

    def state(self, finding: Finding) -> str:
        """How it is marked: CRITICAL, WARNING or OPEN."""
        return OPEN if finding.cause in UNDETERMINED_CAUSES else finding.severity

    def title(self, finding: Finding) -> tuple[str, str]:
        """What it is about, in bold and in plain: ``metastore``, ``emr-header-1:9083 = 10.10.2.30, over the VPC``.

        Of a network also the targets with which it is said: ``vswitch-b``, ``with metastore, namenode``.
        """
        networks = self.networks.of(finding)
        if networks:
            with_targets = words.listed(words.ranges(finding.targets))
            return words.listed(networks), f"with {with_targets}" if with_targets else ""
        if not finding.targets:
            return ("the job's settings" if finding.layer == "config" else "this machine"), ""
        if len(finding.targets) > 1:
            return words.count(len(finding.targets), "target"), words.listed(words.ranges(finding.targets))
        name = finding.targets[0]
        return name, self.whereabouts(name)

    def whereabouts(self, name: str) -> str:
        """``emr-header-1:9083 = 10.10.2.30, over the VPC``: the address, what it resolved to, the way there."""
        result = self.results.get(name)
        address = result.address if result and result.address != name else ""
        ips = [ip for ip in self._ips(name) if ip not in (address or name)]
        if ips:
            address = f"{address} = {words.listed(ips)}".strip()
        return ", ".join(part for part in (address, _WAYS.get(self._way(name), "")) if part)

    @staticmethod
    def meaning(finding: Finding) -> str:
        """What is wrong, in words."""
        if finding.summary:
            return finding.summary
        cause = CAUSES.get(finding.cause)
        return cause.meaning if cause else finding.cause

    def ruled_out(self, finding: Finding) -> list[RuledOut]:
        """What was ruled out for its targets, one row a reason; of networks it is none of their matters."""
        if self.networks.of(finding):
            return []
        still_possible = {finding.cause, *(candidate.cause for candidate in finding.candidates)}
        about = set(finding.targets)
        causes: dict[str, dict[str, None]] = defaultdict(dict)
        targets: dict[str, set[str]] = defaultdict(set)
        for row in self.report.cleared:
            shared = about.intersection(row.targets)
            gone = [code for code in row.causes if code not in still_possible]
            if shared and gone:
                causes[row.because].update(dict.fromkeys(gone))
                targets[row.because] |= shared
        return [
            RuledOut(causes=tuple(codes), because=because, targets=len(targets[because]))
            for because, codes in causes.items()
        ]

    def reasons(self, finding: Finding) -> list[str]:
        """``host_down, eni_missing: 10.10.2.30:8020 answers (for 2 of 3)``."""
        total = len(finding.targets)
        return [
            ", ".join(row.causes)
            + (f": {row.because}" if row.because else "")
            + (f" (for {row.targets:,} of {total:,})" if row.targets < total else "")
            for row in self.ruled_out(finding)
        ]

    def since(self, finding: Finding) -> list[float]:
        """When the first and the last failure of its evidence began: Unix seconds; empty where there is none."""
        evidence = set(finding.evidence)
        moments = [seen.started for seen in self.report.observations if seen.id in evidence and not seen.ok]
        return [min(moments), max(moments)] if moments else []

    def alternatives(self, finding: Finding) -> list[str]:
        """``host_firewall_drop 15 %, ip_whitelist_mismatch 7 %: a check from a host in vswitch-a would tell``."""
        by_decision: dict[str, list[str]] = defaultdict(list)
        for candidate in finding.candidates:
            by_decision[candidate.decided_by].append(f"{candidate.cause} {words.share(candidate.confidence)}")
        return [
            ", ".join(shares) + (f": {decision} would tell" if decision else "")
            for decision, shares in by_decision.items()
        ]

    @property
    def job_said(self) -> list[tuple[str, str]]:
        """What the failed job's log says of each target, in words."""
        return [
            (name, job_log.sentence(seen))
            for name in self.targets
            for seen in self.seen[name]
            if seen.probe == job_log.PROBE
        ]

    # --- how much a way holds -----------------------------------------------------------------------------------

    @cached_property
    def curves(self) -> "dict[str, Curve]":
        """The measurements of how many connections were held, by target."""
        if not any(seen.probe == "saturation" for seen in self.report.observations):
            return {}
        from reports.curve import curves  # noqa: PLC0415 - start-up: few runs measure that

        return curves(self.report.observations)

    def measured(self, finding: Finding) -> "list[Curve]":
        """The measurements on which the finding rests."""
        evidence = set(finding.evidence)
        return [
            self.curves[name]
            for name in finding.targets
            if name in self.curves
            and any(seen.id in evidence for seen in self.seen[name] if seen.probe == "saturation")
        ]

    @property
    def measured_well(self) -> "list[Curve]":
        """The measurements of which no finding that wants an act speaks."""
        told = {curve.target for finding in self.blocks for curve in self.measured(finding)}
        return [curve for name, curve in self.curves.items() if name not in told and name in self.results]

    @property
    def swept(self) -> "tuple[Swept, ...]":
        """The networks that were swept, the plan's first."""
        return self.networks.swept

    # --- look-ups -----------------------------------------------------------------------------------------------

    def of(self, name: str, probe: str, step: str) -> list[Observation]:
        """What was seen of a target in one step."""
        return [seen for seen in self.seen[name] if seen.probe == probe and seen.step == step]

    def _ips(self, name: str) -> list[str]:
        return list(
            dict.fromkeys(str(seen.facts["ip"]) for seen in self.of(name, "tcp", "connect") if "ip" in seen.facts)
        )

    def _way(self, name: str) -> str:
        target = self.targets.get(name)
        if target and target.via != "auto":
            return target.via
        return next((str(seen.facts.get("way", "")) for seen in self.of(name, "settings", "coverage")), "")

    def _placed(self, address: str) -> str:
        for network in self.plan.networks:
            if address in network.enis:
                return f"ENI {address} ({network.name})"
            if _holds(network, address):
                return f"{address} ({network.name})"
        return address


def _own_addresses(addresses: Iterable[str]) -> list[str]:
    """Without those that lead nowhere beyond the link, where there are others."""
    own = [address.partition("/")[0] for address in addresses]
    return [address for address in own if not address.lower().startswith("fe80:")] or own


def _holds(network: Network, address: str) -> bool:
    # A redacted report holds pseudonyms: they are in no network.
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network.cidr)
    except ValueError:
        return False


def _waited_for(longest: Observation | None) -> str:
    """``, longest 1.5 s for tcp connect to 10.10.2.40:3306``; "" where nothing in particular was waited for."""
    if longest is None:
        return ""
    where = f" to {longest.address}" if longest.address else ""
    return f", longest {words.seconds(longest.duration_s)} for {longest.probe} {longest.step}{where}"
