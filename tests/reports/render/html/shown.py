"""Pages as a parser sees them, and states of which pages are made."""

from html.parser import HTMLParser

from attrs import evolve

from reports.history import BIT, Event, Standing, Strip, Strips
from reports.model import FAILING, HEALTHY
from reports.render.html import Shown, State
from tests.reports import samples
from tests.reports.building import STARTED

NOW = STARTED + 5.0

# A name of each kind that has broken pages before.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "<!--", "-->", "]]>", "&lt;b&gt;", "\"' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for %}",
    "\u202egnp.exe\u202c\u2066\u200b\ufeff",
    "\x00\x07\x1b[2J\x9b31m\x7f\r\n\t",
    "\ud800",
    "\u05e9\u05dc\u05d5\u05dd",
    "x" * 5000,
    "\u2028\u2029",
)  # fmt: skip


class Parsed(HTMLParser):
    """A document: its elements with their attributes, and its text without scripts and styles."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self.raw, self._in = [], [], {"script": "", "style": ""}, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """HTMLParser's, as the next three."""
        self.elements.append((tag, dict(attrs)))
        self._in = tag if tag in self.raw else ""

    def handle_startendtag(self, tag, attrs):
        """An element without an end."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """The end of one."""
        self._in = ""

    def handle_data(self, data):
        """Text between."""
        if self._in:
            self.raw[self._in] += data
        else:
            self.words.append(data)

    @property
    def text(self):
        """What is read, with single spaces."""
        return " ".join("".join(self.words).split())

    @property
    def tags(self):
        """The kinds of elements that there are."""
        return {tag for tag, _ in self.elements}


def renamed(report, name, new):
    """The report with another name for one of its targets."""
    plan = report.run.plan
    targets = tuple(evolve(one, name=new) if one.name == name else one for one in plan.targets)
    return evolve(
        report,
        run=evolve(report.run, plan=evolve(plan, targets=targets)),
        targets=tuple(evolve(one, name=new) if one.name == name else one for one in report.targets),
        findings=tuple(
            evolve(one, targets=tuple(new if its == name else its for its in one.targets)) for one in report.findings
        ),
        observations=tuple(evolve(one, target=new) if one.target == name else one for one in report.observations),
    )


def watched(report, *, name="nightly-etl", cells=None, events=(), **rest):
    """A plan as a server shows it: each target with a month of history."""
    return Shown(
        name=name,
        report=report,
        standing=tuple(
            Standing(
                target=one.name,
                address=one.address,
                verdict=one.verdict,
                cause="",
                since=NOW - 3600,
                run=None,
                from_start=False,
            )
            for one in report.targets
        ),
        strips=Strips(
            since=NOW - 30 * 86400,
            width_s=43200,
            rows=tuple(
                Strip(target=one.name, cells=cells or bytes([BIT[HEALTHY]] * 59 + [BIT[one.verdict]]))
                for one in report.targets
            ),
        ),
        events=events,
        interval_s=60.0,
        **rest,
    )


def broke(target, at=1795507200.0, run="r-6d0f5b1c9a3e"):
    """A change of verdict."""
    return Event(
        at=at,
        run=run,
        plan="nightly-etl",
        target=target,
        before=HEALTHY,
        after=FAILING,
        cause_before="",
        cause="sg_drop",
    )


def state(report=None, **rest):
    """A server that watches one plan."""
    return State(plans=(watched(samples.nightly() if report is None else report, **rest),))
