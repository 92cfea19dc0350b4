"""One call after the other, page after page; asked again, later and later, where the platform is busy."""

import math
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from agent.cloud.actions import Action
from agent.cloud.trouble import BUSY, CloudError, Place, code_of, explain

if TYPE_CHECKING:
    from agent.cloud.account import Clients  # an extra

Row = dict[str, Any]

# More pages than anything has.
_MOST_PAGES = 2_000


@frozen(kw_only=True)
class Patience:
    """Seconds before a call is made again: ``first``, then twice as long each time up to ``longest``, less a part.

    ``tries``: how often in all, where the platform is busy; ``broken``: where nothing answers.
    """

    first: float = 0.5
    longest: float = 8.0
    tries: int = 8
    broken: int = 3

    def before(self, again: int) -> float:
        """Before it is made again for the first, second, ... time: between half and all of the interval."""
        interval = min(self.first * 2.0 ** (again - 1), self.longest)
        return interval * random.uniform(0.5, 1)  # noqa: S311 - it spreads requests


@define(eq=False)
class Cloud:
    """The API of one region."""

    region: str
    _clients: "Clients"
    _patience: Patience = field(factory=Patience)
    _sleep: Callable[[float], None] = time.sleep

    def rows(self, action: Action, **asked: Any) -> list[Row]:
        """All rows of an action, of all its pages. Raises CloudError."""
        return [row for answer in self.pages(action, **asked) for row in rows_of(answer, action)]

    def pages(self, action: Action, **asked: Any) -> Iterator[Row]:
        """The answers to an action with these parameters (named as the API names them). Raises CloudError."""
        pages = action.pages
        if pages is None:
            yield self._call(action, asked)
            return
        asked = {**asked, pages.size: pages.most}
        for number in range(1, _MOST_PAGES + 1):
            more = asked if pages.token else {**asked, "PageNumber": number}
            answer = self._call(action, more)
            yield answer
            if pages.token:
                token = answer.get("NextToken")
                if not token or token == asked.get("NextToken"):
                    return
                asked["NextToken"] = token
            elif not rows_of(answer, action) or number * pages.most >= _total(answer):
                return
        raise CloudError(f"{action.permission} in {self.region}: more than {_MOST_PAGES} pages: ask for less (--vpc)")

    def _call(self, action: Action, asked: Row) -> Row:
        for tried in range(1, self._patience.tries + 1):
            try:
                return self._clients.ask(action, {"RegionId": self.region, **asked})
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever its parts raise
                if tried >= self._most(error):
                    place = Place(self.region, self._clients.endpoint(action.service), self._clients.secrets)
                    raise explain(error, action, place, self._clients.clock.ahead) from None
            self._sleep(self._patience.before(tried))
        raise AssertionError  # the last try returns or raises

    def _most(self, error: Exception) -> int:
        """How often a call that ended in this is made."""
        code = code_of(error)
        if code:
            return self._patience.tries if BUSY.match(code) else 1
        return self._patience.broken


def rows_of(answer: Row, action: Action) -> list[Row]:
    """The rows of one answer."""
    found: Any = answer
    for key in action.rows:
        found = found.get(key) if isinstance(found, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _total(answer: Row) -> float:
    """How many rows all pages have together; where that is not said, it goes on to a page without any."""
    total = answer.get("TotalCount")
    return total if isinstance(total, int) else math.inf
