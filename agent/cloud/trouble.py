"""What went wrong between here and the cloud's API, for people: what, where, and what to do.

Codes are those of the API reference (public error codes, signature, RAM). What the platform says is quoted but for
signatures, whose messages repeat the request; secrets are hidden whoever repeats them.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from attrs import frozen

from agent import unreachable
from agent.cloud.actions import Action
from reports import words

_LONGEST = 300
# Seconds that a clock may be off, for a window of 15 minutes, and with answers that take their time.
_RIGHT = 60
_USER_INFO = re.compile(r"//[^/@\s]*@")

# Said again a little later, any of these may be answered.
BUSY = re.compile(r"Throttling|RequestLimitExceeded|FlowLimit|ServiceUnavailable|InternalError|SystemBusy|ServerBusy")
_FORBIDDEN = re.compile(r"Forbidden|NoPermission|Unauthorized|NotAuthorized")
_NOT_THERE = re.compile(r"\.NotFound|NotExist|\.NotExists?")


class CloudError(Exception):
    """The cloud cannot be asked. The message, of several lines, says what failed, where, and what to do."""


class Forbidden(CloudError):
    """The account may not ask for this. The message says which action is not granted, and how that came about."""


class NotThere(CloudError):
    """What was asked for does not exist, or not any more."""


@frozen
class Known:
    """An error code: how it is recognised, what it means, what to do, and whether the platform's words may be shown."""

    pattern: str
    meaning: str
    advice: str
    quoted: bool = True


CLOCK = ("InvalidTimeStamp.Expired", "InvalidTimeStamp.Format", "IllegalTimestamp", "SignatureNonceUsed")

_KNOWN = (
    Known(
        r"InvalidSecurityToken|SecurityToken.*Expired|MissingSecurityToken|InvalidStsToken",
        "the temporary credentials have expired or are not whole",
        "get new ones, with all three parts (key id, secret, security token)",
        quoted=False,
    ),
    Known(
        r"InvalidAccessKeyId|InvalidAccessKey|AccessKeyDisabled|Forbidden\.AccessKey",
        "the access key does not exist, or is disabled",
        "check it in the RAM console; a key of another site (china, international) does not exist here",
        quoted=False,
    ),
    Known(
        r"SignatureDoesNotMatch|IncompleteSignature|InvalidSignature|SignatureNotMatch",
        "the signature is wrong: the secret does not belong to the access key",
        "compare both with where they come from; a blank at the secret's end is enough",
        quoted=False,
    ),
    Known(
        r"InvalidRegionId|InvalidRegion\b|RegionId.*NotFound",
        "there is no such region",
        "give the region's id, such as cn-hangzhou, with --region",
    ),
)


@frozen
class Place:
    """Where and as whom it was asked. ``endpoint``: HOST[:PORT]; ``secrets``: never shown."""

    region: str
    endpoint: str
    secrets: tuple[str, ...] = ()

    def hidden(self, text: str) -> str:
        """The text as it may be shown: one line, bounded, without secrets."""
        for secret in self.secrets:
            for form in {secret, quote(secret), quote(secret, safe="~")}:
                text = text.replace(form, "***")
        return words.visible(_USER_INFO.sub("//***@", text)[:_LONGEST])


def code_of(error: BaseException) -> str:
    """The platform's code; "" where it was none that answered."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and code != "None" else ""


def explain(error: BaseException, action: Action, place: Place, clock: float | None) -> CloudError:
    """The error for people. ``clock``: by how many seconds this machine's is ahead of the platform's, where known."""
    code = code_of(error)
    doing = f"{action.permission} in {place.region}"
    if not code:
        return _unreachable(error, doing, place)
    if code.startswith(CLOCK):
        return CloudError("\n".join([f"{doing}: the platform refuses the time stamp ({code})", *_clock(clock)]))
    for known in _KNOWN:
        if re.search(known.pattern, code):
            said = [f"  The platform says: {_said(error, place)}"] if known.quoted else []
            lines = [f"{doing}: {known.meaning} ({place.hidden(code)})", f"  What to do: {known.advice}", *said]
            return CloudError("\n".join(lines))
    if _FORBIDDEN.match(code):
        return Forbidden(f"{_refused(error, action, place)} ({place.hidden(code)})")
    if BUSY.match(code):
        return CloudError(
            f"{doing}: the platform is too busy ({place.hidden(code)}), however often it was asked again\n"
            "  What to do: try again later, or read less: --vpc, --vswitch"
        )
    if _NOT_THERE.search(code):
        return NotThere(f"{doing}: {_said(error, place)}")
    return CloudError(f"{doing}: the platform refused ({place.hidden(code)})\n  It says: {_said(error, place)}")


def _clock(ahead: float | None) -> Iterable[str]:
    if ahead is None:
        yield "  What to do: check this machine's clock (it must be right to 15 minutes), and try again"
        return
    if abs(ahead) < _RIGHT:
        yield "  This machine's clock is right (by the Date of the platform's answer)"
        yield "  What to do: see what lies between (a proxy?): it holds requests back, or sends them twice"
        return
    which = "ahead of" if ahead > 0 else "behind"
    yield f"  This machine's clock is {words.seconds(abs(ahead))} {which} the platform's (by the Date of its answer)"
    yield "  What to do: set the clock (chronyc makestep, or timedatectl set-ntp true), and try again"


def _refused(error: BaseException, action: Action, place: Place) -> str:
    """Which action is missing, for whom, and by which kind of policy (AccessDeniedDetail of the answer)."""
    detail = getattr(error, "access_denied_detail", None) or getattr(error, "accessDeniedDetail", None) or {}
    missing = str(detail.get("AuthAction") or action.permission)
    whom = str(detail.get("AuthPrincipalDisplayName") or "")
    kind = str(detail.get("PolicyType") or "")
    how = {
        "ImplicitDeny": "no policy grants it",
        "ExplicitDeny": f"a policy denies it ({kind})" if kind else "a policy denies it",
    }.get(str(detail.get("NoPermissionType")), "it is not granted")
    text = f"{missing}: {how}" + (f" to {detail.get('AuthPrincipalType') or 'user'} {whom}" if whom else "")
    return place.hidden(text)


def _unreachable(error: BaseException, doing: str, place: Place) -> CloudError:
    behind = getattr(error, "inner_exception", None) or error
    if "RetryError" not in unreachable.kinds(behind) and not isinstance(behind, OSError):
        # The SDK could make nothing of the answer; what it says of it holds the answer.
        why = "what answers there does not speak the cloud's API"
    else:
        why = place.hidden(unreachable.why(behind))
    return CloudError(
        f"{doing}: {words.visible(place.endpoint)} cannot be used: {why}\n"
        "  What to do: check region and network (in a VPC without a way to the Internet see --endpoint), or let\n"
        f"  linkdoctor look: linkdoctor check https://{words.visible(place.endpoint)}/"
    )


def _said(error: Any, place: Place) -> str:
    data = getattr(error, "data", None)
    text = data.get("Message") if isinstance(data, dict) else None
    return place.hidden(str(text or getattr(error, "message", "") or error))
