"""From reports, and what a server knows beside them, to what a page draws (nouns.py): pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from reports import words
from reports.model import HEALTHY, VERDICTS, worst
from reports.render.html import nouns
from reports.render.html.finding import by_urgency
from reports.render.html.matrix import matrix_of
from reports.render.html.sheet import MOST_EVENTS, Sheet
from reports.render.html.state import State
from reports.render.html.together import Together

_MOST_CHARTS = 12
_MOST_MAPS = 16


class Board:
    """A state, indexed once; what is drawn of one target is worked out when it is asked for."""

    def __init__(self, state: State) -> None:
        self.state = state
        several = len(state.plans) > 1
        seen: Counter[str] = Counter()
        self.sheets = []
        for watched in state.plans:
            seen[watched.name] += 1
            self.sheets.append(Sheet(watched, seen[watched.name], several=several))

    @cached_property
    def page(self) -> nouns.Page:
        """All of it but the details of the rows."""
        sheets, state = self.sheets, self.state
        counts = Counter[str]()
        for sheet in sheets:
            counts.update(sheet.counts)
        verdict = worst(tuple(sheet.verdict for sheet in sheets))
        together = Together(state.comparison) if state.comparison is not None else None
        if together is not None and not sheets:
            return together.page()
        cards = [*(together.cards() if together is not None else ()), *(card for one in sheets for card in one.cards())]
        return nouns.Page(
            title=self._title(),
            verdict=verdict,
            headline=self._headline(counts, verdict),
            counts={one: counts[one] for one in reversed(VERDICTS)},
            trouble=state.trouble,
            plans=tuple(sheet.plan() for sheet in sheets),
            cards=tuple(by_urgency(cards)),
            alike=tuple(one for sheet in sheets for one in sheet.alike()),
            matrix=matrix_of(state.comparison) if state.comparison is not None else None,
            changed=tuple(one for sheet in sheets for one in sheet.changed()),
            rows=tuple(row for sheet in sheets for row in sheet.rows()),
            happened=tuple(_latest(one for sheet in sheets for one in sheet.happened())),
            charts=tuple(one for sheet in sheets for one in sheet.charts())[:_MOST_CHARTS],
            maps=tuple(one for sheet in sheets for one in sheet.maps())[:_MOST_MAPS],
            notes=tuple(one for sheet in sheets for one in sheet.notes()),
        )

    def detail(self, key: str) -> nouns.Detail | None:
        """What is drawn of the target that has the row of this key."""
        return next((found for sheet in self.sheets for found in [sheet.detail(key)] if found is not None), None)

    def about(self, key: str) -> nouns.Page:
        """What is known of the target that has the row of this key: the row itself, and what is wrong with it."""
        row = next(row for row in self.page.rows if row.key == key)
        return nouns.Page(
            title=row.name,
            verdict=row.verdict,
            headline=" ".join(part for part in (row.verdict.upper(), row.latency) if part),
            counts={},
            cards=tuple(card for card in self.page.cards if key in {link.key for link in card.targets}),
            rows=(row,),
            happened=tuple(one for one in self.page.happened if one.target_key == key),
        )

    def _title(self) -> str:
        names = list(dict.fromkeys(sheet.name for sheet in self.sheets))
        return names[0] if len(names) == 1 else words.count(len(names), "plan")

    def _headline(self, counts: Counter[str], verdict: str) -> str:
        if len(self.sheets) < 2:
            return self.sheets[0].headline if self.sheets else "nothing is watched"
        total = words.count(sum(counts.values()), "target")
        return f"{verdict.upper()}: " + (total if verdict == HEALTHY else f"{counts[verdict]:,} of {total}")


def _latest(happened: Iterable[nouns.Happened]) -> Sequence[nouns.Happened]:
    return sorted(happened, key=lambda one: -one.at)[:MOST_EVENTS]
