"""docs/settings.md and docs/observations.md name what the code knows."""

import re
from pathlib import Path

import pytest

from reports.maxcompute.endpoints import SELF_VERIFYING
from reports.maxcompute.formats import PROBLEMS
from reports.maxcompute.settings import KNOWN, NOTED
from reports.maxcompute.ways import UNSUPPORTED

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["settings.md", "observations.md"])
def test_every_word_is_documented(name):
    """The closed lists of words stand in both documents, and no others of their kind."""
    expected = set(PROBLEMS) | set(UNSUPPORTED)
    text = (DOCS / name).read_text()

    actual = set(re.findall(r"`((?:entry|link|eni|domains|smartnat|internet|vpc)_[a-z0-9_]+|switch|key)`", text))

    assert expected <= actual
    assert actual - expected <= {"internet_", "vpc_", "internet_enabled", "vpc_missing_key", "eni_vpc", "key"}


def test_every_key_and_domain_is_documented():
    """Each known key (Spark's by its last words) and each self-verifying domain is named."""
    text = (DOCS / "settings.md").read_text()
    keys = {key.replace("odps.cupid.", "") for key in KNOWN if key not in NOTED}

    missing = [word for word in (*keys, *SELF_VERIFYING) if word not in text]

    assert missing == []
