"""What changed between two runs of a plan, what explains it best first: the question of every incident.

``compare(last_good, first_bad)`` says what became of the targets, and lists everything that is other than it was: what
the job declares, where it ran, how it went out, and what it met. Each difference is weighed by how well it explains the
causes that were found, and by whom it concerns: what concerns exactly the targets that broke explains them better than
what concerns all alike.
"""

from reports.differences.between import compare
from reports.differences.document import dumps, to_document
from reports.differences.model import Changes, Difference

__all__ = ["Changes", "Difference", "compare", "dumps", "to_document"]
