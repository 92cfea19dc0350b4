"""What a page says, as a parser reads it: everything that the report says, in a document that nobody can break."""

import base64
import hashlib
import re

import pytest
from attrs import evolve
from hypothesis import given, settings

from reports import words
from reports.model import HEALTHY, Finding
from reports.render import html
from reports.render.html.data import Board
from reports.render.html.nouns import Detail
from tests.reports import samples, strategies
from tests.reports.building import connected
from tests.reports.render.html.shown import HOSTILE, Parsed, broke, renamed, state, watched
from tests.reports.test_comparison import VPC_HOST, compared, fine, nightly

# What may be in a page at all.
_ADDRESSES = ("href", "src", "action", "data", "poster", "srcset", "formaction", "xlink:href")


def page(*reports, **rest):
    """The file of some reports, parsed."""
    return Parsed(html.render(reports, **rest))


# --- what it says ---------------------------------------------------------------------------------------------------


def test_what_is_wrong_stands_first_with_all_that_the_report_says_of_it():
    """Cause, confidence, evidence, what was ruled out, candidates, remedy, statement, owner, what to check."""
    report = samples.nightly()
    said = page(report).text
    [finding] = report.findings
    for sentence in (
        "FAILING: 1 of 6 targets, 3.2 s",
        finding.summary,
        "sg_drop 78 %",
        *finding.because,
        "host_down, blackhole_route, eni_missing: 10.10.2.30:8020 answers",
        "host_firewall_drop 15 %, ip_whitelist_mismatch 7 %: a check from a host in vswitch-a would tell",
        finding.remedy.text,
        *finding.remedy.checks,
        finding.surer,
        f"see {finding.remedy.reference}",
    ):
        assert " ".join(sentence.split()) in said
    assert said.index("What is wrong") < said.index("Targets")


def test_the_statement_to_paste_is_there_as_it_is():
    """Lines stay lines; and there is a button for it, which needs a script and is hidden without."""
    report = samples.no_eni()
    text = html.render([report])
    [snippet] = re.findall(r'<pre tabindex="0" aria-label="To paste"><code>(spark[^<]*)</code>', text)
    assert snippet == report.findings[0].remedy.snippet
    assert all("hidden" in attributes for tag, attributes in Parsed(text).elements if attributes.get("class") == "copy")


def test_every_target_has_a_row_broken_ones_first():
    """Each with its verdict in words beside the mark, and a key by which others link to it."""
    board = Board(state())
    assert (board.page.rows[0].name, board.page.rows[0].verdict) == ("metastore", "failing")
    assert sorted(row.name for row in board.page.rows) == sorted(one.name for one in samples.nightly().targets)
    parsed = page(samples.nightly())
    keys = [attributes["id"] for _, attributes in parsed.elements if "row " in attributes.get("class", "")]
    assert len(keys) == len(set(keys)) == 6


def test_ids_are_unique_and_links_within_the_page_lead_somewhere():
    """Several reports of one plan, and many targets of one finding."""
    parsed = page(samples.nightly(), samples.nightly(), samples.no_eni())
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in parsed.elements if tag == "a"]
    assert links
    assert all(link[1:] in ids for link in links if "=" not in link)


def test_keys_are_the_same_in_the_next_run():
    """A link to a target, and a live page, rely on it: confidence and evidence may change."""
    report = samples.nightly()
    [finding] = report.findings
    later = evolve(report, findings=(evolve(finding, id="f-other", confidence=0.5, because=("something else",)),))
    first, second = Board(state(report)).page, Board(state(later)).page
    assert [card.key for card in first.cards] == [card.key for card in second.cards]
    assert [row.key for row in first.rows] == [row.key for row in second.rows]


def test_the_most_urgent_stands_first_whatever_plan_it_is_of():
    """Failing before open before degraded, over all plans."""
    warned = samples.no_eni()
    shown = html.State(plans=(watched(warned, name="a"), watched(samples.nightly(), name="b")))
    states = [card.state for card in Board(shown).page.cards]
    assert states == sorted(states, key=("critical", "undetermined", "warning").index)
    assert {card.plan for card in Board(shown).page.cards} == {"a", "b"}


def test_of_many_findings_alike_the_first_few_are_told_and_the_others_named():
    """A thousand alike are no thousand cards."""
    report = samples.nightly()
    [finding] = report.findings
    many = [evolve(finding, id=f"f-{n}", targets=(f"datanode{1 + n % 3}",), because=(f"no. {n}",)) for n in range(9)]
    board = Board(state(evolve(report, findings=tuple(many))))
    assert (len(board.page.cards), len(board.page.alike)) == (3, 1)
    assert len({card.key for card in board.page.cards}) == 3


def test_a_held_verdict_stands_beside_the_measured_one():
    """Both facts are seen: the verdict in force, and what the last run found."""
    shown = state(samples.healthy())
    standing = tuple(
        evolve(one, verdict="failing", cause="sg_drop") if one.target == "metastore" else one
        for one in shown.plans[0].standing
    )
    page_ = Board(html.State(plans=(evolve(shown.plans[0], standing=standing),))).page
    [row] = [row for row in page_.rows if row.name == "metastore"]
    assert (row.verdict, row.measured, row.said) == ("failing", "healthy", "sg_drop")
    assert (page_.verdict, page_.headline) == ("failing", "FAILING: 1 of 6 targets")


def test_a_target_has_its_way_and_time_line_and_a_healthy_one_in_a_file_the_time_line_alone():
    """All of a healthy way is proved: in a file of thousands that would be most of it, and say nothing."""
    board = Board(state())
    details = {row.name: board.detail(row.key) for row in board.page.rows}
    assert all(isinstance(one, Detail) and one.way and one.waterfall for one in details.values())
    text = html.render([samples.nightly()])
    rows = {re.search("<bdi>(.*?)</bdi>", row)[1]: row for row in text.split('<li id="t-')[1:]}
    assert 'class="way wide"' in rows["metastore"]
    assert 'class="way wide"' not in rows["namenode"]
    assert all('class="fall"' in row for row in rows.values())


def test_nothing_wrong_is_said():
    """Silence would be no answer."""
    said = page(samples.healthy()).text
    assert "Nothing is wrong." in said
    assert "HEALTHY: 6 targets" in said


def test_what_was_checked_again_stands_on_top():
    """What became of each target that was broken."""
    said = page(samples.healthy(), before=samples.nightly()).text
    assert said.index("fixed") < said.index("Targets")
    assert "failing (sg_drop)" in said


def test_a_plan_that_was_not_run_yet_says_so():
    """A server that has just begun shows its plans all the same."""
    shown = html.State(plans=(html.Shown(name="new", interval_s=60.0), watched(samples.healthy())))
    assert "not run yet" in str(Board(shown).page)


def test_several_reports_of_one_job_stand_beside_what_they_prove_together():
    """The matrix: a row for the targets that look alike, a column for each vantage point."""
    reports = [nightly(1), fine(2, vantage=VPC_HOST)]
    comparison = compared(*reports)
    said = Parsed(html.render_comparison(comparison))
    assert "By vantage point" in said.text
    assert {"table", "th", "td"} <= said.tags
    for row in comparison.rows:
        assert row.label in said.text
    both = Parsed(html.render(reports, comparison=comparison)).text
    assert both.index("What is wrong") < both.index("By vantage point") < both.index("Targets")


# --- nobody can break it --------------------------------------------------------------------------------------------


def safe(text, *, served=False):
    """A document of ours alone: one script, one style, no handler, no address elsewhere."""
    parsed = Parsed(text)
    tags = [tag for tag, _ in parsed.elements]
    assert (tags.count("script"), tags.count("style")) == (1, 1)
    assert not {"iframe", "object", "embed", "img", "base", "frame"} & set(tags)
    for _, attributes in parsed.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
        for name in set(attributes) & set(_ADDRESSES):
            value = attributes[name]
            ours = value.startswith(("#", "data:image/svg+xml,"))
            assert ours or (served and re.match(r"(\./|\.\./|api/|run/|target\?)", value)), (name, value)
    assert parsed.raw["script"].startswith('"use strict";')
    assert words.visible(parsed.text) == parsed.text
    return parsed


def test_a_file_needs_nothing_else_and_says_so_to_the_browser():
    """Script and style stand in it, and the policy admits these very texts and no connection."""
    text = html.render([samples.nightly()])
    parsed = safe(text)
    [policy] = [a["content"] for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy"]
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(parsed.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'none'" in policy
    assert text.isascii()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:16]))
def test_hostile_names_stay_text(name):
    """A target, an address, a message and a statement of any characters: nothing of it is markup, hides or moves."""
    report = renamed(samples.nightly(), "metastore", name)
    [finding] = report.findings
    report = evolve(
        report,
        run=evolve(report.run, plan=evolve(report.run.plan, name=name)),
        findings=(
            evolve(
                finding,
                because=(name,),
                summary=name,
                surer=name,
                remedy=evolve(finding.remedy, text=name, snippet=name, checks=(name,), reference=name),
            ),
            Finding(cause="approval_needed", layer="config", severity="info", confidence=1.0, summary=name),
        ),
        vantage=evolve(report.vantage, kind="host", host=name),
    )
    parsed = safe(html.render([report]))
    assert words.visible(name)[:100] in "".join(parsed.words).replace("\n", "")
    live = html.LivePage()
    live.update(html.State(plans=(watched(report, events=(broke(name),)),), trouble=(name,)))
    safe(live.html("n"), served=True)
    assert "\n" not in live.patch(0)


@settings(max_examples=60, deadline=None)
@given(strategies.reports)
def test_any_report_gives_a_safe_page(report):
    """Whatever a report holds."""
    safe(html.render([report]))


def test_a_served_page_names_its_nonce_and_the_policy_admits_it_alone():
    """A script that got in would lack it."""
    live = html.LivePage()
    live.update(state())
    parsed = safe(live.html("abc123"), served=True)
    assert [a["nonce"] for tag, a in parsed.elements if tag in {"script", "style"}] == ["abc123", "abc123"]
    policy = html.policy("abc123")
    assert "script-src 'nonce-abc123'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_verdicts_are_never_told_by_colour_alone():
    """Each mark has its word, each picture its sentence, each strip its numbers."""
    text = Parsed(html.render([samples.nightly()])).text
    assert "The way there. proved: UDF 10.10.1.10" in text
    live = html.LivePage()
    live.update(state())
    labels = [a["aria-label"] for tag, a in Parsed(live.html("n")).elements if a.get("class") == "strip"]
    assert labels
    assert all(re.match(r"30 days in 60 parts: ", label) for label in labels)


def test_latency_and_service_of_a_target_are_in_its_row():
    """What a person looks for when nothing is broken."""
    report = evolve(samples.healthy(), observations=(connected("metastore", "10.10.2.30", 9083),))
    [row] = [row for row in Board(state(report)).page.rows if row.name == "metastore"]
    assert (row.verdict, row.latency, row.service, row.group) == (HEALTHY, "0.4 ms", "hive-metastore", "hadoop")
