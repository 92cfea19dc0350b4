"""What logs said, for a tired person at a terminal: each endpoint, what happened to it, where to look."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from reports import words
from reports.job_log import times
from reports.model import join_port
from reports.render.story import CRITICAL, OPEN
from reports.render.text import STYLES, _Page, said

# The JSON holds them all.
_MOST_ENDPOINTS = 30
_MEGABYTE = 1e6

Document = Mapping[str, Any]


def render(document: Document, console: Console, *, hint: str = "") -> None:
    """Print a document of agent/logs. ``hint`` is the command that checks what was found."""
    _Logs(console).document(document, hint)


class _Logs(_Page):
    def document(self, document: Document, hint: str) -> None:
        endpoints = document["endpoints"]
        for log in document["logs"]:
            self.paragraph(Text.assemble((words.visible(log["name"]), "bold"), f"   {_size(log['bytes'])}"))
            if "broken" in log:
                self.paragraph(said(f"it breaks off ({log['broken']}): what came before is read", "magenta"), indent=4)
        if document.get("partial"):
            self.line(Text("PARTIAL: the reading was cut short", "bold magenta"))
        if not endpoints and not document["unplaced"]:
            self.line(Text("No endpoint and no network error is named in it."))
        shown = endpoints[:_MOST_ENDPOINTS]
        for endpoint in shown:
            self.endpoint(endpoint)
        if len(endpoints) > len(shown):
            self.line()
            self.line(Text(f"and {words.count(len(endpoints) - len(shown), 'more endpoint')}: --format json has them"))
        if document["beyond"]:
            beyond = words.count(document["beyond"], "more error")
            self.line(Text(f"{beyond} at endpoints beyond the {len(endpoints):,} that are kept"))
        if document["unplaced"]:
            self.line()
            self.line(Text.assemble((self.marks[OPEN] + " ", STYLES[OPEN]), ("no endpoint is named", "bold")))
            self.errors(document["unplaced"])
        for note in document["platform"]:
            self.line()
            self.paragraph(Text.assemble((note["code"], "bold"), f"   {_times(note)}"))
            self.field("Meaning", [note["meaning"]])
            self.field("Line", [note["sample"]] if note["sample"] else [], style="dim")
        for warning in document["warnings"]:
            self.line()
            self.paragraph(Text("! " + warning), hanging=2)
        if hint:
            self.line()
            self.field("Next", [hint])

    def endpoint(self, endpoint: Mapping[str, Any]) -> None:
        port = endpoint["port"]
        place = endpoint["host"] if port is None else join_port(endpoint["host"], port)
        more = [endpoint["service"] or "", words.listed(endpoint["ips"])]
        self.line()
        self.paragraph(
            Text.assemble(
                (self.marks[CRITICAL] + " ", STYLES[CRITICAL]),
                (words.visible(place), "bold"),
                *(f"   {words.visible(text)}" for text in more if text),
            ),
            hanging=2,
        )
        self.errors(endpoint["errors"])

    def errors(self, errors: Sequence[Mapping[str, Any]]) -> None:
        for error in errors:
            nearby = "; the endpoint is named nearby, not in the message" if error["nearby"] else ""
            self.paragraph(Text.assemble((error["said"], "bold"), f", {_times(error)}{nearby}"), indent=4)
            self.field("Layer", [error["layer"]])
            self.field("Line", [error["sample"]] if error["sample"] else [], style="dim")


def _times(tally: Mapping[str, Any]) -> str:
    return words.visible(times(tally["count"], tally["first"] or "", tally["last"] or ""))


def _size(number: int) -> str:
    return words.count(number, "byte") if number < _MEGABYTE / 10 else f"{number / _MEGABYTE:.1f} MB"
