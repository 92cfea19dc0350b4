"""What several reports prove together, as a page of its own or as a part of one."""

from collections import Counter
from collections.abc import Iterator

from reports import words
from reports.comparison.model import Comparison
from reports.model import VERDICTS, content_id
from reports.render.comparison import as_report
from reports.render.html import nouns
from reports.render.html.finding import BROKEN_FIRST, MOST_NAMED, by_urgency, cut, told_of
from reports.render.html.matrix import matrix_of
from reports.render.story import Story


class Together:
    """What several reports prove together."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.story = Story(as_report(comparison))

    def page(self) -> nouns.Page:
        """A page of its own."""
        comparison = self.comparison
        counts = Counter(target.verdict for target in comparison.targets)
        points = words.count(sum(row.count for row in comparison.rows), "vantage point")
        return nouns.Page(
            title=cut(comparison.plan),
            verdict=comparison.verdict,
            headline=f"{comparison.verdict.upper()} from {points}",
            counts={one: counts[one] for one in reversed(VERDICTS)},
            cards=tuple(by_urgency(self.cards())),
            matrix=matrix_of(comparison),
            rows=tuple(self._rows()),
        )

    def cards(self) -> Iterator[nouns.Card]:
        """What is proved."""
        for number, finding in enumerate(self.story.blocks):
            title, where = self.story.title(finding)
            links = [nouns.Link(name=cut(name), key=content_id("t-", name)) for name in finding.targets]
            yield nouns.Card(
                key=content_id("f-", "together", finding.cause, finding.targets, number),
                plan="",
                plan_key="",
                title=cut(title),
                where=cut(where),
                targets=tuple(links[:MOST_NAMED]),
                more_targets=max(0, len(links) - MOST_NAMED),
                **told_of(self.story, finding),
            )

    def _rows(self) -> list[nouns.Row]:
        causes = {finding.id: finding.cause for finding in self.story.blocks}
        rows = [
            nouns.Row(
                key=content_id("t-", target.name),
                plan="",
                plan_key="",
                name=cut(target.name),
                address=cut(target.address) if target.address != target.name else "",
                verdict=target.verdict,
                said=f"fails from {target.failing:,} of {target.settled:,}" if target.failing else "",
                causes=tuple(dict.fromkeys(causes[one] for one in target.findings if one in causes)),
            )
            for target in self.comparison.targets
        ]
        return sorted(rows, key=lambda row: BROKEN_FIRST[row.verdict])
