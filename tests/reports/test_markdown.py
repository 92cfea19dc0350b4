"""A report as Markdown, as GitHub's own parser reads it."""

import re
import subprocess
from html import unescape

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import words
from reports.model import HEALTHY
from reports.render import comparison_markdown, markdown
from tests.reports import samples, strategies
from tests.reports.building import seen
from tests.reports.test_comparison import VPC_HOST, compared, fine, nightly
from tests.reports.test_sweep_text import back, there
from tests.tls_servers import program

# All extensions that GitHub has on.
_GFM = ("-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "footnotes")

_OURS = {"h2", "h3", "p", "ul", "li", "strong", "code", "pre", "hr", "table", "thead", "tbody", "tr", "th", "td"}
_NASTY = st.text(
    st.sampled_from("`*_[]()<>|~&!#+-=.:@$\\/ \n\t\x1b\u202e1ax") | st.characters(codec="utf-8"), max_size=20
) | st.sampled_from(
    [
        "@everyone",
        "#12 fixes owner/repo#1",
        "https://evil.example/x www.evil.example a@evil.example",
        "<script>alert(1)</script>",
        "![x](http://evil.example/pixel.png)",
        "| a | b |",
        "`` ` ``",
        "a|`b|c`",
        "1. one",
        "- [x] done",
        "&lt;b&gt; &#64;x",
        "~~gone~~ $x^2$ :tada:",
        "[^1] [a]: http://evil.example",
        "\\`code\\`",
        "***",
        "> quoted",
        "a\\|b@c\\|d",
        "a|b@c",
        "x`@``y",
        "```",
    ]
)


def html(text):
    """What GitHub's parser makes of it."""
    done = subprocess.run(
        [program("cmark-gfm"), *_GFM], input=text.encode(), capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def text_of(page):
    """What a reader sees, without the tags."""
    return unescape(re.sub(r"<[^>]*>", "", page))


def shown(text):
    """A text as every format shows it, its spaces made one."""
    return " ".join(words.visible(text).split())


NIGHTLY = """\
## ✗ nightly-etl, FAILING: 1 of 6 targets, 3.2 s

From a UDF in cn-hangzhou, ENI 10.10.1.10 (vswitch-a), 2026-11-24 08:00:00 UTC, run `r-6d0f5b1c9a3e`.

### ✗ metastore: the destination's security group drops this source silently

emr-header-1:9083 = 10.10.2.30, over the VPC

- **Cause**: `sg_drop`, 78 %
- **Evidence**:
  - 3 SYNs to 10.10.2.30:9083 in 3.0 s, no answer of any kind
  - 10.10.2.30:8020, the same host, answers in 0.4 ms: host, route and ENI are fine
  - the trace passes 10.10.1.1 and ends behind it
- **Ruled out**:
  - host_down, blackhole_route, eni_missing: 10.10.2.30:8020 answers
  - dns_stale_answer: both name servers give 10.10.2.30
- **Or**: host_firewall_drop 15 %, ip_whitelist_mismatch 7 %: a check from a host in vswitch-a would tell
- **Fix**: network: in the security group of emr-header-1 allow inbound TCP 9083 from 10.10.1.0/24, the vSwitch and \
not the ENI addresses, which may change

```
protocol TCP, port 9083/9083, source 10.10.1.0/24, policy accept, direction ingress
```

- **See**: MaxCompute, network connection process: access over a VPC, step 4
- **Check**: whether the network link was made with a basic security group (network connection page, step 2)
- **Surer**: check once more from a host in the destination's own security group

|  | works | in | proved | at |
| --- | --- | --- | --- | --- |
| ✓ | namenode | 0.4 ms | answers | emr-header-1:8020 |
| ✓ | datanode1-3 | 0.3 to 0.5 ms | accepts (it sends no greeting) | :50010 |
| ✓ | oss | 12 ms | HTTP 403, certificate 61 days | etl-raw.oss-cn-hangzhou.aliyuncs.com:443 |

"""


def test_the_whole_page():
    """What is broken with proof and remedy, what works as a table; readable as it is, too."""
    assert markdown.render([samples.nightly()]) == NIGHTLY


def test_as_github_reads_it():
    """Headings, lists, a fenced statement, a table."""
    page = html(NIGHTLY)

    assert "<h3>✗ metastore: the destination" in page
    assert "<pre><code>protocol TCP, port 9083/9083" in page
    assert page.count("<tr>") == 4
    assert "<li><strong>Cause</strong>: <code>sg_drop</code>, 78 %</li>" in page


@pytest.mark.parametrize("name", samples.ALL)
def test_nothing_from_outside_is_markup(name):
    """Whatever a report holds, only our own elements come out: no link, no image, no emphasis."""
    page = html(markdown.render([samples.ALL[name]()]))

    assert set(re.findall(r"<(\w+)", page)) <= _OURS


@given(st.lists(_NASTY, min_size=7, max_size=7))
@settings(max_examples=150, deadline=None)
def test_text_stays_text(pieces):
    """Each text comes out as it is shown elsewhere, wherever it stands: in a heading, a list, a table, a fence."""
    report = samples.hostile()
    # Each is to be found in its own place.
    marked = [f"{piece} m{number}" for number, piece in enumerate(pieces)]
    name, summary, reason, fix, snippet, plan, healthy = marked
    finding = evolve(
        report.findings[0],
        targets=(name,),
        summary=summary,
        because=(reason,),
        remedy=evolve(report.findings[0].remedy, text=fix, snippet=snippet),
    )
    results = (
        evolve(report.targets[0], name=name),
        evolve(report.targets[0], name=healthy, address="h:1", verdict=HEALTHY, findings=()),
    )
    run = evolve(report.run, plan=evolve(report.run.plan, name=plan))
    page = html(markdown.render([evolve(report, run=run, targets=results, findings=(finding,), cleared=())]))
    read = " ".join(text_of(page).split())

    assert set(re.findall(r"<(\w+)", page)) <= _OURS
    for text in (name, summary, reason, fix, plan, *snippet.splitlines()):
        assert shown(text) in read
    # In a cell a backslash before a bar in code cannot be told from one that keeps the bar.
    assert shown(healthy) in read or "\\|" in healthy


@given(strategies.reports)
@settings(max_examples=30, deadline=None)
def test_any_report(report):
    """Whatever a report holds, it is told, and by our own elements alone."""
    page = html(markdown.render([report], report))

    assert set(re.findall(r"<(\w+)", page)) <= _OURS


def test_what_is_to_be_pasted_ends_where_it_ends():
    """A statement with a fence of its own stays in ours; so does code with backticks."""
    finding = samples.hostile().findings[0]
    snippet = "run:\n```\n<b>x</b>\n````\nend"
    finding = evolve(finding, remedy=evolve(finding.remedy, snippet=snippet), because=("ask ops@`db``1 now",))
    page = html(markdown.render([evolve(samples.hostile(), findings=(finding,))]))

    assert f"<pre><code>{snippet}\n</code></pre>" in unescape(page)
    assert "ask <code>ops@`db``1</code> now" in page


def test_a_bar_ends_no_cell():
    """In text or in code, a name with a bar stays in its column."""
    report = samples.healthy()
    targets = (evolve(report.targets[0], name="a|b@c", address="d|e:1"), *report.targets[1:])
    page = html(markdown.render([evolve(report, targets=targets)]))

    assert "<td><code>a|b@c</code></td>" in page
    assert page.count("<td>") == 5 * page.count("<tr>") - 5


def test_before_and_after():
    """What became of what was broken stands first, as a table."""
    text = markdown.render([samples.healthy()], samples.nightly())

    assert "| fixed | metastore | failing `sg_drop` | healthy |" in text
    assert "Nothing was broken" in markdown.render([samples.healthy()], samples.healthy())


def test_several_reports():
    """One after the other, with a rule between them."""
    page = html(markdown.render([samples.nightly(), samples.healthy()]))

    assert page.count("<h2>") == 2
    assert page.count("<hr />") == 1


def test_of_many_alike_the_first_few():
    """A ticket is not flooded: three of a kind in full, the others by name."""
    text = markdown.render([samples.scattered(300)])

    assert text.count("service_not_listening") == 4
    assert "### ✗ 97 more targets, the same cause: `service_not_listening`" in text
    assert "**The run was cut short" in text
    assert len(text.splitlines()) < 100


def test_notes_and_what_is_not_settled():
    """What is worth knowing without being wrong, and what is open."""
    assert "**Notes**" in markdown.render([samples.healthy()])
    assert "**Not settled**" in markdown.render([samples.scattered(30)])


def test_networks():
    """Each network that was swept in a sentence."""
    facts = {"network": "vswitch-a", "cidr": "10.10.1.0/24", "asked": "9083", "method": "connect", "open": 2}
    states = seen("subnet", "states", None, "10.10.1.0/24", states="." * 8 + "oo" + "." * 246, silent=254, **facts)
    report = samples.healthy()
    text = markdown.render([evolve(report, observations=(*report.observations, states))])

    assert "**Networks**\n\n- vswitch-a: 2 of " in text


def test_a_comparison():
    """The matrix as a table, the vantage points under their letters, what is proved."""
    text = comparison_markdown.render(compared(nightly(1), nightly(2), fine(3, vantage=VPC_HOST)))
    page = html(text)

    assert text.startswith("## ✗ nightly-etl, FAILING from 3 vantage points")
    assert "| metastore | ✗ connect | ✓ |" in text
    assert "- **A**: UDF on a1b2c3d4e5f6 (10.10.1.10) and 1 more, the job" in text
    assert "### ✗ metastore" in text
    assert set(re.findall(r"<(\w+)", page)) <= _OURS


def test_a_comparison_of_sweeps():
    """Which networks hear each other; without a target there is no matrix."""
    text = comparison_markdown.render(compared(there(range(1, 24)), back([])))

    assert text.startswith("## ✓ nightly-etl, HEALTHY from 2 vantage points")
    assert "**Networks**\n\n- From vswitch-a 23 of 252 in vswitch-b answer, from vswitch-b none in vswitch-a\n" in text
    assert "| target |" not in text


def test_what_was_ruled_out_and_held_is_told():
    """Nothing that another format tells of a finding is missing here."""
    report = samples.nightly()
    words_of = [reason for finding in report.findings for reason in finding.because]
    page = text_of(html(markdown.render([report])))

    for text in (*words_of, *(cleared.because for cleared in report.cleared)):
        assert text in page
