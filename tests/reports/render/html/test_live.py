"""The page of a server: a version for each change, and for whoever looks the pieces that changed."""

import json

from attrs import evolve

from reports.model import FAILING
from reports.render.html import LivePage, Shown, State
from tests.reports import samples
from tests.reports.render.html.shown import Parsed, broke, state, watched


def page(*states, first=1000):
    """A page that has shown these, one after the other, and the version of each."""
    live = LivePage(first)
    return live, [live.update(one) for one in states]


def patch(live, since):
    """What changed since then."""
    return json.loads(live.patch(since))


def ids(html):
    """The keys of what stands in a document."""
    return [attributes["id"] for _, attributes in Parsed(html).elements if "id" in attributes]


def test_the_same_state_is_no_new_version():
    """Whoever looks is told of changes alone."""
    shown = state()
    live, [first, second] = page(shown, shown)
    assert first == second == live.version
    assert patch(live, first)["pieces"] == {}
    assert patch(live, first)["order"] == {}


def test_a_change_is_told_by_its_pieces():
    """A target that broke: its row, the head, the finding, and the order of what has others now."""
    live, [before, after] = page(state(samples.healthy()), state(samples.nightly()))
    told = patch(live, before)
    assert told["version"] == after > before
    assert set(told["order"]) == {"wrong", "notes"}
    rows = [key for key in told["pieces"] if key.startswith("t-")]
    assert [Parsed(told["pieces"][key]).elements[0][1]["data-v"] for key in rows] == [FAILING]
    assert any(key.startswith("f-") for key in told["pieces"])
    assert "FAILING" in told["pieces"]["head-1"]
    assert told["title"].startswith("\u2717 nightly-etl, FAILING")


def test_what_is_told_and_what_was_there_are_the_new_page():
    """Old pieces and new ones, in the new order, are exactly what a new visitor gets."""
    states = [state(samples.healthy()), state(samples.nightly()), state(samples.healthy(), events=(broke("oss"),))]
    live = LivePage(1000)
    live.update(states[0])
    kept, order, seen = {}, {}, 0
    for one in states:
        live.update(one)
        told = patch(live, seen)
        seen = told["version"]
        kept.update(told["pieces"])
        order.update(told["order"])
        document = live.html("n")
        for keys in order.values():
            assert all(kept[key] in document for key in keys)
        shown = [key for key in ids(document) if key in kept]
        assert shown == [key for keys in order.values() for key in keys]


def test_a_latency_that_changes_is_told_by_itself():
    """Of thousands each has another one in every run: their rows are neither drawn nor sent again."""
    fast, slow = samples.healthy(), samples.healthy()
    slow = evolve(slow, targets=tuple(evolve(one, latency_s=0.25) for one in slow.targets))
    live, [before, _] = page(state(fast), state(slow))
    told = patch(live, before)
    assert set(told["texts"].values()) == {"250 ms"}
    assert len(told["texts"]) == 6
    assert told["pieces"] == {}
    assert '<span class="t">250 ms</span>' in live.html("n")


def test_a_version_that_is_not_known_gets_everything():
    """A page that an earlier process sent, or one from the future."""
    live, [version] = page(state())
    everything = patch(live, 0)
    assert patch(live, version + 5)["pieces"] == everything["pieces"]
    assert patch(live, 5)["pieces"] == everything["pieces"]
    assert len(everything["order"]["targets"]) == 6


def test_a_server_that_was_started_again_is_ahead_of_what_it_said():
    """Versions count up from the clock: an old page is never told a part of a new one."""
    assert LivePage().version > 1.7e12


def test_a_target_has_a_document_of_its_own():
    """With its way, its time line and what is wrong with it; none where no row has that key."""
    live, _ = page(state(events=(broke("metastore"),)))
    [key] = [
        one for one in patch(live, 0)["order"]["targets"] if "metastore" in live.target(one, "n").split("</h1>")[0]
    ]
    parsed = Parsed(live.target(key, "n"))
    assert "detail" in [attributes.get("id") for _, attributes in parsed.elements]
    assert "breaks at: security group" in parsed.text
    assert "sg_drop" in parsed.text
    assert live.target("t-000000000000", "n") is None


def test_a_kept_run_has_a_document_of_its_own():
    """The same as its file, with the way back to the page."""
    live, _ = page(state())
    parsed = Parsed(live.run(samples.no_eni(), "n"))
    assert "wide-job" in parsed.text
    assert ("a", {"class": "brand", "href": "../"}) in parsed.elements


def test_several_plans_stand_under_their_names():
    """Rows of each plan below its name, and a table of all."""
    shown = State(plans=(watched(samples.nightly(), name="a"), watched(samples.healthy(), name="b"), Shown(name="c")))
    live, _ = page(shown)
    order = patch(live, 0)["order"]
    assert len(order["plans"]) == 3
    assert [key for key in order["targets"] if key.startswith("h-")] == [f"h-{key}" for key in order["plans"][:2]]


def test_troubles_of_the_watching_are_said_on_top():
    """What is wrong with the server is no target's fault, and no secret."""
    shown = state(trouble=("nothing of the last run counts: the event loop came 2.0 s late",))
    live, _ = page(evolve(shown, trouble=("runs are not kept: the disk is full",)))
    head = Parsed(patch(live, 0)["pieces"]["head-1"]).text
    assert "the disk is full" in head
    assert "the event loop came 2.0 s late" in head
