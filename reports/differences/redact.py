"""Changes that may be shared, by the pseudonyms that their reports' names and addresses were given."""

from functools import lru_cache

from attrs import evolve

from reports.differences.model import Changes, Difference
from reports.redact import Pseudonyms, mapped


def redact(changes: Changes, names: Pseudonyms) -> Changes:
    """The changes without host names and addresses. The runs are numbered anew: their ids derive from a plan's name.

    ``names`` has learnt both reports. Redacted before, they could not be compared: a pseudonym is no address.
    """
    bare: Changes = mapped(changes, lru_cache(maxsize=None)(names.rewrite))
    return evolve(
        bare,
        # In other documents a place is a word of a closed list; here a host is named in it.
        before=evolve(bare.before, run="r-1", place=names.rewrite(changes.before.place)),
        after=evolve(bare.after, run="r-2", place=names.rewrite(changes.after.place)),
        # Words of closed lists stay, also where a host is called so.
        targets=tuple(evolve(new, fate=old.fate) for old, new in zip(changes.targets, bare.targets)),
        differences=tuple(_without_names(old, new) for old, new in zip(changes.differences, bare.differences)),
        same=changes.same,
        unseen=changes.unseen,
    )


def _without_names(old: Difference, new: Difference) -> Difference:
    # What things of the cloud are called is the user's own, and stands behind their ids.
    subject = new.subject.split(" (")[0] if old.kind == "cloud" else new.subject
    return evolve(new, subject=subject, likelihood=old.likelihood)
