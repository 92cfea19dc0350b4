"""What a check in a Spark application found, and how it leaves the driver."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Optional, Tuple

from attrs import field, frozen

from reports.comparison.document import to_document
from reports.comparison.model import Comparison
from reports.document import to_document as report_to_document
from reports.document import written
from reports.model import Report, worst
from reports.rows import COLUMNS, to_rows

# What a log can bear; the document holds everything.
_MOST_FINDINGS = 20
_MOST_NAMES = 5


@frozen(kw_only=True)
class Result:
    """What a check in a Spark application found.

    ``mode``: ``each`` (every place measured every target) or ``spread`` (each target was measured once). ``reports``:
    one a place, driver and executors; in spread mode the one that they make together. ``comparison``: what they say
    together, where there are several. ``notes``: what there is to say of the check itself, above all what was not
    measured.
    """

    mode: str
    reports: Tuple[Report, ...] = field(repr=False)
    notes: Tuple[str, ...] = ()
    comparison: Optional[Comparison] = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """That of everything together."""
        if self.comparison is not None:
            return self.comparison.verdict
        return worst(tuple(report.verdict for report in self.reports))

    @property
    def executors(self) -> int:
        """How many executors have measured."""
        return sum(
            int(report.vantage.labels.get("executors", "executor" in report.vantage.labels)) for report in self.reports
        )

    def summary(self) -> Tuple[str, ...]:
        """The verdict, what is wrong and what to do, in lines of plain text for a driver's log."""
        found = self.comparison if self.comparison is not None else self.reports[0]
        lines = ["linkdoctor: %s" % self.verdict]
        for finding in found.findings[:_MOST_FINDINGS]:
            about = ", ".join(finding.targets[:_MOST_NAMES]) + (", ..." if len(finding.targets) > _MOST_NAMES else "")
            said = (about, finding.summary, finding.cause, round(100 * finding.confidence))
            lines.append("%s: %s: %s (%s, %d %%)" % ((finding.severity, *said)))
            lines.extend("    " + words for words in finding.because)
            lines.append("    to do (%s): %s" % (finding.remedy.owner, finding.remedy.text))
        if len(found.findings) > _MOST_FINDINGS:
            lines.append("and %d findings more" % (len(found.findings) - _MOST_FINDINGS))
        lines.extend("note: " + note for note in self.notes)
        return tuple("".join(one if one.isprintable() else "?" for one in line) for line in lines)

    def text(self) -> str:
        """One JSON document: the comparison, or the report where there is but one.

        Its additional key ``spark`` holds the mode and the notes.
        """
        together = self.comparison
        found = to_document(together) if together is not None else report_to_document(self.reports[0])
        return written({**found, "spark": {"mode": self.mode, "notes": list(self.notes)}}, lines=True) + "\n"

    def write(self, path: str) -> None:
        """The text into a file of the driver's, whole or not at all. Raises OSError."""
        place = Path(path).resolve()
        descriptor, name = tempfile.mkstemp(dir=str(place.parent), prefix=".linkdoctor-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.text())
            Path(name).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def rows(spark: Any, result: Result) -> Any:
    """The reports as a DataFrame of the session, with the columns of reports/rows.py."""
    schema = ", ".join("`%s` %s" % (column.name, column.type) for column in COLUMNS)
    return spark.createDataFrame([row for report in result.reports for row in to_rows(report)], schema)
