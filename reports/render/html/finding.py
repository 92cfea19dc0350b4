"""What a card says of a finding, whoever found it; and the order of cards."""

from collections.abc import Iterable
from typing import Any

from reports import words
from reports.curve import conclusion
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Finding
from reports.render.html import nouns
from reports.render.story import CRITICAL, OPEN, WARNING, Story

# What stands first.
_URGENT = (CRITICAL, OPEN, WARNING)
BROKEN_FIRST = {FAILING: 0, UNDETERMINED: 1, DEGRADED: 2, HEALTHY: 3}

# Of the targets of a finding, so many are named; of any list, so many items stand in it. The report's JSON holds all.
MOST_NAMED = 24
MOST_ITEMS = 12
# Longer names are cut.
_LONGEST = 200


def told_of(story: Story, finding: Finding) -> dict[str, Any]:
    """What a card says of a finding, whoever found it."""
    remedy = finding.remedy
    return {
        "state": story.state(finding),
        "meaning": story.meaning(finding),
        "cause": finding.cause,
        "confidence": words.share(finding.confidence),
        "since": tuple(story.since(finding)),
        "evidence": tuple(words.first(finding.because, MOST_ITEMS)),
        "held": tuple(conclusion(curve) for curve in story.measured(finding)),
        "ruled_out": tuple(words.first(story.reasons(finding), MOST_ITEMS)),
        "alternatives": tuple(words.first(story.alternatives(finding), MOST_ITEMS)),
        "surer": finding.surer,
        "owner": remedy.owner,
        "remedy": remedy.text,
        "snippet": remedy.snippet,
        "reference": remedy.reference,
        "checks": tuple(words.first(remedy.checks, MOST_ITEMS)),
    }


def by_urgency(cards: Iterable[nouns.Card]) -> list[nouns.Card]:
    """The most urgent first."""
    return sorted(cards, key=lambda card: _URGENT.index(card.state))


def cut(text: str) -> str:
    """A name, and of a very long one its beginning."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"
