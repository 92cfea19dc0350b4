"""The catalogue and the rules hold together."""

import re
import string

import pytest

from reports import causes, remedies
from reports.causes import CAUSES, LAYERS
from reports.comparison.rules import CONTRASTS
from reports.failures import Failure
from reports.model import OWNERS, SEVERITIES
from reports.rules.contract import LOAD, STAGES, WORKS
from reports.rules.table import every

ALL = every()


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.code)
def test_entry(cause):
    """Every entry has a layer, a severity, an owner, a meaning, a remedy, and a code that can be a label."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", cause.code)
    assert cause.layer in LAYERS
    assert cause.severity in SEVERITIES
    assert cause.owner in OWNERS
    assert cause.meaning
    assert cause.remedy
    assert not cause.meaning.endswith(".")


def test_codes_are_unique():
    """No code stands twice."""
    codes = [entry.code for entry in causes.ENTRIES]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_cause_of_the_layer_has_a_rule(layer):
    """A cause that nothing can name would be a promise."""
    of_layer = {cause.code for cause in CAUSES.values() if cause.layer == layer}
    ruled = {rule.cause for rule in ALL.rules} | {cause for contrast in CONTRASTS for cause in contrast.brings}

    assert of_layer <= ruled


@pytest.mark.parametrize("rule", ALL.rules, ids=lambda rule: rule.cause)
def test_rule(rule):
    """A rule names a cause of the catalogue, and explains a stage or stands alone."""
    assert rule.cause in CAUSES
    assert set(rule.explains) <= {*STAGES, WORKS, LOAD}
    assert rule.explains or rule.standalone
    assert rule.prior > 0


def test_every_rule_is_used():
    """The table of stages and the standalone rules hold all rules."""
    used = {id(rule) for rules in [*ALL.explaining.values(), ALL.standalone] for rule in rules}

    assert {id(rule) for rule in ALL.rules} == used


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.code)
def test_texts_can_be_filled(cause):
    """The fields of a remedy are known or have words that stand for them."""
    fields = {
        name for text in (cause.remedy, cause.decided_by) for _, name, _, _ in string.Formatter().parse(text) if name
    }
    given = {rule.cause for rule in ALL.rules if rule.cause == cause.code and rule.remedy is not None}

    assert given or all(field in remedies.FIELDS for field in fields), fields - set(remedies.FIELDS)


def test_every_failure_is_one_word():
    """A failure's value can be a label and never holds what varies."""
    assert [failure.value for failure in Failure if not re.fullmatch(r"[a-z][a-z0-9_]*", failure.value)] == []
