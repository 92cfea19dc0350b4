"""What went wrong between here and MaxCompute, for people: what, where, and what to do.

Codes and messages are those of the platform's documentation and of PyODPS's own sources.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from attrs import frozen

from agent import unreachable
from reports import words

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
            f"{doing}: {place} cannot be used: {unreachable.why(error)}",
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
    return not unreachable.kinds(error).isdisjoint({"NewConnectionError", "ConnectTimeoutError", "ConnectTimeout"})


def recognised(said: str) -> Known | None:
    """The first entry whose pattern is in the platform's message."""
    return next((known for known in _KNOWN if re.search(known.pattern, said)), None)


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
