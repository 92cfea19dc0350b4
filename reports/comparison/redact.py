"""A comparison that may be shared, by the pseudonyms that its reports' names and addresses were given."""

from functools import lru_cache
from typing import Dict

from attrs import evolve

from reports.comparison.model import Comparison
from reports.redact import Pseudonyms, mapped


def redact(comparison: Comparison, names: Pseudonyms) -> Comparison:
    """The comparison without host names and addresses. Ids are numbered anew: they derive from what was taken out."""
    for row in comparison.rows:
        for trait in row.shared:
            if trait.kind == "host":
                names.add_host(trait.value)
    bare: Comparison = mapped(comparison, lru_cache(maxsize=None)(names.rewrite))
    ids: Dict[str, str] = {finding.id: "f-%d" % number for number, finding in enumerate(comparison.findings, 1)}
    runs: Dict[str, str] = {}
    for row in comparison.rows:
        for member in row.members:
            runs.setdefault(member.run, "r-%d" % (len(runs) + 1))
    return evolve(
        bare,
        rows=tuple(
            evolve(
                new,
                members=tuple(evolve(member, run=runs[known.run]) for known, member in zip(old.members, new.members)),
            )
            for old, new in zip(comparison.rows, bare.rows)
        ),
        targets=tuple(
            evolve(new, findings=tuple(ids[id_] for id_ in old.findings))
            for old, new in zip(comparison.targets, bare.targets)
        ),
        findings=tuple(
            evolve(new, id=ids[old.id], evidence=()) for old, new in zip(comparison.findings, bare.findings)
        ),
    )
