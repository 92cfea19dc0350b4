"""What a page draws, as values.

Texts are as they came: the templates escape them. Moments are Unix seconds, durations seconds. ``key`` is an id of the
document, stable from run to run.
"""

from attrs import frozen

from reports.render.html.chart import Chart
from reports.render.html.map import Map
from reports.render.html.path import Way
from reports.render.html.strip import Marks
from reports.render.html.waterfall import Waterfall


@frozen(kw_only=True)
class Plan:
    """One plan, or one report: what was run, how it is watched, and what is wrong with that (``trouble``)."""

    key: str
    name: str
    verdict: str
    headline: str
    whence: str
    started: float = 0.0
    run: str = ""
    interval_s: float | None = None
    next_run: float | None = None
    overruns: int = 0
    trouble: tuple[str, ...] = ()


@frozen(kw_only=True)
class Link:
    """A target's name and the key of its row."""

    name: str
    key: str


@frozen(kw_only=True)
class Detail:
    """What is drawn of one target: the way to it, and when its steps were made."""

    target: str
    way: Way | None = None
    waterfall: Waterfall | None = None


@frozen(kw_only=True)
class Card:
    """A finding that wants an act. ``state``: critical, warning, undetermined. ``plan``: "" where there is only one.

    ``details``: of its first targets. ``since``: when the first and the last failure of its evidence began.
    """

    key: str
    state: str
    plan: str
    plan_key: str
    title: str
    where: str
    meaning: str
    cause: str
    confidence: str
    since: tuple[float, ...] = ()
    evidence: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    surer: str = ""
    owner: str = ""
    remedy: str = ""
    snippet: str = ""
    reference: str = ""
    checks: tuple[str, ...] = ()
    targets: tuple[Link, ...] = ()
    more_targets: int = 0
    groups: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    charts: tuple[Chart, ...] = ()
    maps: tuple[Map, ...] = ()


@frozen(kw_only=True)
class Alike:
    """More targets of which the cause is one that was told already."""

    key: str
    state: str
    plan: str
    plan_key: str
    cause: str
    targets: str
    count: int


@frozen(kw_only=True)
class Row:
    """One target. ``verdict``: the one in force; ``measured``: that of the last run, where it is another one.

    ``said``: what was proved of it, or the causes. ``from_start``: since when is not known, only that it is so.
    """

    key: str
    plan: str
    plan_key: str
    name: str
    address: str
    verdict: str
    measured: str = ""
    said: str = ""
    causes: tuple[str, ...] = ()
    latency: str = ""
    service: str = ""
    group: str = ""
    since: float | None = None
    from_start: bool = False
    marks: Marks | None = None


@frozen(kw_only=True)
class Happened:
    """A verdict changed, or a cause did. ``run``: the id of the run that found it."""

    key: str
    plan: str
    plan_key: str
    target: str
    target_key: str
    at: float
    before: str
    after: str
    cause: str
    run: str


@frozen(kw_only=True)
class Notes:
    """Sentences under one title."""

    title: str
    items: tuple[str, ...]


@frozen(kw_only=True)
class Changed:
    """What became of one target that was broken: ``change``, how it was, how it is."""

    target: str
    change: str
    before: str
    after: str


@frozen(kw_only=True)
class Looked:
    """A cell of the matrix; ``verdict`` is "" where nobody looked."""

    verdict: str = ""
    stage: str = ""


@frozen(kw_only=True)
class MatrixLine:
    """Targets that look alike from everywhere, and how: a cell a column."""

    names: str
    cells: tuple[Looked, ...]


@frozen(kw_only=True)
class Column:
    """Vantage points that see all alike."""

    letter: str
    label: str
    place: str


@frozen(kw_only=True)
class Matrix:
    """Targets by vantage points. ``more_columns``, ``more_lines``: what is left out."""

    columns: tuple[Column, ...]
    lines: tuple[MatrixLine, ...]
    sweeps: tuple[str, ...] = ()
    more_columns: int = 0
    more_lines: int = 0


@frozen(kw_only=True)
class Page:
    """All of it. ``counts``: how many targets have which verdict."""

    title: str
    verdict: str
    headline: str
    counts: dict[str, int]
    trouble: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    cards: tuple[Card, ...] = ()
    alike: tuple[Alike, ...] = ()
    matrix: Matrix | None = None
    changed: tuple[Changed, ...] = ()
    rows: tuple[Row, ...] = ()
    happened: tuple[Happened, ...] = ()
    charts: tuple[Chart, ...] = ()
    maps: tuple[Map, ...] = ()
    notes: tuple[Notes, ...] = ()
