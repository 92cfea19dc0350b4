"""The nouns of what changed between two runs. Frozen values."""

from typing import Optional, Tuple

from attrs import frozen

SCHEMA = "linkdoctor/changes/1"

# How well a difference explains what became of the targets.
LIKELY = "likely"
POSSIBLE = "possible"
BESIDE = "beside"
LIKELIHOODS = (LIKELY, POSSIBLE, BESIDE)

BROKE = "broke"
MENDED = "mended"
OTHER = "otherwise"
OPEN = "open"
STAYED = "stayed"
# What became of a target: worse; better; as bad for another reason; not settled, or not looked at; as bad as before.
FATES = (BROKE, OTHER, OPEN, MENDED, STAYED)


@frozen(kw_only=True)
class Side:
    """One of the two runs, where it was made, and by which plan and version."""

    run: str
    started: float
    duration_s: float
    verdict: str
    partial: bool
    plan: str
    place: str


@frozen(kw_only=True)
class Condition:
    """How a run found a target: verdict, likeliest cause and its share, first broken stage, how that failed."""

    verdict: str
    cause: str = ""
    confidence: float = 0.0
    stage: str = ""
    failure: str = ""
    words: str = ""


@frozen(kw_only=True)
class Moved:
    """A target that was not healthy in one of the runs. None: that run did not look at it."""

    target: str
    address: str
    fate: str
    before: Optional[Condition]
    after: Optional[Condition]


@frozen(kw_only=True)
class Difference:
    """Something that is other than it was. ``before`` or ``after`` is empty where it was not there.

    ``kind`` is a word of KINDS (kinds.py). ``targets``: whom it concerns. ``because``: why it stands where it does.
    """

    kind: str
    subject: str
    before: str
    after: str
    targets: Tuple[str, ...] = ()
    likelihood: str = BESIDE
    score: float = 0.0
    because: str = ""


@frozen(kw_only=True)
class Same:
    """How many things of a kind are as they were."""

    kind: str
    count: int


@frozen(kw_only=True)
class Changes:
    """What changed from one run to another, what explains it best first.

    ``unseen``: of which kinds so many things were seen in one of the runs only, so that nothing can be said of them.
    """

    before: Side
    after: Side
    targets: Tuple[Moved, ...] = ()
    healthy: int = 0
    differences: Tuple[Difference, ...] = ()
    same: Tuple[Same, ...] = ()
    unseen: Tuple[Same, ...] = ()
    schema: str = SCHEMA
