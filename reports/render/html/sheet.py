"""One plan of a page, or one report: its cards, its rows, and what is drawn of a target."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from reports import again, words
from reports.evidence import Evidence
from reports.history import Event
from reports.model import (
    HEALTHY,
    UNDETERMINED,
    Finding,
    Plan,
    Report,
    Run,
    TargetResult,
    Vantage,
    content_id,
    worst,
)
from reports.render.healthy import proof as proved
from reports.render.html import nouns
from reports.render.html.chart import Chart, chart
from reports.render.html.finding import BROKEN_FIRST, MOST_ITEMS, MOST_NAMED, cut, told_of
from reports.render.html.map import Map, maps
from reports.render.html.path import way_of
from reports.render.html.state import Shown
from reports.render.html.strip import marks
from reports.render.html.waterfall import waterfall
from reports.render.story import Story
from reports.subnet import PROBE as SUBNET

# Of a finding that many targets share, so many are drawn.
_MOST_DRAWN = 2
MOST_EVENTS = 50
_MOST_CHANGED = 200
_MOST_CAUSES = 2


class Sheet:
    """What is shown of one plan. ``number``: which one it is of those of its name; ``several``: others stand beside."""

    def __init__(self, shown: Shown, number: int, *, several: bool) -> None:
        self.shown = shown
        self.name = shown.name
        self.report = shown.report if shown.report is not None else _not_run(shown.name)
        self.label = _labelled(shown, number) if several else ""
        self.key = content_id("p-", shown.name, number)
        self.story = Story(self.report)
        self.results = self.report.targets
        self.standing = {one.target: one for one in shown.standing}
        self.strips = {one.target: one for one in shown.strips.rows} if shown.strips is not None else {}
        self.keys = {one.name: content_id("t-", self.key, one.name) for one in self.results}
        self.counts = Counter(map(self.in_force, self.results))
        self._by_key = {key: name for name, key in self.keys.items()}

    @property
    def verdict(self) -> str:
        """The worst in force; else that of the report, which knows of findings without a target too."""
        return worst(tuple(self.counts)) if self.results and self.standing else self.report.verdict

    @property
    def headline(self) -> str:
        """How it is, in a few words."""
        if self.shown.report is None:
            return "not run yet"
        if self.verdict == self.report.verdict:
            return self.story.headline
        total = words.count(len(self.results), "target")
        return f"{self.verdict.upper()}: {self.counts[self.verdict]:,} of {total}"

    def in_force(self, result: TargetResult) -> str:
        """The verdict that counts."""
        standing = self.standing.get(result.name)
        return standing.verdict if standing is not None else result.verdict

    # --- its parts --------------------------------------------------------------------------------------------------

    def plan(self) -> nouns.Plan:
        """The plan itself, and how it is watched."""
        shown, run = self.shown, self.report.run
        trouble = list(shown.trouble)
        trouble += [self.story.sent_nothing] if self.story.sent_nothing else []
        trouble += ["the run was cut short: not everything was looked at"] if run.partial else []
        return nouns.Plan(
            key=self.key,
            name=cut(self.label or self.name),
            verdict=self.verdict,
            headline=self.headline,
            whence=self.story.whence if shown.report is not None else "",
            started=run.started,
            run=run.id,
            interval_s=shown.interval_s,
            next_run=shown.next_run,
            overruns=shown.overruns,
            trouble=tuple(trouble),
        )

    def cards(self) -> Iterator[nouns.Card]:
        """The findings that want an act; of many alike the first few."""
        seen: Counter[str] = Counter()
        for finding in self.story.told(self.story.blocks)[0]:
            key = content_id("f-", self.key, finding.cause, finding.targets)
            seen[key] += 1
            yield self._card(finding, key if seen[key] == 1 else f"{key}-{seen[key]}")

    def _card(self, finding: Finding, key: str) -> nouns.Card:
        title, where = self.story.title(finding)
        known = [name for name in finding.targets if name in self.keys]
        return nouns.Card(
            key=key,
            plan=self.label,
            plan_key=self.key,
            title=cut(title),
            where=cut(where),
            targets=tuple(nouns.Link(name=cut(name), key=self.keys[name]) for name in known[:MOST_NAMED]),
            more_targets=max(0, len(known) - MOST_NAMED),
            groups=tuple(sorted({self._group(name) for name in known} - {""})),
            details=tuple(self._detail(name, finding) for name in known[:_MOST_DRAWN]),
            charts=tuple(chart(curve, self.story.plan.job) for curve in self.story.measured(finding)),
            maps=tuple(one for one in self.maps() if one.name in self._networks(finding)),
            **told_of(self.story, finding),
        )

    def _networks(self, finding: Finding) -> set[str]:
        """The swept networks on which a finding rests."""
        evidence = set(finding.evidence)
        resting = (seen for seen in self.report.observations if seen.probe == SUBNET and seen.id in evidence)
        return {str(seen.facts.get("network", "")) for seen in resting}

    def alike(self) -> Iterator[nouns.Alike]:
        """What has a cause that cards tell already."""
        for findings in self.story.told(self.story.blocks)[1]:
            names = self.story.all_targets(findings)
            yield nouns.Alike(
                key=content_id("a-", self.key, findings[0].cause),
                state=self.story.state(findings[0]),
                plan=self.label,
                plan_key=self.key,
                cause=findings[0].cause,
                targets=words.listed(words.ranges(names), MOST_NAMED),
                count=len(names),
            )

    def rows(self) -> list[nouns.Row]:
        """The targets: what is broken first, else in the plan's order."""
        return sorted(map(self._row, self.results), key=lambda row: BROKEN_FIRST[row.verdict])

    def _row(self, result: TargetResult) -> nouns.Row:
        name, verdict = result.name, self.in_force(result)
        target, standing, strip = self.story.targets.get(name), self.standing.get(name), self.strips.get(name)
        causes = tuple(dict.fromkeys(self._causes[one] for one in result.findings if one in self._causes))
        if not causes and standing is not None and standing.cause:
            causes = (standing.cause,)  # of a verdict that is held, though the last run saw none
        proof = proved(self.story, name) if result.verdict == HEALTHY and not causes else ""
        return nouns.Row(
            key=self.keys[name],
            plan=self.label,
            plan_key=self.key,
            name=cut(name),
            address=cut(result.address) if result.address != name else "",
            verdict=verdict,
            measured=result.verdict if result.verdict != verdict else "",
            said=words.listed(causes, _MOST_CAUSES) or proof,
            causes=causes,
            latency=words.seconds(result.latency_s) if result.latency_s is not None else "",
            service=target.service if target is not None else "",
            group=self._group(name),
            since=standing.since if standing is not None else None,
            from_start=standing.from_start if standing is not None else False,
            marks=marks(strip, self.shown.strips.width_s) if strip is not None and self.shown.strips else None,
        )

    def happened(self) -> Iterator[nouns.Happened]:
        """Changes of verdicts, newest first."""
        seen: Counter[str] = Counter()
        for event in self.shown.events[:MOST_EVENTS]:
            key = content_id("e-", self.key, event.run, event.target)
            seen[key] += 1
            yield nouns.Happened(
                key=key if seen[key] == 1 else f"{key}-{seen[key]}",
                plan=self.label,
                plan_key=self.key,
                target=cut(event.target),
                target_key=self.keys.get(event.target, ""),
                at=event.at,
                before=event.before,
                after=event.after,
                cause=_cause(event),
                run=event.run,
            )

    def changed(self) -> Iterator[nouns.Changed]:
        """What became of what was broken, where it was checked again."""
        for row in (self.shown.changes or ())[:_MOST_CHANGED]:
            yield nouns.Changed(
                target=cut(row.target), change=row.change, before=_found(row.before), after=_found(row.after)
            )

    def charts(self) -> list[Chart]:
        """How many connections were held, where no card says it."""
        return [chart(curve, self.story.plan.job) for curve in self.story.measured_well]

    def maps(self) -> tuple[Map, ...]:
        """The networks that were swept."""
        return self._maps

    @cached_property
    def _maps(self) -> tuple[Map, ...]:
        return maps(self.report, self.story.swept)

    def notes(self) -> Iterator[nouns.Notes]:
        """What wants no act."""
        story = self.story
        info = [finding for finding in story.report.findings if finding.severity == "info"]
        for title, items in (
            ("Not settled", [words.listed(words.ranges(story.unsettled), MOST_NAMED)] if story.unsettled else []),
            ("The job said", [f"{name}: {said}" for name, said in story.job_said]),
            ("Worth knowing", [_note(story, finding) for finding in info]),
            ("Where the time went", story.time_spent),
        ):
            if items:
                yield nouns.Notes(
                    title=f"{self.label}: {title}" if self.label else title,
                    items=tuple(words.first(items, MOST_ITEMS)),
                )

    # --- one target -------------------------------------------------------------------------------------------------

    def detail(self, key: str) -> nouns.Detail | None:
        """What is drawn of the target that has the row of this key; None where it is none of these."""
        name = self._by_key.get(key)
        return self._detail(name, self._blamed.get(name)) if name is not None else None

    def _detail(self, name: str, finding: Finding | None) -> nouns.Detail:
        case = self._evidence.cases.get(name)
        if case is None:
            return nouns.Detail(target=cut(name))
        return nouns.Detail(
            target=cut(name),
            way=way_of(case, finding),
            waterfall=waterfall(case.target, self.story.seen[name], self.story.seen[None]),
        )

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self.report.run.plan, self.report.vantage, self.report.observations)

    @cached_property
    def _causes(self) -> dict[str, str]:
        return {finding.id: finding.cause for finding in self.story.blocks}

    @cached_property
    def _blamed(self) -> dict[str, Finding]:
        """The most important finding of each target."""
        found: dict[str, Finding] = {}
        for finding in self.story.blocks:
            for name in finding.targets:
                found.setdefault(name, finding)
        return found

    def _group(self, name: str) -> str:
        target = self.story.targets.get(name)
        return target.group or "" if target is not None else ""


def _not_run(name: str) -> Report:
    """Stands for the report of a plan that has not been run."""
    run = Run(id="", started=0.0, duration_s=0.0, linkdoctor="", plan=Plan(name=name))
    return Report(run=run, vantage=Vantage(), verdict=UNDETERMINED)


def _labelled(shown: Shown, number: int) -> str:
    """What tells one of several apart: the plan's name, the instance of the job, or which report of the plan."""
    share = shown.report.run.share if shown.report is not None else None
    if share is not None and share.of > 1:
        return f"{shown.name}, instance {share.index + 1}"
    return shown.name if number == 1 else f"{shown.name} ({number})"


def _found(state: again.State | None) -> str:
    if state is None:
        return "not checked"
    return f"{state.verdict} ({', '.join(state.causes)})" if state.causes else state.verdict


def _cause(event: Event) -> str:
    if event.before == event.after and event.cause_before:
        return f"{event.cause_before}, now {event.cause or 'another cause'}"
    return event.cause or (f"was {event.cause_before}" if event.cause_before else "")


def _note(story: Story, finding: Finding) -> str:
    about = words.listed(words.ranges(finding.targets)) or "; ".join(finding.because[:1])
    return f"{story.meaning(finding)} ({finding.cause})" + (f": {about}" if about else "")
