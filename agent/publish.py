"""The metrics of one run for Prometheus, where nobody stays to be scraped: pushed, or written for node_exporter.

Both are gauges of this run alone: docs/metrics.md. That they could not be delivered changes no verdict.
"""

import base64
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

import click
from attrs import field, frozen

from agent.files import write_whole
from agent.plan.secrets import without_user_info
from reports.metrics import TEXT_TYPE, text_of
from reports.model import Report
from reports.redact import redact
from reports.words import seconds, visible

JOB = "linkdoctor"
ENDING = ".prom"

# Name resolution, TLS and the gateway's answer together.
_PATIENCE = 10.0
_LONGEST_ANSWER = 300

# RFC 3986, section 2: the rest stands in percent-encoding.
_NOT_IN_A_URL = re.compile(r"[^!-~]")
_GROUPED = re.compile(r"/metrics/job(@base64)?/")
# What may stand in a path as it is; a slash may not even in percent-encoding, nor may nothing at all.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:-]*")


@frozen
class Gateway:
    """A Pushgateway. ``address``: without credentials. ``grouped``: it names the group to push to as well."""

    address: str
    authorization: str | None = field(repr=False)
    grouped: bool

    @classmethod
    def of(cls, url: str) -> "Gateway":
        """From what the user gave. Raises UsageError, which names no credentials."""
        shown = visible(without_user_info(url))
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            usable = usable and not (parts.query or parts.fragment or _NOT_IN_A_URL.search(url))
        except ValueError:
            usable = False
        if not usable:
            raise click.UsageError(f"--push {shown}: this is no URL of a Pushgateway, such as http://pushgateway:9091")
        place, _, host = parts.netloc.rpartition("@")
        path = parts.path.rstrip("/")
        authorization = None
        if place:
            pair = ":".join(unquote(part) for part in (place if ":" in place else f"{place}:").split(":", 1))
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(f"{parts.scheme}://{host}{path}", authorization, _GROUPED.search(parts.path) is not None)

    def push(self, report: Report) -> None:
        """Put the report's metrics in place of what its group held. Raises ClickException."""
        headers = {"Content-Type": TEXT_TYPE}
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        request = Request(self._group(report), text_of(report), headers, method="PUT")  # noqa: S310 - http(s): see of
        trouble = _trouble_of(request)
        if trouble:
            raise click.ClickException(f"{visible(self.address)}: the metrics were not pushed: {visible(trouble)}")

    def _group(self, report: Report) -> str:
        """Where the metrics of this plan from this place go: what is there is replaced."""
        if self.grouped:
            return self.address
        labels = {"job": JOB, "plan": report.run.plan.name, "instance": report.vantage.host or "localhost"}
        return self.address.removesuffix("/metrics") + "/metrics/" + "/".join(map(_pair, labels, labels.values()))


@frozen
class Textfile:
    """A file that node_exporter's textfile collector reads."""

    name: str

    @classmethod
    def of(cls, name: str) -> "Textfile":
        """The file of that name. Raises UsageError for one that would not be read."""
        if not name.endswith(ENDING):
            raise click.UsageError(f"--textfile {visible(name)}: node_exporter reads only files that end in {ENDING}")
        return cls(name)

    def write(self, report: Report) -> None:
        """Write the report's metrics, whole or not at all. Raises ClickException."""
        text = text_of(report).decode()
        try:
            write_whole(Path(self.name), lambda file: file.write(text))
        except OSError as error:
            raise click.ClickException(f"{self.name}: the metrics cannot be written: {error.strerror}") from None


def outlets(push: str | None, textfile: str | None, *, redacted: bool) -> list[Callable[[Report], None]]:
    """What delivers a report's metrics. Raises UsageError, before anything is sent."""
    found: list[Callable[[Report], None]] = [Textfile.of(textfile).write] if textfile is not None else []
    if push is not None:
        found.append(Gateway.of(push).push)
    return [_redacting(deliver) for deliver in found] if redacted else found


def _redacting(deliver: Callable[[Report], None]) -> Callable[[Report], None]:
    return lambda report: deliver(redact(report))


def _pair(name: str, value: str) -> str:
    """A label of the grouping key as two parts of a path (Pushgateway, README, "URL")."""
    if _PLAIN.fullmatch(value):
        return f"{name}/{quote(value)}"
    return f"{name}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"


def _trouble_of(request: Request) -> str:
    """Why the request did not succeed; "" where it did.

    In a thread that nobody waits for beyond the time: a look-up knows no time-out of its own.
    """
    told: list[str] = []

    def send() -> None:
        try:
            with urlopen(request, timeout=_PATIENCE):  # noqa: S310 - as above
                told.append("")
        except HTTPError as error:
            told.append(": ".join(part for part in (f"{error.code} {error.reason}", _words_of(error)) if part))
        except URLError as error:
            told.append(getattr(error.reason, "strerror", None) or str(error.reason))
        except (OSError, HTTPException, ValueError) as error:
            told.append(str(error) or type(error).__name__)

    thread = threading.Thread(target=send, name="push", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return told[0] if told else f"no answer within {seconds(_PATIENCE)}"


def _words_of(error: HTTPError) -> str:
    """What the gateway says beside its status."""
    with suppress(OSError, HTTPException):
        return error.read(_LONGEST_ANSWER).decode("utf-8", "replace").strip()
    return ""
