import io
import re

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reports import again, words
from reports.model import HEALTHY, Cleared, Observation, Phase, Plan, Share, Target, TargetResult, Vantage
from reports.render.text import open_console, render, render_again
from tests.reports import samples, strategies


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        """It is."""
        return True


def shown(report, width=100, **options):
    """The page without colour."""
    out = io.StringIO()
    render(report, open_console(out, width), **options)
    return out.getvalue()


def shown_again(before, after, width=100):
    """What became of it, without colour."""
    out = io.StringIO()
    render_again(again.compare(before, after), open_console(out, width))
    return out.getvalue()


NIGHTLY = """\
nightly-etl   from a UDF in cn-hangzhou, ENI 10.10.1.10 (vswitch-a)   FAILING: 1 of 6 targets, 3.2 s

\u2717 metastore   emr-header-1:9083 = 10.10.2.30, over the VPC
    Cause       the destination's security group drops this source silently            sg_drop, 78 %
    Evidence    3 SYNs to 10.10.2.30:9083 in 3.0 s, no answer of any kind
                10.10.2.30:8020, the same host, answers in 0.4 ms: host, route and ENI are fine
                the trace passes 10.10.1.1 and ends behind it
    Ruled out   host_down, blackhole_route, eni_missing: 10.10.2.30:8020 answers
                dns_stale_answer: both name servers give 10.10.2.30
    Or          host_firewall_drop 15 %, ip_whitelist_mismatch 7 %: a check from a host in vswitch-a
                would tell
    Fix         network: in the security group of emr-header-1 allow inbound TCP 9083 from
                10.10.1.0/24, the vSwitch and not the ENI addresses, which may change
                protocol TCP, port 9083/9083, source 10.10.1.0/24, policy accept, direction ingress
                see MaxCompute, network connection process: access over a VPC, step 4
    Check       whether the network link was made with a basic security group (network connection
                page, step 2)
    Surer       check once more from a host in the destination's own security group

\u2713 namenode      0.4 ms          answers                          emr-header-1:8020
\u2713 datanode1-3   0.3 to 0.5 ms   accepts (it sends no greeting)   :50010
\u2713 oss           12 ms           HTTP 403, certificate 61 days
    etl-raw.oss-cn-hangzhou.aliyuncs.com:443

    Hand over   linkdoctor check nightly-etl.yaml --hand-over network   # 1 finding
"""


def test_the_whole_page():
    """Verdict first; what is broken, with proof and remedy; what works in one table; who must act."""
    assert shown(samples.nightly(), command="linkdoctor check nightly-etl.yaml") == NIGHTLY


def test_a_healthy_page_is_short():
    """A line for the verdict, the table, and what is worth knowing."""
    text = shown(samples.healthy())
    expected = """\
nightly-etl   from a UDF in cn-hangzhou, ENI 10.10.1.10 (vswitch-a)        HEALTHY: 6 targets, 3.2 s

\u2713 metastore     0.4 ms          answers                          emr-header-1:9083
\u2713 namenode      0.4 ms          answers                          emr-header-1:8020
\u2713 datanode1-3   0.3 to 0.5 ms   accepts (it sends no greeting)   :50010
\u2713 oss           12 ms           HTTP 403, certificate 61 days
    etl-raw.oss-cn-hangzhou.aliyuncs.com:443

    Note        the address does not verify by itself: it needs an application (approval_needed):
                oss
"""

    assert expected == text


def test_a_stream_that_knows_ascii_alone():
    """Marks become letters, and what else cannot be encoded stands as an escape."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    report = samples.nightly()
    report = evolve(report, run=evolve(report.run, plan=evolve(report.run.plan, name="n\u00e4chtlich")))
    render(report, open_console(stream))
    stream.flush()
    lines = raw.getvalue().decode("ascii").splitlines()

    assert lines[0].startswith("n\\xe4chtlich   from a UDF")
    assert [line[:10] for line in lines if line.startswith(("x", "v"))] == [
        "x metastor",
        "v namenode",
        "v datanode",
        "v oss     ",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", samples.ALL)
def test_lines_fit(name, width):
    """Whatever the width, only what is to be pasted may be longer than a line."""
    report = samples.ALL[name]()
    pasted = {words.visible(line) for finding in report.findings for line in finding.remedy.snippet.split("\n")}
    lines = shown(report, width).splitlines()

    assert not [
        line for line in lines if cell_len(line) > width and line.strip() not in pasted and "--hand-over" not in line
    ]
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_what_is_to_be_pasted_is_whole(width):
    """A statement stands on lines of its own, neither wrapped nor shortened, however narrow the terminal."""
    report = samples.no_eni()
    lines = [line.strip() for line in shown(report, width).splitlines()]
    wanted = [line for finding in report.findings for line in finding.remedy.snippet.splitlines()]

    assert len(wanted) == 3
    assert set(wanted) <= set(lines)


def test_many_targets_of_one_cause_are_one_block():
    """One missing link is told once; what this machine lacks is marked as open, not as the target's fault."""
    lines = shown(samples.no_eni(300)).splitlines()

    assert [line for line in lines if line[:1] in {"\u2717", "!", "?"}] == [
        "\u2717 300 targets   worker-0001-0300",
        "! https://restapi.amap.com/v3   restapi.amap.com:443 = 203.0.113.9",
        "? this machine",
    ]


def test_thousands_of_findings_stay_readable():
    """Of many findings alike three are told in full; a run that was cut short says so at once, and what is open."""
    text = shown(samples.scattered(3000))
    lines = text.splitlines()

    assert lines[1] == "PARTIAL: the run was cut short; 1,000 of 3,000 targets not settled"
    assert text.count("Evidence") == 3
    assert "997 more targets, the same cause   10.30.0.11:7000, 10.30.0.14:7000, 10.30.0.17:7000 and 994" in text
    assert "\u2713 10.30.0.1:7000, 10.30.0.4:7000, 10.30.0.7:7000 and 997 more   0.4 ms   accepts" in lines
    assert "Not settled 1,000 targets: 10.30.0.3:7000" in text
    assert len(lines) < 40


def test_many_kinds_of_healthy_targets_are_one_row_a_service():
    """A hundred ports that work are no hundred rows."""
    targets = [Target(name=f"p{port}", host="192.0.2.1", port=port, service="tcp") for port in range(100)]
    results = [TargetResult(name=one.name, address=one.address, verdict=HEALTHY, latency_s=0.001) for one in targets]
    plan = Plan(name="ports", targets=tuple(targets))
    text = shown(samples.report_of(plan, Vantage(host="h"), results, [], verdict=HEALTHY))

    assert text.splitlines()[2:] == ["\u2713 p0-99   1.0 ms"]


def test_a_cause_ruled_out_for_some_targets_only():
    """The page says for how many it was."""
    report = samples.no_eni(60)
    row = Cleared(targets=("worker-0001", "worker-0002"), causes=("host_down",), because="its ports 22 answer")
    text = shown(evolve(report, cleared=(row,)))

    assert "Ruled out   host_down: its ports 22 answer (for 2 of 60)" in text


def test_text_from_outside_is_only_text():
    """Escapes, overrides, line breaks and markup from servers, plans and machines are shown, not obeyed."""
    text = shown(samples.hostile(), width=200)

    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert r"5.7\x1b[2J\x1b]0;owned\x07 [bold red]evil[/] \u202egnp.exe\u202c \u200bzero\x9b31m\r\nx metastore" in text
    assert "[link=http://evil]db\\x1b[31m\\u202e" in text


@given(strategies.reports, st.integers(20, 200))
@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
def test_any_report_can_be_shown(report, width):
    """No report makes it fail, and none prints what a terminal would obey."""
    text = shown(report, width)

    assert not [char for char in text if not char.isprintable() and char != "\n"]


COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|9\d|4\d)(?:;\d+)*m")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_follows_the_terminal_and_no_color(monkeypatch, no_color, coloured):
    """NO_COLOR takes the colour and nothing else."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    out = Terminal()
    render(samples.nightly(), open_console(out, 100), command="linkdoctor check nightly-etl.yaml")
    text = out.getvalue()

    assert coloured is bool(COLOURS.search(text))
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == NIGHTLY


@pytest.mark.parametrize(("columns", "width"), [(None, 100), ("72", 72)])
def test_a_pipe_is_100_columns_wide(monkeypatch, columns, width):
    """Unless COLUMNS says otherwise."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)

    assert width == open_console(io.StringIO()).width


def test_before_and_after():
    """What became of each target that was broken, alike ones in one row, the worst first."""
    before, after = samples.scattered(9), samples.scattered(9)
    results = [
        *(evolve(result, verdict=HEALTHY, findings=()) for result in after.targets[:3]),
        *after.targets[3:7],
        evolve(after.targets[7], findings=()),
        after.targets[8],
    ]
    text = shown_again(before, evolve(after, targets=tuple(results)))
    expected = """\
Again: 1 still broken, 1 another cause, 2 not settled, 2 fixed
still broken    10.30.0.5:7000                   failing (service_not_listening)
another cause   10.30.0.8:7000                   failing (service_not_listening), now failing
not settled     10.30.0.6:7000, 10.30.0.9:7000   undetermined
fixed           10.30.0.2:7000                   failing (service_not_listening), now healthy
fixed           10.30.0.3:7000                   undetermined, now healthy
"""

    assert expected == text


def test_nothing_was_broken():
    """Two healthy runs say so in a line."""
    assert shown_again(samples.healthy(), samples.healthy()) == "Nothing was broken, and nothing is.\n"


def test_a_console_of_one_s_own_will_do():
    """Any rich console takes the page, markup switched on or not."""
    out = io.StringIO()
    render(samples.hostile(), Console(file=out, width=100))

    assert "[bold red]evil[/]" in out.getvalue()


def test_an_instance_that_sent_nothing_says_why():
    """An undetermined verdict of an instance without a share of the budget is no riddle."""
    report = samples.nightly()
    share = Observation(probe="local", step="share", facts={"index": 1, "of": 40, "probes": False, "short_of": "rate"})
    report = evolve(report, run=evolve(report.run, share=Share(index=1, of=40)), observations=(share,))

    assert "instance 2 of 40 sent nothing: limits.rate is 500 for all of them together" in " ".join(
        shown(report).split()
    )


def test_where_the_time_went():
    """A run that was noticed says what it waited for; a quick one does not."""
    report = samples.nightly()
    longest = max(report.observations, key=lambda seen: seen.duration_s)
    phases = (
        Phase(name="look", duration_s=3.01, longest=longest.id),
        Phase(name="experiments", duration_s=0.19),
    )
    page = shown(evolve(report, run=evolve(report.run, phases=phases)))
    quick = shown(evolve(report, run=evolve(report.run, phases=phases, duration_s=0.2)))

    assert "Time        3.0 s for the first look, longest 3.0 s for tcp connect to 10.10.2.30:9083" in page
    assert "190 ms for experiments\n" in page
    assert "Time" not in quick
