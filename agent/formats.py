"""How reports are written: a function for each ``--format``.

Another one is a row in FORMATS, and its name in agent/cli/options.py.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from attrs import frozen

from reports import document
from reports.model import Report

if TYPE_CHECKING:
    from reports.comparison import Comparison

# So many of the reports of one job are told each by itself.
MOST_PRINTED = 2


@frozen(kw_only=True)
class Page:
    """What is written: some reports, the ``command`` that was typed, and what a single report is compared with.

    ``compared``: in text, what several reports prove together follows where nothing is ``redacted``, and of more than
    MOST_PRINTED it is the answer.
    """

    reports: Sequence[Report]
    command: str
    before: Report | None = None
    compared: bool = False
    redacted: bool = False


def _text(file: TextIO, page: Page) -> None:
    from reports.render import text

    console = text.open_console(file)
    for report in page.reports[:MOST_PRINTED] if page.compared else page.reports:
        if page.before is not None:
            from reports.again import compare

            text.render_again(compare(page.before, report), console)
        text.render(report, console, command=page.command)
    if page.compared and not page.redacted and len(page.reports) > 1:
        from agent.compare import tell_together
        from reports.comparison import Merge

        merge = Merge()
        for report in page.reports:
            merge.add(report)
        tell_together(merge, console)


def write(file: TextIO, text: str) -> None:
    """Write the text; a character that the stream cannot encode stands as an escape."""
    if hasattr(file, "reconfigure"):
        file.reconfigure(errors="backslashreplace")
    file.write(text)


def _json(file: TextIO, page: Page) -> None:
    texts = [document.dumps(report, lines=True) for report in page.reports]
    file.write((texts[0] if len(texts) == 1 else "[" + ",\n".join(texts) + "]") + "\n")


def _markdown(file: TextIO, page: Page) -> None:
    from reports.render import markdown

    write(file, markdown.render(page.reports, page.before))


def _html(file: TextIO, page: Page) -> None:
    from reports.render import html

    if page.compared and len(page.reports) > 1:
        together = None if page.redacted else _together(page.reports)
        file.write(html.render(page.reports[:MOST_PRINTED], comparison=together))
    else:
        file.write(html.render(page.reports, before=page.before))


def _together(reports: Sequence[Report]) -> "Comparison | None":
    """What they prove together; None where that is nothing."""
    from reports.comparison import Merge, NothingInCommon

    merge = Merge()
    for report in reports:
        merge.add(report)
    with suppress(NothingInCommon):
        return merge.conclude() if merge.usable > 1 else None
    return None


def _junit(file: TextIO, page: Page) -> None:
    from reports.render import junit

    write(file, junit.render(page.reports))


def _nagios(file: TextIO, page: Page) -> None:
    from reports.render import nagios

    write(file, nagios.render(page.reports))


FORMATS: Mapping[str, Callable[[TextIO, Page], None]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "junit": _junit,
    "nagios": _nagios,
}
