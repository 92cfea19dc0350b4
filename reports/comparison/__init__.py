"""The same targets from several vantage points: what differs, and what that proves.

    merge = Merge()
    for report in reports:
        merge.add(report)
    comparison = merge.conclude()

This package travels in the carry-in kit: CPython 3.7, attrs alone.
"""

from reports.comparison.document import dumps, loads
from reports.comparison.merge import Merge, NothingInCommon
from reports.comparison.model import Comparison

__all__ = ["Comparison", "Merge", "NothingInCommon", "dumps", "loads"]
