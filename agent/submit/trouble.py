"""What went wrong between here and MaxCompute, for people: what, where, and what to do.

Codes and messages are those of the platform's documentation and of PyODPS's own sources.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from attrs import frozen

from reports import words
from reports.failures import Failure, classify

# What MaxCompute says is shown so far: of a function's traceback, the end tells most.
_MOST_LINES = 20
_LONGEST_LINE = 400


class SubmitError(Exception):
    """It could not be done. The message, of several lines, says what failed, where, and what to do."""


@frozen
class Known:
    """A message of the platform: how it is recognised, what it means, and what to do."""

    pattern: str
    meaning: str
    advice: str


_KNOWN = (
    Known(
        r"ODPS-0123144|kInstanceMonitorTimeout",
        "the platform ended the function: it took longer than odps.function.timeout",
        "shorten limits.deadline in the plan, or check fewer targets at once",
    ),
    Known(
        r"ODPS-0140171",
        "the sandbox forbids what the function did",
        "see the traceback, and report it: linkdoctor should do without",
    ),
    Known(
        r"ODPS-0123131",
        "the function raised an exception",
        "see the traceback, and report it: whatever a network does, linkdoctor's function should not raise",
    ),
    Known(
        r"ODPS-0123055",
        "the function's script failed; a network that is not permitted is one of the documented causes",
        "see the traceback; compare the plan's settings with the project's own list: linkdoctor lint PLAN",
    ),
    Known(
        r"You are not allowed to use this vpc",
        "the network link's VPC belongs to another account than the project",
        "VPC owner and project owner must be the same: name a link of the project's owner in the plan's settings",
    ),
    Known(
        r"ip white list",
        "the project's IP whitelist does not hold the address that MaxCompute sees for this machine",
        "ask the project administrator to add it (sourceIP below), or submit from a machine that is in the list",
    ),
    Known(
        r"ODPS-0410042|SignatureNotMatch",
        "the signature is wrong: the secret does not belong to the access key",
        "compare both with the console; a blank at the secret's end is enough",
    ),
    Known(
        r"ODPS-0410051|AuthorizationRequired|Unauthorized|AuthenticationRequestExpired|RequestTimeTooSkew",
        "the credentials are not accepted",
        "check the access key (is it active, and of this cloud?), a token's expiry, and this machine's clock",
    ),
    Known(
        r"ODPS-0130013|ODPS-0420095|NoPermission",
        "the account lacks a privilege",
        "ask the project administrator to grant CreateResource, CreateFunction and CreateInstance on the project",
    ),
    Known(r"NoSuchProject", "there is no such project at that endpoint", "check ODPS_PROJECT_NAME and ODPS_ENDPOINT"),
    Known(
        r"ObjectAlreadyExists",
        "the name is taken, and linkdoctor overwrites nothing",
        "run it again: every run takes new names",
    ),
    Known(
        r"(?i)quota|SlotExceeded|FlowExceeded|QPSExceeded",
        "the project's quota is used up, or does not allow this",
        "run it again later, with fewer --instances, or ask the project administrator for room",
    ),
)

_ENDPOINTS = "check ODPS_ENDPOINT and ODPS_TUNNEL_ENDPOINT (public, VPC and classic forms reach different places)"

_WHY = {
    Failure.DNS_NXDOMAIN: "its name does not resolve",
    Failure.DNS_NO_ANSWER: "its name has no address",
    Failure.DNS_TEMPORARY: "its name does not resolve at the moment",
    Failure.DNS_SERVFAIL: "its name does not resolve: the name server fails",
    Failure.CONNECTION_REFUSED: "nothing listens there: the connection was refused",
    Failure.CONNECTION_RESET: "it broke the connection off",
    Failure.EOF: "it closed the connection without an answer",
    Failure.TIMED_OUT: "it did not answer in time",
}


def explain(
    error: Exception, doing: str, endpoint: str, secrets: Iterable[str], otherwise: str = "MaxCompute refused"
) -> SubmitError:
    """The error for people.

    ``doing``: in what step; ``secrets``: never shown, whoever repeats them; ``otherwise``: the meaning of what is not
    in the table.
    """
    code = getattr(error, "code", None)
    said = f"{type(error).__name__} {code or ''} {error.args[0] if error.args else ''}"
    known = None if isinstance(error, OSError) else recognised(said)
    if known is not None:
        lines = [f"{doing}: {known.meaning}", f"  What to do: {known.advice}"]
    elif isinstance(error, OSError):
        asked = urlsplit(getattr(getattr(error, "request", None), "url", None) or endpoint)
        port = asked.port or (443 if asked.scheme == "https" else 80)
        place = words.visible(f"{asked.hostname}:{port}")
        lines = [
            f"{doing}: {place} cannot be used: {_why(error)}",
            f"  What to do: {_ENDPOINTS}, or let linkdoctor look: linkdoctor check maxcompute://{place}",
        ]
    else:
        lines = [f"{doing}: {otherwise}"]
    lines += _quoted(error)
    text = "\n".join(lines)
    for secret in secrets:
        text = text.replace(secret, "***")
    return SubmitError(text)


def never_sent(error: BaseException) -> bool:
    """Whether there was no connection at all, so that nothing can have come of the request."""
    return not _kinds(error).isdisjoint({"NewConnectionError", "ConnectTimeoutError", "ConnectTimeout"})


def recognised(said: str) -> Known | None:
    """The first entry whose pattern is in the platform's message."""
    return next((known for known in _KNOWN if re.search(known.pattern, said)), None)


def _why(error: OSError) -> str:
    failures = [classify(each) for each in _chain(error)]
    failure = next((failure for failure in reversed(failures) if failure is not Failure.UNKNOWN), Failure.UNKNOWN)
    if failure is Failure.UNKNOWN:
        return words.visible(str(error)[:_LONGEST_LINE]) or type(error).__name__
    why = _WHY.get(failure, str(failure.value).replace("_", " "))
    return f"the proxy (HTTP_PROXY, HTTPS_PROXY): {why}" if "ProxyError" in _kinds(error) else why


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what is behind it; an HTTP library wraps the reason several times, in several ways."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
    return found


def _quoted(error: Exception) -> list[str]:
    if isinstance(error, OSError):
        return []
    code, request, instance = (getattr(error, name, None) for name in ("code", "request_id", "instance_id"))
    text = str(error.args[0] if error.args else error)
    if code and not text.startswith(str(code)):
        text = f"{code}: {text}"
    about = ", ".join(f"{name} {value}" for name, value in (("request", request), ("instance", instance)) if value)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > _MOST_LINES:
        lines = [lines[0], "...", *lines[2 - _MOST_LINES :]]
    shown = [words.visible(line[:_LONGEST_LINE]) for line in lines]
    return [f"  MaxCompute says{f' ({about})' if about else ''}:", *(f"    {line}" for line in shown)]
